"""Six ways in which a GAN fails, each recognised by a threshold on a run's vitals.

The thresholds were set between runs made to fail and healthy ones: ``tests/benchmarks/diagnostics.py`` shows both.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median
from typing import TYPE_CHECKING

from gantool import Finding, Options, Vitals
from gantool_classic.diagnostics import remedies
from gantool_classic.diagnostics.readings import HALFWAY, IN_A_ROW, LEARNT, STARTED, before, lately

if TYPE_CHECKING:
    from gantool import RunConfig

COLLAPSED, GROWING = 0.5, 0.05  # of the data's variety; more than in the 5 readings before is growth, not collapse
VANISHED = 0.02  # of the slope that G's loss has where D is undecided or the loss is linear, about
DEAD = 1e-8  # norm of G's gradient: below Adam's epsilon its steps shrink too
SATURATED, LONG = 0.01, 10  # slope of D's loss, readings in a row: D is often sure for a while in good runs
CHANCE, FAR, NOISES = 0.6, 0.75, 4.0  # share of pairs ranked rightly; spreads, and times real examples' own distance
NEARING = 0.9  # times the distance in the 5 readings before: below it samples are on their way
TOO_STEEP = 4.0  # times the bound; a light penalty on the grid of 25 leaves 2 to 3.5, and good samples
RISEN, FURTHER, LOST = 3.0, 0.5, 5.0  # times the best distance, spreads beyond it; spreads, wherever the best was
GROWN = 1000.0  # times the loss of D that the run began with, or 1


class Check:
    """A diagnostic without options."""

    def __init__(self, options: Options) -> None: ...


class ModeCollapse(Check):
    """Samples show less than half of the data's variety, and not more and more of it.

    In 5 readings in a row after a quarter of the run and 200 steps, whose mean is at most 0.05 above that of the 5
    before.
    """

    def check(self, vitals: Sequence[Vitals], config: RunConfig) -> Finding | None:
        """Look at ``coverage``."""
        coverage, earlier = lately(vitals, "coverage", after=LEARNT), before(vitals, "coverage")[-IN_A_ROW:]
        if not coverage or max(coverage) >= COLLAPSED:
            return None
        if earlier and fmean(coverage) > fmean(earlier) + GROWING:
            return None
        return Finding(f"samples show {coverage[-1]:.2f} of the data's variety", remedies.another_loss(config))


class VanishingGradient(Check):
    """D wins and the slope of G's loss is below 0.02, or the norm of G's gradient is below 1e-8.

    In 5 readings in a row after a tenth of the run. Goodfellow et al. 2014, section 3: log(1 - D(G(z))) saturates.
    """

    def check(self, vitals: Sequence[Vitals], config: RunConfig) -> Finding | None:
        """Look at ``slope_g`` and ``gradient_g``; a slope that is small because D is fooled is no failure of this."""
        slope, gradient, separation = (
            lately(vitals, name, after=STARTED) for name in ("slope_g", "gradient_g", "separation")
        )
        if slope and max(slope) < VANISHED and separation and min(separation) >= CHANCE:
            seen = f"the slope of G's loss is {slope[-1]:.1g}: D is sure of every sample, and G learns nothing"
        elif gradient and max(gradient) < DEAD:
            seen = f"G's gradient is {gradient[-1]:.1g}, and G learns nothing"
        else:
            return None
        return Finding(seen, remedies.another_loss(config))


class SaturatedDiscriminator(Check):
    """The slope of D's loss is below 0.01, in 10 readings in a row after a tenth of the run: D learns nothing more."""

    def check(self, vitals: Sequence[Vitals], config: RunConfig) -> Finding | None:
        """Look at ``slope_d``."""
        slope = lately(vitals, "slope_d", LONG, after=STARTED)
        if not slope or max(slope) >= SATURATED:
            return None
        seen = f"the slope of D's loss is {slope[-1]:.1g}: D tells real from fake without a doubt"
        return Finding(seen, remedies.weaker_critic(config))


class SuperiorGenerator(Check):
    """D ranks less than 60 % of pairs rightly, though samples are far from the data and come no nearer.

    Far is 0.75 of the data's spread and four times what real examples are from others; no nearer is over 0.9 times the
    mean of the 5 readings before. In 5 readings in a row after a quarter of the run and 200 steps.
    """

    def check(self, vitals: Sequence[Vitals], config: RunConfig) -> Finding | None:
        """Look at ``separation`` and ``distance``."""
        distance, earlier = lately(vitals, "distance", after=LEARNT), before(vitals, "distance")[-IN_A_ROW:]
        if not distance or not fooled(vitals):
            return None
        if min(distance) < max(FAR, NOISES * vitals[-1].values.get("noise", 0.0)):
            return None
        if earlier and fmean(distance) < NEARING * fmean(earlier):
            return None
        share = fmean(lately(vitals, "separation"))
        seen = f"D ranks {share:.0%} of pairs of a real and a fake rightly, and {said_of(distance[-1])}"
        return Finding(seen, remedies.stronger_critic(config))


class LipschitzViolation(Check):
    """D's slope between real and fake is over 4 times its bound, in 5 readings in a row in a run's second half.

    A two-sided penalty of weight w has its optimum at a slope of 1 + W1 / (2 w): steep while samples are far.
    """

    def check(self, vitals: Sequence[Vitals], config: RunConfig) -> Finding | None:
        """Look at ``steepness`` and ``bound``."""
        steepness, bound = (lately(vitals, name, after=HALFWAY) for name in ("steepness", "bound"))
        if not steepness or not bound or bound[-1] <= 0 or min(steepness) <= TOO_STEEP * bound[-1]:
            return None
        seen = f"D's slope between real and fake is {steepness[-1]:.1f}, where {bound[-1]:g} is asked for"
        return Finding(seen, remedies.heavier_penalty(config))


class Divergence(Check):
    """Samples move away from the data, or D's loss grows without bound.

    Samples are three times as far as at their best and half the data's spread further, or five spreads away; or D's
    loss is a thousand times what it was in the first three readings, and over 1000. In 5 readings in a row after a
    quarter of the run.
    """

    def check(self, vitals: Sequence[Vitals], config: RunConfig) -> Finding | None:
        """Look at ``distance`` and ``loss_d``."""
        seen = self._distance(vitals) or self._loss(vitals)
        if seen is None:
            return None
        return Finding(seen, remedies.stronger_critic(config) if fooled(vitals) else remedies.lower_rates(config))

    def _distance(self, vitals: Sequence[Vitals]) -> str | None:
        distance, best = lately(vitals, "distance"), best_of(before(vitals, "distance"))
        if distance and min(distance) > LOST:
            return said_of(distance[-1])
        if distance and best is not None and min(distance) > max(RISEN * best, best + FURTHER):
            return f"{said_of(distance[-1])}, {best:.2f} at their best"
        return None

    def _loss(self, vitals: Sequence[Vitals]) -> str | None:
        loss, first = lately(vitals, "loss_d"), before(vitals, "loss_d")[:3]
        if not loss or not first or min(map(abs, loss)) <= GROWN * max(1.0, median(map(abs, first))):
            return None
        return f"D's loss has grown to {loss[-1]:.1g}, from {median(first):.1g}"


def fooled(vitals: Sequence[Vitals]) -> bool:
    """Whether D ranks less than 60 % of pairs of a real and a fake rightly."""
    separation = lately(vitals, "separation")
    return bool(separation) and max(separation) < CHANCE


def said_of(distance: float) -> str:
    """Say how far samples are."""
    return f"samples are {distance:.1f} times the data's spread away from it"


def best_of(distances: Sequence[float]) -> float | None:
    """Return the least median of three readings one behind the other, so that one by chance is not the best."""
    return min((median(distances[at : at + 3]) for at in range(len(distances) - 2)), default=None)
