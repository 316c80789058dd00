"""The dataset ``celeba``: aligned faces and 40 attributes, as published or as Kaggle repackages them.

ROOT/img_align_celeba/000001.jpg ...
ROOT/list_attr_celeba.txt           or .csv: 40 values of -1 or 1 for each picture
ROOT/list_eval_partition.txt        or .csv, if it is there: 0 train, 1 valid, 2 test
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from gantool.errors import DataError, FileError
from gantool.files.pack_writer import PackReport
from gantool.files.progress import Tick, remark
from gantool.interfaces import Condition, DataInfo, Samples
from gantool_classic.datasets.cache import describe_listing, load_listing
from gantool_classic.datasets.listing import Entry, Listing, given_root, scan, words_of
from gantool_classic.datasets.packing import pack_listing
from gantool_classic.datasets.pictures import SUFFIXES, Conversion
from gantool_classic.datasets.settings import CelebaOptions
from gantool_classic.datasets.subset import thin, thin_parts

__all__ = ["Celeba"]

PICTURES = "img_align_celeba"
ATTRIBUTES = "list_attr_celeba"
PARTITION = "list_eval_partition"
PLACES = (
    "",
    "celeba",
    "Anno",
    "Eval",
    "Img",
)  # torchvision puts all in celeba/; the authors' drive has three
SPLITS = {"0": "train", "1": "valid", "2": "test"}
FACE = 178  # the width of the aligned pictures, 178x218: a centred square holds the face
WANTED = f"a folder with {PICTURES}/ and {ATTRIBUTES}.txt or .csv"
HINT = "lay your own out so, or get CelebA from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


class Celeba:
    """Dataset ``celeba``: uint8 ``[N, 3, size, size]``, memory-mapped, with 40 attributes of 0 or 1."""

    def __init__(self, options: CelebaOptions) -> None:
        self.options = options
        self._conversion = Conversion(options.size, options.size, centre=FACE)

    def describe(self) -> DataInfo:
        """Say what the folder holds, by its listing. Raises DataError where something is missing."""
        return describe_listing(self._listing, self._conversion, self.options.split)

    def load(self, split: str | None = None) -> Samples:
        """Read a split; on first use the pictures are packed into the user's cache."""
        return load_listing(self._listing, self._conversion, split or self.options.split)

    def pack(self, path: Path, tick: Tick) -> PackReport:
        """Write every split into a pack of the user's own."""
        return pack_listing(self._listing, self._conversion, path, tick)

    @cached_property
    def _listing(self) -> Listing:
        root = given_root(self.options.root, WANTED)
        folder = _picture_folder(root)
        names, attributes = _attributes(_list_file(root, ATTRIBUTES))
        found = scan(folder, SUFFIXES)
        files = [entry for entry in found if entry.path in attributes]
        if not files:
            given = f"holds no picture that {ATTRIBUTES} names"
            raise DataError(str(folder), given, "files such as 000001.jpg", HINT)
        if unnamed := [entry.path for entry in found if entry.path not in attributes]:
            shown = f"{unnamed[0]}{', ...' if unnamed[1:] else ''}"
            remark(f"warning: {len(unnamed)} of {len(found)} pictures left out: {ATTRIBUTES} does not name {shown}")
        files, splits = _partitioned(root, files, self.options.limit)
        labels = np.frombuffer(b"".join(attributes[entry.path] for entry in files), np.uint8)
        condition = Condition("attributes", names, {name: words_of(name) for name in names})
        values = labels.reshape(-1, len(names)).astype(np.float32)
        return Listing(folder, files, condition, values, splits, self.options.duplicates)


def _picture_folder(root: Path) -> Path:
    for place in PLACES:
        folder = root / place / PICTURES
        if folder.is_dir():
            nested = folder / PICTURES  # as Kaggle's archive unpacks
            return nested if nested.is_dir() else folder
    raise DataError(f"--data.root {root}", f"has no folder {PICTURES}", WANTED, HINT)


def _list_file(root: Path, stem: str) -> Path:
    found = _find(root, stem)
    if found is None:
        raise DataError(f"--data.root {root}", f"has no {stem}.txt or .csv", WANTED, HINT)
    return found


def _find(root: Path, stem: str) -> Path | None:
    paths = [root / place / f"{stem}.{ending}" for place in PLACES for ending in ("txt", "csv")]
    return next((path for path in paths if path.is_file()), None)


def _attributes(path: Path) -> tuple[tuple[str, ...], Mapping[str, bytes]]:
    """Return the attributes' names and, for each picture's file name, a byte 0 or 1 for each attribute.

    Raises FileError where a row does not fit.
    """
    rows = _rows(path)
    header = next(rows, [])
    if len(header) == 1:  # the text variant begins with the number of pictures
        header = next(rows, [])
    names = tuple(header[1:] if path.suffix == ".csv" else header)
    if not names or len(set(names)) != len(names):
        raise FileError(str(path), "has no line of attribute names", WANTED, HINT)
    bits = {"1": 1, "-1": 0, "0": 0}
    table: dict[str, bytes] = {}
    for name, *row in rows:
        if len(row) != len(names) or not bits.keys() >= set(row):
            given = f"the row of {name} does not fit"
            hint = f"write it as: {name} and 1 or -1 for each of {', '.join(names[:3])}{', ...' if names[3:] else ''}"
            raise FileError(str(path), given, f"{len(names)} values of -1 or 1", hint)
        table[name] = bytes(bits[value] for value in row)
    return names, table


def _rows(path: Path) -> Iterator[list[str]]:
    separator = "," if path.suffix == ".csv" else None
    try:
        with path.open(encoding="utf-8-sig") as lines:
            yield from ([cell.strip() for cell in line.split(separator)] for line in lines if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(str(path), f"cannot be read ({error})", WANTED, HINT) from error


def _partitioned(root: Path, files: list[Entry], limit: int | None) -> tuple[list[Entry], dict[str, tuple[int, int]]]:
    """Order the files by split, at most ``limit`` of each; without a partition file all are one part."""
    path = _find(root, PARTITION)
    if path is None:
        return thin(files, limit), {}
    split_of = {row[0]: SPLITS.get(row[-1]) for row in _rows(path)}
    parts = {name: [entry for entry in files if split_of.get(entry.path) == name] for name in SPLITS.values()}
    chosen, splits = thin_parts(parts, limit)
    if not chosen:
        raise FileError(str(path), "names none of the pictures", "rows such as: 000001.jpg 0", HINT)
    return chosen, splits
