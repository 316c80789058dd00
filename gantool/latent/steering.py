"""Turning one feature of a sample up or down: along a direction, or by the gradient of a classifier.

By gradient each sample climbs on its own, G and the classifier frozen::

    z <- shell(z + step g / |g|),   g = d/dz [s_t - keep_weight |s_k - s_k(z_0)|]

with the scores s standardised over the model's own samples (raw logits differ in scale by far), t the target and k the
features to keep. The gradient of a *sum* over samples, taken anew at each step, is that of each sample alone: neither
the batch nor an earlier step leaves a trace. With ``smooth`` it is the gradient of the score's mean over a fixed cloud
of neighbours of z, as in randomized smoothing (Cohen et al. 2019): the slope at one point is mostly detail that fools
the classifier, the mean slope changes what is seen. The idea and the penalty are those of classifier-gradient control
as it is taught with unconditional GANs; the unit gradient, the standardised scores, the cloud and the shell are what
makes the same step mean the same everywhere.

Along a direction, ``z + strength std vector`` or, absolute, the place where the projection ``vector . z + intercept``
is ``strength std``, as in InterFaceGAN (Shen et al. 2020).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import torch
from torch import Tensor

from gantool.errors import FileError, OptionError
from gantool.files.directions import Directions
from gantool.interfaces import Slot
from gantool.latent import seeds as seeding
from gantool.latent.effects import SIDE, Generate, Judge, scores_of
from gantool.latent.model import Model
from gantool.latent.scorer import Target
from gantool.latent.statistics import spread

__all__ = [
    "Aim",
    "Walk",
    "along",
    "check_directions",
    "find_starts",
    "onto_shell",
    "parts_of",
    "short_of",
    "steer_by_gradient",
]

AT_ONCE = 16  # samples in a pass that keeps a graph: a large classifier's holds much of each
DEVIATION = {"normal": 1.0, "uniform": 3**-0.5, "categorical": 0.0}  # of one number; a category is not moved


@dataclass(frozen=True)
class Aim:
    """What a sample climbs towards: ``sign`` times the target, while the columns ``keep`` stay as they were.

    ``population [M, K]`` holds the scores that standardise; ``step`` is in standard deviations of the prior. A sample
    stops where the target's probability is ``until`` or more; None: after ``steps`` steps. ``smooth`` is the width, in
    standard deviations of the prior, of the cloud of ``views`` neighbours that the slope is the mean of; 0: none.
    """

    target: Target
    population: Tensor
    keep: Sequence[int] = ()
    keep_weight: float = 0.3
    until: float | None = 0.9
    step: float = 0.25
    steps: int = 40
    sign: float = 1.0
    smooth: float = 0.0
    views: int = 16


@dataclass(frozen=True)
class Walk:
    """Where each sample went: ``z [T + 1, N, D]``. Sample n took ``steps[n]`` steps and stayed where it then was."""

    z: Tensor
    steps: Tensor  # int64 [N]
    reached: Tensor  # bool [N]
    slots: tuple[Slot, ...]

    def at(self, positions: Tensor) -> Tensor:
        """Return ``z [P, N, D]`` at positions ``[P, N]`` counted in steps; between two of them, on the shell."""
        positions = positions.clamp(0, len(self.z) - 1)
        below = positions.floor().long()
        samples = torch.arange(self.z.shape[1])
        lower, upper = self.z[below, samples], self.z[(below + 1).clamp(max=len(self.z) - 1), samples]
        part = (positions - below)[..., None]
        return torch.stack(
            [
                torch.where(share == 0, a, onto_shell(a + (b - a) * share, self.z[0], self.slots))
                for a, b, share in zip(lower, upper, part, strict=True)
            ]
        )

    def columns(self, count: int) -> Tensor:
        """Return ``z [count, N, D]``, evenly spaced from each sample's start to its own end."""
        return self.at(torch.linspace(0, 1, count)[:, None] * self.steps)


def onto_shell(z: Tensor, start: Tensor, slots: Sequence[Slot]) -> Tensor:
    """Return z where the prior has its mass: all normal numbers together as long as those of ``start`` ``[N, D]``.

    Uniform numbers are kept in [-1, 1]. A single normal number has no shell to move on and is left alone.
    """
    normal = _per_number(slots, {"normal": 1.0}).bool()
    uniform = _per_number(slots, {"uniform": 1.0}).bool()
    moved = torch.where(uniform, z.clamp(-1, 1), z)
    if int(normal.sum()) > 1:
        wanted = (start * normal).norm(dim=1, keepdim=True)
        found = (z * normal).norm(dim=1, keepdim=True)
        moved = torch.where(normal, z * (wanted / found.clamp_min(1e-12)), moved)
    return moved


def _per_number(slots: Sequence[Slot], values: dict[str, float]) -> Tensor:
    """Return one value for each number of z, by its slot's distribution: ``[D]``."""
    return torch.cat([torch.full((slot.dim,), values.get(slot.distribution, 0.0)) for slot in slots])


def steer_by_gradient(
    G: Generate,
    slots: tuple[Slot, ...],
    scorer: Judge,
    z: Tensor,
    c: Tensor | None,
    aim: Aim,
    tick: Callable[[int], object] = lambda done: None,
) -> Walk:
    """Walk from ``z [N, D]`` up the gradient, each sample on its own; c stays as it is.

    G and the scorer are in eval mode and their parameters need no gradient. ``tick`` is told how many samples of a
    pass are done.
    """
    parts = []
    for start in range(0, len(z), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        parts.append(_climb(G, slots, scorer, z[rows], None if c is None else c[rows], aim))
        tick(len(z[rows]))
    longest = max(len(path) for path, _, _ in parts)
    paths = [torch.cat([path, path[-1:].expand(longest - len(path), -1, -1)]) for path, _, _ in parts]
    steps, reached = (torch.cat([part[index] for part in parts]) for index in (1, 2))
    return Walk(torch.cat(paths, 1), steps, reached, slots)


def _climb(
    G: Generate, slots: Sequence[Slot], scorer: Judge, start: Tensor, c: Tensor | None, aim: Aim
) -> tuple[Tensor, Tensor, Tensor]:
    """Return one chunk's path ``[T + 1, N, D]``, how many steps each sample took, and which reached their target."""
    deviation = _per_number(slots, DEVIATION)
    cloud = _cloud(aim, deviation)
    path, steps = [start], torch.zeros(len(start), dtype=torch.int64)
    reached = torch.zeros(len(start), dtype=torch.bool)
    rows, origin = torch.arange(len(start)), None  # the samples that still climb
    for number in range(aim.steps + 1):
        if aim.until is not None:
            scores = scores_of(G, scorer, path[-1][rows], None if c is None else c[rows])
            reached[rows] = aim.target.probability(scores) >= aim.until
        going = ~reached[rows]
        if number == aim.steps or not bool(going.any()):
            break
        rows, origin = rows[going], None if origin is None else origin[:, going]
        z = path[-1][rows]
        gradient, around = _gradient(G, scorer, z, None if c is None else c[rows], aim, cloud, origin)
        origin = around if origin is None else origin
        uphill = gradient * deviation
        uphill = uphill / uphill.norm(dim=1, keepdim=True).clamp_min(1e-12)
        moved = path[-1].clone()
        moved[rows] = onto_shell(z + aim.step * deviation * uphill, start[rows], slots)
        path.append(moved)
        steps[rows] += 1
    return torch.stack(path), steps, reached


def _cloud(aim: Aim, deviation: Tensor) -> Tensor:
    """Return where the views of a latent lie beside it: ``[V, D]``, pairs of opposites, the same for every sample."""
    if not aim.smooth:
        return torch.zeros(1, len(deviation))
    random = seeding.generator(0, "views")
    half = torch.randn(max(1, aim.views // 2), len(deviation), generator=random) * aim.smooth * deviation
    return torch.cat([half, -half])


def _gradient(
    G: Generate, scorer: Judge, z: Tensor, c: Tensor | None, aim: Aim, cloud: Tensor, origin: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return each sample's gradient ``[N, D]`` of its own aim, and the scores ``[V, N, K]`` of its views.

    ``origin`` are those scores where the sample began: what each view had is what it is to keep.
    """
    keep = list(aim.keep)
    unit, units = spread(aim.target.score(aim.population)), spread(aim.population)[keep]
    total, views = torch.zeros_like(z), []
    for number, offset in enumerate(cloud):
        with torch.enable_grad():
            leaf = z.detach().requires_grad_()
            scores = scorer.scores(G(leaf + offset, c))
            gain = aim.sign * aim.target.score(scores) / unit
            if keep and aim.keep_weight:
                change = scores - (scores if origin is None else origin[number]).detach()
                gain = gain - aim.keep_weight * (change[:, keep] / units).norm(dim=1)
            (gradient,) = torch.autograd.grad(gain.sum(), leaf)
        total += gradient / len(cloud)
        views.append(scores.detach())
    return total, torch.stack(views)


def check_directions(directions: Directions, model: Model, path: Path | str) -> None:
    """Raise FileError where directions belong to another model."""
    if directions.model_hash != model.hash or directions.vectors.shape[1] != model.prior.dim:
        given = f"holds directions of the model {directions.model_hash[:12]}, and {model.path} is {model.hash[:12]}"
        raise FileError(str(path), given, "directions of one model only", "type: gantool direction find --help")


def along(
    z: Tensor,
    slots: Sequence[Slot],
    vector: Tensor,
    std: float,
    strengths: Sequence[float],
    intercept: float | None = None,
) -> Tensor:
    """Return ``z [T, N, D]`` moved along a unit vector by each strength, in standard deviations of the projection.

    With an intercept the strength is absolute: the distance from the place where the feature begins. What the prior
    does not hold is not made: uniform numbers stop at -1 and 1, and a category that the vector moves is the largest
    of its numbers after the move, one-hot. From a category to another of K it takes a strength above sqrt(K - 1).
    """
    behind = torch.zeros(len(z)) if intercept is None else z @ vector + intercept
    moved = torch.stack([z + (strength * std - behind)[:, None] * vector for strength in strengths])
    return _within(moved, slots, vector)


def switching(slots: Sequence[Slot], vector: Tensor) -> float:
    """Return the strength beyond which ``along`` turns the categories that a vector leads to; 0 if there are none."""
    pairs = zip(slots, parts_of(vector, slots), strict=True)
    touched = [slot.dim for slot, part in pairs if slot.distribution == "categorical" and bool(part.any())]
    return max((math.sqrt(dim - 1) for dim in touched), default=0.0)


def short_of(slots: Sequence[Slot], names: Sequence[str], vectors: Tensor, strength: float) -> str:
    """Say which of the directions ``[K, D]`` turns no category when it is walked so far, and what would; else ""."""
    needed = [switching(slots, vector) for vector in vectors]
    least, name = max(zip(needed, names, strict=True), key=lambda pair: pair[0])
    if least < strength:
        return ""
    return f"{name} turns a category, which happens beyond {least:.1f}; try: --strength {math.ceil(least + 0.5)}"


def _within(z: Tensor, slots: Sequence[Slot], vector: Tensor) -> Tensor:
    """Return ``z [T, N, D]`` with the parts that ``vector`` has moved brought back into the prior."""
    parts = list(parts_of(z, slots))
    for index, (slot, weights) in enumerate(zip(slots, parts_of(vector, slots), strict=True)):
        if slot.distribution == "uniform":
            parts[index] = parts[index].clamp(-1, 1)
        elif slot.distribution == "categorical" and bool(weights.any()):
            parts[index] = torch.nn.functional.one_hot(parts[index].argmax(-1), slot.dim).to(z)
    return torch.cat(parts, -1)


def parts_of(z: Tensor, slots: Sequence[Slot]) -> list[Tensor]:
    """Return the slots of ``z [..., D]`` one by one."""
    ends = list(accumulate(slot.dim for slot in slots))
    return [z[..., end - slot.dim : end] for slot, end in zip(slots, ends, strict=True)]


def find_starts(
    G: Generate, scorer: Judge, target: Target, z: Tensor, c: Tensor | None, count: int, flag: str = "--start"
) -> Tensor:
    """Return the indices of the first ``count`` rows of z whose samples are more probably the target than not.

    Fewer where there are fewer. Raises OptionError where there is none.
    """
    found: list[int] = []
    for start in range(0, len(z), SIDE):
        rows = slice(start, start + SIDE)
        scores = scores_of(G, scorer, z[rows], None if c is None else c[rows])
        found += (start + (target.probability(scores) >= 0.5).nonzero().flatten()).tolist()
        if len(found) >= count:
            break
    if not found:
        given = f"none of {len(z)} samples is {target.name} to the classifier"
        raise OptionError(flag, given, "a feature that the model's samples have", "other --seeds, or leave it out")
    return torch.tensor(found[:count])
