"""Directions in z: gather what a finder needs from a model, and turn what it finds into a file's contents.

Vectors are unit vectors; a step of strength 1 is one standard deviation of the projection over the prior, which is
known exactly from the prior's slots.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gantool.errors import FileError, OptionError, UnsafeFileError, typed
from gantool.files.directions import Directions
from gantool.files.foreign import check_npy, identify
from gantool.interfaces import Direction, Finder, Slot
from gantool.latent.evidence import Ask, Tick, check, gather
from gantool.latent.model import Model
from gantool.latent.prior import Prior

__all__ = ["assemble", "find_directions", "import_boundary", "orthogonalize", "projection"]

SMALLEST_KEPT = 0.1
REST = "rest"  # stands for all other directions


def find_directions(model: Model, finder: Finder, method: str, ask: Ask, tick: Tick = lambda done: None) -> Directions:
    """Return what a finder finds in a model.

    Raises OptionError where it needs what was not asked with or was given what it cannot use, and FileError where
    stored scores are of another model.
    """
    check(finder, method, ask)
    evidence = gather(model, finder, ask, tick)
    found = finder.find(evidence)
    if not found:
        raise OptionError(f"--method {method}", "found no direction", "samples that vary", "try more of them with -n")
    learnt = {} if set(finder.needs) <= {"pair"} else {"samples": len(evidence.z)}
    return assemble(model, found, method, {**learnt, **ask.source})


def assemble(model: Model, found: Sequence[Direction], method: str, source: dict[str, Any]) -> Directions:
    """Return unit vectors with their intercepts in the same unit, and their projections over the prior.

    Raises OptionError for a direction that is zero or not finite.
    """
    vectors = torch.stack([one.vector.detach().double() for one in found])
    lengths = vectors.norm(dim=1)
    for one, length in zip(found, lengths.tolist(), strict=True):
        if not (math.isfinite(length) and length > 0):
            given = f"gives no direction for {one.name!r}: nothing in z changes it"
            raise OptionError(
                f"--method {method}", given, "a feature that varies", "try another method or more samples"
            )
    units = vectors / lengths[:, None]
    offsets = torch.tensor([math.nan if one.intercept is None else one.intercept for one in found]).double() / lengths
    mean, std = projection(model.prior.slots, units)
    return Directions(
        names=tuple(one.name for one in found),
        vectors=units.float(),
        intercept=offsets.float(),
        mean=mean.float(),
        std=std.float(),
        model_hash=model.hash,
        slots=model.prior.describe(),
        method=method,
        figures=[dict(one.figures) for one in found],
        source=source,
    )


def projection(slots: Sequence[Slot], vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation ``[K]`` of ``vectors . z`` over the prior, for ``vectors [K, D]``.

    A normal number has the variance 1, a uniform one 1/3, a one-hot code of K categories the covariance
    ``I/K - 11'/K^2``.
    """
    means, variances, start = [], [], 0
    for slot in slots:
        part = vectors[:, start : start + slot.dim]
        mean = part.mean(1) if slot.distribution == "categorical" else part.new_zeros(len(part))
        square = part.square().sum(1)
        spread = {"normal": square, "uniform": square / 3}.get(slot.distribution, square / slot.dim - mean.square())
        means.append(mean)
        variances.append(spread)
        start += slot.dim
    return torch.stack(means).sum(0), torch.stack(variances).sum(0).clamp_min(0).sqrt()


def orthogonalize(directions: Directions, name: str, off: Sequence[str]) -> Directions:
    """Return the directions with one made orthogonal to others, ``n' = n - C'(CC')^-1 C n`` (Shen et al. 2020).

    ``rest`` in ``off`` stands for all others. The intercept moves to where the old one lies in the mean over the prior,
    what was projected out being at its mean. Raises OptionError for unknown names, and where less than 0.1 of the
    vector's length is kept.
    """
    row = directions.index(name, "NAME")
    others = [index for index in range(len(directions.names)) if index != row]
    rest = REST in off and REST not in directions.names
    named = [directions.index(other, "--off") for other in off if not (rest and other == REST)]
    rows = others if rest else list(dict.fromkeys(named))
    if row in named or not rows:
        raise OptionError("--off", f"{','.join(off) or 'nothing'} was given", f"others than {directions.names[row]}")
    slots = Prior.restore(directions.slots, "FILE").slots
    n, C = directions.vectors[row].double(), directions.vectors[rows].double()
    basis = _row_space(C)
    rest_of_n = n - basis.T @ (basis @ n)
    kept = float(rest_of_n.norm())
    if kept < SMALLEST_KEPT:
        given = f"keeps {kept:.3f} of {directions.names[row]}: it lies almost wholly in what is taken off"
        raise OptionError("--off", given, f"at least {SMALLEST_KEPT}", "leave out the name with the largest cosine")
    unit = rest_of_n / kept
    mean, std = projection(slots, unit[None])
    lost = float(directions.mean[row]) - kept * float(mean[0])  # the mean projection of what was taken off
    figures = [dict(one) for one in directions.figures]
    figures[row] = {"kept_norm": kept, "orthogonal_to": [directions.names[index] for index in rows]}
    return replace(
        directions,
        vectors=_with(directions.vectors, row, unit),
        intercept=_with(directions.intercept, row, (directions.intercept[row].double() + lost) / kept),
        mean=_with(directions.mean, row, mean[0]),
        std=_with(directions.std, row, std[0]),
        figures=figures,
    )


def _row_space(C: Tensor) -> Tensor:
    """Return an orthonormal basis ``[r, D]`` of the rows of C, whose directions may depend on each other."""
    _, s, rows = torch.linalg.svd(C, full_matrices=False)
    space: Tensor = rows[s > s[0] * 1e-6]
    return space


def _with(tensor: Tensor, row: int, value: Tensor) -> Tensor:
    changed = tensor.clone()
    changed[row] = value.to(tensor)
    return changed


def import_boundary(path: Path, model: Model, names: Sequence[str]) -> Directions:
    """Read an InterFaceGAN boundary, ``.npy`` ``[1, D]``, ``[K, D]`` or ``[D]``, as directions of a model.

    Such a file holds no intercept. Raises UnsafeFileError for pickled objects, FileError for another file or width, and
    OptionError where the names are not K.
    """
    array = _array(path)
    if array.shape[1] != model.prior.dim:
        given = f"holds directions of {array.shape[1]} dimensions"
        raise FileError(str(path), given, f"{model.prior.dim} for {model.path}", "type: gantool inspect MODEL")
    if len(set(names)) != len(names) or len(names) != len(array):
        given, needed = f"{len(names)} given for {len(array)} directions", "one name of its own for each"
        raise OptionError("--name", given, needed, "type: --name smile")
    vectors = torch.from_numpy(array)
    if not bool((vectors.isfinite().all(1) & vectors.any(1)).all()):
        raise FileError(str(path), "holds a direction that is zero or not finite", "finite numbers")
    found = [Direction(name, vector) for name, vector in zip(names, vectors, strict=True)]
    return assemble(model, found, "import", {"file": path.name})


def _array(path: Path) -> np.ndarray[Any, Any]:
    kind = identify(path)
    if kind != "npy":
        raise FileError(str(path), f"is no numpy array ({kind})", "a .npy file", f"type: {typed('inspect', path)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in the header
            check_npy(path)
            found = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped: no more than the file is taken
    except Exception as error:  # the header is Python's literals, and raises what its parser does
        if "object" in str(error).lower():
            hint = "save numbers: np.save(path, boundary.astype('float32'))"
            raise UnsafeFileError(str(path), "holds pickled objects", "plain numbers", hint) from error
        raise FileError(str(path), f"is damaged ({str(error)[:120]})", "a whole .npy file") from error
    if found.ndim not in (1, 2) or found.dtype.kind != "f" or not found.size:
        given = f"is an array {list(found.shape)} of {found.dtype}"
        raise FileError(str(path), given, "floats [1, D] or [K, D], as InterFaceGAN saves a boundary")
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused by the caller
        return np.array(np.atleast_2d(found), dtype=np.float64)
