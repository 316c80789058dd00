"""Pictures that a person has: found in folders, and read into the shape that a network takes."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from gantool.errors import FileError, OptionError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["FORMATS", "Bounded", "eight_bits", "find_pictures", "opened", "read_picture"]

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")  # Pillow would hand other files to whatever knows them
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"})
MAX_PIXELS = 89_478_485  # where Pillow begins to warn of a decompression bomb: 256 MiB of RGB
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def find_pictures(given: Sequence[Path | str]) -> list[Path]:
    """Return the files that were given and, by name, those in folders that were. Raises FileError where there is none.

    A file is taken whatever its suffix; what it holds shows when it is read.
    """
    found: list[Path] = []
    for path in map(Path, given):
        inside = (
            sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES) if os.path.isdir(path) else [path]
        )
        if not inside:
            raise FileError(str(path), "is a folder without a picture", f"files of: {', '.join(sorted(SUFFIXES))}")
        found += inside
    return found


def read_picture(path: Path, shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Read a picture as uint8 ``[C, H, W]``, its middle cut out in the shape's aspect and resized.

    What is transparent becomes white where the shape has no such channel. Raises FileError for what is no picture.
    """
    from PIL import Image, ImageOps

    if len(shape) != 3:
        raise OptionError(str(path), "is a picture, and the classifier is one of points", "a classifier of pictures")
    channels, height, width = shape
    try:
        with opened(path) as stored:
            image = eight_bits(ImageOps.exif_transpose(stored))
            if channels in (1, 3) and image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            image = ImageOps.fit(image.convert(MODES[channels]), (width, height), Image.Resampling.LANCZOS)
    except Exception as error:  # a decoder may raise anything on a damaged file
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no picture"
        why = str(error) if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)) else why
        raise FileError(str(path), f"cannot be read ({why})", f"a picture: {', '.join(FORMATS)}") from error
    pixels = np.asarray(image).reshape(height, width, channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


class Bounded(io.BufferedReader):
    """A file of which no read asks for more than is left: Pillow asks for what a PNG's chunk claims, up to 4 GiB."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(io.FileIO(path))
        self._size = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Read ``size`` bytes, or as many as are left."""
        left = max(0, self._size - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))


@contextlib.contextmanager
def opened(path: Path | str | BinaryIO) -> Iterator[Image.Image]:
    """Open a picture of one of ``FORMATS``; its warnings are not for who looks at it.

    Raises what Pillow does, which may be anything, also where it has more than ``MAX_PIXELS``: its header says so.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        file = Bounded(path) if isinstance(path, (str, Path)) else contextlib.nullcontext(path)
        with file as stream, Image.open(stream, formats=FORMATS) as image:
            yield image


def eight_bits(image: Image.Image) -> Image.Image:
    """Bring 16-bit grey to the nearest of 8 bits, and leave any other picture as it is.

    Pillow's own conversion would clip it: nearly all of it would be white.
    """
    from PIL import Image

    if not image.mode.startswith("I"):
        return image
    levels = np.clip(np.asarray(image).astype(np.float32) / 257, 0, 255)
    return Image.fromarray((levels + 0.5).astype(np.uint8))
