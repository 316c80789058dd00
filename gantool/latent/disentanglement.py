"""The Mutual Information Gap (Chen et al. 2018, eq. 6): is each factor told by one coordinate of z alone?

``MIG = mean over factors of (I(z_1; v) - I(z_2; v)) / H(v)``, z_1 and z_2 being the two coordinates that tell the most
of the factor v. Mutual information is that of histograms of 20 bins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gantool.errors import OptionError, nearest
from gantool.interfaces import Slot
from gantool.latent.effects import scores_of
from gantool.latent.evidence import Tick
from gantool.latent.model import Model
from gantool.latent.scorer import Scorer

__all__ = ["BINS", "Column", "Gap", "codes_of", "discretise", "factors_of", "gaps", "measure_mig", "mutual_information"]

BINS = 20


@dataclass(frozen=True)
class Column:
    """A variable of which only the bin counts: int64 ``[N]``, from 0."""

    name: str
    bins: Tensor


@dataclass(frozen=True)
class Gap:
    """How well one factor is told: ``gap`` in [0, 1], the coordinate that tells the most of it and the runner-up."""

    factor: str
    gap: float
    best: str
    second: str
    information: float  # of the best, as a share of the factor's entropy


def measure_mig(
    model: Model, scorer: Scorer, count: int, slots: Sequence[str] = (), tick: Tick = lambda done: None
) -> tuple[Gap, ...]:
    """Return the gap of each factor that a classifier tells, over samples of the seeds 0, 1, ...

    ``slots`` names the parts of z to look at, all where it is empty. Raises OptionError for an unknown slot, and where
    there are fewer than two coordinates.
    """
    wanted = [_slot(model, name) for name in slots] or list(model.prior.slots)
    seeds = range(count)
    z, c = model.latents(seeds), model.labels(seeds)
    codes = [code for slot, code in codes_of(model.prior.slots, z) if slot in wanted]
    if len(codes) < 2:
        given = f"{', '.join(slot.name for slot in wanted)} has one coordinate"
        raise OptionError("--slots", given, "at least two, for there to be a gap", "leave --slots out")
    return gaps(codes, factors_of(scorer, scores_of(model.G, scorer, z, c, tick)))


def _slot(model: Model, name: str) -> Slot:
    names = [slot.name for slot in model.prior.slots]
    if name not in names:
        raise OptionError("--slots", f"z has no part {name!r}", f"known: {', '.join(names)}", nearest(name, names))
    return model.prior.slots[names.index(name)]


def codes_of(slots: Sequence[Slot], z: Tensor) -> list[tuple[Slot, Column]]:
    """Return each coordinate of z ``[N, D]`` in bins, with its slot; a categorical slot is one variable.

    A normal number goes through its CDF first: bins of equal width would spend most of them on its tails, and mutual
    information does not change under a monotone map.
    """
    found, start = [], 0
    for slot in slots:
        part = z[:, start : start + slot.dim]
        start += slot.dim
        if slot.distribution == "categorical":
            found.append((slot, Column(slot.name, part.argmax(1))))
            continue
        values = torch.special.ndtr(part) if slot.distribution == "normal" else part
        names = [slot.name if slot.dim == 1 else f"{slot.name}{number + 1}" for number in range(slot.dim)]
        found += [(slot, Column(name, discretise(row))) for name, row in zip(names, values.T, strict=True)]
    return found


def factors_of(scorer: Scorer, scores: Tensor) -> list[Column]:
    """Return what a classifier's scores ``[N, K]`` say, factor by factor: classes are one factor, as is an angle."""
    found: list[Column] = []
    start = 0
    for head in scorer.heads:
        part = scores[:, start : start + len(head.names)]
        start += len(head.names)
        if head.kind == "classes":
            found.append(Column(head.name, part.argmax(1)))
        elif head.kind == "circle":
            turns = torch.atan2(part[:, 1], part[:, 0]) / (2 * math.pi)
            found.append(Column(head.name, discretise(turns % 1.0)))
        else:
            rows = zip(head.names, part.T, strict=True)
            found += [Column(name, discretise(row)) for name, row in rows]
    return found


def discretise(values: Tensor, bins: int = BINS) -> Tensor:
    """Return int64 ``[N]``: which of the bins of equal width, from the least to the greatest, a value lies in."""
    low, high = values.min(), values.max()
    width = (high - low).clamp_min(torch.finfo(values.dtype).tiny)
    return ((values - low) / width * bins).long().clamp_max(bins - 1)


def mutual_information(left: Tensor, right: Tensor) -> float:
    """Return the mutual information in nats of two variables in bins, int64 ``[N]``; of one with itself its entropy."""
    wide = int(right.max()) + 1
    joint = torch.bincount(left * wide + right, minlength=(int(left.max()) + 1) * wide).view(-1, wide).double()
    p = joint / joint.sum()
    apart = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    there = p > 0
    return float((p[there] * (p[there] / apart[there]).log()).sum())


def gaps(codes: Sequence[Column], factors: Sequence[Column]) -> tuple[Gap, ...]:
    """Return the gap of each factor over two or more codes; a factor that never varies has the gap 0."""
    return tuple(_gap(codes, factor) for factor in factors)


def _gap(codes: Sequence[Column], factor: Column) -> Gap:
    entropy = mutual_information(factor.bins, factor.bins)
    told = sorted(((mutual_information(code.bins, factor.bins), code.name) for code in codes), reverse=True)
    (most, best), (next_most, second) = told[:2]
    scale = entropy if entropy > 0 else math.inf
    return Gap(factor.name, (most - next_most) / scale, best, second, most / scale)
