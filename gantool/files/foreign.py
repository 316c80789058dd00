"""Tensors and arrays of other tools' files, read without running the code that a pickle may hold.

Both of torch's formats are read with ``weights_only=True`` and nothing else: the zip of today and the legacy one, which
a 15-byte magic number tells from a bare pickle. A zip's sizes are checked before it is opened, so that a small file
cannot fill the memory.
"""

from __future__ import annotations

import pickle
import re
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.errors import FileError, UnsafeFileError

if TYPE_CHECKING:
    from numpy import ndarray

__all__ = ["LEGACY", "identify", "is_plain", "read_npy", "read_torch"]

LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # torch.serialization's magic number, as protocol 2 writes it
MOST_BYTES = 16 * 2**30
MOST_ENTRIES = 100_000
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
    return "pickle" if head[0] == 0x80 and 0 < head[1] <= pickle.HIGHEST_PROTOCOL else "unknown"


def _zip_names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return []


def read_torch(path: Path | str) -> Any:
    """Return the content of a ``.pt`` file: tensors, and plain containers, numbers and strings.

    Raises UnsafeFileError for a bare pickle, for content that is not tensors, and for sizes past 16 GiB, and FileError
    for a damaged file.
    """
    import torch

    path = Path(path)
    kind = identify(path)
    if kind == "pickle":
        given = "is a bare pickle, which runs code when it is read; gantool never unpickles"
        raise UnsafeFileError(str(path), given, "safetensors, or a file of torch.save", TENSORS_ONLY)
    if kind not in ("torch-zip", "torch-legacy"):
        raise FileError(str(path), f"is not a torch file ({kind})", "a file of torch.save", TENSORS_ONLY)
    if kind == "torch-zip":
        _check_zip(path)
    elif tarfile.is_tarfile(path):  # torch before 2.6 unpickles what lies in it, whatever weights_only says
        raise UnsafeFileError(str(path), "is a tar archive behind torch's magic number", "no archive", TENSORS_ONLY)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))  # what the file would have had imported
        given = f"holds more than tensors ({named[1] if named else str(error).splitlines()[0][:120]})"
        raise UnsafeFileError(str(path), given, "tensors in plain dicts and lists", TENSORS_ONLY) from error
    except Exception as error:  # torch raises many kinds for a damaged file
        given = f"is damaged ({type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''})"
        raise FileError(str(path), given, "a whole file of torch.save") from error


def _check_zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
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


def read_npy(path: Path | str) -> ndarray[Any, Any]:
    """Return the array of a ``.npy`` file, mapped into memory and not read.

    So numpy compares the shape that the header claims with the file's size. Raises UnsafeFileError where the header is
    not one of a plain array, and FileError where there is no file.
    """
    from numpy.lib.format import open_memmap

    try:
        return open_memmap(path, mode="r")
    except OSError as error:
        raise FileError(str(path), f"cannot be read ({error.strerror or error})", "a file that exists") from error
    except Exception as error:  # the header is Python's literals, and raises what its parser does
        given = f"is not a plain numpy array ({(str(error).splitlines() or [type(error).__name__])[0][:120]})"
        raise UnsafeFileError(str(path), given, "numbers alone", "save with allow_pickle=False") from error
