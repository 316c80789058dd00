"""A strip: one sample in each row, one step of a walk in each column; and matrices as heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gantool.files.envelope import atomic
from gantool.render.grid import GAP, grid

__all__ = ["HeatMap", "save_heat_maps", "strip"]

MARGIN = 4  # pixels around a caption
CELL = 0.42  # inches
MOST_WRITTEN = 30  # columns of a heat map whose numbers can be read


def strip(pixels: np.ndarray[Any, np.dtype[np.uint8]], heads: Sequence[str], sides: Sequence[str]) -> Image.Image:
    """Lay uint8 ``[R, T, H, W, C]`` out with a caption above each of T columns and beside each of R rows."""
    rows, columns = pixels.shape[:2]
    sheet = grid(pixels.reshape(-1, *pixels.shape[2:]), columns)
    font = ImageFont.load_default()
    left = round(max(font.getlength(side) for side in sides)) + 2 * MARGIN
    top = round(font.getbbox("Ag")[3]) + 2 * MARGIN
    canvas = Image.new(sheet.mode, (sheet.width + left, sheet.height + top), "white")
    canvas.paste(sheet, (left, top))
    drawing = ImageDraw.Draw(canvas)
    width, height = (sheet.width - GAP) / columns, (sheet.height - GAP) / rows
    for column, head in enumerate(heads):
        drawing.text((left + (column + 0.5) * width, top - GAP), head, "black", font, anchor="mb")
    for row, side in enumerate(sides):
        drawing.text((left - MARGIN, top + (row + 0.5) * height), side, "black", font, anchor="rm")
    return canvas


@dataclass(frozen=True)
class HeatMap:
    """A matrix ``[R, C]`` with names; colours span ``-most`` to ``most``, by itself the largest number."""

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: np.ndarray[Any, Any]
    most: float | None = None


def save_heat_maps(maps: Sequence[HeatMap], path: Path) -> None:
    """Draw matrices two in a row, blue below 0 and red above, into a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    widest, tallest = max(len(part.columns) for part in maps), max(len(part.rows) for part in maps)
    lines = -(-len(maps) // 2)
    size = (2 * (CELL * widest + 2), lines * (CELL * tallest + 2))
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(lines, 2, squeeze=False).flatten()
    for place, part in zip(axes, maps, strict=False):
        _draw(place, part)
    for place in axes[len(maps) :]:
        place.axis("off")
    with atomic(path) as file:
        canvas.print_png(file)  # type: ignore[no-untyped-call]


def _draw(axes: Any, part: HeatMap) -> None:
    most = part.most or float(np.abs(part.values).max()) or 1.0
    axes.imshow(part.values, cmap="RdBu_r", vmin=-most, vmax=most)
    axes.set_title(part.title, fontsize=9)
    axes.set_xticks(range(len(part.columns)), part.columns, rotation=90, fontsize=7)
    axes.set_yticks(range(len(part.rows)), part.rows, fontsize=7)
    if len(part.columns) > MOST_WRITTEN:
        return
    for (row, column), value in np.ndenumerate(part.values):
        shade = "white" if abs(value) > 0.6 * most else "black"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=6, color=shade)
