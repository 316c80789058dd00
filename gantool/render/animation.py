"""Frames to an animation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from gantool.files.envelope import atomic

__all__ = ["save_gif"]

HOLD = 12  # times that the last frame is shown for


def save_gif(frames: Sequence[Image.Image], path: Path, milliseconds: int = 120) -> None:
    """Write a looping GIF with one palette for all frames, so that colours do not flicker; the last frame is held."""
    sheet = Image.new("RGB", (frames[0].width, frames[0].height * min(len(frames), 8)))
    for row, index in enumerate(range(0, len(frames), max(1, len(frames) // 8))):
        sheet.paste(frames[-1 - index].convert("RGB"), (0, row * frames[0].height))
    palette = sheet.quantize(256, dither=Image.Dither.NONE)
    flat = [frame.convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    durations = [milliseconds] * (len(flat) - 1) + [milliseconds * HOLD]
    with atomic(path) as file:
        flat[0].save(file, "GIF", save_all=True, append_images=flat[1:], duration=durations, loop=0, optimize=False)
