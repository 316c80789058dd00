"""A condition in a file's metadata: the names of classes or attributes, and the words for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gantool.interfaces import Condition

__all__ = ["describe_condition", "read_condition"]

KINDS = ("classes", "attributes")


def describe_condition(condition: Condition | None) -> dict[str, Any] | None:
    """Return a condition as plain data."""
    if condition is None:
        return None
    words = {name: list(known) for name, known in condition.words.items()}
    return {"kind": condition.kind, "names": list(condition.names), "words": words}


def read_condition(plain: object) -> Condition | None:
    """Return the condition that was described. Raises ValueError for anything else: metadata is not trusted."""
    if plain is None:
        return None
    found: Mapping[str, Any] = plain if isinstance(plain, dict) else {}
    kind, names, words = found.get("kind"), found.get("names"), found.get("words", {})
    if kind not in KINDS or not _texts(names) or not names:
        raise ValueError("its labels have no kind, or not each a name of its own")
    if not isinstance(words, dict) or not words.keys() <= set(names) or not all(map(_texts, words.values())):
        raise ValueError("the words of its labels are not lists of text")
    return Condition(kind, tuple(names), {name: tuple(known) for name, known in words.items()})


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
