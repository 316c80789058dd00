"""A dataset of pictures to a pack: by its own means or copied, by one process at a time."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from gantool.errors import FileError, OptionError
from gantool.files.pack_writer import PackReport, write_pack
from gantool.files.progress import Tick, remark
from gantool.interfaces import Dataset, Samples

__all__ = ["alone", "pack", "pack_loaded"]

Array = np.ndarray[Any, Any]

BLOCK = 32 * 2**20  # bytes of pictures that are copied at once


def pack(dataset: Dataset, path: Path | str, tick: Tick = lambda done, total: None) -> PackReport:
    """Write a dataset of pictures to a new pack: by its own ``pack``, else a copy of what it loads.

    ``tick`` is told how many pictures are done and of how many. Raises UserError where the dataset cannot be read or
    holds no pictures, where ``path`` exists or another process is packing to it, and where it cannot be written.
    """
    path = Path(path)
    _refuse_existing(path)
    info = dataset.describe()
    if len(info.shape) != 3:
        raise OptionError("--data", "the dataset holds no pictures", "a dataset of pictures", "see: gantool data list")
    with alone(path):
        _refuse_existing(path)
        own = getattr(dataset, "pack", None)
        report: PackReport = own(path, tick) if own else pack_loaded(dataset, path, tick)
    return report


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise OptionError("-o", f"{path} exists", "a new file", f"remove it, or take another name: rm {path}")


def pack_loaded(dataset: Dataset, path: Path, tick: Tick, splits: Sequence[str] = ()) -> PackReport:
    """Copy what a dataset loads: ``splits`` one behind the other, or else the one that its options name."""
    info = dataset.describe()
    parts = {name: dataset.load(name) for name in splits} or {"": dataset.load()}
    ends = np.cumsum([0, *(len(part.values) for part in parts.values())]).tolist()
    rows = dict(zip(parts, itertools.pairwise(ends), strict=True)) if splits else {}
    with write_pack(
        path,
        ends[-1],
        info.shape,
        condition=info.condition,
        labels=None if info.condition is None else _joined(parts),
        splits=rows,
        fingerprint=info.fingerprint,
        source=type(dataset).__name__,
        key=info.fingerprint,
    ) as writer:
        tick(writer.row, ends[-1])
        at_once = max(1, BLOCK // int(np.prod(info.shape)))
        for part, start in zip(parts.values(), ends, strict=False):
            end = start + len(part.values)
            while writer.row < end:
                begin = writer.row - start
                writer.add(part.values[begin : begin + at_once])
                tick(writer.row, ends[-1])
    return writer.report


def _joined(parts: Mapping[str, Samples]) -> Array:
    return np.concatenate([part.labels for part in parts.values() if part.labels is not None])


@contextlib.contextmanager
def alone(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Keep other processes from packing to the same place; where one does, wait for it or be refused.

    Raises FileError where another process packs there, or the place cannot be written.
    """
    name = path.with_name(f".{path.name}.lock")
    lock = filelock.FileLock(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except filelock.Timeout:
        if not wait:
            allowed = "one process packs to a place"
            hint = "wait for it, or take another name with -o"
            raise FileError(str(path), "is being packed by another process", allowed, hint) from None
        remark(f"waiting for another process that packs {path}")
        lock.acquire()
    except OSError as error:
        given = f"cannot be written ({error.strerror})"
        raise FileError(str(path), given, "a writable folder", "choose another place with -o") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # a system that keeps open files
            name.unlink()
        lock.release()
