"""Distributions of a number beside each other, with single values marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gantool.files.envelope import atomic

__all__ = ["save_histogram"]

BINS = 50
NAMED = 12  # marks with a name; more would lie on top of each other
COLOURS = {"real": "0.6", "generated": "tab:orange"}
MARK: Mapping[str, Any] = {
    "rotation": 90,
    "va": "top",
    "fontsize": 7,
    "parse_math": False,
}  # a file's name may have dollars


def save_histogram(
    groups: Mapping[str, np.ndarray[Any, Any]], marks: Sequence[tuple[str, float]], quantity: str, path: Path
) -> None:
    """Write a PNG of the shares of each group, ``real`` and ``generated``, over a quantity, with lines at the marks.

    Raises FileError where it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), dpi=100, layout="tight")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    edges = np.histogram_bin_edges(np.concatenate(list(groups.values())), BINS).tolist()
    for name, values in groups.items():
        share = np.full(len(values), 1 / len(values))
        axes.hist(values, edges, weights=share, color=COLOURS.get(name), alpha=0.7, label=f"{name} ({len(values)})")
    for name, value in marks:
        axes.axvline(value, color="tab:blue", linewidth=1)
        if len(marks) <= NAMED:
            at: Any = ("data", "axes fraction")
            axes.annotate(name, (value, 1), xycoords=at, xytext=(2, -2), textcoords="offset points", **MARK)
    axes.set(xlabel=quantity, ylabel="share of the pictures")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(groups), frameon=False)
    with atomic(path) as file:
        canvas.print_png(file)  # type: ignore[no-untyped-call]
