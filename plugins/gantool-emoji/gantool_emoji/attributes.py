"""From the words of each emoji to attributes: frequent words, with those that say the same beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

SAME = 0.8  # two words of which so large a share of the emoji that have either have both are one attribute
KIN = 0.25  # two forms of a word are, where so many emoji of the rarer have both: a face, but not a man facing right
IRREGULAR = {"women": "woman", "men": "man", "children": "child"}
ENDINGS = ((r"s$", ""), (r"es$", ""), (r"ies$", "y"), (r"ing$", ""), (r"ing$", "e"), (r"(.)\1ing$", r"\1"))
SHORTEST = 3  # letters of a stem: "ring" is no form of "r"


def find_attributes(words: Sequence[AbstractSet[str]], min_count: int) -> dict[str, tuple[str, ...]]:
    """Group the ``words`` of each emoji into attributes, the most frequent first.

    An attribute is named by a word of at least ``min_count`` emoji, but not of all, and holds the rarer words that mark
    nearly the same emoji or are forms of its name.
    """
    marked = _marked(words)
    groups: dict[str, list[str]] = {}
    by_stem: dict[str, list[str]] = {}
    for word in sorted(marked, key=lambda word: (-len(marked[word]), word)):
        if len(marked[word]) == len(words):
            continue
        forms = [name for stem in sorted(stems(word)) for name in by_stem.get(stem, [])]
        kin = (name for name in forms if _share_of_rarer(marked[name], marked[word]) >= KIN)
        near = groups if len(marked[word]) >= SAME * min_count else ()  # a rarer one is like none of them
        alike = (name for name in near if _share_of_both(marked[name], marked[word]) >= SAME)
        name = next(kin, None) or next(alike, None)
        if name is not None:
            groups[name].append(word)
        elif len(marked[word]) >= min_count:
            groups[word] = [word]
            for stem in stems(word):
                by_stem.setdefault(stem, []).append(word)
    return {name: tuple(group) for name, group in groups.items()}


def stems(word: str) -> set[str]:
    """Return the word and what it may be a form of: ``smiling`` has ``smil`` and ``smile``."""
    found = {re.sub(ending, instead, word) for ending, instead in ENDINGS}
    return {word, IRREGULAR.get(word, word), *(stem for stem in found if len(stem) >= SHORTEST)}


def _marked(words: Sequence[AbstractSet[str]]) -> dict[str, set[int]]:
    """Return the numbers of the emoji that have each word."""
    marked: dict[str, set[int]] = {}
    for number, own in enumerate(words):
        for word in own:
            marked.setdefault(word, set()).add(number)
    return marked


def _share_of_rarer(one: set[int], other: set[int]) -> float:
    return len(one & other) / min(len(one), len(other))


def _share_of_both(one: set[int], other: set[int]) -> float:
    """Jaccard's index."""
    both = len(one & other)
    return both / (len(one) + len(other) - both)
