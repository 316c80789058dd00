"""Picture files to a pack: decoded once, in parallel and in order; what is wrong with any of them is noted."""

from __future__ import annotations

import base64
import contextlib
import os
import warnings
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gantool.errors import DataError
from gantool.files.pack_writer import Note, PackReport, PackWriter, write_pack
from gantool.files.progress import Tick
from gantool_classic.datasets.listing import Listing
from gantool_classic.datasets.pictures import Conversion, PictureError, is_grey, read_picture, rgb
from gantool_classic.datasets.settings import FolderOptions

__all__ = ["conversion_of", "decided", "pack_listing"]

Array = np.ndarray[Any, Any]

BLOCK = 256  # pictures that are made safe on the disk at once ...
BLOCK_BYTES = 64 * 2**20  # ... or fewer, where they are large
CHUNK = 8  # pictures that a thread takes at a time
DIGEST = 16  # bytes of SHA-256 by which files are told apart
BAD = bytes(DIGEST)  # in the place of a bad file's


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


def pack_listing(listing: Listing, conversion: Conversion, out: Path, tick: Tick) -> PackReport:
    """Convert and write every picture of a listing to the pack ``out``, going on where an earlier attempt stopped.

    Raises DataError where not one of them can be read, and FileError where ``out`` cannot be written.
    """
    total, exact = len(listing.files), decided(listing, conversion)
    with write_pack(
        out,
        total,
        exact.shape,
        condition=listing.condition,
        labels=listing.labels,
        splits=listing.splits,
        fingerprint=listing.fingerprint(conversion),
        source=str(listing.root),
        key=listing.key(conversion),
    ) as writer:
        seen = _seen(writer)
        tick(writer.row, total)
        with _no_warnings(), contextlib.closing(_decode(listing, exact, writer.row, tick)) as blocks:
            for block in blocks:
                kept, notes = _judge(listing, block, seen)
                writer.add(block.pictures, kept, notes, base64.b64encode(b"".join(block.digests)).decode())
        if writer.length == 0:
            raise _nothing(listing, writer.notes)
    return writer.report


class _Block(NamedTuple):
    """The pictures of some rows; what is wrong with each, by its kind of note; the digests of their files."""

    start: int
    pictures: Array
    bad: list[str]
    odd: list[str]
    digests: list[bytes]


def _decode(listing: Listing, conversion: Conversion, first: int, tick: Tick) -> Generator[_Block, None, None]:
    """Decode in threads, for Pillow releases the interpreter: one block ahead of the one that is written."""
    size = min(BLOCK, max(1, BLOCK_BYTES // prod(conversion.shape)))
    total = len(listing.files)
    ahead: deque[tuple[_Block, list[Future[None]]]] = deque()
    pool = ThreadPoolExecutor(_workers())
    try:
        for start in range(first, total, size):
            ahead.append(_submit(pool, listing, conversion, range(start, min(start + size, total))))
            if len(ahead) == 2:
                yield _finished(*ahead.popleft(), tick, total)
        while ahead:
            yield _finished(*ahead.popleft(), tick, total)
    finally:
        pool.shutdown(cancel_futures=True)


def _submit(
    pool: ThreadPoolExecutor, listing: Listing, conversion: Conversion, rows: range
) -> tuple[_Block, list[Future[None]]]:
    pictures = np.empty((len(rows), *conversion.shape), np.uint8)
    block = _Block(rows.start, pictures, [""] * len(rows), [""] * len(rows), [BAD] * len(rows))

    def read(places: range) -> None:
        for place in places:
            try:
                found = read_picture(listing.root / listing.files[rows.start + place].path, conversion)
            except PictureError as error:
                block.bad[place] = str(error)
            else:
                block.pictures[place], digest, block.odd[place] = found
                block.digests[place] = digest[:DIGEST]

    chunks = (range(start, min(start + CHUNK, len(rows))) for start in range(0, len(rows), CHUNK))
    return block, [pool.submit(read, places) for places in chunks]


def _finished(block: _Block, futures: Sequence[Future[None]], tick: Tick, total: int) -> _Block:
    for number, future in enumerate(futures, 1):
        future.result()
        tick(block.start + min(number * CHUNK, len(block.pictures)), total)
    return block


def _judge(listing: Listing, block: _Block, seen: dict[bytes, int]) -> tuple[Array, list[Note]]:
    """Say which pictures of a block are kept, bool ``[B]``, and note what is wrong with any; enter them as seen."""
    kept = np.ones(len(block.pictures), bool)
    notes: list[Note] = []
    for place, digest in enumerate(block.digests):
        path, row = listing.files[block.start + place].path, block.start + place
        if block.bad[place]:
            kept[place] = False
            notes.append(Note("bad", path, block.bad[place]))
            continue
        first = seen.setdefault(digest, row)
        if first != row:
            kept[place] = listing.duplicates == "keep"
            fate = "kept" if kept[place] else "left out"
            notes.append(Note("duplicate", path, f"has the bytes of {listing.files[first].path}; {fate}"))
        if block.odd[place] and kept[place]:
            notes.append(Note("odd", path, block.odd[place]))
    return kept, notes


def _seen(writer: PackWriter) -> dict[bytes, int]:
    """Return the first row with each digest, of the pictures that an earlier attempt packed."""
    try:
        digests = b"".join(map(base64.b64decode, writer.memos))
    except ValueError:  # of a damaged journal
        return {}
    seen: dict[bytes, int] = {}
    for row in range(writer.row):
        digest = digests[row * DIGEST : (row + 1) * DIGEST]
        if digest != BAD:
            seen.setdefault(digest, row)
    return seen


def _workers() -> int:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(allowed or 1, 8)


def _nothing(listing: Listing, notes: Sequence[Note]) -> DataError:
    given = f"none of its {len(notes)} pictures can be read: {notes[0].path} {notes[0].reason}"
    return DataError(str(listing.root), given, "JPEG, PNG, WebP, BMP or GIF files", "open one in a picture viewer")
