"""The kind ``dataset``: pictures and labels in one memory-mapped file, read without Python work per picture.

Tensors: ``images`` uint8 ``[N, C, H, W]`` and, where there are labels, ``labels``, int64 ``[N]`` or float32
``[N, A]``. Metadata: ``condition`` (kind, names, words) or null, ``fingerprint``, ``source``, and ``splits``:
the rows of each split as ``[start, stop]``, so that a split is a view of the file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gantool.errors import DataError, FileError
from gantool.files.condition import describe_condition, read_condition
from gantool.files.envelope import Header, TensorInfo, atomic, header_bytes, read_header
from gantool.interfaces import Condition, DataInfo, Samples

__all__ = ["KIND", "PackWriter", "describe_pack", "read_pack", "split_rows", "write_pack"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Splits = Mapping[str, tuple[int, int]]

KIND = "dataset"
LABELS = {"classes": ("I64", 0), "attributes": ("F32", 1)}  # type, and whether each name has a column
ON_DISK: Mapping[str, np.dtype[Any]] = {"I64": np.dtype("<i8"), "F32": np.dtype("<f4")}


class PackWriter:
    """Appends pictures to a pack whose final length is not known yet; made by ``write_pack``."""

    def __init__(self, file: BinaryIO, capacity: int, shape: Shape, meta: Mapping[str, Any]) -> None:
        self.length = 0
        self._file, self._shape, self._capacity = file, shape, capacity
        self._meta = dict(meta)
        self._splits: dict[str, tuple[int, int]] = {}
        self._labels: list[Any] = []
        # Counts only shrink when pictures turn out bad, so the header of the full pack is the longest one.
        self._reserved = len(self._header(capacity, dict.fromkeys(meta["splits"], (capacity, capacity))))
        file.write(b" " * self._reserved)

    def add(self, picture: Array, label: Any = None, *, split: str | None = None) -> None:
        """Append one picture uint8 ``[C, H, W]`` with its label; the pictures of a split come in a row."""
        if picture.shape != self._shape or picture.dtype != np.uint8 or self.length == self._capacity:
            given = f"{picture.dtype} {picture.shape} is of another shape or one too many"
            raise ValueError(f"{given} for a pack of {self._capacity} x {self._shape}")
        self._file.write(picture.tobytes())
        if label is not None:
            self._labels.append(label)
        if split is not None:
            start, _ = self._splits.get(split, (self.length, self.length))
            self._splits[split] = (start, self.length + 1)
        self.length += 1

    def close(self) -> None:
        """Write the labels, then the header into the space kept for it, padded with spaces."""
        if self._meta["condition"] is not None:
            dtype, _ = LABELS[self._meta["condition"]["kind"]]
            self._file.write(np.asarray(self._labels, ON_DISK[dtype]).tobytes())
        header = self._header(self.length, self._splits)
        text = header[8:].ljust(self._reserved - 8)  # safetensors allows spaces after the JSON
        self._file.seek(0)
        self._file.write(len(text).to_bytes(8, "little") + text)

    def _header(self, length: int, splits: Splits) -> bytes:
        entries: dict[str, tuple[str, Shape]] = {"images": ("U8", (length, *self._shape))}
        condition = self._meta["condition"]
        if condition is not None:
            dtype, columns = LABELS[condition["kind"]]
            entries["labels"] = (dtype, (length, len(condition["names"]))[: 1 + columns])
        return header_bytes(KIND, {**self._meta, "splits": splits}, entries)


@contextlib.contextmanager
def write_pack(
    path: Path | str,
    capacity: int,
    shape: Shape,
    *,
    condition: Condition | None = None,
    fingerprint: str = "",
    source: str = "",
    splits: Sequence[str] = (),
) -> Iterator[PackWriter]:
    """Open a pack for at most ``capacity`` pictures of ``shape`` (C, H, W); it appears when the block ends.

    ``splits`` names those that ``add`` will use. Raises DataError where nothing was added, and FileError
    where the place cannot be written; neither leaves a file.
    """
    meta = {"condition": describe_condition(condition), "fingerprint": fingerprint, "source": source, "splits": splits}
    with atomic(path) as file:
        writer = PackWriter(file, capacity, shape, meta)
        yield writer
        if writer.length == 0:
            raise DataError(source or str(path), "no picture could be read", "a pack of at least one")
        writer.close()


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
    return info, Samples(values[rows], _labels(header, info.condition, rows))


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
