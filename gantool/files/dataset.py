"""The kind ``dataset``: pictures and labels in one memory-mapped file, read without Python work per picture.

Tensors: ``images`` uint8 ``[N, C, H, W]`` and, where there are labels, ``labels``, int64 ``[N]`` or float32
``[N, A]``. Metadata: ``condition`` (kind, names, words) or null, ``fingerprint``, ``source``, and ``splits``:
the rows of each split as ``[start, stop]``, so that a split is a view of the file.
"""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gantool.errors import DataError, FileError
from gantool.files.condition import read_condition
from gantool.files.envelope import Header, TensorInfo, read_header
from gantool.interfaces import Condition, DataInfo, Samples

__all__ = ["KIND", "LABELS", "ON_DISK", "describe_pack", "read_pack", "split_rows"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Splits = Mapping[str, tuple[int, int]]

KIND = "dataset"
LABELS = {"classes": ("I64", 0), "attributes": ("F32", 1)}  # type, and whether each name has a column
ON_DISK: Mapping[str, np.dtype[Any]] = {"I64": np.dtype("<i8"), "F32": np.dtype("<f4")}


def describe_pack(path: Path | str, split: str | None = None) -> DataInfo:
    """Say what a pack, or one of its splits, holds by its header alone; raises as ``read_pack`` does."""
    return _describe(read_header(path, KIND), split)


def read_pack(path: Path | str, split: str | None = None) -> tuple[DataInfo, Samples]:
    """Open a pack, its pictures memory-mapped, its labels in memory; ``split`` None or ``all`` is the whole.

    Raises FileError where the file is not a sound pack, and DataError where it has no such split.
    """
    header = read_header(path, KIND)
    info = _describe(header, split)
    images = header.tensors["images"]
    rows = slice(*_rows(header, images.shape[0], split))
    values = np.memmap(header.path, np.uint8, "r", images.start, images.shape)
    _advise(values)
    return info, Samples(values[rows], _labels(header, info.condition, rows))


def _advise(values: np.memmap[Any, Any]) -> None:
    """Read no more than is asked for where pictures cannot all stay in memory.

    The system reads ahead of each picture, which fills the memory fast where all fit. Where they do not, it is
    thrown away again: 33 MB were read for a random batch of 0.8 MB, and a batch took 5 times as long.
    """
    mapped: Any = values.base
    if hasattr(mmap, "MADV_RANDOM") and values.nbytes > _memory() / 2:
        mapped.madvise(mmap.MADV_RANDOM)


def _memory() -> float:
    """Return the bytes of memory that the machine has; of one that does not say, it is taken to be enough."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return math.inf


def _describe(header: Header, split: str | None) -> DataInfo:
    images = header.tensors.get("images")
    if images is None or images.dtype != "U8" or not _is_image_shape(images.shape):
        raise _malformed(header, "its images are not uint8 [N, C, H, W] with 1 to 4 channels")
    start, stop = _rows(header, images.shape[0], split)
    fingerprint = header.meta.get("fingerprint")
    if not isinstance(fingerprint, str):
        raise _malformed(header, "its fingerprint is not text")
    return DataInfo(images.shape[1:], stop - start, _condition(header, images.shape[0]), fingerprint)


def _is_image_shape(shape: Shape) -> bool:
    return len(shape) == 4 and 0 not in shape and shape[1] <= 4


def _malformed(header: Header, why: str) -> FileError:
    allowed = "a file that gantool data pack wrote"
    return FileError(str(header.path), f"is not a sound pack: {why}", allowed, "pack the pictures again")


def _rows(header: Header, length: int, split: str | None) -> tuple[int, int]:
    splits = header.meta.get("splits", {})
    if not isinstance(splits, dict) or not all(_is_range(rows, length) for rows in splits.values()):
        raise _malformed(header, "its splits are not ranges of its pictures")
    ranges = {name: (start, stop) for name, (start, stop) in sorted(splits.items(), key=lambda item: item[1])}
    return split_rows(ranges, length, split, str(header.path))


def _is_range(rows: Any, length: int) -> bool:
    numbers = isinstance(rows, list) and len(rows) == 2 and all(type(row) is int for row in rows)
    return numbers and 0 <= rows[0] < rows[1] <= length


def split_rows(splits: Splits, length: int, split: str | None, where: str) -> tuple[int, int]:
    """Return the first row of a split and the row after its last; data without splits is all ``train``.

    Raises DataError where ``where`` has no such split.
    """
    if split is not None and split in splits:
        return splits[split]
    if split in (None, "all") or (split == "train" and not splits):
        return 0, length
    known = ", ".join([*splits, "all"] if splits else ["train", "all"])
    raise DataError("--data.split", f"{split} was given", f"{where} has: {known}", "try --data.split all")


def _condition(header: Header, length: int) -> Condition | None:
    """Read the condition from untrusted metadata, and hold the labels' type and shape against it."""
    plain, labels = header.meta.get("condition"), header.tensors.get("labels")
    if plain is None and labels is None:
        return None
    try:
        condition = read_condition(plain or {})
    except ValueError as error:
        raise _malformed(header, str(error)) from error
    if condition is None or len(set(condition.names)) != len(condition):
        raise _malformed(header, "its labels have not each a name of its own")
    dtype, columns = LABELS[condition.kind]
    shape = (length, len(condition))[: 1 + columns]
    if labels is None or (labels.dtype, labels.shape) != (dtype, shape):
        raise _malformed(header, f"its labels are not {dtype} {list(shape)}, one row for each picture")
    return condition


def _labels(header: Header, condition: Condition | None, rows: slice) -> Array | None:
    if condition is None:
        return None
    values = _read_tensor(header.path, header.tensors["labels"])
    low, high = values.min(), values.max()  # both are nan if any is
    top = len(condition) - 1 if condition.kind == "classes" else 1
    if not (low >= 0 and high <= top):
        raise _malformed(header, f"its labels run from {low} to {high}, not within 0 to {top}")
    return values[rows]


def _read_tensor(path: Path, info: TensorInfo) -> Array:
    kind = ON_DISK[info.dtype]
    with path.open("rb") as file:
        file.seek(info.start)
        data = np.fromfile(file, kind, (info.end - info.start) // kind.itemsize)
    return data.reshape(info.shape).astype(kind.newbyteorder("="))
