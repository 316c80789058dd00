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

__all__ = ["Embedded", "embed", "spread"]

MOST_FILE = 2**27  # bytes of a picture that is looked at
QUALITY = 85
SMALLEST = 64  # pixels of the longer side that a picture is not shrunk below


@dataclass(frozen=True)
class Embedded:
    """A picture as the address that holds it, its size in pixels, and whether it was compressed again."""

    address: str
    width: int
    height: int
    smaller: bool


def embed(path: Path, most: int) -> Embedded:
    """Return a picture of at most ``most`` bytes: a PNG as it is where it fits, else a WebP, halved until it does.

    Raises FileError for what is no picture.
    """
    try:
        if path.stat().st_size > MOST_FILE:
            raise FileError(str(path), "is too long for a picture", f"at most {MOST_FILE} bytes")
        data = path.read_bytes()
        with opened(path) as stored:
            stored.load()
            image, form = stored.convert("RGB"), stored.format
    except FileError:
        raise
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise FileError(str(path), f"is not a picture that can be read ({error})", "a PNG that gantool made") from error
    if form == "PNG" and len(data) <= most:
        return Embedded(_address(data, "png"), image.width, image.height, smaller=False)
    while len(data := _webp(image)) > most and max(image.size) > SMALLEST:
        image = image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.LANCZOS)
    return Embedded(_address(data, "webp"), image.width, image.height, smaller=True)


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
    return f"data:image/{form};base64,{base64.b64encode(data).decode()}"
