"""Frames to a film: GIF, WebP, MP4."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from gantool.errors import OptionError
from gantool.files.envelope import atomic
from gantool.render.grid import grid, picture

__all__ = ["FILMS", "check_film", "save_film", "save_gif", "still"]

HOLD = 12  # times that the last frame of a training film is shown for
TICK = 10  # milliseconds: the clock of a GIF
SHORTEST = 2  # ticks; viewers slow down what is shorter
LEGIBLE = 192  # a single picture with a shorter side is enlarged
PALETTE_FRAMES = 8  # frames that the palette is made from, evenly spread


def still(pixels: np.ndarray[Any, np.dtype[np.uint8]], side: int = LEGIBLE) -> Image.Image:
    """Return a frame of uint8 ``[S, H, W, C]``: a grid, or one picture, enlarged by a whole factor to ``side``."""
    if len(pixels) > 1:
        return grid(pixels)
    factor = max(1, -(-side // min(pixels.shape[1:3])))
    return picture(pixels[0].repeat(factor, axis=0).repeat(factor, axis=1))


def save_film(frames: Sequence[Image.Image], path: Path, fps: float) -> None:
    """Write a film that repeats, in the format of the suffix; raises OptionError where that is none of ``FILMS``."""
    check_film(path)
    FILMS[path.suffix.lower()](frames, path, fps)


def check_film(path: Path) -> None:
    """Raise OptionError where a film of this suffix cannot be written, before anything is drawn."""
    suffix = path.suffix.lower()
    if suffix not in FILMS:
        raise OptionError("-o", f"{path} was given", f"a film is one of {', '.join(FILMS)}")
    if suffix == ".mp4" and find_spec("av") is None:
        hint = f"type: pip install 'gantool[video]', or -o {path.with_suffix('.webp')}"
        raise OptionError("-o", f"{path} was given, and PyAV is not installed", "it encodes .mp4", hint)


def save_gif(frames: Sequence[Image.Image], path: Path, milliseconds: int = 120) -> None:
    """Write the looping GIF of a training; the last frame is held."""
    _write_gif(frames, path, [milliseconds] * (len(frames) - 1) + [milliseconds * HOLD])


def _gif(frames: Sequence[Image.Image], path: Path, fps: float) -> None:
    """Frames last whole ticks, so they alternate where a rate is not a whole number of them: the film keeps time."""
    ends = [round(index * 1000 / TICK / fps) for index in range(len(frames) + 1)]
    _write_gif(frames, path, [max(SHORTEST, end - start) * TICK for start, end in pairwise(ends)])


def _write_gif(frames: Sequence[Image.Image], path: Path, durations: Sequence[int]) -> None:
    """Write a looping GIF: greys as they are, colours by one palette for all frames, so that they do not flicker."""
    rgb = [frame.convert("RGB") for frame in frames]
    options: dict[str, Any] = {"duration": list(durations), "loop": 0, "optimize": False}
    if all(map(_is_grey, rgb)):
        flat = [frame.convert("L") for frame in rgb]
    else:
        palette = _palette(rgb)
        flat = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in rgb]
        options["palette"] = bytes(palette.getpalette() or ())  # without it Pillow repeats the palette in every frame
    with atomic(path) as file:
        flat[0].save(file, "GIF", save_all=True, append_images=flat[1:], **options)


def _is_grey(frame: Image.Image) -> bool:
    pixels = np.asarray(frame)
    return bool((pixels == pixels[..., :1]).all())


def _palette(frames: Sequence[Image.Image]) -> Image.Image:
    """Return a picture that has the palette of some of the frames.

    It is made by an octree: median cut, Pillow's default, mixes colours of few pixels. Of grids of shapes the worst
    pixel was off by 83 of 255, with an octree by 43 (measured).
    """
    rows = min(len(frames), PALETTE_FRAMES)
    sheet = Image.new("RGB", (frames[0].width, frames[0].height * rows))
    for row, index in enumerate(np.linspace(0, len(frames) - 1, rows).round().astype(int)):
        sheet.paste(frames[index], (0, row * frames[0].height))
    return sheet.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)


def _webp(frames: Sequence[Image.Image], path: Path, fps: float) -> None:
    rgb = [frame.convert("RGB") for frame in frames]
    with atomic(path) as file:
        rgb[0].save(file, "WEBP", save_all=True, append_images=rgb[1:], duration=1000 / fps, loop=0, quality=90)


def _mp4(frames: Sequence[Image.Image], path: Path, fps: float) -> None:
    with atomic(path) as file:
        _encode(frames, file, fps)


def _encode(frames: Sequence[Image.Image], file: BinaryIO, fps: float) -> None:
    """Encode H.264, whose pictures have even sides: an odd one gets one more row or column of white."""
    from fractions import Fraction

    av: Any = import_module("av")
    width, height = (side + side % 2 for side in frames[0].size)
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000), options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            canvas = Image.new("RGB", (width, height), "white")
            canvas.paste(frame.convert("RGB"))
            container.mux(stream.encode(av.VideoFrame.from_image(canvas)))
        container.mux(stream.encode(None))


FILMS: Mapping[str, Callable[[Sequence[Image.Image], Path, float], None]] = {
    ".gif": _gif,
    ".webp": _webp,
    ".mp4": _mp4,
}
