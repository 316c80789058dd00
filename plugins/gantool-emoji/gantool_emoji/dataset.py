"""The dataset ``emoji``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
import numpy as np

from gantool import Condition, DataInfo, Samples, UserError
from gantool_emoji.attributes import find_attributes
from gantool_emoji.catalogue import HINT, PICTURES, TONES, Catalogue, Entry, Picture, read_catalogue
from gantool_emoji.pictures import colour, read_picture
from gantool_emoji.settings import EmojiOptions

RULES = 1  # raised when the same files and options come to give other pictures or labels

Array = np.ndarray[Any, Any]


class Shown(NamedTuple):
    """An example: an emoji in one of its skin tones."""

    entry: Entry
    picture: Picture


class Emoji:
    """Dataset ``emoji``: uint8 ``[N, 3, size, size]`` with attributes of 0 or 1, one for each frequent keyword."""

    def __init__(self, options: EmojiOptions) -> None:
        self.options = options
        self._background = colour(options.background)

    def describe(self) -> DataInfo:
        """Say what the packages hold, by their tables and the sizes of the files.

        Raises UserError where a package is missing or of another version.
        """
        shown, side = self._shown(self.options.split), self.options.size
        return DataInfo((3, side, side), len(shown), self._condition, self._fingerprint(shown))

    def load(self, split: str | None = None) -> Samples:
        """Read a split. Raises UserError where a picture is damaged."""
        shown = self._shown(split or self.options.split)
        values = np.empty((len(shown), 3, self.options.size, self.options.size), np.uint8)
        for value, one in zip(values, shown, strict=True):
            value[:] = read_picture(self._catalogue.folder / one.picture.file, self.options.size, self._background)
        return Samples(values, self._labels(shown))

    @cached_property
    def _catalogue(self) -> Catalogue:
        return read_catalogue(self.options.root, self.options.categories, self.options.skin_tones)

    @cached_property
    def _condition(self) -> Condition:
        """The attributes, which do not depend on the split: frequent words, then the skin tones that appear."""
        entries = self._catalogue.entries
        words = find_attributes([entry.words for entry in entries], self.options.min_count)
        seen = {picture.tone for entry in entries for picture in entry.pictures}
        words |= {tone: (tone,) for tone in TONES.values() if tone in seen}
        if not words:
            given = f"no word stands for {self.options.min_count} of {len(entries)} emoji"
            raise UserError("--data.min-count", given, "at least one attribute", "give a smaller number")
        return Condition("attributes", tuple(words), words)

    def _shown(self, split: str) -> list[Shown]:
        """List the examples of a split; an emoji's skin tones all lie in the same one."""
        entries = [entry for entry in self._catalogue.entries if split in ("all", self._part(entry))]
        if not entries:
            given = f"{split} was given, and no emoji is in it"
            raise UserError("--data.split", given, "train, test, all", "give another --data.holdout")
        return [Shown(entry, picture) for entry in entries for picture in entry.pictures]

    def _part(self, entry: Entry) -> str:
        """Place an emoji by a hash of its code points: it stays in its split when others come or go."""
        position = int.from_bytes(hashlib.sha256(entry.code.encode()).digest()[:6], "big") / 2**48
        return "test" if position < self.options.holdout else "train"

    def _labels(self, shown: Sequence[Shown]) -> Array:
        """Mark the attributes of which an example has a word, float32 ``[N, A]``."""
        names = enumerate(self._condition.names)
        column = {word: number for number, name in names for word in self._condition.words[name]}
        labels = np.zeros((len(shown), len(self._condition)), np.float32)
        for row, (entry, picture) in zip(labels, shown, strict=True):
            row[[column[word] for word in (*entry.words, picture.tone) if word in column]] = 1
        return labels

    def _fingerprint(self, shown: Sequence[Shown]) -> str:
        """Hash the options, the attributes, the labels, and the names and sizes of the files; not where they lie."""
        options = msgspec.structs.replace(self.options, root=None)
        digest = hashlib.sha256(repr((RULES, options, self._condition)).encode())
        digest.update(self._labels(shown).tobytes())
        for _, picture in shown:
            digest.update(f"{picture.file}\0{self._size(picture.file)}\n".encode())
        return digest.hexdigest()

    def _size(self, name: str) -> int:
        path = self._catalogue.folder / name
        try:
            return path.stat().st_size
        except OSError as error:
            raise UserError(
                str(path), f"cannot be read ({error.strerror})", f"the files of {PICTURES}", HINT
            ) from error
