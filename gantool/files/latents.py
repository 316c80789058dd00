"""The kind ``latents``: ``z`` ``[N, D]`` and, for a conditional model, ``c``, with the hash of their model.

Metadata: ``model_hash``, ``model`` (a relative path, a hint only), ``seeds`` (list or null), ``truncation``, ``names``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.errors import FileError
from gantool.files import envelope

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["KIND", "read", "write"]

KIND = "latents"


def write(path: Path | str, z: Tensor, c: Tensor | None, model: Path, meta: Mapping[str, Any]) -> None:
    """Write latents; the suffix ``.pt`` gives a dict that torch reads with ``weights_only=True``."""
    import torch

    path = Path(path)
    tensors = {"z": z} if c is None else {"z": z, "c": c}
    whole = {**meta, "model": os.path.relpath(model.absolute(), path.absolute().parent)}
    if path.suffix == ".pt":
        with envelope.atomic(path) as file:
            torch.save({**tensors, "gantool": envelope.metadata_text(KIND, whole)}, file)
    else:
        envelope.write(path, KIND, tensors, whole)


def read(path: Path | str) -> tuple[Tensor, Tensor | None, Mapping[str, Any]]:
    """Return z, c and the metadata of a latents file in safetensors. Raises FileError for anything else."""
    header, tensors = envelope.read(path, KIND)
    z, c = tensors.get("z"), tensors.get("c")
    if z is None or z.dim() != 2 or not z.is_floating_point() or (c is not None and len(c) != len(z)):
        raise FileError(str(path), "holds no latents z [N, D]", "a file that --save-latents wrote")
    return z.float(), c, header.meta
