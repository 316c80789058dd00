"""Pictures by the thousand: blocks of seeds drawn, encoded and written side by side, into a folder or into one pack.

order = Order(open_model("runs/shapes").on(pick_device("auto")), range(50_000))
fill(claim(order, Path("folder")))
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from torch import Tensor

from gantool.files import manifest
from gantool.files.pack_writer import write_pack
from gantool.files.progress import Tick
from gantool.latent.blocks import side_by_side
from gantool.latent.model import Model
from gantool.processes import rank, world_size
from gantool.render.grid import to_uint8
from gantool.render.provenance import carried, save_sample

__all__ = ["Order", "Share", "claim", "fill", "pack", "present"]

Result = TypeVar("Result")

PICTURE = re.compile(r"(\d{6})\.png")
PARTIAL = re.compile(r"\.(\d{6})\.png\.\d+\.part")  # what a process that was killed leaves
PACK_BLOCK = 512  # pictures that are added to a pack, and fsynced, together


@dataclass(frozen=True)
class Order:
    """What to draw: picture i is that of seed i, of row i of the labels ``c`` and of the truncation.

    Raises OptionError for a truncation that cannot be.
    """

    model: Model
    seeds: Sequence[int]
    c: Tensor | None = None
    truncation: float | None = None

    def __post_init__(self) -> None:
        self.model.latents(self.seeds[:1], self.truncation)  # refuses before anything is written

    def describe(self, count: int) -> dict[str, Any]:
        """Say what the first ``count`` pictures are, so that equal words are equal pictures."""
        c = None if self.c is None else hashlib.sha256(self.c[:count].numpy().tobytes()).hexdigest()
        said = {"model_hash": self.model.hash, "truncation": self.truncation, "labels": c}
        return {**said, "count": count, "seeds": _ranges(self.seeds[:count])}


@dataclass(frozen=True)
class Share:
    """One process's part of an order's folder: of ``mine``, the pictures ``missing`` are still to be made.

    ``there`` counts those of all processes that the folder held.
    """

    order: Order
    folder: Path
    there: int
    mine: range
    missing: Sequence[int]


def claim(order: Order, path: Path) -> Share:
    """Return what is left to do in a folder: ``path`` where it is new, empty or begun by the same order, else -2, ...

    An order of more seeds and labels goes on with one of the first of them. Raises FileError where no folder can be
    made.
    """
    count = len(order.seeds)
    folder = manifest.claim(path, count, order.describe)
    there = present(folder, count)
    mine = range(rank(), count, world_size())
    return Share(order, folder, len(there), mine, [row for row in mine if row not in there])


def present(folder: Path, count: int) -> set[int]:
    """Return the numbers, below ``count``, of the pictures that a folder holds."""
    with os.scandir(folder) as entries:
        named = ((PICTURE.fullmatch(entry.name), entry) for entry in entries)
        # one whose bytes a loss of power took is empty
        found = {int(match[1]) for match, entry in named if match and entry.stat().st_size}
    return {number for number in found if number < count}


def fill(share: Share, *, tick: Tick = lambda done, total: None, stopped: Callable[[], bool] = lambda: False) -> None:
    """Make the missing pictures, each whole under its name, with its provenance, or not there at all.

    ``tick`` hears of each block; after ``stopped`` says so no picture is begun. Raises FileError where the folder
    cannot be written.
    """
    order, done = share.order, len(share.mine) - len(share.missing)

    def save(rows: Sequence[int]) -> int:
        z, c, pixels = _draw(order, rows)
        for place, row in enumerate(rows):
            if stopped():
                return place
            one = slice(place, place + 1)
            labels = None if c is None else c[one]
            found = carried(order.model.hash, z[one], labels, [order.seeds[row]], order.truncation)
            save_sample(pixels[place], share.folder / f"{row:06d}.png", found)
        return len(rows)

    _tidy(share)
    tick(done, len(share.mine))
    for made in _blocks(order.model, save, share.missing, stopped):
        done += made
        tick(done, len(share.mine))


def pack(
    order: Order,
    path: Path,
    *,
    tick: Tick = lambda done, total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Write the pictures and labels into a pack, a dataset file, and return how many of them are in it.

    They are fewer where ``stopped`` said so; the pack then does not exist, and the same order goes on with it. Raises
    FileError where it cannot be written.
    """
    model, count = order.model, len(order.seeds)
    key = hashlib.sha256(json.dumps(order.describe(count), sort_keys=True).encode()).hexdigest()
    labels = None if order.c is None else order.c.numpy()
    source = f"samples of {model.hash[:16]}"
    opened = write_pack(
        path, count, model.shape, condition=model.condition, labels=labels, fingerprint=key, source=source, key=key
    )
    with contextlib.suppress(_Stopped), opened as file:
        rows = range(file.row, count)
        tick(file.row, count)
        drawn = _blocks(model, lambda rows: _draw(order, rows)[2], rows, stopped)
        for pixels in _gathered(drawn):
            file.add(pixels.transpose(0, 3, 1, 2))
            tick(file.row, count)
        if file.row < count:
            raise _Stopped
    return file.row


class _Stopped(Exception):  # noqa: N818  # not an error
    """Leaves a pack unfinished."""


def _draw(order: Order, rows: Sequence[int]) -> tuple[Tensor, Tensor | None, np.ndarray[Any, np.dtype[np.uint8]]]:
    """Return ``z [N, D]``, ``c`` and pixels ``[N, H, W, C]`` of some of the pictures."""
    z = order.model.latents([order.seeds[row] for row in rows], order.truncation)
    c = None if order.c is None else order.c[list(rows)]
    x = order.model.samples(z, c)
    return z, c, to_uint8(x)


def _blocks(
    model: Model, work: Callable[[Sequence[int]], Result], rows: Sequence[int], stopped: Callable[[], bool]
) -> Iterator[Result]:
    return side_by_side(work, rows, model.at_once, model.device, stopped)


def _gathered(blocks: Iterator[np.ndarray[Any, Any]]) -> Iterator[np.ndarray[Any, Any]]:
    """Join blocks into larger ones."""
    held: list[np.ndarray[Any, Any]] = []
    for block in blocks:
        held.append(block)
        if sum(map(len, held)) >= PACK_BLOCK:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def _tidy(share: Share) -> None:
    """Remove what a killed process left of pictures that are now this one's to make."""
    for path in share.folder.iterdir():
        match = PARTIAL.fullmatch(path.name)
        if match and int(match[1]) in share.mine:
            path.unlink(missing_ok=True)


def _ranges(numbers: Sequence[int]) -> str:
    """Write numbers as ``3,8,20-29``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in parts)
