"""Curves of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gantool.files.envelope import atomic

__all__ = ["save_losses"]


def save_losses(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw both losses, the penalty where there is one, and the scores of real and fake over generator steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), dpi=100)
    canvas = FigureCanvasAgg(figure)
    margins = {"left": 0.085, "right": 0.985, "bottom": 0.14, "top": 0.92, "wspace": 0.2}  # a tight layout draws twice
    losses, scores = figure.subplots(1, 2, gridspec_kw=margins)
    curves = (
        (losses, {"loss_d": "discriminator", "loss_g": "generator", "penalty": "penalty"}, "loss"),
        (scores, {"score_real": "real", "score_fake": "fake"}, "mean raw score"),
    )
    for axes, names, title in curves:
        for key, label in names.items():
            known = [row for row in rows if _is_number(row.get(key))]
            if known:
                axes.plot([row["step"] for row in known], [row[key] for row in known], label=label, linewidth=1)
        axes.set(xlabel="generator steps", title=title)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    with atomic(path) as file:
        canvas.print_png(file)  # type: ignore[no-untyped-call]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) < 1e300
