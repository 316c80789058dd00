"""What diagnostics have in common: they judge the newest readings, once the run's beginning is over."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gantool import Vitals

__all__ = ["HALFWAY", "IN_A_ROW", "LEARNT", "SETTLED", "STARTED", "before", "lately"]

IN_A_ROW = 5  # readings that must agree; a run has about 60
# What must lie behind the readings that are judged: a share of the run's length, and steps.
STARTED = (0.1, 0)  # slopes and gradients
SETTLED = (0.25, 0)  # what training brings about
LEARNT = (0.25, 200)  # samples: a young generator shows little variety, in a short run too
HALFWAY = (0.5, 0)  # a penalised slope, which is steep while samples are far from the data


def lately(
    vitals: Sequence[Vitals], name: str, count: int = IN_A_ROW, *, after: tuple[float, int] = SETTLED
) -> list[float]:
    """Return a number's newest ``count`` readings, oldest first; none where one is missing or too early."""
    share, steps = after
    newest = [one for one in vitals[-count:] if one.fraction >= share and one.step >= steps]
    found = [one.values.get(name, math.nan) for one in newest]
    return found if len(found) == count and all(map(math.isfinite, found)) else []


def before(vitals: Sequence[Vitals], name: str, count: int = IN_A_ROW) -> list[float]:
    """Return all readings of a number but the newest ``count``, those that are missing left out."""
    found = [one.values.get(name, math.nan) for one in vitals[:-count]]
    return [value for value in found if math.isfinite(value)]
