"""Which picture files a dataset has, in a fixed order, with their labels: what is known before decoding."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gantool.errors import DataError
from gantool.files.dataset import split_rows
from gantool.interfaces import Condition

__all__ = ["Entry", "Listing", "given_root", "scan", "words_of"]

IGNORED = frozenset({"__MACOSX"})


@dataclass(frozen=True, order=True)
class Entry:
    """One file: its path relative to the root, with slashes, its size in bytes and when it was changed."""

    path: str
    size: int
    changed: int  # nanoseconds


@dataclass(frozen=True)
class Listing:
    """The picture files of a dataset, split by split, with int64 ``[N]`` or float32 ``[N, A]`` labels."""

    root: Path
    files: Sequence[Entry]
    condition: Condition | None = None
    labels: np.ndarray[Any, Any] | None = None
    splits: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # rows, by name
    duplicates: Literal["keep", "drop"] = "keep"  # files with the bytes of an earlier one

    def length(self, split: str | None) -> int:
        """Count the files of a split. Raises DataError where there is no such split."""
        start, stop = split_rows(self.splits, len(self.files), split, str(self.root))
        return stop - start

    def fingerprint(self, made_into: object) -> str:
        """Return a hash of names, sizes and labels and of ``made_into``; a copy of the data has the same."""
        return self._digest(made_into, lambda entry: f"{entry.path}\0{entry.size}\n")

    def key(self, made_into: object) -> str:
        """Return a hash that also changes when a file is written again, to name what is cached."""
        return self._digest(made_into, lambda entry: f"{entry.path}\0{entry.size}\0{entry.changed}\n")

    def _digest(self, made_into: object, line: Callable[[Entry], str]) -> str:
        digest = hashlib.sha256(repr((made_into, self.condition, sorted(self.splits.items()))).encode())
        if self.duplicates == "drop":  # what keeps them has the fingerprint that it had before there was a choice
            digest.update(b"without duplicates\n")
        for entry in self.files:
            digest.update(os.fsencode(line(entry)))
        if self.labels is not None:
            digest.update(self.labels.tobytes())
        return digest.hexdigest()


def given_root(root: str | None, what: str) -> Path:
    """Return ``--data.root``, which must be ``what``. Raises DataError where it is missing."""
    if not root:
        raise DataError("--data.root", "was not given", what, "type: --data.root PATH")
    path = Path(root).expanduser()
    if not path.exists():
        raise DataError(f"--data.root {root}", "does not exist", what, "check the path for a typing error")
    return path


def scan(root: Path, suffixes: frozenset[str]) -> list[Entry]:
    """List the files below ``root`` with these suffixes, sorted by path, but not hidden ones or ``__MACOSX``.

    Raises DataError where a folder cannot be read.
    """
    try:
        found = list(_walk(os.fspath(root), "", suffixes, frozenset()))
    except OSError as error:
        where = str(error.filename or root)
        raise DataError(where, f"cannot be read ({error.strerror})", "a folder that you may read") from error
    return sorted(found)


def _walk(folder: str, prefix: str, suffixes: frozenset[str], above: frozenset[tuple[int, int]]) -> Iterator[Entry]:
    status = Path(folder).stat()
    identity = (status.st_dev, status.st_ino)
    if identity in above:  # a link to a folder that we are in
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in IGNORED:
                continue
            if entry.is_dir():
                yield from _walk(entry.path, f"{prefix}{entry.name}/", suffixes, above | {identity})
            elif Path(entry.name).suffix.lower() in suffixes and entry.is_file():
                found = entry.stat()
                yield Entry(prefix + entry.name, found.st_size, found.st_mtime_ns)


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name, for search by keywords: ``Wearing_Hat`` has ``wearing`` and ``hat``."""
    return tuple(dict.fromkeys(re.findall(r"[^\W_]+", name.lower())))
