"""One picture file to one array: how any mode, size and orientation becomes uint8 ``[C, H, W]``.

1. Only JPEG, PNG, WebP, BMP and GIF are decoded, whatever the suffix; an animation gives its first frame.
2. EXIF orientation is applied; colour profiles are ignored.
3. 16 bits become 8 by the nearest level; CMYK becomes RGB.
4. Transparency is composited on the background, before resizing; with 4 channels it is kept.
5. Then crop, pad or stretch, resized with an anti-aliasing filter.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image, ImageColor, ImageOps, UnidentifiedImageError

from gantool.errors import OptionError
from gantool.files.pictures import Bounded, eight_bits

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "Conversion",
    "Picture",
    "PictureError",
    "is_grey",
    "read_picture",
    "resize",
    "rgb",
]

Array = np.ndarray[Any, Any]
Fit = Literal["crop", "pad", "stretch"]

# Pillow would hand other files to whatever knows them: EPS to Ghostscript, for one.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif"})
MAX_PIXELS = 89_478_485  # where Pillow begins to warn of a decompression bomb: 256 MiB of RGB
GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L"})
FILTER = Image.Resampling.LANCZOS
BATCH = 512  # pictures that are resized at once
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class PictureError(Exception):
    """A file that is not a usable picture; its text says why."""


@dataclass(frozen=True)
class Conversion:
    """What every picture of a dataset becomes.

    ``centre`` is the side of a square that is cut out first (CelebA's 178); ``channels`` None is not decided
    yet. ``rules`` is raised when the same settings come to make other pixels, so that old packs are not used.
    """

    height: int
    width: int
    channels: int | None = 3
    fit: Fit = "crop"
    background: str = "white"
    centre: int | None = None
    rules: int = 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape (C, H, W) of a picture."""
        return (self.channels or 3, self.height, self.width)

    @cached_property
    def colour(self) -> tuple[int, int, int]:
        """The background's red, green and blue."""
        return rgb(self.background)


def rgb(name: str) -> tuple[int, int, int]:
    """Read a colour, by name or as ``#rrggbb``. Raises OptionError where it is neither."""
    try:
        return ImageColor.getrgb(name)[:3]
    except ValueError:
        allowed = "a colour such as white, grey or #rrggbb"
        raise OptionError("--data.background", f"{name!r} was given", allowed) from None


def is_grey(path: Path) -> bool | None:
    """Say from its header whether a picture is stored without colour; None where it is not a picture."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.mode in GREY_MODES
    except Exception:  # a decoder may raise anything on a damaged file
        return None


class Picture(NamedTuple):
    """A picture uint8 ``[C, H, W]``, the SHA-256 of its file, and what was lost on the way, if anything was."""

    values: Array
    digest: bytes
    oddity: str


def read_picture(path: Path, conversion: Conversion) -> Picture:
    """Read one picture.

    Raises PictureError where the file is not a picture, damaged or too large.
    """
    try:
        with Bounded(path) as file:
            digest = hashlib.file_digest(file, "sha256").digest()
            if not file.tell():
                raise PictureError("is empty")
            file.seek(0)
            with Image.open(file, formats=FORMATS) as image:
                oddities = _oddities(image)
                values = _convert(image, conversion, oddities)
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError("is not a JPEG, PNG, WebP, BMP or GIF picture") from None
    except Image.DecompressionBombError as error:
        raise PictureError(f"is too large ({error})") from None
    except Exception as error:  # a decoder may raise anything on a damaged file
        if isinstance(error, OSError) and error.strerror:
            raise PictureError(f"cannot be read ({error.strerror})") from error
        raise PictureError(f"cannot be decoded ({type(error).__name__}: {error})") from error
    return Picture(values, digest, "; ".join(oddities))


def _oddities(image: Image.Image) -> list[str]:
    """Say what of a picture is lost or taken otherwise than its maker saw it, as far as its header shows."""
    found = []
    if image.mode == "CMYK":
        found.append("CMYK, turned into RGB without its colour profile")
    stored = str(getattr(image, "tile", ""))  # Pillow makes 16-bit RGB an 8-bit picture itself
    if image.mode.startswith("I") or ";16" in stored:
        found.append("16 bits, brought to 8")
    if image.format != "MPO" and getattr(image, "is_animated", False):  # MPO: a photo and its preview
        found.append("an animation, of which the first frame was taken")
    return found


def _convert(image: Image.Image, conversion: Conversion, oddities: list[str]) -> Array:
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        raise PictureError(f"is too large ({pixels} pixels, at most {MAX_PIXELS})")
    _shrink_on_load(image, conversion)
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    upright = _composite(eight_bits(image), conversion, oddities)
    array = np.asarray(_fit(_cut(upright, conversion.centre), conversion))
    return np.ascontiguousarray(array[None] if array.ndim == 2 else array.transpose(2, 0, 1))


def _shrink_on_load(image: Image.Image, conversion: Conversion) -> None:
    """Let a JPEG decode at a fraction of its size, but at least at twice what is needed, which is as good."""
    if image.format not in ("JPEG", "MPO") or conversion.centre:
        return
    scale = 2 * max(conversion.height, conversion.width) / min(image.size)
    if scale < 1:
        image.draft(None, (math.ceil(image.width * scale), math.ceil(image.height * scale)))


def _composite(image: Image.Image, conversion: Conversion, oddities: list[str]) -> Image.Image:
    """Return the picture in the conversion's mode, on the background where it is transparent."""
    mode = MODES[conversion.channels or 3]
    if not image.has_transparency_data:
        return image.convert(mode)
    image = image.convert("RGBA")
    if mode == "RGBA":
        return image
    if np.asarray(image)[..., 3].min() < 255:
        oddities.append(f"transparent, laid on {conversion.background}")
    behind = Image.new("RGBA", image.size, (*conversion.colour, 255))
    return Image.alpha_composite(behind, image).convert("RGB").convert(mode)


def _cut(image: Image.Image, side: int | None) -> Image.Image:
    if side is None:
        return image
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((max(left, 0), max(top, 0), min(left + side, image.width), min(top + side, image.height)))


def _fit(image: Image.Image, conversion: Conversion) -> Image.Image:
    size = (conversion.width, conversion.height)
    if conversion.fit == "pad":
        return _pad(image, conversion)
    if conversion.fit == "stretch" or image.size == size:
        return image if image.size == size else image.resize(size, FILTER)
    # Resizing the centre at the target's aspect is resizing the short side and cropping, in one pass.
    scale = min(image.width / size[0], image.height / size[1])
    across, down = size[0] * scale, size[1] * scale
    left, top = (image.width - across) / 2, (image.height - down) / 2
    return image.resize(size, FILTER, box=(left, top, left + across, top + down))


def _pad(image: Image.Image, conversion: Conversion) -> Image.Image:
    scale = min(conversion.width / image.width, conversion.height / image.height)
    inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    border = (0, 0, 0, 0) if image.mode == "RGBA" else conversion.colour
    whole = Image.new("RGBA" if image.mode == "RGBA" else "RGB", (conversion.width, conversion.height), border)
    whole = whole.convert(image.mode)
    whole.paste(image.resize(inner, FILTER), ((whole.width - inner[0]) // 2, (whole.height - inner[1]) // 2))
    return whole


def resize(images: Array, side: int) -> Array:
    """Resize uint8 images ``[N, C, H, W]`` to ``[N, C, side, side]``, anti-aliased, as Pillow resizes floats.

    Pillow's filter is applied as two matrices: ten times as fast as picture by picture.
    """
    down, across = (_weights(length, side) for length in images.shape[2:])
    out = np.empty((*images.shape[:2], side, side), np.uint8)
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        out[part] = np.clip(down @ images[part].astype(np.float32) @ across.T + 0.5, 0, 255)
    return out


def _weights(length: int, side: int) -> Array:
    """Return float32 ``[side, length]``: how much each old pixel counts in each new one."""
    return np.asarray(Image.fromarray(np.eye(length, dtype=np.float32)).resize((length, side), FILTER))
