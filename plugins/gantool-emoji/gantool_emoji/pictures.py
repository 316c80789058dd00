"""One PNG to one array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageColor

from gantool import UserError
from gantool_emoji.catalogue import HINT

Colour = tuple[int, int, int]


def colour(name: str) -> Colour:
    """Read a colour, by name or as ``#rrggbb``. Raises UserError where it is neither."""
    try:
        red, green, blue, *_ = ImageColor.getrgb(name)
    except ValueError:
        allowed = "a colour such as white, grey or #rrggbb"
        raise UserError("--data.background", f"{name!r} was given", allowed) from None
    return red, green, blue


def read_picture(path: Path, size: int, background: Colour) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Read a PNG of any mode as uint8 ``[3, size, size]``, laid on the background and then resized by Lanczos' filter.

    Raises UserError where it is no picture.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            drawn = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        why = " ".join(str(error).split())
        raise UserError(str(path), f"is damaged ({why})", "a PNG as npm installs it", HINT) from error
    behind = Image.new("RGBA", drawn.size, (*background, 255))
    flat = Image.alpha_composite(behind, drawn).convert("RGB")
    if flat.size != (size, size):
        flat = flat.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(flat).transpose(2, 0, 1)
