"""The one format of gantool's files: safetensors whose metadata has a single key, ``gantool``, a sorted JSON string.

A header is 8 bytes of length and JSON, so what a file is can be told without torch::

    {"kind": "checkpoint", "format": 1, "gantool": "0.1.0", ...}

A reader trusts nothing: the header's length, names, types, shapes and offsets are checked before any tensor is read.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from gantool import __version__
from gantool.errors import FileError, UnsafeFileError, typed
from gantool.files import strict

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "FORMAT",
    "Header",
    "TensorInfo",
    "atomic",
    "check_format",
    "header_bytes",
    "is_ours",
    "read",
    "read_header",
    "read_tensors",
    "sync_folder",
    "take_name",
    "write",
    "write_text",
]

FORMAT = 1
MAX_HEADER = 32 * 2**20  # bytes; a checkpoint's header is about 20 kB
MAX_DIMENSIONS = 8
WINDOWS = os.name == "nt"
PATIENCE = (0.01, 0.1, 1.0)  # seconds to wait for a reader to close a file that is replaced
ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8,
}  # fmt: skip


@dataclass(frozen=True)
class TensorInfo:
    """Where one tensor lies in a file: ``start`` and ``end`` are bytes from the file's beginning."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Header:
    """A file's kind, metadata and tensors, read without torch."""

    path: Path
    kind: str
    meta: Mapping[str, Any]
    tensors: Mapping[str, TensorInfo]


def read_header(path: Path | str, kind: str | None = None) -> Header:
    """Read and check a file's header.

    Raises FileError where the file is missing, truncated, not gantool's, of a newer format, or not of the ``kind``
    asked for, and UnsafeFileError where its header claims what no honest file does.
    """
    path = Path(path)
    hint = f"type: {typed('inspect', path)}"
    text, tensors = _parts(path)
    if text is None:
        raise FileError(str(path), "is a safetensors file, but not one of gantool's", "a file that gantool wrote", hint)
    meta = _metadata(path, text)
    if kind is not None and meta["kind"] != kind:
        raise FileError(str(path), f"is a {meta['kind']} file", f"a {kind} file is needed", hint)
    return Header(path, meta["kind"], meta, tensors)


def is_ours(path: Path | str) -> bool:
    """Whether a safetensors file is one of gantool's; the header is checked. Raises FileError like ``read_header``."""
    return _parts(Path(path))[0] is not None


def _parts(path: Path) -> tuple[str | None, dict[str, TensorInfo]]:
    """Return the metadata's string, None in a file of another tool, and the tensors, all of them checked."""
    parsed, start, size = _read_json(path)
    metadata = parsed.pop("__metadata__", None)
    tensors = {name: _tensor(path, name, entry, start, size) for name, entry in parsed.items()}
    _check_layout(path, tensors, start, size)
    text = metadata.get("gantool") if isinstance(metadata, dict) else None
    return text if isinstance(text, str) else None, tensors


def _read_json(path: Path) -> tuple[dict[str, Any], int, int]:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
            if size < 10 or length < 2:
                raise _damaged(path, "it is too short to be a safetensors file")
            if length > MAX_HEADER and length <= size:
                raise UnsafeFileError(str(path), f"has a header of {length} bytes", f"at most {MAX_HEADER}")
            if length + 8 > size:
                raise _damaged(path, "its header runs past its end: it is truncated, or not safetensors")
            text = file.read(length)
    except OSError as error:
        raise FileError(str(path), f"cannot be read ({error.strerror})", "a file that exists") from error
    try:
        parsed = strict.loads(text, _no_duplicates)
    except ValueError as error:
        raise _damaged(path, f"its header is not JSON ({error})") from error
    if not isinstance(parsed, dict):
        raise _damaged(path, "its header is not a JSON object")
    return parsed, 8 + length, size


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _tensor(path: Path, name: str, entry: Any, start: int, size: int) -> TensorInfo:
    try:
        dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        whole = all(type(number) is int and 0 <= number < 2**62 for number in (*shape, begin, end))
    except (TypeError, KeyError, ValueError) as error:
        raise _damaged(path, f"the entry of {name!r} is malformed") from error
    if not whole or not isinstance(dtype, str) or dtype not in ITEM_BYTES or len(shape) > MAX_DIMENSIONS:
        raise UnsafeFileError(str(path), f"the tensor {name!r} has an impossible type or shape", "nothing was read")
    if end - begin != prod(shape) * ITEM_BYTES[dtype] or start + end > size or max((0, *shape)) > size:
        raise _damaged(path, f"the tensor {name!r} does not fit in it")
    return TensorInfo(dtype, shape, start + begin, start + end)


def _check_layout(path: Path, tensors: Mapping[str, TensorInfo], start: int, size: int) -> None:
    """Tensors must lie end to end, as the format demands: no holes, no overlaps."""
    for info in sorted(tensors.values(), key=lambda info: (info.start, info.end)):
        if info.start != start:
            raise _damaged(path, "its tensors overlap or leave a hole")
        start = info.end
    if start != size:
        raise _damaged(path, "bytes follow its last tensor")


def _metadata(path: Path, text: str) -> dict[str, Any]:
    try:
        meta = strict.loads(text)
        kind, number = meta["kind"], meta["format"]
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, "its gantool metadata is malformed") from error
    if not isinstance(kind, str) or not kind or type(number) is not int or number < 1:
        raise _damaged(path, "its gantool metadata is malformed")
    check_format(path, number, meta.get("gantool"))
    return dict(meta)


def check_format(path: Path | str, number: object, version: object) -> None:
    """Raise FileError where a file is of a newer format than this gantool reads, naming the version that wrote it."""
    if isinstance(number, int) and number > FORMAT:
        newer = f"was written in format {number} by gantool {version or '?'}"
        raise FileError(str(path), newer, f"this gantool reads up to {FORMAT}", "pip install -U gantool")


def _damaged(path: Path, why: str) -> FileError:
    return FileError(str(path), f"is damaged: {why}", "a whole file", f"type: {typed('inspect', path)}")


def metadata_text(kind: str, meta: Mapping[str, Any]) -> str:
    """Return the metadata's one string: sorted JSON, with nothing that JSON cannot say (no nan)."""
    whole = {**meta, "kind": kind, "format": FORMAT, "gantool": __version__}
    return json.dumps(whole, sort_keys=True, allow_nan=False)


def header_bytes(kind: str, meta: Mapping[str, Any], tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> bytes:
    """Return the length and the JSON of a header for tensors that follow in this order, given by type and shape."""
    entries: dict[str, Any] = {"__metadata__": {"gantool": metadata_text(kind, meta)}}
    offset = 0
    for name, (dtype, shape) in tensors.items():
        end = offset + prod(shape) * ITEM_BYTES[dtype]
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


@contextlib.contextmanager
def atomic(path: Path | str, *, sync: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path``; on success it takes the name, on failure it is removed.

    ``sync`` makes sure that the file outlasts a loss of power, which takes longer than writing a small one.

    Raises FileError where the place cannot be written or the disk is full; what stood under the name stays.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                yield file
                if sync:
                    file.flush()
                    os.fsync(file.fileno())
            take_name(temporary, path)
            if sync:
                sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        hint = "free some space or choose another place with -o"
        raise FileError(str(path), f"cannot be written ({error.strerror})", "a folder with room", hint) from error


def take_name(temporary: Path, path: Path) -> None:
    """Rename a file, replacing what stands under the name; Windows refuses while that is open, and is asked again."""
    for pause in PATIENCE if WINDOWS else ():
        try:
            temporary.replace(path)
            return
        except PermissionError:
            time.sleep(pause)
    temporary.replace(path)


def sync_folder(folder: Path) -> None:
    """Make sure that a name that was given or taken in a folder outlasts a loss of power, where the system can."""
    if WINDOWS:  # opens no folders
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # it may be written, and not be read
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # as some network file systems answer for a folder
            raise
    finally:
        os.close(handle)


def write_text(path: Path | str, text: str) -> None:
    """Write a text file so that a reader sees the old one or the new one, never a part."""
    with atomic(path) as file:
        file.write(text.encode())


def write(path: Path | str, kind: str, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Write a file of one kind, whole or not at all."""
    from safetensors.torch import save

    solid: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        one = tensor.detach().cpu().contiguous()
        memory = one.untyped_storage().data_ptr()
        solid[name] = one.clone() if memory in seen else one  # tied weights are written twice
        seen.add(memory)
    with atomic(path) as file:
        file.write(save(solid, metadata={"gantool": metadata_text(kind, meta)}))


def read(path: Path | str, kind: str) -> tuple[Header, dict[str, Tensor]]:
    """Read a file of one kind into memory, after its header was checked."""
    return read_header(path, kind), _load(path)


def read_tensors(path: Path | str) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file, whoever wrote it, after its header was checked."""
    _parts(Path(path))
    return _load(path)


def _load(path: Path | str) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(str(path))
    except (SafetensorError, OSError) as error:
        raise _damaged(Path(path), str(error)) from error
