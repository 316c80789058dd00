"""The numbers of a run's log as charts: which curves belong together, what they mean, and few enough points to draw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Chart", "Point", "charts", "is_number"]

MOST_POINTS = 1000  # of a curve
MOST_CURVES = 60
LONGEST = 60  # letters of a curve's name
NOT_DRAWN = ("step", "images", "seconds", "vitals.loss_d", "vitals.loss_g")
KNOWN = (
    (
        "Losses",
        "What each network minimises, penalties apart. They pull against each other, so neither has to fall.",
        {"loss_d": "discriminator", "loss_g": "generator"},
    ),
    (
        "Scores",
        "What D says of real and of generated examples, raw and in the mean. The wider apart, the surer it is.",
        {"score_real": "real", "score_fake": "generated"},
    ),
    ("Penalty", "The term of D's loss that bounds its slope.", {"penalty": "penalty"}),
    (
        "Variety",
        "How much of the data's variety samples show: 1 is all of it, near 0 is mode collapse.",
        {"vitals.coverage": "coverage"},
    ),
    (
        "Distance to the data",
        "How far samples are from real examples, against how far real examples are from others.",
        {"vitals.distance": "samples", "vitals.noise": "real examples"},
    ),
    (
        "Separation",
        "How many of the pairs of a real and a fake D ranks rightly: 0.5 is guessing, 1 is never wrong.",
        {"vitals.separation": "separation"},
    ),
    (
        "Slopes of the losses",
        "How steep each loss is where it stands: 1 for a linear one, near 0 where nothing is left to learn.",
        {"vitals.slope_d": "discriminator", "vitals.slope_g": "generator"},
    ),
    ("Gradient of G", "The norm of what the last step of G went by.", {"vitals.gradient_g": "norm"}),
    (
        "Steepness of D",
        "The mean slope of D between real and fake, and the bound that it is held to.",
        {"vitals.steepness": "slope", "vitals.bound": "bound"},
    ),
)
AROUND: Mapping[str, tuple[float, ...]] = {
    "Penalty": (0.0,),
    "Variety": (0.0, 1.0),
    "Distance to the data": (0.0,),
    "Separation": (0.0, 1.0),
    "Steepness of D": (0.0,),
    "Speed": (0.0,),
}
LAST = ("Speed", "Real images a second.", {"rate": "images a second"})
EVALUATED = "Measured on the checkpoint of each step."
FURTHER = "A further number of this run's log."

Point = tuple[int, float]


@dataclass(frozen=True)
class Chart:
    """Curves on one pair of axes: the points of each by its label, steps ascending.

    A linear axis holds the values ``around``. ``telling``: where the first curve ends is worth a place at the top.
    """

    title: str
    caption: str
    curves: Mapping[str, Sequence[Point]]
    around: tuple[float, ...] = ()
    telling: bool = False

    def summary(self) -> str:
        """Return what the curves begin and end with, for those who do not see them."""
        ends = ((label, points[0], points[-1]) for label, points in self.curves.items())
        said = "; ".join(f"{label} {a[1]:.4g} at step {a[0]}, {b[1]:.4g} at step {b[0]}" for label, a, b in ends)
        return f"{self.title}: {said}"


def charts(rows: Iterable[Mapping[str, Any]]) -> tuple[list[Chart], int]:
    """Return the charts of a log's lines, and how many curves were left out because there are too many."""
    found = _curves(rows)
    drawn = [*(_known(found, *row) for row in KNOWN), *_others(found), _known(found, *LAST)]
    kept: list[Chart] = []
    for chart in drawn:
        if chart.curves and sum(len(one.curves) for one in (*kept, chart)) <= MOST_CURVES:
            kept.append(chart)
    return kept, len(found) - sum(len(chart.curves) for chart in kept)


def _known(found: Mapping[str, list[Point]], title: str, caption: str, names: Mapping[str, str]) -> Chart:
    curves = {label: found[name] for name, label in names.items() if name in found}
    return Chart(title, caption, curves, AROUND.get(title, ()), telling=title == "Variety")


def _others(found: Mapping[str, list[Point]]) -> list[Chart]:
    """Return charts of what regularizers, plugins and evaluations add."""
    known = {name for _, _, names in (*KNOWN, LAST) for name in names}
    drawn = []
    for title, names in _grouped(name for name in found if name not in known).items():
        measured = names[0].startswith("evaluation.")
        curves = {_label(name): found[name] for name in names}
        drawn.append(Chart(title, EVALUATED if measured else FURTHER, curves, telling=measured))
    return drawn


def is_number(value: object) -> bool:
    """Whether a value of a log can be drawn."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def _curves(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Point]]:
    """Return the points of each number that the lines hold, by its name; those of vitals and evaluations have theirs.

    Evaluations by another protocol are not comparable: they make a curve of their own.
    """
    found: dict[str, dict[int, float]] = {}
    protocols: dict[str, int] = {}
    for row in rows:
        flat = {name: value for name, value in row.items() if is_number(value)}
        for part in ("vitals", "evaluation"):
            inner = row.get(part)
            for name, value in inner.items() if isinstance(inner, dict) else ():
                if is_number(value):
                    flat[f"{part}.{name}{_protocol(row, part, protocols)}"] = value
        for name, value in flat.items():
            if name not in NOT_DRAWN:
                found.setdefault(name, {})[row["step"]] = float(f"{value:.6g}")
    return {name: _thin(sorted(points.items())) for name, points in found.items()}


def _protocol(row: Mapping[str, Any], part: str, protocols: dict[str, int]) -> str:
    """Return what sets the name of an evaluation by the second protocol, and those after it, apart."""
    if part != "evaluation":
        return ""
    number = protocols.setdefault(str(row.get("by")), len(protocols) + 1)
    return "" if number == 1 else f" (protocol {number})"


def _thin(points: list[Point]) -> list[Point]:
    """Keep the lowest and the highest of each stretch, so that no spike is lost, and the last."""
    if len(points) <= MOST_POINTS:
        return points
    size = -(-2 * len(points) // MOST_POINTS)
    stretches = (points[start : start + size] for start in range(0, len(points), size))
    ends = ((min(part, key=_value), max(part, key=_value)) for part in stretches)
    return sorted({points[-1], *(point for pair in ends for point in pair)})


def _value(point: Point) -> float:
    return point[1]


def _grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """Put what a regularizer or a plugin logs as ``ada.p`` and ``ada.signs`` together; evaluations stand alone."""
    groups: dict[str, list[str]] = {}
    for name in names:
        own = _label(name) if name.partition(".")[0] in ("vitals", "evaluation") else name.partition(".")[0]
        groups.setdefault(own[:LONGEST], []).append(name)
    return groups


def _label(name: str) -> str:
    first, _, rest = name.partition(".")
    return (rest if first in ("vitals", "evaluation") else name)[:LONGEST]
