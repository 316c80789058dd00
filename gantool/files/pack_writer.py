"""A pack while it is written: block by block, so that an interrupted attempt is gone on with.

Until a pack NAME is whole its pictures lie in ``NAME.part``. ``NAME.part.json`` is its journal: a line of JSON that
says of which pack, then one for each block of pictures that is safe on the disk. NAME appears by renaming.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import msgspec
import numpy as np

from gantool.errors import DataError, FileError
from gantool.files import strict
from gantool.files.condition import describe_condition
from gantool.files.dataset import KIND, LABELS, ON_DISK
from gantool.files.envelope import header_bytes, sync_folder, take_name, write_text
from gantool.interfaces import Condition

__all__ = ["Note", "PackReport", "PackWriter", "partial", "write_pack"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Splits = Mapping[str, tuple[int, int]]


class Note(NamedTuple):
    """A file that the user should know of.

    ``bad`` ones are left out, a ``duplicate`` has the bytes of an earlier one, ``odd`` ones lose something.
    """

    kind: Literal["bad", "duplicate", "odd"]
    path: str
    reason: str


@dataclass(frozen=True)
class PackReport:
    """What became of a dataset: ``resumed`` counts the pictures that an earlier attempt had packed."""

    path: Path
    pictures: int
    shape: Shape
    resumed: int = 0
    notes: tuple[Note, ...] = ()

    @property
    def listed(self) -> Path:
        """Where the notes are listed, if there are any."""
        return self.path.with_name(f"{self.path.name}.report.txt")

    @property
    def counts(self) -> Mapping[str, int]:
        """How many notes there are of each kind."""
        return {kind: sum(note.kind == kind for note in self.notes) for kind in ("bad", "duplicate", "odd")}

    @property
    def summary(self) -> str:
        """The counts in words: ``3 bad, left out; 2 duplicate``; empty where there is none."""
        said = {"bad": "bad, left out", "duplicate": "duplicate", "odd": "odd"}
        return "; ".join(f"{count} {said[kind]}" for kind, count in self.counts.items() if count)


@dataclass(frozen=True)
class Plan:
    """What is to be written, before it is known which pictures turn out bad."""

    capacity: int
    shape: Shape
    condition: Condition | None = None
    labels: Array | None = None  # one row for each picture
    splits: Splits = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)

    def header(self, length: int, splits: Splits) -> bytes:
        """Return the header of a pack of so many pictures."""
        entries: dict[str, tuple[str, Shape]] = {"images": ("U8", (length, *self.shape))}
        if self.condition is not None:
            dtype, columns = LABELS[self.condition.kind]
            entries["labels"] = (dtype, (length, len(self.condition))[: 1 + columns])
        meta = {**self.meta, "condition": describe_condition(self.condition), "splits": splits}
        return header_bytes(KIND, meta, entries)

    @property
    def longest(self) -> bytes:
        """The header of the full pack; counts only shrink when pictures turn out bad."""
        return self.header(self.capacity, dict.fromkeys(self.splits, (self.capacity, self.capacity)))


class Block(NamedTuple):
    """A line of the journal: the rows up to ``row`` are done, but for some that were ``left_out``."""

    row: int
    left_out: list[int]
    notes: list[Note]
    memo: str


class PackWriter:
    """Appends pictures to a pack; made by ``write_pack``.

    ``row`` counts the rows of the data that are done and ``length`` the pictures of them that were kept; ``notes`` and
    ``memos`` are those of all blocks, of an earlier attempt too.
    """

    def __init__(self, path: Path, plan: Plan, files: tuple[BinaryIO, BinaryIO], done: Sequence[Block]) -> None:
        self.row: int = 0
        self.length: int = 0
        self.notes: list[Note] = []
        self.memos: list[str] = []
        self._path, self._plan = path, plan
        self._file, self._journal = files
        self._kept = np.zeros(plan.capacity, bool)
        self._reserved = len(plan.longest)
        for block in done:
            self._count(block)
        self.resumed = self.length
        if not done:
            self._file.write(b" " * self._reserved)
        self._file.truncate(self._reserved + self.length * prod(plan.shape))
        self._file.seek(0, os.SEEK_END)

    @property
    def report(self) -> PackReport:
        """What was written so far."""
        return PackReport(self._path, self.length, self._plan.shape, self.resumed, tuple(self.notes))

    def add(self, pictures: Array, kept: Array | None = None, notes: Sequence[Note] = (), memo: str = "") -> None:
        """Write the pictures of the next rows, uint8 ``[B, C, H, W]``, but those that are not ``kept``, bool ``[B]``.

        They are safe on the disk then, with ``notes`` and whatever ``memo`` the caller needs to go on.
        """
        plan, stop = self._plan, self.row + len(pictures)
        if pictures.shape[1:] != plan.shape or pictures.dtype != np.uint8 or stop > plan.capacity:
            given = f"{pictures.dtype} {pictures.shape} are of another shape or too many"
            raise ValueError(f"{given} for a pack of {plan.capacity} x {plan.shape}")
        left_out = [] if kept is None else (self.row + np.flatnonzero(~kept)).tolist()
        self._file.write(np.ascontiguousarray(pictures[kept] if left_out else pictures).data)
        _sync(self._file)
        block = Block(stop, left_out, list(notes), memo)
        self._journal.write(json.dumps(block).encode() + b"\n")
        _sync(self._journal)
        self._count(block)

    def _count(self, block: Block) -> None:
        self._kept[self.row : block.row] = True
        self._kept[block.left_out] = False
        self.row, self.length = block.row, self.length + block.row - self.row - len(block.left_out)
        self.notes += block.notes
        self.memos.append(block.memo)

    def close(self) -> None:
        """Write the labels, then the header into the space kept for it, padded with spaces."""
        plan = self._plan
        if plan.condition is not None and plan.labels is not None:  # both or neither
            dtype, _ = LABELS[plan.condition.kind]
            self._file.write(plan.labels[self._kept].astype(ON_DISK[dtype]).tobytes())
        before = np.concatenate([[0], self._kept.cumsum()])  # pictures kept before each row
        splits = {name: (int(before[start]), int(before[stop])) for name, (start, stop) in plan.splits.items()}
        header = plan.header(self.length, {name: rows for name, rows in splits.items() if rows[0] < rows[1]})
        text = header[8:].ljust(self._reserved - 8)  # safetensors allows spaces after the JSON
        self._file.seek(0)
        self._file.write(len(text).to_bytes(8, "little") + text)
        _sync(self._file)


def partial(path: Path) -> tuple[Path, Path]:
    """Return where the pictures of an unfinished pack lie, and its journal."""
    return path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.json")


@contextlib.contextmanager
def write_pack(
    path: Path | str,
    capacity: int,
    shape: Shape,
    *,
    condition: Condition | None = None,
    labels: Array | None = None,
    splits: Splits | None = None,
    fingerprint: str = "",
    source: str = "",
    key: str = "",
) -> Iterator[PackWriter]:
    """Open a pack for at most ``capacity`` pictures of ``shape`` (C, H, W); it appears when the block ends.

    ``labels`` has a row and ``splits`` a range of rows for these; what is left out is taken from both. A block that
    fails leaves no file, or, with a ``key``, what is done: the same key, on the same data, goes on from there.
    Raises DataError where no picture was kept, and FileError where the place cannot be written.
    """
    if (condition is None) != (labels is None):
        raise ValueError("a pack has labels where it has names for them, and only there")
    path = Path(path)
    meta = {"fingerprint": fingerprint, "source": source}
    plan = Plan(capacity, shape, condition, labels, splits or {}, meta)
    writer: PackWriter | None = None
    part, journal = partial(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        done = _begin(part, journal, plan, key)
        with part.open("r+b") as file, journal.open("ab") as log:
            writer = PackWriter(path, plan, (file, log), done)
            yield writer
            if not writer.length:
                raise DataError(source or str(path), "no picture could be read", "a pack of at least one")
            writer.close()
        _write_report(writer.report)
        take_name(part, path)
        sync_folder(path.parent)
        key = ""  # nothing to go on with: the journal goes
    except OSError as error:
        raise _unwritable(path, plan, writer if key else None, error) from error
    finally:
        if writer is not None and not (key and writer.length):
            part.unlink(missing_ok=True)
            journal.unlink(missing_ok=True)


def _begin(part: Path, journal: Path, plan: Plan, key: str) -> list[Block]:
    """Return the blocks that an earlier attempt at the same pack left, or begin anew where there are none.

    Raises FileError where a file that is not ours has the name of one of ours.
    """
    first = {"pack": hashlib.sha256(key.encode() + plan.longest).hexdigest()}
    lines = _lines(part, journal)
    blocks = _blocks(lines[1:], plan.capacity) if key and lines[:1] == [first] else []
    kept = blocks[-1].row - sum(len(block.left_out) for block in blocks) if blocks else 0
    if not part.is_file() or part.stat().st_size < len(plan.longest) + kept * prod(plan.shape):
        blocks = []
    write_text(journal, "".join(json.dumps(line) + "\n" for line in (first, *blocks)))  # without a line cut off
    if not blocks:
        part.write_bytes(b"")
    return blocks


def _lines(part: Path, journal: Path) -> list[Any]:
    """Read the lines of a journal as far as they are whole. Raises FileError where part or journal is not ours."""
    lines: list[Any] = []
    with contextlib.suppress(ValueError, FileNotFoundError):  # the last line may be cut off
        for line in journal.read_bytes().splitlines():
            lines.append(strict.loads(line))
    ours = bool(lines) and isinstance(lines[0], dict) and "pack" in lines[0]
    for file in (journal, part):
        if not ours and file.exists():
            given = "is in the way, and is not of an unfinished pack"
            raise FileError(str(file), given, "its name is needed while packing", f"move it, or type: rm {file}")
    return lines


def _blocks(lines: Sequence[Any], capacity: int) -> list[Block]:
    """Return the blocks of a journal that follow one another as blocks do; none where a line is not one."""
    blocks: list[Block] = []
    start = 0
    try:
        for line in lines:
            block = msgspec.convert(line, Block)
            rows = set(block.left_out)
            if not start < block.row <= capacity or len(rows) < len(block.left_out):
                return []
            if not all(start <= row < block.row for row in rows):
                return []
            blocks.append(block)
            start = block.row
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter of half a pair of surrogates
        return []
    return blocks


def _unwritable(path: Path, plan: Plan, writer: PackWriter | None, error: OSError) -> FileError:
    given, allowed = f"cannot be written ({error.strerror})", "a folder with room"
    if writer is None or not writer.length:
        return FileError(str(path), given, allowed, "free some space or choose another place with -o")
    kept = f"the first {writer.row} of {plan.capacity} pictures are kept in {partial(path)[0].name}"
    return FileError(str(path), f"{given}; {kept}", allowed, "free some space, then type the same command to go on")


def _write_report(report: PackReport) -> None:
    """List the notes beside the pack, or take an old list away."""
    if not report.notes:
        report.listed.unlink(missing_ok=True)
        return
    escaped = {ord(char): repr(char)[1:-1] for char in "\t\n\r"}  # a file's name may hold them
    rows = ["kind\tpath\treason", *("\t".join(cell.translate(escaped) for cell in note) for note in report.notes)]
    text = "".join(f"{row}\n" for row in rows)
    write_text(report.listed, text.encode(errors="replace").decode())


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
