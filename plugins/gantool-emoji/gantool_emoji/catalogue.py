"""What the two npm packages say: which emoji there are, the words for each, and where its pictures lie.

ROOT/node_modules/emoji-datasource-google/emoji.json               code points, category, skin tones, file names
ROOT/node_modules/emoji-datasource-google/img/google/64/1f600.png  a picture of each
ROOT/node_modules/emojilib/dist/emoji-en-US.json                   keywords by the emoji itself
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from gantool import UserError

INSTALL = "npm install --ignore-scripts emoji-datasource-google@16.0.0 emojilib@4.0.3"
WANTED = "a folder with node_modules/emoji-datasource-google and node_modules/emojilib"
HINT = f"type there: {INSTALL}"
TABLE = "emoji-datasource-google/emoji.json"
KEYWORDS = "emojilib/dist/emoji-en-US.json"
PICTURES = "emoji-datasource-google/img/google/64"

CATEGORIES: Mapping[str, str] = {
    "smileys": "Smileys & Emotion",
    "people": "People & Body",
    "animals": "Animals & Nature",
    "food": "Food & Drink",
    "travel": "Travel & Places",
    "activities": "Activities",
    "objects": "Objects",
    "symbols": "Symbols",
    "flags": "Flags",
}
"""Unicode's names of the categories by ours; bare swatches of skin ("Component") are in none."""
TONES: Mapping[str, str] = {
    "1F3FB": "light_skin",
    "1F3FC": "medium_light_skin",
    "1F3FD": "medium_skin",
    "1F3FE": "medium_dark_skin",
    "1F3FF": "dark_skin",
}
"""Attributes by code point; one word each, so that the keyword "light" does not ask for a skin."""
EITHER_WAY = "FE0F"  # asks for colour; one of the packages leaves it out where it changes nothing
EMPTY_WORDS = frozenset("and at by for from in no not of on or other the to with".split())
Decoded = TypeVar("Decoded")


class Variant(msgspec.Struct):
    """An emoji in other skin tones."""

    image: str


class Row(msgspec.Struct):
    """What is read of a row of emoji.json; a field that is missing is refused by name."""

    unified: str
    image: str
    category: str
    subcategory: str
    skin_variations: dict[str, Variant] = {}


@dataclass(frozen=True)
class Picture:
    """One file; ``tone`` is the attribute of its skin tone, empty where it has none."""

    file: str
    tone: str = ""


@dataclass(frozen=True)
class Entry:
    """One emoji in all its skin tones: its code points, such as ``1F44B``, and the words for it."""

    code: str
    words: frozenset[str]
    pictures: list[Picture] = field(default_factory=list)


@dataclass(frozen=True)
class Catalogue:
    """The emoji of a few categories; the files of their pictures lie in ``folder``."""

    folder: Path
    entries: list[Entry]


def read_catalogue(root: str | None, categories: tuple[str, ...], skin_tones: bool) -> Catalogue:
    """List the emoji of some categories, or of all where none is given.

    Raises UserError where a package is missing or its files are not those of the versions in ``INSTALL``.
    """
    modules = _modules(root)
    rows = _decode(modules / TABLE, list[Row])
    found = _decode(modules / KEYWORDS, dict[str, list[str]])
    keywords = {_without_selector(_points(emoji)): texts for emoji, texts in found.items()}
    wanted = {CATEGORIES[name] for name in categories or CATEGORIES}
    entries = [_entry(row, keywords, skin_tones) for row in rows if row.category in wanted]
    if not entries:
        raise UserError(str(modules / TABLE), "holds no emoji of these categories", ", ".join(sorted(wanted)), HINT)
    return Catalogue(modules / PICTURES, entries)


def _modules(root: str | None) -> Path:
    """Return the folder of the packages: ``root`` or the one in it that npm makes."""
    if not root:
        raise UserError("--data.root", "was not given", WANTED, f"type: {INSTALL}, then give --data.root .")
    path = Path(root).expanduser()
    for folder in (path / "node_modules", path):
        if all((folder / name.partition("/")[0]).is_dir() for name in (TABLE, KEYWORDS)):
            return folder
    given = "lacks one of the two packages" if path.is_dir() else "is no folder"
    raise UserError(f"--data.root {root}", given, WANTED, HINT)


def _decode(path: Path, kind: type[Decoded]) -> Decoded:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(str(path), f"cannot be read ({why})", "the file as npm installs it", HINT) from error


def _entry(row: Row, keywords: Mapping[str, list[str]], skin_tones: bool) -> Entry:
    words = _words(row.subcategory)
    for text in keywords.get(_without_selector(row.unified), []):
        words |= _words(text)
    pictures = [Picture(row.image)]
    if skin_tones:
        pictures += _variants(row)
    return Entry(row.unified, words, pictures)


def _variants(row: Row) -> Iterator[Picture]:
    """Yield the pictures in one skin tone; the 20 that each couple has in two would be 7 % of all pictures."""
    for points, variant in row.skin_variations.items():
        tones = {TONES.get(point, "") for point in points.split("-")}
        if len(tones) == 1:
            yield Picture(variant.image, tones.pop())


def _words(text: str) -> frozenset[str]:
    """Return the words of a keyword such as ``grinning_face``; signs, digits and single letters are none."""
    return frozenset(re.findall(r"[^\W\d_]{2,}", text.casefold())) - EMPTY_WORDS


def _points(emoji: str) -> str:
    return "-".join(f"{ord(character):04X}" for character in emoji)


def _without_selector(points: str) -> str:
    return "-".join(point for point in points.split("-") if point != EITHER_WAY)
