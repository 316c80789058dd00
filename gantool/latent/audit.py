"""Side effects of directions, measured: what else changes when one feature is turned, and whose fault that is.

With ``z+-`` the latents moved by ``+-strength`` standard deviations along direction i and s_j the score of feature j::

    E_ij = [mean s_j(G(z+)) - mean s_j(G(z-))] / std s_j(G(z))

A direction's *leak* is ``E_ij / E_ii`` for the other feature j where it is largest, its *selectivity*
``|E_ii| / sum_j |E_ij|``. Columns of the target's own feature (the classes of one softmax, both parts of an angle) are
no side effects. Intervals are 95 % percentile bootstraps over the latents. A direction that is not named as a feature
is (``pca1``) gets as its target the feature that it moves most.

**Whose fault.** With r the correlation of the two scores in the *real* data, p its permutation p-value, and e the share
of the target's variance that the best linear direction explains (at least 0.25 is assumed):

- ``no effect``: the target's own effect is below 0.10, or its interval holds 0, so there is nothing to compare with;
- ``clean``: the leak is below 0.10 of the target's effect;
- ``the direction``: its cosine with the best linear direction of its target is below 0.90;
- ``the data``: p < 0.01, |r| >= 0.10, and the leak has the sign of r and is at most |r| / e + 0.25;
- ``both``: as before, but the leak is larger than that;
- ``the model``: in every other case;
- ``unknown``: no real data could be looked at, or the classifier measures nothing but the target's own feature.

**The best linear direction** v* is that of the regression of the unmoved scores on z. Its cosine with a direction v, in
the prior's metric, is the correlation of both projections, so a direction that explains the share d of the target's
variance has ``|cos(v, v*)| = sqrt(d / e)``, and v* itself is never needed. What z explains beyond v is estimated with
whitened latents w and the scores t that are left, both without their part along v::

    e = d + [|sum_n t_n w_n|^2 - sum_n |t_n w_n|^2] / [N (N - 1)]

the square of the regression's slopes without that of its noise, which holds where z has more numbers than there are
samples, too. Less than two standard deviations of chance, ``sqrt(2 D) / N`` of t's variance, count as none.

Why r / e: take a model without fault, a target ``s_i = sqrt(e) q + rest`` where q is the position along v*
(variance 1) and the rest is not linear in z, and another feature that is. Then ``cov(s_i, s_j) = sqrt(e) cov(q, s_j)``,
so a walk moves s_j by ``r / sqrt(e)`` while it moves s_i by ``sqrt(e)``. The 0.25 covers chance and what bounded scores
add: a target that saturates within the walk moves less than what it is correlated with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gantool.errors import FileError, OptionError
from gantool.files.audit import Interval, Row
from gantool.files.directions import Directions
from gantool.interfaces import Slot
from gantool.latent import seeds as seeding
from gantool.latent.effects import Generate, Judge, scores_of
from gantool.latent.model import Model
from gantool.latent.prior import Prior
from gantool.latent.scorer import Target
from gantool.latent.statistics import correlation, permutation_p, spearman, spread
from gantool.latent.steering import along, parts_of

__all__ = ["Audit", "Row", "audit", "real_scores", "verdict"]

RESAMPLES = 1000
AT_ONCE = 3_000_000  # indices of resamples in memory, at 16 bytes
WALK = (-1.0, -0.5, 0.5, 1.0)  # times the strength; 0 are the unmoved samples
MOVED = 0.10  # standard deviations: a smaller effect is none. These are the numbers of the rule above
CLEAN, RELATED, CERTAIN = 0.10, 0.10, 0.01
MARGIN, LEAST_EXPLAINED = 0.25, 0.25
AIMED = 0.90
CHANCE = 2.0  # standard deviations
MOST_REAL = 2000


@dataclass(frozen=True)
class Audit:
    """The matrix ``effects [K, M]`` of directions by features, its rows in words, and three correlations beside it."""

    features: tuple[str, ...]
    rows: tuple[Row, ...]
    effects: Tensor  # [K, M]
    cosines: Tensor  # [K, K]
    generated: Tensor  # [M, M]
    real: Tensor | None  # [M, M]
    samples: int
    strength: float

    def shown(self, most: int) -> list[int]:
        """Return the columns worth drawing: every target and leak, and up to ``most`` others, those that move most."""
        named = {self.features.index(name) for row in self.rows for name in (row.target, row.leak_name) if name}
        strongest = self.effects.abs().amax(0).argsort(descending=True).tolist()
        return sorted({*named, *strongest[:most]})

    def plain(self) -> dict[str, Any]:
        """Return the audit as plain data for JSON."""
        matrices = {name: getattr(self, name) for name in ("effects", "cosines", "generated", "real")}
        return {
            "features": list(self.features),
            "directions": [asdict(row) for row in self.rows],
            **{name: None if matrix is None else matrix.tolist() for name, matrix in matrices.items()},
            "samples": self.samples,
            "strength": self.strength,
        }


@dataclass(frozen=True)
class _Choice:
    """A direction's target, and of the features that are not the target's own (``other [M]``) the one moved most."""

    target: int
    matched: bool
    other: Tensor
    worst: int | None


@dataclass(frozen=True)
class _Fits:
    """How far the target follows the walk, what share of it the direction explains, and its cosine with the best."""

    monotonicity: float
    explained: float
    aim: float


def audit(
    G: Generate,
    judge: Judge,
    directions: Directions,
    z: Tensor,
    c: Tensor | None,
    *,
    strength: float = 2.0,
    real: Tensor | None = None,
    seed: int = 0,
    tick: Callable[[int], object] = lambda done: None,
) -> Audit:
    """Measure what each direction does to the samples of ``z [N, D]``, with real data's scores ``[R, M]`` beside it.

    ``tick`` is told how many samples of N (4 K + 1) are made.
    """
    targets = [_target(judge, name) for name in directions.names]
    slots = Prior.restore(directions.slots, "the directions").slots
    white = _whitened(z, slots)
    features, extend = _points(judge, targets)
    still = extend(scores_of(G, judge, z, c, tick))
    strengths = [strength * part for part in WALK]
    walks = torch.stack(
        [
            torch.stack([extend(scores_of(G, judge, at, c, tick)) for at in along(z, slots, vector, std, strengths)])
            for vector, std in zip(directions.vectors, directions.std.tolist(), strict=True)
        ]
    )  # [K, 4, N, M]
    real = None if real is None else extend(real)
    difference = walks[:, -1] - walks[:, 0]
    effects = _effects(difference, still, torch.full((1, len(z)), 1 / len(z)))[0]
    resampled = torch.cat([_effects(difference, still, shares) for shares in _resamples(len(z), seed)])
    rows = []
    for index, (name, target) in enumerate(zip(directions.names, targets, strict=True)):
        choice = _choose(judge, target, features, effects[index])
        walked = torch.stack([*walks[index, :2], still, *walks[index, 2:]])[:, :, choice.target]
        explained, aim = _aim(z @ directions.vectors[index], still[:, choice.target], white)
        fits = _Fits(float(spearman(walked).mean()), explained, aim)
        rows.append(_row(name, choice, features, effects[index], resampled[:, index], fits, real, seed))
    cosines = directions.vectors @ directions.vectors.T
    known = None if real is None else correlation(real)
    return Audit(features, tuple(rows), effects, cosines, correlation(still), known, len(z), strength)


def _target(judge: Judge, name: str) -> Target | None:
    try:
        return judge.target(name)
    except OptionError:  # the name of no feature: pca1
        return None


def _points(judge: Judge, targets: Sequence[Target | None]) -> tuple[tuple[str, ...], Callable[[Tensor], Tensor]]:
    """Return the features' names with those points behind them that a direction leads to (``hue=0.33``), and a function
    that adds these columns to scores ``[..., M]``.
    """
    points = {target.name: target for target in targets if target is not None and target.name not in judge.names}

    def extend(scores: Tensor) -> Tensor:
        return torch.cat([scores, *(target.score(scores)[..., None] for target in points.values())], -1)

    return (*judge.names, *points), extend


def _resamples(count: int, seed: int) -> Iterator[Tensor]:
    """Yield how often each latent stands in each resample, as shares: ``[r, count]``, of ``RESAMPLES`` r at a time."""
    random = seeding.generator(seed, "bootstrap")
    block = max(1, AT_ONCE // count)
    for start in range(0, RESAMPLES, block):
        drawn = torch.randint(count, (min(block, RESAMPLES - start), count), generator=random)
        yield torch.zeros(drawn.shape).scatter_add_(1, drawn, torch.tensor(1 / count).expand(drawn.shape))


def _whitened(z: Tensor, slots: Sequence[Slot]) -> Tensor:
    """Return latents of the prior ``[N, D]`` with covariance 1; that of a category is 1 but for the sum, which is 0."""
    scale = {"normal": 1.0, "uniform": 3**0.5}
    parts = [
        (part - 1 / slot.dim) * slot.dim**0.5 if slot.distribution == "categorical" else part * scale[slot.distribution]
        for slot, part in zip(slots, parts_of(z, slots), strict=True)
    ]
    return torch.cat(parts, 1)


def _aim(position: Tensor, score: Tensor, white: Tensor) -> tuple[float, float]:
    """Return the share of a score's variance that a position ``[N]`` explains, and the direction's cosine with v*.

    ``white [N, D]`` are whitened latents. See the top of this module.
    """
    both = torch.stack([position, score], 1)
    q, s = ((both - both.mean(0)) / spread(both)).T
    count = len(score)
    r = float(q @ s) / max(count - 1, 1)
    t, w = s - r * q, white - q[:, None] * (q @ white / max(count - 1, 1))
    beyond = float((t @ w).square().sum() - (t.square() @ w.square().sum(1))) / max(count * (count - 1), 1)
    if beyond < CHANCE * (2 * w.shape[1]) ** 0.5 / count * float(t.square().mean()):
        return r**2, 1.0
    return r**2, (r**2 / (r**2 + beyond)) ** 0.5


def _effects(difference: Tensor, still: Tensor, shares: Tensor) -> Tensor:
    """Return E ``[R, K, M]`` for each row of shares of the latents ``[R, N]``; a constant score counts as it is."""
    centred = still - still.mean(0)
    variance = (shares @ centred**2 - (shares @ centred) ** 2) * len(still) / max(len(still) - 1, 1)
    std = variance.clamp_min(0).sqrt()
    std = torch.where(std > 1e-6 * still.abs().amax(0), std, torch.ones_like(std))
    effects: Tensor = torch.einsum("rn,knm->rkm", shares, difference) / std[:, None]
    return effects


def _choose(judge: Judge, target: Target | None, features: Sequence[str], effects: Tensor) -> _Choice:
    """Choose from the effects ``[M]`` of one direction."""
    known = len(judge.names)
    column = int(effects[:known].abs().argmax()) if target is None else features.index(target.name)
    own = (target or judge.target(features[column])).group
    other = torch.arange(len(effects)) < known  # a point of a circle is no feature of its own
    other[[column, *own]] = False
    worst = int(effects.abs().masked_fill(~other, -1.0).argmax())
    return _Choice(column, target is None, other, worst if bool(other.any()) else None)


def _row(
    name: str,
    choice: _Choice,
    features: Sequence[str],
    effects: Tensor,
    resampled: Tensor,
    fits: _Fits,
    real: Tensor | None,
    seed: int,
) -> Row:
    """Put the effects ``[M]`` of one direction and its resampled ones ``[R, M]`` into figures."""
    target, worst, other = choice.target, choice.worst, choice.other
    effect, own = float(effects[target]), _interval(resampled[:, target])
    moved = abs(effect) >= MOVED and not own[0] <= 0 <= own[1]
    leak = interval = r = p = None
    if worst is not None:
        leak = float(_ratio(effects[worst], effects[target]))
        interval = _interval(_ratio(resampled[:, worst], resampled[:, target]))
        if real is not None:
            r, p = permutation_p(real[:, target], real[:, worst], seed)
    return Row(
        name,
        features[target],
        choice.matched,
        effect,
        own,
        float(_selectivity(effects, target, other)),
        _interval(_selectivity(resampled, target, other)),
        fits.monotonicity,
        fits.explained,
        fits.aim,
        leak,
        None if worst is None else features[worst],
        interval,
        r,
        p,
        verdict(leak, r, p, fits.explained, fits.aim) if moved else "no effect",
    )


def _selectivity(effects: Tensor, target: int, other: Tensor) -> Tensor:
    """Return ``|E_ii| / sum_j |E_ij|`` from effects ``[..., M]``."""
    own = effects[..., target].abs()
    shares: Tensor = own / (own + effects[..., other].abs().sum(-1)).clamp_min(1e-12)
    return shares


def _ratio(other: Tensor, own: Tensor) -> Tensor:
    return other / torch.where(own.abs() > 1e-12, own, 1e-12)


def _interval(values: Tensor) -> Interval:
    low, high = torch.quantile(values, torch.tensor([0.025, 0.975])).tolist()
    return low, high


def verdict(leak: float | None, r: float | None, p: float | None, explained: float = 1.0, aim: float = 1.0) -> str:
    """Say whose fault a leak is, by the rule at the top of this module, where the direction has an effect."""
    if leak is not None and abs(leak) < CLEAN:
        return "clean"
    if leak is not None and aim < AIMED:
        return "the direction"
    if leak is None or r is None or p is None:
        return "unknown"
    if p >= CERTAIN or abs(r) < RELATED or leak * r < 0:
        return "the model"
    return "the data" if abs(leak) <= abs(r) / max(explained / aim**2, LEAST_EXPLAINED) + MARGIN else "both"


def real_scores(model: Model, judge: Judge, seed: int = 0, most: int = MOST_REAL) -> Tensor:
    """Return the scores ``[R, M]`` of up to ``most`` of the real pictures that the model was trained on.

    Raises UserError where they are not to be had, or are no longer the same.
    """
    if not model.fingerprint:
        raise FileError(str(model.path), "does not record what it was trained on", "a model that gantool trained")
    dataset = model.config.create("data")
    info = dataset.describe()
    if info.fingerprint != model.fingerprint or tuple(info.shape) != model.shape:
        where = f"--data {model.config.name('data')}"
        raise FileError(where, "is not the data that the model was trained on", "the same pictures in the same place")
    values = dataset.load().values
    order = torch.randperm(len(values), generator=seeding.generator(seed, "real pictures"))[:most]
    pixels = torch.from_numpy(np.ascontiguousarray(values[np.sort(order.numpy())]))
    return scores_of(lambda part, c: part.float() / 127.5 - 1 if part.dtype == torch.uint8 else part, judge, pixels)
