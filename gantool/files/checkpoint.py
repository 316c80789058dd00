"""The kind ``checkpoint``: a whole training state with everything needed to resume it or to sample from it.

Tensors: ``generator.*``, ``generator_ema.*`` (where there is an average), ``discriminator.*``, ``regularizer.*`` and
``augmentation.*`` (where they have a state), ``optimizer_g.*`` and ``optimizer_d.*`` by parameter name, and
``data.labels``, up to 4,096 label rows of the data. Metadata: ``given`` and ``resolved`` settings, ``components`` with
who provides them, ``prior``, ``shape``, ``condition``, ``fingerprint``, ``step``, ``images`` and ``model_hash``;
docs/reference/files.md has them all.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.errors import FileError, typed
from gantool.files import envelope
from gantool.files.foreign import identify

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["KIND", "Checkpoint", "find", "model_hash", "read", "write"]

KIND = "checkpoint"
NOUNS = {
    "torch-zip": "a file of torch.save",
    "torch-legacy": "a file of torch.save",
    "pickle": "a bare pickle",
    "png": "a picture",
    "npy": "a numpy array",
    "zip": "a zip archive",
    "empty": "an empty file",
}
POINTER = re.compile(r"checkpoints/step-\d{1,12}\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory."""

    path: Path
    meta: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors below a prefix, without it."""
        return {name.removeprefix(prefix): value for name, value in self.tensors.items() if name.startswith(prefix)}

    def sampler(self) -> dict[str, Tensor]:
        """Return the tensors of the generator that pictures are made with."""
        return self.part("generator_ema.") or self.part("generator.")


def model_hash(tensors: Mapping[str, Tensor]) -> str:
    """Return the sha256 over sorted (name, dtype, shape, bytes) of the tensors that sampling uses."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        solid = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {solid.dtype} {tuple(solid.shape)}\n".encode())
        digest.update(solid.reshape(-1).view(torch.uint8).numpy().tobytes() if solid.numel() else b"")
    return digest.hexdigest()


def write(path: Path, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> str:
    """Write a checkpoint, whole or not at all, and return its model hash."""
    state = Checkpoint(path, meta, tensors)
    digest = model_hash(state.sampler())
    envelope.write(path, KIND, tensors, {**meta, "model_hash": digest})
    return digest


def read(path: Path | str) -> Checkpoint:
    """Read a checkpoint file. Raises FileError for anything else, and says what it is."""
    kind = identify(path)
    if kind in NOUNS:
        given, hint = f"is not a checkpoint but {NOUNS[kind]}", f"type: {typed('inspect', path)}"
        raise FileError(str(path), given, "a safetensors file that gantool train wrote; pickles are never read", hint)
    header, tensors = envelope.read(path, KIND)
    for key in ("given", "resolved"):
        settings(header, key)
    required = {
        "components": dict,
        "prior": list,
        "shape": list,
        "step": int,
        "model_hash": str,
    }
    for key, expected in required.items():
        if not isinstance(header.meta.get(key), expected):
            raise FileError(str(path), f"its metadata has no valid {key!r}", "a checkpoint that gantool wrote")
    return Checkpoint(header.path, header.meta, tensors)


def settings(header: envelope.Header, key: str) -> dict[str, dict[str, Any]]:
    """Return the ``given`` or the ``resolved`` settings of a checkpoint. Raises FileError where they are malformed."""
    tree = header.meta.get(key)
    if not isinstance(tree, dict) or not all(isinstance(table, dict) for table in tree.values()):
        raise FileError(str(header.path), f"its {key} settings are malformed", "a checkpoint that gantool wrote")
    return tree


def find(path: Path | str, resuming: bool = False) -> Path:
    """Return the checkpoint file that a path stands for: itself, or a run folder's ``best``, else its ``latest``.

    A run that is resumed goes on from ``latest``. Raises FileError where there is none.
    """
    path = Path(path)
    if not os.path.exists(path):  # a name that is too long is not there either
        raise FileError(str(path), "does not exist", "a run folder or a checkpoint file", "type: ls runs")
    if not path.is_dir():
        return path
    for name in ("latest",) if resuming else ("best", "latest"):
        pointer = path / name
        if pointer.is_file():
            with pointer.open(encoding="utf-8", errors="replace") as file:
                target = file.read(100).strip()
            if POINTER.fullmatch(target) and (path / target).is_file():
                return path / target
    raise FileError(str(path), "is a folder without a checkpoint", "a run folder", "type: gantool train --help")
