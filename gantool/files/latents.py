"""The kind ``latents``: ``z`` ``[N, D]`` and, for a conditional model, ``c``, with the hash of their model.

Metadata: ``model_hash``, ``model`` (a relative path, a hint only), ``seeds`` (list or null), ``truncation``, ``names``.
Other tools' latents are read too: one array or tensor ``[N, D]`` or ``[D]`` in a ``.npy`` or ``.pt`` file; they come
without metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.errors import FileError, UnsafeFileError
from gantool.files import envelope, strict
from gantool.files.foreign import identify, is_plain, read_npy, read_torch
from gantool.files.names import way

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["KIND", "OTHER", "SUFFIXES", "read", "write"]

KIND = "latents"
SUFFIXES = (".safetensors", ".pt")
"""Of the files that ``write`` writes."""
OTHER = "is a file of torch.save that holds no latents"
"""What is said of a torch file that may hold a network."""
WANTED = "a file that --save-latents wrote, or one array [N, D] or [D] in a .npy or .pt file"


def write(path: Path | str, z: Tensor, c: Tensor | None, model: Path, meta: Mapping[str, Any]) -> None:
    """Write latents; the suffix ``.pt`` gives a dict that torch reads with ``weights_only=True``."""
    import torch

    path = Path(path)
    tensors = {"z": z} if c is None else {"z": z, "c": c}
    whole = {**meta, "model": way(model, path.parent)}
    if path.suffix.lower() == ".pt":
        with envelope.atomic(path) as file:
            torch.save({**tensors, "gantool": envelope.metadata_text(KIND, whole)}, file)
    else:
        envelope.write(path, KIND, tensors, whole)


def read(path: Path | str) -> tuple[Tensor, Tensor | None, Mapping[str, Any]]:
    """Return ``z [N, D]``, ``c`` and the metadata, which is empty for other tools' latents.

    Raises UnsafeFileError for a file that holds code, and FileError for anything else that is not latents.
    """
    kind = identify(path)
    if kind in ("torch-zip", "torch-legacy", "pickle"):
        tensors, meta = _from_torch(path, read_torch(path))
    elif kind == "npy":
        tensors, meta = {"z": _from_numpy(path)}, {}
    else:
        header, tensors = envelope.read(path, KIND)
        meta = header.meta
    z, c = tensors.get("z"), tensors.get("c")
    if z is None or z.dim() != 2 or not len(z) or not z.is_floating_point() or (c is not None and len(c) != len(z)):
        raise FileError(str(path), "holds no latents z [N, D]", WANTED)
    z = z.float()
    if not z.isfinite().all():
        raise FileError(str(path), "holds latents that are not finite numbers", "finite numbers")
    return z, c, meta


def _from_torch(path: Path | str, content: Any) -> tuple[Mapping[str, Tensor], Mapping[str, Any]]:
    """Take what ``write`` wrote, or a bare tensor."""
    import torch

    if isinstance(content, torch.Tensor):
        z = _whole(path, content)
        return {"z": z.reshape(1, -1) if z.dim() == 1 else z}, {}
    if not isinstance(content, dict) or not isinstance(content.get("gantool"), str):
        raise FileError(str(path), OTHER, WANTED)
    try:
        meta = dict(strict.loads(content["gantool"]))
    except (ValueError, TypeError) as error:
        raise FileError(str(path), "is damaged: its gantool metadata is malformed", WANTED) from error
    envelope.check_format(path, meta.get("format"), meta.get("gantool"))
    return {
        name: _whole(path, content[name]) for name in ("z", "c") if isinstance(content.get(name), torch.Tensor)
    }, meta


def _whole(path: Path | str, tensor: Tensor) -> Tensor:
    if not is_plain(tensor):
        given = f"holds a tensor {tuple(tensor.shape)} whose numbers are not all in the file"
        raise UnsafeFileError(str(path), given, "dense tensors, as large as they look", "save z.clone()")
    return tensor.detach()


def _from_numpy(path: Path | str) -> Tensor:
    import numpy as np
    import torch

    array = read_npy(path)
    if array.dtype.kind not in "fiu" or array.ndim not in (1, 2):
        raise FileError(str(path), f"holds {array.dtype} of {array.ndim} dimensions, no latents", WANTED)
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is infinite or a NaN, and refused
        return torch.from_numpy(np.array(array, np.float32, ndmin=2))
