"""Tensors and arrays of other tools' files, read without running the code that a pickle may hold.

Both of torch's formats are read with ``weights_only=True`` and nothing else: the zip of today and the legacy one, which
a 15-byte magic number tells from a bare pickle. Before that a zip's sizes are checked and the pickle inside is looked
through, so that a small file cannot fill the memory or take for ever.
"""

from __future__ import annotations

import io
import pickle
import re
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.errors import FileError, UnsafeFileError
from gantool.files.pickles import MOST_PICKLE, PickleError, Room, check_pickle

if TYPE_CHECKING:
    from numpy import ndarray

__all__ = ["LEGACY", "check_npy", "identify", "is_plain", "read_npy", "read_torch"]

LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # torch.serialization's magic number, as protocol 2 writes it
MOST_BYTES = 16 * 2**30
MOST_ENTRIES = 100_000
MOST_NPY_HEADER = 10_000  # bytes, as numpy has it
TENSORS_ONLY = "save tensors only: torch.save(model.state_dict(), 'weights.pt')"


def identify(path: Path | str) -> str:
    """Return what a file is by its content: ``safetensors``, ``torch-zip``, ``torch-legacy``, ``pickle``, ``png``,
    ``npy``, ``zip``, ``empty`` or ``unknown``. Raises FileError where it cannot be read.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise FileError(str(path), f"cannot be read ({error.strerror})", "a file that exists") from error
    if not head:
        return "empty"
    for magic, kind in ((b"\x89PNG\r\n\x1a\n", "png"), (b"\x93NUMPY", "npy"), (LEGACY, "torch-legacy")):
        if head.startswith(magic):
            return kind
    if head.startswith(b"PK"):
        return "torch-zip" if any(name.endswith("/data.pkl") for name in _zip_names(path)) else "zip"
    if head[8:9] == b"{" and head[4:8] == b"\0\0\0\0":
        return "safetensors"
    return "pickle" if head[0] == 0x80 and head[1:2] and 0 < head[1] <= pickle.HIGHEST_PROTOCOL else "unknown"


def _zip_names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except Exception:  # zipfile raises many kinds for a damaged file
        return []


def read_torch(path: Path | str) -> Any:
    """Return the content of a ``.pt`` file: tensors, and plain containers, numbers and strings.

    Raises UnsafeFileError for a bare pickle, for content that is not tensors, and for sizes past 16 GiB, and FileError
    for a damaged file.
    """
    path = Path(path)
    kind = identify(path)
    if kind == "pickle":
        given = "is a bare pickle, which runs code when it is read; gantool never unpickles"
        raise UnsafeFileError(str(path), given, "safetensors, or a file of torch.save", TENSORS_ONLY)
    if kind not in ("torch-zip", "torch-legacy"):
        raise FileError(str(path), f"is not a torch file ({kind})", "a file of torch.save", TENSORS_ONLY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of how the file was written
        _check(path, _check_zip if kind == "torch-zip" else _check_legacy)
        return _load(path)


def _load(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))  # what the file would have had imported
        given = f"holds more than tensors ({named[1] if named else str(error).splitlines()[0][:120]})"
        raise UnsafeFileError(str(path), given, "tensors in plain dicts and lists", TENSORS_ONLY) from error
    except Exception as error:  # torch raises many kinds for a damaged file
        given = f"is damaged ({type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''})"
        raise FileError(str(path), given, "a whole file of torch.save") from error


def _check(path: Path, check: Callable[[Path], None]) -> None:
    """Look through a file. Raises UnsafeFileError for what no file of tensors holds, FileError for a damaged one."""
    try:
        check(path)
    except PickleError as error:
        if error.damaged:
            raise FileError(str(path), f"is damaged ({error})", "a whole file of torch.save") from error
        given = f"holds more than tensors ({error})"
        raise UnsafeFileError(str(path), given, "tensors in plain dicts and lists", TENSORS_ONLY) from error
    except FileError:
        raise
    except Exception as error:  # zipfile raises many kinds for a damaged file
        raise FileError(str(path), f"is damaged ({str(error)[:120]})", "a whole file of torch.save") from error


def _check_zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        _check_sizes(path, archive.infolist())
        sizes = {entry.filename.lower(): entry.file_size for entry in archive.infolist()}  # torch goes by these names
        if len(sizes) < len(archive.infolist()):
            raise FileError(str(path), "is damaged (a name stands twice in it)", "a whole file of torch.save")
        for entry in archive.infolist():
            name = entry.filename.lower()
            if name.endswith("data.pkl"):
                if entry.file_size > MOST_PICKLE:
                    raise PickleError(f"a pickle of {entry.file_size} bytes, at most {MOST_PICKLE}")
                check_pickle(io.BytesIO(archive.read(entry)), _room(sizes, f"{name[:-8]}data/"))


def _room(sizes: Mapping[str, int], prefix: str) -> Room:
    return lambda key, size: sizes.get(prefix + key.lower(), -1) >= size


def _check_legacy(path: Path) -> None:
    """Look through the five pickles: magic number, version, machine, content and the keys of the storages."""
    if tarfile.is_tarfile(path):  # torch before 2.6 unpickles what lies in it, whatever weights_only says
        raise UnsafeFileError(str(path), "is a tar archive behind torch's magic number", "no archive", TENSORS_ONLY)
    with path.open("rb") as file:
        stream = io.BytesIO(file.read(MOST_PICKLE))
    claimed: dict[str, int] = {}

    def room(key: str, size: int) -> bool:
        claimed[key] = max(size, claimed.get(key, 0))
        return claimed[key] <= whole

    whole = path.stat().st_size
    for _ in range(5):
        check_pickle(stream, room)
    if sum(claimed.values()) > whole:
        raise PickleError("storages that are larger than the file")


def _check_sizes(path: Path, entries: Sequence[zipfile.ZipInfo]) -> None:
    if min((entry.header_offset for entry in entries), default=0):  # torch would look for the entries elsewhere
        raise FileError(str(path), "is damaged (bytes stand before its first entry)", "a whole file of torch.save")
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_ENTRIES or total > MOST_BYTES or total > 100 * path.stat().st_size + 2**20:
        given = f"unpacks to {total} bytes in {len(entries)} entries"
        raise UnsafeFileError(str(path), given, f"at most {MOST_BYTES} bytes, and no zip bomb", TENSORS_ONLY)


def is_plain(item: object) -> bool:
    """Whether it is a tensor that lies whole in its file: a stride of 0 makes a small file look huge."""
    import torch

    if not isinstance(item, torch.Tensor) or item.layout != torch.strided:
        return False
    if item.is_quantized or item.is_meta or item.is_nested:
        return False
    return item.numel() * item.element_size() <= item.untyped_storage().nbytes()


def check_npy(path: Path | str) -> None:
    """Raise ValueError where the header of a ``.npy`` file is long: numpy takes the memory before it looks."""
    with Path(path).open("rb") as file:
        start = file.read(12)
    if start[6:7] > b"\1" and int.from_bytes(start[8:12], "little") > MOST_NPY_HEADER:
        raise ValueError(f"its header is longer than {MOST_NPY_HEADER} bytes")


def read_npy(path: Path | str) -> ndarray[Any, Any]:
    """Return the array of a ``.npy`` file, mapped into memory and not read.

    So numpy compares the shape that the header claims with the file's size. Raises UnsafeFileError where the header is
    not one of a plain array, and FileError where there is no file.
    """
    from numpy.lib.format import open_memmap

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in the header
            check_npy(path)
            return open_memmap(path, mode="r")
    except OSError as error:
        raise FileError(str(path), f"cannot be read ({error.strerror or error})", "a file that exists") from error
    except Exception as error:  # the header is Python's literals, and raises what its parser does
        given = f"is not a plain numpy array ({(str(error).splitlines() or [type(error).__name__])[0][:120]})"
        raise UnsafeFileError(str(path), given, "numbers alone", "save with allow_pickle=False") from error
