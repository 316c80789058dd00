"""Tensors to pictures: one picture, or many in a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["grid", "picture", "scatter", "to_uint8"]

GAP = 2  # pixels between the tiles of a grid
LEGIBLE = 48  # a tile with a shorter side is enlarged by a whole factor
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def to_uint8(images: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Turn images ``[N, C, H, W]`` in [-1, 1] into uint8 ``[N, H, W, C]``, rounding to the nearest level."""
    levels = images.detach().float().cpu().clamp(-1, 1).add_(1).mul_(127.5).round_()
    return np.asarray(levels.byte().permute(0, 2, 3, 1).numpy())


def picture(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> Image.Image:
    """Turn uint8 ``[H, W, C]`` into a picture of one to four channels."""
    channels = pixels.shape[2]
    return Image.fromarray(pixels[:, :, 0] if channels == 1 else np.ascontiguousarray(pixels), MODES[channels])


def grid(pixels: np.ndarray[Any, np.dtype[np.uint8]], columns: int | None = None) -> Image.Image:
    """Lay uint8 ``[N, H, W, C]`` out row by row; small tiles are enlarged so that a person can see them."""
    count, height, width, channels = pixels.shape
    columns = columns or max(1, round(count**0.5))
    factor = max(1, -(-LEGIBLE // min(height, width)))
    tiles = pixels.repeat(factor, axis=1).repeat(factor, axis=2)
    height, width = height * factor + GAP, width * factor + GAP
    rows = -(-count // columns)
    sheet = np.full((rows * height + GAP, columns * width + GAP, channels), 255, np.uint8)
    for index, tile in enumerate(tiles):
        top, left = index // columns * height + GAP, index % columns * width + GAP
        sheet[top : top + height - GAP, left : left + width - GAP] = tile
    return picture(sheet)


def scatter(points: np.ndarray[Any, Any], real: np.ndarray[Any, Any]) -> Image.Image:
    """Draw generated points ``[N, D]`` over real ones ``[M, D]``, on axes that the real ones set.

    Of more than two coordinates the first two are drawn; of one, histograms.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.1, 0.06, 0.88, 0.92))  # a tight layout would draw all of it twice
    low, high = real.min(0), real.max(0)
    margin = 0.25 * (high - low) + 1e-3
    left, right = low - margin, high + margin
    if real.shape[1] == 1:
        edges = np.linspace(left[0], right[0], 60).tolist()
        axes.hist(real[:, 0], edges, color="0.75", density=True, label="real")
        axes.hist(points[:, 0], edges, color="tab:orange", density=True, alpha=0.7, label="generated")
    else:
        axes.scatter(real[:, 0], real[:, 1], s=6, c="0.75", linewidths=0, label="real")
        axes.scatter(points[:, 0], points[:, 1], s=6, c="tab:orange", linewidths=0, alpha=0.7, label="generated")
        axes.set(xlim=(left[0], right[0]), ylim=(left[1], right[1]))
    axes.legend(loc="upper right")
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return Image.fromarray(pixels).convert("RGB")
