"""Packs of picture folders in the user's cache: made on first use, found again while no file changes."""

from __future__ import annotations

import os
import re
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_dir

from gantool.errors import DataError, FileError
from gantool.files.dataset import describe_pack, read_pack
from gantool.interfaces import DataInfo, Samples
from gantool_classic.datasets.listing import Listing
from gantool_classic.datasets.packing import decided, pack_listing
from gantool_classic.datasets.pictures import Conversion

__all__ = ["cache_folder", "describe_listing", "load_listing"]


def cache_folder() -> Path:
    """Return where packs are kept: ``GANTOOL_CACHE``, or the user's cache directory."""
    return Path(os.environ.get("GANTOOL_CACHE") or user_cache_dir("gantool")).expanduser() / "datasets"


def describe_listing(listing: Listing, conversion: Conversion, split: str | None) -> DataInfo:
    """Say what a listing becomes; until it is packed, unreadable files are counted too."""
    path = _place(listing, conversion)
    if _is_sound(path):
        return describe_pack(path, split)
    length = listing.length(split)
    shape = decided(listing, conversion).shape
    return DataInfo(shape, length, listing.condition, listing.fingerprint(conversion))


def load_listing(listing: Listing, conversion: Conversion, split: str | None) -> Samples:
    """Read a split through the cache, packing the listing first where that was not done.

    Raises DataError where there is no such split, no picture can be read, or the cache cannot be written.
    """
    listing.length(split)  # an unknown split is refused before an hour of packing
    path = _place(listing, conversion)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):  # the other ranks, or another run, wait for the one that packs
            if not _is_sound(path):
                pack_listing(listing, conversion, path)
    except (OSError, FileError) as error:
        given = error.given if isinstance(error, FileError) else f"cannot be written ({error.strerror})"
        raise DataError(str(path), given, "a cache folder with room", "set GANTOOL_CACHE to one") from error
    return read_pack(path, split)[1]


def _place(listing: Listing, conversion: Conversion) -> Path:
    name = re.sub(r"[^\w.-]+", "_", listing.root.resolve().name, flags=re.ASCII)
    size = f"{conversion.height}x{conversion.width}"
    return cache_folder() / f"{name}-{size}-{listing.key(conversion)[:16]}.safetensors"


def _is_sound(path: Path) -> bool:
    try:
        read_pack(path)
    except FileError:
        return False
    return True
