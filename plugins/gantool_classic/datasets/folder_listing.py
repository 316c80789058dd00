"""The pictures of a folder and their classes.

Sub-folders are classes where at least two hold pictures and no picture lies beside them; else there are no
labels.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gantool.errors import DataError
from gantool.interfaces import Condition
from gantool_classic.datasets.listing import Entry, Listing, given_root, scan, words_of
from gantool_classic.datasets.pictures import SUFFIXES
from gantool_classic.datasets.settings import FolderOptions
from gantool_classic.datasets.subset import thin, thin_parts

__all__ = ["list_folder"]

WANTED = "a folder of JPEG, PNG, WebP, BMP or GIF pictures, or of one sub-folder for each class"


def list_folder(options: FolderOptions) -> Listing:
    """List the pictures that the options name, split by split, at most ``limit`` of each.

    Raises DataError where the folder is missing or holds no picture.
    """
    root = given_root(options.root, WANTED)
    if not root.is_dir():
        hint = f"a pack is read by: --data packed --data.root {root}; an archive must be unpacked first"
        raise DataError(f"--data.root {root}", "is a file", WANTED, hint)
    found = scan(root, SUFFIXES)
    if not found:
        raise DataError(f"--data.root {root}", "holds no picture", WANTED, f"look with: ls {root}")
    files, splits = _split(found, options)
    return replace(_with_classes(root, files, splits, _classes(found)), duplicates=options.duplicates)


def _split(files: list[Entry], options: FolderOptions) -> tuple[list[Entry], dict[str, tuple[int, int]]]:
    """Put the train files before the test files; with nothing held out, all are one part without a name."""
    if not options.holdout:
        return thin(files, options.limit), {}
    parts: dict[str, list[Entry]] = {"train": [], "test": []}
    for entry in files:
        parts["test" if _position(entry.path) < options.holdout else "train"].append(entry)
    return thin_parts(parts, options.limit)


def _position(path: str) -> float:
    """Place a path in [0, 1) by its hash: a picture stays in its split when others come or go."""
    return int.from_bytes(hashlib.sha256(os.fsencode(path)).digest()[:6], "big") / 2**48


def _classes(files: Sequence[Entry]) -> list[str]:
    """Return the names of the class folders, sorted; none where there are no classes."""
    folders = {entry.path.partition("/")[0] for entry in files if "/" in entry.path}
    flat = any("/" not in entry.path for entry in files)
    return [] if flat or len(folders) < 2 else sorted(folders)


def _with_classes(root: Path, files: list[Entry], splits: dict[str, tuple[int, int]], folders: list[str]) -> Listing:
    if not folders:
        return Listing(root, files, splits=splits)
    number = {folder: row for row, folder in enumerate(folders)}
    labels = np.array([number[entry.path.partition("/")[0]] for entry in files], np.int64)
    names = _unique([_printable(folder) for folder in folders])
    condition = Condition("classes", names, {name: words_of(name) for name in names})
    return Listing(root, files, condition, labels, splits)


def _printable(name: str) -> str:
    """A file name may hold bytes that are not text, and one letter may be spelt in two ways."""
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))


def _unique(names: list[str]) -> tuple[str, ...]:
    """Number names that became equal: two folders are two classes."""
    return tuple(name if names.index(name) == row else f"{name}-{row}" for row, name in enumerate(names))
