"""What diagnostics have in common: they judge the newest readings, once the run's beginning is over."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gantool import Vitals

__all__ = ["IN_A_ROW", "WARM_UP", "before", "lately"]

IN_A_ROW = 5  # readings that must agree; a run has about 60
WARM_UP = 0.25  # of a run's length, in which samples are not judged: a young generator shows little variety


def lately(vitals: Sequence[Vitals], name: str, count: int = IN_A_ROW, warm_up: float = WARM_UP) -> list[float]:
    """Return a number's newest ``count`` readings, oldest first; none where one is missing or of the warm-up."""
    newest = vitals[-count:]
    found = [one.values.get(name, math.nan) for one in newest if one.fraction >= warm_up]
    return found if len(found) == count and all(map(math.isfinite, found)) else []


def before(vitals: Sequence[Vitals], name: str, count: int = IN_A_ROW) -> list[float]:
    """Return all readings of a number but the newest ``count``, those that are missing left out."""
    found = [one.values.get(name, math.nan) for one in vitals[:-count]]
    return [value for value in found if math.isfinite(value)]
