"""Where a latent can come from: a seed, a class, a latents file, a picture that gantool made. Content decides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from gantool.errors import FileError, OptionError, typed
from gantool.files import envelope, latents
from gantool.files.foreign import identify
from gantool.latent.labels import CLASSES, named
from gantool.latent.model import Model
from gantool.render.provenance import read_provenance

__all__ = ["NEEDED", "Source", "latents_of", "recognise"]

NEEDED = "a latents file, a PNG that gantool made, seed:7, class:NAME, or a checkpoint"
ALL = "all"  # class:all is every class, in the model's order
Kind = Literal["seed", "class", "latents", "picture", "checkpoint", "unknown"]
ROW = re.compile(r"(.+):(\d{1,9})")


@dataclass(frozen=True)
class Source:
    """One argument: what it is, in ``what`` for people; ``meta`` holds its model's hash where it is a file."""

    text: str
    kind: Kind
    what: str
    path: Path | None = None
    row: int | None = None
    z: Tensor | None = None  # [N, D], of a file
    c: Tensor | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model_hash(self) -> str | None:
        """The hash of the model that a file's latents belong to."""
        found = self.meta.get("model_hash")
        return found if isinstance(found, str) else None

    @property
    def origin(self) -> tuple[str, Path, str | None] | None:
        """What ``find_model`` needs: the model's hash, the file, and the path that the file gives for its model."""
        hint = self.meta.get("model")
        if self.model_hash is None or self.path is None:
            return None
        return self.model_hash, self.path, hint if isinstance(hint, str) and self.kind == "latents" else None


def recognise(text: str) -> Source:
    """Say what an argument is; ``FILE:12`` is row 12, counted from 0, of a file with several latents.

    Raises UnsafeFileError for a file that holds code, and FileError for one that is damaged or holds no sound latents.
    """
    if re.fullmatch(r"seed:\d{1,18}", text):
        return Source(text, "seed", "a seed")
    if text.startswith("class:") and len(text) > 6:
        return Source(text, "class", "a class")
    path, row = Path(text), None
    if not _exists(path) and (match := ROW.fullmatch(text)) and _exists(Path(match[1])):
        path, row = Path(match[1]), int(match[2])
    if not _exists(path):
        return Source(text, "unknown", "no file has that name")
    found = _folder(text, path) if path.is_dir() else _file(text, path)
    return found if row is None else _row(found, row)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or has a null character
        return False


def _folder(text: str, path: Path) -> Source:
    if (path / "latest").is_file() or (path / "best").is_file():
        return Source(text, "checkpoint", "a run folder", path)
    return Source(text, "unknown", "a folder without a checkpoint", path)


def _file(text: str, path: Path) -> Source:
    kind = identify(path)
    if kind == "png":
        return _picture(text, path)
    if kind in ("npy", "torch-zip", "torch-legacy", "pickle"):
        return _array(text, path)
    if kind != "safetensors":
        return Source(text, "unknown", "an empty file" if kind == "empty" else "not a file that gantool knows", path)
    try:
        header = envelope.read_header(path)
    except FileError as error:
        if "not one of gantool's" not in error.given:
            raise
        return Source(text, "checkpoint", "safetensors of another tool", path)
    if header.kind == latents.KIND:
        z, c, meta = latents.read(path)
        return Source(text, "latents", _count(z), path, None, z, c, meta)
    known: Kind = "checkpoint" if header.kind == "checkpoint" else "unknown"
    return Source(text, known, f"a file of gantool's kind {header.kind}", path)


def _picture(text: str, path: Path) -> Source:
    carried = read_provenance(path)
    if carried is None:
        return Source(text, "unknown", "a picture without a latent: gantool did not make it, or it was edited", path)
    z = torch.from_numpy(carried["z"]).float()
    c = None if carried["c"] is None else torch.from_numpy(carried["c"])
    if not len(z) or not z.isfinite().all():
        raise FileError(text, "carries latents that are not finite numbers", "a PNG that gantool made")
    return Source(text, "picture", f"a picture with {_count(z)}", path, None, z, c, {"model_hash": carried["model"]})


def _array(text: str, path: Path) -> Source:
    try:
        z, c, meta = latents.read(path)
    except FileError as error:
        if error.given != latents.OTHER:
            raise
        return Source(text, "checkpoint", "a file of torch.save", path)  # perhaps a generator of another tool
    return Source(text, "latents", _count(z), path, None, z, c, meta)


def _count(z: Tensor) -> str:
    return f"{len(z)} {'latent' if len(z) == 1 else 'latents'} of {z.shape[1]} dimensions"


def _row(source: Source, row: int) -> Source:
    if source.z is None:
        return Source(source.text, "unknown", f"{source.what}: it has no row {row}", source.path)
    if row >= len(source.z):
        allowed = f"{source.path} holds rows 0 to {len(source.z) - 1}"
        raise OptionError(source.text, f"row {row} was asked for", allowed)
    c = None if source.c is None else source.c[row : row + 1]
    return Source(source.text, source.kind, source.what, source.path, row, source.z[row : row + 1], c, source.meta)


def latents_of(text: str | Source, model: Model, seed: int = 0) -> tuple[Tensor, Tensor | None]:
    """Return ``z [N, D]`` and ``c`` of a seed, a class, a latents file or a picture, for a model.

    A class has the noise of ``seed``. Labels that a source lacks and the model needs are drawn from the data's, by the
    seed or the row. Raises UserError where the source is something else, or belongs to another model.
    """
    source = recognise(text) if isinstance(text, str) else text
    if source.kind == "seed":
        seeds = [int(source.text.removeprefix("seed:"))]
        return model.latents(seeds), model.labels(seeds)
    if source.kind == "class":
        c = _classes(source.text.removeprefix("class:"), model)
        return model.latents([seed]).repeat(len(c), 1), c
    if source.z is None:
        hint = f"type: {typed('inspect', source.text)}"
        raise OptionError(source.text, f"is {source.what}", f"needed: {NEEDED}", hint)
    _check(source, source.z, model)
    return source.z, _labels(source, model)


def _classes(name: str, model: Model) -> Tensor:
    condition = model.condition
    if condition is not None and condition.kind == CLASSES and name == ALL and ALL not in condition.names:
        return torch.arange(len(condition))
    return torch.tensor([named(condition, CLASSES, name, f"class:{name}")])


def _check(source: Source, z: Tensor, model: Model) -> None:
    """Refuse what belongs to another model; other tools' arrays name none, and need only fit."""
    if source.model_hash is not None and source.model_hash != model.hash:
        given = f"belongs to the model {source.model_hash[:12]}, and {model.path} is {model.hash[:12]}"
        raise FileError(source.text, given, "latents of one model", "seeds mean the same to all: seed:7")
    if z.shape[1] != model.prior.dim:
        given = f"holds latents of {z.shape[1]} dimensions, and those of {model.path} have {model.prior.dim}"
        raise FileError(source.text, given, "latents of the same model")


def _labels(source: Source, model: Model) -> Tensor | None:
    """Return a file's labels, drawn where it has none. Raises FileError where they are not the model's."""
    condition, c = model.condition, source.c
    if condition is None or source.z is None:
        return None
    if c is None:
        return model.labels(range(len(source.z)) if source.row is None else [source.row])
    if condition.kind == CLASSES:
        fits = c.dtype == torch.int64 and c.dim() == 1 and bool(((c >= 0) & (c < len(condition))).all())
    else:
        fits = c.is_floating_point() and c.shape[1:] == (len(condition),) and bool(c.isfinite().all())
    if not fits:
        known = f"the model knows {len(condition)} {condition.kind}"
        raise FileError(source.text, "has labels that are not the model's", known)
    return c
