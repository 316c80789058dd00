"""Packs of picture folders in the user's cache: made on first use, found again while no file changes."""

from __future__ import annotations

import re
from pathlib import Path

from gantool.errors import DataError, FileError
from gantool.files.cache import cache_folder
from gantool.files.dataset import describe_pack, read_pack
from gantool.files.packing import alone
from gantool.files.progress import console, progress, remark
from gantool.interfaces import DataInfo, Samples
from gantool_classic.datasets.listing import Listing
from gantool_classic.datasets.packing import decided, pack_listing
from gantool_classic.datasets.pictures import Conversion

__all__ = ["describe_listing", "load_listing"]


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
        if not _is_sound(path):
            with alone(path, wait=True):  # the other ranks, or another run, wait for the one that packs
                if not _is_sound(path):
                    _pack(listing, conversion, path)
    except FileError as error:
        hint = "give it room and start again to go on, or set GANTOOL_CACHE to one"
        raise DataError(str(path), error.given, "a cache folder with room", hint) from error
    return read_pack(path, split)[1]


def _pack(listing: Listing, conversion: Conversion, path: Path) -> None:
    """Pack with a bar on a terminal, one line elsewhere."""
    task = f"packing {len(listing.files)} pictures of {listing.root}, once"
    if not console().is_terminal:
        remark(task)
    with progress(task) as tick:
        report = pack_listing(listing, conversion, path, tick)
    if report.notes:
        remark(f"warning: of {len(listing.files)} files {report.summary}: see {report.listed}")


def _place(listing: Listing, conversion: Conversion) -> Path:
    name = re.sub(r"[^\w.-]+", "_", listing.root.resolve().name, flags=re.ASCII)
    size = f"{conversion.height}x{conversion.width}"
    return cache_folder("datasets") / f"{name}-{size}-{listing.key(conversion)[:16]}.safetensors"


def _is_sound(path: Path) -> bool:
    try:
        read_pack(path)
    except FileError:
        return False
    return True
