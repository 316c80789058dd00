"""A request to turn one feature, carried out: the walk of every sample, and what it changed by a judge's measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gantool.errors import OptionError, nearest
from gantool.files.directions import Directions
from gantool.latent.effects import Effect, draw, measure, scores_of
from gantool.latent.model import Model
from gantool.latent.scorer import Scorer, Target
from gantool.latent.statistics import spread
from gantool.latent.steering import Aim, along, steer_by_gradient

__all__ = ["POPULATION", "Order", "Steered", "columns_of", "steer"]

POPULATION = 512  # samples that scores are standardised over
SPAN = (-3.0, 3.0)  # of a walk along a direction, in standard deviations


@dataclass(frozen=True)
class Order:
    """What to turn, by what, and how far.

    With ``directions`` the samples are moved along the one called ``toward``, else up the gradient of the ``scorer``,
    until the target's probability is ``until`` or, with a ``span``, from its first to its second number of standard
    deviations. The ``judge`` measures, the scorer where it is None. ``keep`` None is all other features.
    """

    toward: str
    scorer: Scorer | None = None
    judge: Scorer | None = None
    directions: Directions | None = None
    until: float = 0.9
    span: tuple[float, float] | None = None
    absolute: bool = False
    columns: int = 7
    keep: tuple[str, ...] | None = None
    keep_weight: float = 0.3
    step: float = 0.25
    steps: int = 40
    smooth: float = 0.6  # measured, see docs/latent.md
    views: int = 16


@dataclass(frozen=True)
class Steered:
    """A strip: ``z [T, N, D]``, what stands above its columns, and what changed, where that was measured.

    ``reached`` counts the samples that the steering classifier let stop, None where none could. ``matched``: the
    direction's name is no feature's, and the effect is that on the feature it moved most.
    """

    z: Tensor
    heads: tuple[str, ...]
    reached: int | None = None
    effect: Effect | None = None
    matched: bool = False


def steer(
    model: Model, z: Tensor, c: Tensor | None, order: Order, tick: Callable[[int], object] = lambda done: None
) -> Steered:
    """Move the samples of ``z [N, D]`` as ordered; c stays. Raises OptionError for what is not known to the tools.

    ``tick`` is told how many more samples are drawn, walked or scored.
    """
    judge = order.judge or order.scorer
    if order.directions is not None:
        if judge is None:
            return _along(model, order.directions, z, order)
        population = _population(model, judge, tick)
        return _measured(model, judge, population, _along(model, order.directions, z, order), z, c, order, tick)
    if order.scorer is None or judge is None:
        allowed = "a classifier to follow or a file of directions to walk along"
        hint = "type: gantool classifier train --help"
        raise OptionError("--toward", "was given with neither --classifier nor --directions", allowed, hint)
    target = order.scorer.target(order.toward)
    judge.target(order.toward, "--judge")
    aim = Aim(
        target,
        torch.empty(0),
        _kept(order, target),
        order.keep_weight,
        order.until,
        order.step,
        order.steps,
        smooth=order.smooth,
        views=order.views,
    )
    own = _population(model, order.scorer, tick)
    steered = _climb(model, order.scorer, replace(aim, population=own), z, c, order, tick)
    population = own if judge is order.scorer else _population(model, judge, tick)
    return _measured(model, judge, population, steered, z, c, order, tick)


def _population(model: Model, scorer: Scorer, tick: Callable[[int], object]) -> Tensor:
    return scores_of(model.G, scorer, *draw(model, POPULATION, "population"), tick)


def _strengths(span: tuple[float, float], count: int) -> list[float]:
    return [float(value) for value in torch.linspace(*span, count, dtype=torch.float64)]


def _heads(strengths: Sequence[float]) -> tuple[str, ...]:
    return tuple(f"{round(value, 2) + 0.0:+g}" for value in strengths)


def _along(model: Model, directions: Directions, z: Tensor, order: Order) -> Steered:
    row = directions.index(order.toward)
    intercept = float(directions.intercept[row]) if order.absolute else None
    if intercept is not None and intercept != intercept:
        given = f"was given, and the direction {directions.names[row]} has no intercept"
        raise OptionError("--absolute", given, "a direction that says where its feature begins", "leave it out")
    strengths = _strengths(order.span or SPAN, order.columns)
    vector, std = directions.vectors[row], float(directions.std[row])
    return Steered(along(z, model.prior.slots, vector, std, strengths, intercept), _heads(strengths))


def _climb(
    model: Model,
    scorer: Scorer,
    aim: Aim,
    z: Tensor,
    c: Tensor | None,
    order: Order,
    tick: Callable[[int], object],
) -> Steered:
    """Walk to the target, or both ways to the ends of the span."""
    if order.span is None:
        walk = steer_by_gradient(model.G, model.prior.slots, scorer, z, c, aim, tick)
        heads = ["start", *(f"{part / (order.columns - 1):.0%}" for part in range(1, order.columns - 1)), "end"]
        return Steered(walk.columns(order.columns), tuple(heads), int(walk.reached.sum()))
    strengths = _strengths(order.span, order.columns)
    found: dict[int, Tensor] = {}
    for sign, reach in ((-1.0, -order.span[0]), (1.0, order.span[1])):
        columns = [index for index, value in enumerate(strengths) if (value < 0) == (sign < 0)]
        if not columns:
            continue
        steps = max(0, -int(-reach // aim.step))  # rounded up
        way = replace(aim, until=None, steps=steps, sign=sign)
        walk = steer_by_gradient(model.G, model.prior.slots, scorer, z, c, way, tick)
        positions = torch.tensor([abs(strengths[index]) / aim.step for index in columns])
        moved = walk.at(positions[:, None].expand(-1, len(z)))
        found |= dict(zip(columns, moved, strict=True))
    return Steered(torch.stack([found[index] for index in range(order.columns)]), _heads(strengths))


def _kept(order: Order, target: Target) -> list[int]:
    """Return the columns of the features to keep. Raises OptionError for the target itself."""
    assert order.scorer is not None  # it gave the target
    names = order.scorer.names
    own = {index for index, weight in enumerate(target.weights.tolist()) if weight}
    if order.keep is None:
        return [index for index in range(len(names)) if index not in target.group and index not in own]
    kept = [index for name in order.keep for index in columns_of(names, name, "--keep")]
    if own.intersection(kept):
        raise OptionError("--keep", f"holds {target.name}, which is to change", "other features, all or none")
    return list(dict.fromkeys(kept))


def columns_of(names: Sequence[str], name: str, flag: str) -> list[int]:
    """Return the columns of a feature, two for a circle (``hue`` is hue.cos and hue.sin), whatever its case."""
    wanted = name.casefold()
    found = [
        index for index, known in enumerate(names) if known.casefold() in (wanted, f"{wanted}.cos", f"{wanted}.sin")
    ]
    if not found:
        shown = ", ".join(names[:40])
        raise OptionError(flag, f"there is no feature {name!r}", f"known: {shown}", nearest(name, names))
    return found


def _measured(
    model: Model,
    judge: Scorer,
    population: Tensor,
    steered: Steered,
    start: Tensor,
    c: Tensor | None,
    order: Order,
    tick: Callable[[int], object],
) -> Steered:
    """Return the strip with its effect; a direction that is no feature's name is judged by what it moved most."""
    columns, samples = steered.z.shape[:2]
    labels = None if c is None else c.repeat(columns, *[1] * (c.dim() - 1))
    scores = scores_of(model.G, judge, steered.z.flatten(0, 1), labels, tick).view(columns, samples, -1)
    matched = False
    try:
        target = judge.target(order.toward)
    except OptionError:
        changes = ((scores[-1] - scores[0]).mean(0) / spread(population)).abs()
        target, matched = judge.target(judge.names[int(changes.argmax())]), True
    lengths = start.norm(dim=1).clamp_min(1e-12)
    ratio = float((steered.z[-1].norm(dim=1) / lengths).mean())
    effect = measure(scores, target, judge.names, population, order.until, ratio)
    return replace(steered, effect=effect, matched=matched)
