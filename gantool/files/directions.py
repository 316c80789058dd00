"""The kind ``directions``: named directions in z, with what is needed to walk along them by known amounts.

Tensors: ``directions`` ``[K, D]``, unit vectors; ``intercept`` ``[K]``, nan where there is none; ``mean`` and ``std``
``[K]`` of the projection ``vector . z`` over the prior. A step of strength 1 is one ``std`` of the projection. The
feature begins to be there where ``vector . z + intercept > 0``.

Metadata: ``model_hash``, ``model`` (a relative path, a hint only), ``slots`` of the prior, ``names``, ``method``,
``figures`` (a dict for each direction: accuracy, what it was made orthogonal to, the norm kept, ...) and ``source``
(what the directions were learnt from).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.errors import FileError, OptionError, nearest
from gantool.files import envelope
from gantool.files.names import way

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["KIND", "Directions", "read", "write"]

KIND = "directions"
TENSORS = ("intercept", "mean", "std")
DISTRIBUTIONS = ("normal", "uniform", "categorical")


@dataclass(frozen=True)
class Directions:
    """Named unit vectors ``[K, D]`` in the latent space of one model."""

    names: tuple[str, ...]
    vectors: Tensor  # [K, D]
    intercept: Tensor  # [K]
    mean: Tensor  # [K]
    std: Tensor  # [K]
    model_hash: str
    slots: Sequence[Mapping[str, Any]] = ()
    method: str = ""
    figures: Sequence[Mapping[str, Any]] = ()
    source: Mapping[str, Any] = field(default_factory=dict)

    def index(self, name: str, flag: str = "--toward") -> int:
        """Return the row of a direction, whatever its case. Raises OptionError where there is none."""
        lowered = [known.casefold() for known in self.names]
        if name in self.names:
            return self.names.index(name)
        if name.casefold() not in lowered:
            known = f"known: {', '.join(self.names)}"
            raise OptionError(flag, f"there is no direction {name!r}", known, nearest(name, self.names))
        return lowered.index(name.casefold())


def write(path: Path | str, directions: Directions, model: Path | None = None) -> None:
    """Write directions; ``model`` is the file they belong to."""
    meta: dict[str, Any] = {
        "model_hash": directions.model_hash,
        "slots": [dict(slot) for slot in directions.slots],
        "names": list(directions.names),
        "method": directions.method,
        "figures": [dict(row) for row in directions.figures] or [{} for _ in directions.names],
        "source": dict(directions.source),
    }
    if model is not None:
        meta["model"] = way(model, Path(path).parent)
    tensors = {"directions": directions.vectors, **{name: getattr(directions, name) for name in TENSORS}}
    envelope.write(path, KIND, {name: tensor.float() for name, tensor in tensors.items()}, meta)


def read(path: Path | str) -> tuple[Directions, Mapping[str, Any]]:
    """Return the directions of a file and its metadata. Raises FileError for anything else."""
    header, tensors = envelope.read(path, KIND)
    meta = header.meta
    names, vectors = meta.get("names"), tensors.get("directions")
    rows = [tensors.get(name) for name in TENSORS]
    figures = meta.get("figures")
    sound = (
        isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and len(set(names)) == len(names) > 0
        and vectors is not None
        and vectors.dim() == 2
        and vectors.is_floating_point()
        and bool(vectors.isfinite().all())
        and all(row is not None and row.is_floating_point() and row.shape == (len(vectors),) for row in rows)
        and not bool(tensors["intercept"].isinf().any())  # nan: there is none
        and all(bool(tensors[name].isfinite().all()) for name in ("mean", "std"))
        and bool((tensors["std"] >= 0).all())
        and len(vectors) == len(names)
        and isinstance(figures, list)
        and len(figures) == len(names)
        and all(isinstance(row, dict) for row in figures)
        and isinstance(meta.get("model_hash"), str)
        and _are_slots(meta.get("slots"), vectors.shape[1])
        and isinstance(meta.get("source"), dict)
    )
    if not sound:
        raise FileError(str(path), "holds no directions [K, D] with their names", "a file that direction find wrote")
    intercept, mean, std = (tensors[name].float() for name in TENSORS)
    found = Directions(
        tuple(meta["names"]),
        tensors["directions"].float(),
        intercept,
        mean,
        std,
        meta["model_hash"],
        meta["slots"],
        str(meta.get("method", "")),
        meta["figures"],
        meta["source"],
    )
    return found, meta


def _are_slots(slots: object, width: int) -> bool:
    """Say whether these are the parts of a prior with as many numbers as the directions have."""
    if not isinstance(slots, list) or not all(isinstance(slot, dict) for slot in slots):
        return False
    named = all(isinstance(slot.get("name"), str) and slot.get("distribution") in DISTRIBUTIONS for slot in slots)
    dims = [slot.get("dim") for slot in slots]
    return named and all(type(dim) is int and dim > 0 for dim in dims) and sum(dims) == width
