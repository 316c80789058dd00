"""Pictures inside a page: as ``data:`` addresses that together stay within a number of bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from gantool.errors import FileError
from gantool.files.pictures import opened

__all__ = ["Embedded", "embed", "shrink", "spread"]

MOST_FILE = 2**27  # bytes of a picture that is looked at
QUALITY = 85
AS_IT_IS = ("PNG", "WEBP")  # formats that every browser shows
SMALLEST = 64  # pixels of the longer side that a picture is not shrunk below


@dataclass(frozen=True)
class Embedded:
    """A picture as the address that holds it, its size in pixels, and whether it was compressed again."""

    address: str
    width: int
    height: int
    smaller: bool


def embed(path: Path, most: int) -> Embedded:
    """Return a picture of at most ``most`` bytes: as it is where it fits, else a WebP, halved until it does.

    Raises FileError for what is no picture.
    """
    try:
        if path.stat().st_size > MOST_FILE:
            raise FileError(str(path), "is too long for a picture", f"at most {MOST_FILE} bytes")
        return shrink(path.read_bytes(), most)
    except (OSError, ValueError) as error:
        raise FileError(str(path), f"cannot be read ({error})", "a picture that gantool made") from error


def shrink(data: bytes, most: int) -> Embedded:
    """Return the picture that a file's bytes are, as ``embed`` does. Raises ValueError where they are none."""
    try:
        with opened(io.BytesIO(data)) as stored:
            stored.load()
            image, form = stored.convert("RGB"), stored.format
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise ValueError(f"it is no picture: {error}") from error
    if form in AS_IT_IS and len(data) <= most:
        return Embedded(_address(data, form), image.width, image.height, smaller=False)
    while len(data := _webp(image)) > most and max(image.size) > SMALLEST:
        image = image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.LANCZOS)
    return Embedded(_address(data, "WEBP"), image.width, image.height, smaller=True)


def spread(count: int, most: int) -> Sequence[int]:
    """Return up to ``most`` of ``count`` places, evenly spread, the first and the last among them."""
    if count <= most:
        return range(count)
    return [round(index * (count - 1) / (most - 1)) for index in range(most)]


def _webp(image: Image.Image) -> bytes:
    with io.BytesIO() as file:
        image.save(file, "WEBP", quality=QUALITY)
        return file.getvalue()


def _address(data: bytes, form: str) -> str:
    return f"data:image/{form.lower()};base64,{base64.b64encode(data).decode()}"
