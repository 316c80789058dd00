"""What a walk through z did: changes of scores in standard deviations of the model's own samples.

A raw score says little (a logit's standard deviation may be 0.5 or 20), so every change is divided by that of a
*population*, the scores ``[M, K]`` of many samples of the same model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from gantool.latent import seeds as seeding
from gantool.latent.statistics import spearman, spread

if TYPE_CHECKING:
    from gantool.latent.model import Model
    from gantool.latent.scorer import Target

__all__ = ["Effect", "Judge", "draw", "measure", "scores_of"]

SIDE = 64  # samples in one pass through the networks

Generate = Callable[[Tensor, Tensor | None], Tensor]


class Judge(Protocol):
    """What a ``Scorer`` offers to those who only measure."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def scores(self, x: Tensor) -> Tensor: ...

    def target(self, text: str, flag: str = "--toward") -> Target: ...


@dataclass(frozen=True)
class Effect:
    """What changed from the first to the last column of a strip, in the mean over its samples.

    ``change`` is the target's in standard deviations, ``probability`` its mean at both ends, ``reached`` the number of
    samples that end at ``until`` or above, ``already`` those that began there. ``follows`` is Spearman's correlation
    of the target with the position along the strip, in the mean over the samples that moved. ``others`` are the signed
    changes of all features but the target's own, ``alike`` those of the same softmax, the largest first.
    ``norm_ratio`` is the length of z at the end, relative to that of the unmoved one.
    """

    target: str
    samples: int
    change: float
    probability: tuple[float, float]
    reached: int
    already: int
    follows: float | None
    others: Mapping[str, float]
    alike: Mapping[str, float]
    norm_ratio: float


def draw(model: Model, count: int, stream: str, seed: int = 0) -> tuple[Tensor, Tensor | None]:
    """Return ``z [count, D]`` and labels of the prior, apart from those of the small seeds that a person uses."""
    seeds = [seeding.number(seed, stream, index) for index in range(count)]
    return model.latents(seeds), model.labels(seeds)


def scores_of(
    G: Generate,
    judge: Judge,
    z: Tensor,
    c: Tensor | None = None,
    tick: Callable[[int], object] = lambda done: None,
) -> Tensor:
    """Return the scores ``[N, K]`` of the samples of ``z [N, D]``; ``tick`` is told how many each pass made."""
    parts = []
    with torch.no_grad():  # not inference_mode: the numbers meet a graph later
        for start in range(0, len(z), SIDE):
            rows = slice(start, start + SIDE)
            parts.append(judge.scores(G(z[rows], None if c is None else c[rows])))
            tick(len(parts[-1]))
    return torch.cat(parts)


def measure(
    scores: Tensor, target: Target, names: Sequence[str], population: Tensor, until: float, norm_ratio: float
) -> Effect:
    """Return what changed along a strip with ``scores [T, N, K]``, against the scores of a ``population [M, K]``."""
    along = target.score(scores.flatten(0, 1)).view(scores.shape[:2])  # [T, N]
    first, last = target.probability(scores[0]), target.probability(scores[-1])
    moved = (scores != scores[:1]).any(2).any(0)
    changes = ((scores[-1] - scores[0]).mean(0) / spread(population)).tolist()
    own = {index for index, weight in enumerate(target.weights.tolist()) if weight}
    alike = [index for index in target.group if index not in own]
    others = [index for index in range(len(names)) if index not in own and index not in target.group]
    return Effect(
        target.name,
        scores.shape[1],
        float((along[-1] - along[0]).mean() / spread(target.score(population))),
        (float(first.mean()), float(last.mean())),
        int((last >= until).sum()),
        int((first >= until).sum()),
        float(spearman(along[:, moved]).mean()) if bool(moved.any()) else None,
        _largest(names, changes, others),
        _largest(names, changes, alike),
        norm_ratio,
    )


def _largest(names: Sequence[str], changes: Sequence[float], chosen: Sequence[int]) -> dict[str, float]:
    ordered = sorted(chosen, key=lambda index: -abs(changes[index]))
    return {names[index]: changes[index] for index in ordered}
