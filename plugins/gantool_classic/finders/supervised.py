"""Directions from scores: each finder fits its vectors, and all place their intercepts and measure fits alike.

The intercept is refitted on all samples, whatever the vector was learnt from: projected to 0, a sample lies at the
feature's threshold. Figures come from a fit on 70 % of the samples, measured on the rest.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gantool import Direction, Evidence, Options, UserError
from gantool_classic.finders.settings import BoundaryOptions, GradientOptions, Needs, RidgeOptions

HELD_OUT = 0.3
RARE = 0.01  # a smaller share of the samples is too few for a mean
SMALL_PENALTY = 1e-4  # of the fit in one dimension; only keeps the slope finite where the classes do not overlap
BATCH = 64
MOST_STEPS, SHORTEST_STEP, CONVERGED = 100, 1e-6, 1e-14  # of Newton's method; a fit takes about ten steps

Fit = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``z [N, D]``, ``scores [N, K]``, ``thresholds [K]`` -> ``vectors [K, D]``."""


class Ridge:
    """Ridge regression (Hoerl & Kennard 1970) of the scores on z: ``(Z'Z + alpha I)^-1 Z'S``."""

    needs: Needs = ("scores",)

    def __init__(self, options: RidgeOptions) -> None:
        self.alpha: float = options.alpha

    def find(self, evidence: Evidence) -> list[Direction]:
        """Return one direction for each name."""
        return fitted(evidence, self._fit)

    def _fit(self, z: Tensor, scores: Tensor, thresholds: Tensor) -> Tensor:
        centred = z - z.mean(0)
        gram = centred.T @ centred + self.alpha * torch.eye(z.shape[1]).to(z)
        slopes: Tensor = torch.linalg.solve(gram, centred.T @ (scores - scores.mean(0)))
        return slopes.T


class Boundary:
    """The linear boundary between the highest and the lowest scores (InterFaceGAN, Shen et al. 2020).

    It is fitted by logistic regression rather than by a support vector machine: smooth, and without a dependency.
    """

    needs: Needs = ("scores",)

    def __init__(self, options: BoundaryOptions) -> None:
        self.options = options

    def find(self, evidence: Evidence) -> list[Direction]:
        """Return one direction for each name."""
        return fitted(evidence, self._fit)

    def _fit(self, z: Tensor, scores: Tensor, thresholds: Tensor) -> Tensor:
        count = max(1, int(self.options.share * len(z)))
        present = torch.arange(2 * count) >= count
        ends = [torch.cat([order[:count], order[-count:]]) for order in scores.argsort(dim=0, stable=True).T]
        return torch.stack([logistic(z[rows], present, self.options.penalty)[0] for rows in ends])


class MeanDifference:
    """The difference of the two class means, each class weighing the same whatever its size (White 2016).

    Where fewer than 1 % of the samples have a feature, or lack it, the median score parts them.
    """

    needs: Needs = ("scores",)

    def __init__(self, options: Options) -> None: ...

    def find(self, evidence: Evidence) -> list[Direction]:
        """Return one direction for each name."""
        return fitted(evidence, self._fit)

    def _fit(self, z: Tensor, scores: Tensor, thresholds: Tensor) -> Tensor:
        present = scores > thresholds
        rare = ((present.to(z).mean(0) - 0.5).abs() > 0.5 - RARE) | present.all(0) | ~present.any(0)
        present = torch.where(rare, scores > scores.median(0).values, present)
        return torch.stack([z[column].mean(0) - z[~column].mean(0) for column in present.T])


class Gradient:
    """The mean over z of the normalised gradient of a score with respect to z."""

    needs: Needs = ("score",)

    def __init__(self, options: GradientOptions) -> None:
        self.samples: int = options.samples

    def find(self, evidence: Evidence) -> list[Direction]:
        """Return one direction for each name; ``agreement`` is 1 where the gradient is the same everywhere."""
        count = min(self.samples, len(evidence.z))
        parts = [_slopes(evidence, slice(start, min(start + BATCH, count))) for start in range(0, count, BATCH)]
        means = torch.cat(parts, 1).mean(1)
        agreement = [{"agreement": float(mean.norm())} for mean in means]
        if evidence.scores is None:
            named = zip(evidence.names, means, agreement, strict=True)
            return [Direction(name, mean, figures=figures) for name, mean, figures in named]
        found = fitted(evidence, lambda z, scores, thresholds: means.to(z))
        return [
            Direction(one.name, one.vector, one.intercept, {**more, **one.figures})
            for one, more in zip(found, agreement, strict=True)
        ]


def _slopes(evidence: Evidence, rows: slice) -> Tensor:
    """Return the unit gradients ``[K, n, D]`` of the scores at n rows of z."""
    assert evidence.score is not None  # the finder needs it
    with torch.enable_grad():
        z = evidence.z[rows].detach().clone().requires_grad_()
        scores = evidence.score(evidence.G(z, None if evidence.c is None else evidence.c[rows]))
        slopes = [torch.autograd.grad(total, z, retain_graph=True)[0] for total in scores.sum(0)]
    return torch.nn.functional.normalize(torch.stack(slopes), dim=2)


def fitted(evidence: Evidence, fit: Fit) -> list[Direction]:
    """Fit all names at once; add intercepts, and figures from held-out samples.

    Raises UserError where a feature's score is the same in all samples.
    """
    assert evidence.scores is not None  # the finder needs it
    z, scores = evidence.z.double(), evidence.scores.double()
    for name, column in zip(evidence.names, scores.T, strict=True):
        if not bool((column != column[0]).any()):
            same = f"its score is the same in all {len(z)} samples"
            raise UserError(f"--toward {name}", same, "a feature that varies", "try more samples with -n")
    thresholds = scores.median(0).values if evidence.thresholds is None else evidence.thresholds.to(scores)
    present = scores > thresholds
    order = torch.randperm(len(z), generator=torch.Generator().manual_seed(evidence.seed))
    test, train = order[: round(HELD_OUT * len(z))], order[round(HELD_OUT * len(z)) :]
    vectors, tried = fit(z, scores, thresholds), fit(z[train], scores[train], thresholds)
    found = []
    for column, name in enumerate(evidence.names):
        cut = intercept(z[train] @ tried[column], present[train, column])
        held = z[test] @ tried[column]
        figures = {"r2": _squared_correlation(held, scores[test, column])}
        if cut is not None:
            figures["accuracy"] = float(((held + cut > 0) == present[test, column]).double().mean())
        figures["present"] = float(present[:, column].double().mean())
        place = intercept(z @ vectors[column], present[:, column])
        found.append(Direction(name, vectors[column].float(), place, figures))
    return found


def intercept(projection: Tensor, present: Tensor) -> float | None:
    """Return b, so that a feature is as likely there as not where ``projection + b = 0``; None where nothing tells.

    A logistic fit in one dimension, of a projection ``[N]`` to whether the feature is present ``[N]``.
    """
    mean, std = projection.mean(), projection.std()
    if bool(present.all()) or not bool(present.any()) or not bool(std > 0):
        return None
    slope, bias = logistic(((projection - mean) / std)[:, None], present, SMALL_PENALTY)
    if not bool(slope[0] > 0):
        return None
    return float(bias * std / slope[0] - mean)


def logistic(features: Tensor, present: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Fit ``P(present) = sigmoid(w . features + b)`` by Newton's method; return ``w [D]`` and ``b``.

    The mean log loss plus ``penalty / 2 |w|^2`` is minimised; b is not penalised. In float64 and without randomness:
    the same data give the same fit.
    """
    x, y = torch.cat([features, torch.ones(len(features), 1)], 1).double(), present.double()
    curb = torch.full((x.shape[1],), penalty, dtype=x.dtype)
    curb[-1] = 1e-9  # the bias is free; this keeps the matrix invertible where all is told with certainty

    def loss(w: Tensor) -> float:
        mean = torch.nn.functional.binary_cross_entropy_with_logits(x @ w, y)
        return float(mean + (curb * w * w).sum() / 2)

    w = torch.zeros(x.shape[1], dtype=x.dtype)
    for _ in range(MOST_STEPS):
        p = torch.sigmoid(x @ w)
        slope = x.T @ (p - y) / len(x) + curb * w
        bend = (x * (p * (1 - p))[:, None]).T @ x / len(x) + torch.diag(curb)
        step = torch.linalg.solve(bend, slope)
        promised, size = float(slope @ step), 1.0
        while loss(w - size * step) > loss(w) - size * promised / 4 and size > SHORTEST_STEP:
            size /= 2
        w = w - size * step
        if promised < CONVERGED:
            break
    return w[:-1], w[-1]


def _squared_correlation(left: Tensor, right: Tensor) -> float:
    left, right = left - left.mean(), right - right.mean()
    scale = left.norm() * right.norm()
    return float(((left @ right) / scale).square()) if scale > 0 else 0.0
