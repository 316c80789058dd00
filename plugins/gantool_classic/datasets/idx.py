"""IDX, the format of MNIST's files: two zero bytes, a type, the number of dimensions, the sizes, the values.

A header is believed only where the file can hold what it promises, and no more than that is ever unpacked.
"""

from __future__ import annotations

import contextlib
import gzip
import struct
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from gantool.errors import FileError, UnsafeFileError

__all__ = ["read_idx", "read_idx_shape"]

UNSIGNED_BYTES = 0x08
MAX_BYTES = 2**30  # EMNIST, the largest of its kin, has 0.6 GiB
MAX_RATIO = 1032  # deflate cannot expand more: 258 bytes from 2 bits


def read_idx_shape(path: Path, dimensions: int) -> tuple[int, ...]:
    """Return the shape that a file's header states, checked as ``read_idx`` does."""
    with _open(path) as file:
        return _shape(path, file, dimensions)


def read_idx(path: Path, dimensions: int, limit: int | None = None) -> np.ndarray[Any, Any]:
    """Read a file of unsigned bytes, gzipped or not, as uint8 of so many dimensions, or its first rows.

    Raises FileError where it is missing, truncated, too long or something else, and UnsafeFileError where its
    header promises more than it can hold.
    """
    with _open(path) as file:
        shape = _shape(path, file, dimensions)
        rows = shape[0] if limit is None else min(shape[0], limit)
        wanted = rows * prod(shape[1:])
        data = file.read(wanted)
        if len(data) < wanted:
            raise _damaged(path, f"it holds {len(data)} values where its header says {prod(shape)}")
        if rows == shape[0] and file.read(1):
            raise _damaged(path, f"values follow the {prod(shape)} that its header says")
    return np.frombuffer(data, np.uint8).reshape(rows, *shape[1:])


@contextlib.contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    """Open a file and, where its content is gzip whatever its name, unpack it on the way."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if packed else file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, str(error)) from error
    except OSError as error:
        raise FileError(str(path), f"cannot be read ({error.strerror})", "an IDX file, gzipped or not") from error


def _shape(path: Path, file: IO[bytes], dimensions: int) -> tuple[int, ...]:
    start = file.read(4)
    if start[:2] != b"\0\0" or len(start) < 4:
        raise FileError(str(path), "is not an IDX file", "an IDX file, gzipped or not", "download it again")
    if (start[2], start[3]) != (UNSIGNED_BYTES, dimensions):
        given = f"has type 0x{start[2]:02x} and {start[3]} dimensions"
        raise FileError(str(path), given, f"unsigned bytes (0x08) in {dimensions} dimensions")
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise _damaged(path, "its header is cut off")
    shape = struct.unpack(f">{dimensions}I", sizes)
    _check_size(path, shape)
    return shape


def _check_size(path: Path, shape: tuple[int, ...]) -> None:
    count, room = prod(shape), path.stat().st_size * MAX_RATIO
    if count == 0:
        raise _damaged(path, f"its header says {list(shape)}: nothing")
    if count > min(MAX_BYTES, room):
        allowed = f"a file of its size holds at most {min(MAX_BYTES, room)}"
        raise UnsafeFileError(str(path), f"its header promises {count} values", allowed)


def _damaged(path: Path, why: str) -> FileError:
    return FileError(str(path), f"is damaged: {why}", "a whole IDX file, gzipped or not", "download it again")
