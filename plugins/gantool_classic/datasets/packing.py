"""Picture files to a pack: decoded once, in parallel and in order; unreadable ones are reported."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from gantool.errors import DataError
from gantool.files.dataset import PackWriter, write_pack
from gantool.files.envelope import write_text
from gantool_classic.datasets.folder_listing import list_folder
from gantool_classic.datasets.listing import Listing
from gantool_classic.datasets.pictures import Conversion, PictureError, is_grey, read_picture, rgb
from gantool_classic.datasets.settings import FolderOptions

__all__ = ["Report", "conversion_of", "decided", "pack_folder", "pack_listing"]

Array = np.ndarray[Any, Any]

BATCH = 256  # pictures in memory at once


@dataclass(frozen=True)
class Report:
    """What became of a folder: ``skipped`` has (path, reason) of each file left out, as has ``notes``."""

    path: Path
    pictures: int
    shape: tuple[int, ...]
    skipped: tuple[tuple[str, str], ...]
    notes: Path | None


def pack_folder(options: FolderOptions, out: Path) -> Report:
    """Pack the folder that the options name into ``out``; what ``gantool data pack`` does.

    Raises DataError where the folder is missing, holds no picture, or none that can be read, OptionError for
    an unknown colour, and FileError where ``out`` cannot be written.
    """
    return pack_listing(list_folder(options), conversion_of(options), out)


def conversion_of(options: FolderOptions) -> Conversion:
    """Return what the options of a folder make of each picture. Raises OptionError for an unknown colour."""
    rgb(options.background)
    return Conversion(
        height=options.height or options.size,
        width=options.width or options.size,
        channels=None if options.channels == "auto" else int(options.channels),
        fit=options.fit,
        background=options.background,
    )


def decided(listing: Listing, conversion: Conversion) -> Conversion:
    """Settle the channels where they are open: 1 if every picture's header says grey, else 3."""
    if conversion.channels is not None:
        return conversion
    with _no_warnings():
        modes = (is_grey(listing.root / entry.path) for entry in listing.files)
        known = (grey for grey in modes if grey is not None)
        # Stops at the first picture in colour, which is mostly the first of all.
        grey = next(known, False) and all(known)
    return replace(conversion, channels=1 if grey else 3)


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Pillow warns of odd EXIF, palettes and sizes in the middle of the bar; what matters is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def pack_listing(listing: Listing, conversion: Conversion, out: Path) -> Report:
    """Convert and write every picture of a listing to the pack ``out``.

    Raises DataError where not one of them can be read, and FileError where ``out`` cannot be written.
    """
    fingerprint = listing.fingerprint(conversion)
    conversion = decided(listing, conversion)
    skipped: list[tuple[str, str]] = []
    with write_pack(
        out,
        len(listing.files),
        conversion.shape,
        condition=listing.condition,
        fingerprint=fingerprint,
        source=str(listing.root),
        splits=tuple(listing.splits),
    ) as writer:
        _fill(writer, listing, conversion, skipped)
        if writer.length == 0:
            raise _nothing(listing, skipped)
    notes = _note(out, skipped)
    if notes:
        sys.stderr.write(f"warning: {len(skipped)} of {len(listing.files)} pictures were skipped; see {notes}\n")
    return Report(out, writer.length, conversion.shape, tuple(skipped), notes)


def _fill(writer: PackWriter, listing: Listing, conversion: Conversion, skipped: list[tuple[str, str]]) -> None:
    split_of = np.full(len(listing.files), None, object)
    for name, (start, stop) in listing.splits.items():
        split_of[start:stop] = name
    with _no_warnings(), _progress(listing) as advance:
        for row, picture in enumerate(_decode(listing, conversion)):
            if isinstance(picture, PictureError):
                skipped.append((listing.files[row].path, str(picture)))
            else:
                label = None if listing.labels is None else listing.labels[row]
                writer.add(picture, label, split=split_of[row])
            advance()


def _decode(listing: Listing, conversion: Conversion) -> Iterator[Array | PictureError]:
    """Decode in threads, for Pillow releases the interpreter; a batch at a time to bound the memory."""

    def read(path: str) -> Array | PictureError:
        try:
            return read_picture(listing.root / path, conversion)
        except PictureError as error:
            return error

    paths = [entry.path for entry in listing.files]
    with ThreadPoolExecutor(_workers()) as pool:
        for start in range(0, len(paths), BATCH):
            yield from pool.map(read, paths[start : start + BATCH])


def _workers() -> int:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(allowed or 1, 8)


@contextlib.contextmanager
def _progress(listing: Listing) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal, one line elsewhere; yield what to call after each picture."""
    task = f"packing {len(listing.files)} pictures of {listing.root}, once"
    console = Console(stderr=True)
    if not console.is_terminal:
        sys.stderr.write(task + "\n")
        yield lambda: None
        return
    with Progress(console=console, transient=True) as bar:
        number = bar.add_task(task, total=len(listing.files))
        yield lambda: bar.advance(number)


def _nothing(listing: Listing, skipped: list[tuple[str, str]]) -> DataError:
    path, reason = skipped[0]
    given = f"none of its {len(skipped)} pictures can be read: {path} {reason}"
    return DataError(str(listing.root), given, "JPEG, PNG, WebP, BMP or GIF files", "open one in a picture viewer")


def _note(out: Path, skipped: list[tuple[str, str]]) -> Path | None:
    """List the skipped files beside the pack, or take an old list away."""
    notes = out.with_name(f"{out.name}.skipped.txt")
    if not skipped:
        notes.unlink(missing_ok=True)
        return None
    lines = "".join(f"{path}: {reason}\n" for path, reason in skipped)
    write_text(notes, lines.encode(errors="replace").decode())
    return notes
