"""What a generated PNG carries in a text chunk: model hash, latents and conditions, so that it can be made again."""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from gantool import __version__
from gantool.errors import FileError
from gantool.files import strict
from gantool.files.envelope import FORMAT, atomic, check_format
from gantool.files.foreign import identify
from gantool.files.pictures import opened
from gantool.render.grid import picture

__all__ = ["Provenance", "carried", "read_provenance", "read_single", "save_png", "save_sample"]

CHUNK = "gantool"
MOST_LATENTS = 2**22  # numbers in one picture's chunk
MOST_TEXT = 2**27  # letters of one: latents and conditions, and what else is said of them

Provenance = dict[str, Any]
"""``model`` (its hash), ``seeds`` (a list or null), ``truncation``, arrays ``z`` ``[N, D]`` and ``c`` (or None)."""


def carried(
    model: str, z: Any, c: Any = None, seeds: Sequence[int] | None = None, truncation: float | None = None
) -> Provenance:
    """Return the provenance of samples of a model, by its hash, from ``z [N, D]`` and ``c`` on the processor."""
    found = {"model": model, "seeds": None if seeds is None else list(seeds), "truncation": truncation}
    return {**found, "z": np.asarray(z), "c": None if c is None else np.asarray(c)}


def save_png(image: Image.Image, path: Path, provenance: Provenance | None = None) -> None:
    """Write a PNG, with its provenance where there is one of at most ``MOST_LATENTS`` numbers.

    Raises FileError where it cannot be written.
    """
    with atomic(path) as file:
        image.save(file, "PNG", pnginfo=_chunk(provenance))


def save_sample(pixels: np.ndarray[Any, np.dtype[np.uint8]], path: Path, provenance: Provenance) -> None:
    """Write uint8 ``[H, W, C]``, one of thousands of pictures, as a PNG with its provenance.

    It is whole or not there, but need not outlast a loss of power. Raises FileError where it cannot be written.
    """
    with atomic(path, sync=False) as file:
        # Most of zlib's time is the search for long matches, which filtered pictures hardly have.
        picture(pixels).save(file, "PNG", pnginfo=_chunk(provenance), compress_type=zlib.Z_RLE)


def _chunk(provenance: Provenance | None) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    if provenance and provenance["z"].size <= MOST_LATENTS:
        plain = {**provenance, "z": _encode(provenance["z"]), "c": _encode(provenance.get("c"))}
        plain |= {"format": FORMAT, "gantool": __version__}
        # Not compressed: Pillow refuses to open a PNG whose compressed text is longer than 1 MiB.
        info.add_itxt(CHUNK, json.dumps(plain, sort_keys=True))
    return info


def read_provenance(path: Path | str) -> Provenance | None:
    """Return what a PNG carries, or None where it carries nothing. Raises FileError for a malformed chunk."""
    try:
        with opened(path) as image:
            image.load()  # text chunks may follow the pixels
            text = getattr(image, "text", {}).get(CHUNK)
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise FileError(str(path), f"is not a picture that can be read ({error})", "a PNG that gantool made") from error
    if text is None:
        return None
    try:
        if len(text) > MOST_TEXT:
            raise ValueError("absurd size")
        found = dict(strict.loads(text))
        check_format(path, found.pop("format", None), found.pop("gantool", None))
        z, c = _decode(found["z"]), _decode(found["c"])
        if z is None or z.ndim != 2 or (c is not None and (c.ndim not in (1, 2) or len(c) != len(z))):
            raise ValueError("not one row for each picture")
        return {**found, "model": str(found["model"]), "z": z, "c": c}
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise FileError(str(path), "carries a malformed gantool chunk", "a PNG that gantool made") from error


def read_single(path: Path) -> Provenance | None:
    """Return what a picture carries, or None for one that gantool did not make, whatever its format.

    Raises FileError for a grid of samples, which no network should take for one picture.
    """
    made = read_provenance(path) if os.path.isfile(path) and identify(path) == "png" else None
    if made is not None and len(made["z"]) > 1:
        given, hint = f"is a grid of {len(made['z'])} samples", "type: gantool sample MODEL -o FOLDER"
        raise FileError(str(path), given, "single pictures", hint)
    return made


def _encode(array: np.ndarray[Any, Any] | None) -> dict[str, Any] | None:
    if array is None:
        return None
    kind = "<i8" if array.dtype.kind == "i" else "<f4"
    return {
        "shape": list(array.shape),
        "type": kind,
        "data": base64.b64encode(array.astype(kind).tobytes()).decode(),
    }


def _decode(entry: dict[str, Any] | None) -> np.ndarray[Any, Any] | None:
    if entry is None:
        return None
    if entry["type"] not in ("<i8", "<f4") or len(entry["data"]) > 12 * MOST_LATENTS:
        raise ValueError("unknown type or absurd size")
    data = np.frombuffer(base64.b64decode(entry["data"], validate=True), dtype=entry["type"])
    return data.reshape(entry["shape"]).copy()
