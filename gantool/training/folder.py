"""A run's folder: where everything lies, the lock that keeps a second process out, and the pruning of checkpoints."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import filelock

from gantool.errors import FileError, RunError
from gantool.files.envelope import write_text

__all__ = ["RunFolder"]


class RunFolder:
    """``config.toml``, ``log.jsonl``, ``samples/``, ``checkpoints/``, ``latest`` and the pictures of the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: filelock.BaseFileLock | None = None

    @classmethod
    def create(cls, wanted: Path) -> RunFolder:
        """Make a new folder; where the name is taken it gets ``-2``, ``-3`` and so on. Raises FileError."""
        names = _numbered(wanted)
        try:
            wanted.parent.mkdir(parents=True, exist_ok=True)
            while True:
                with contextlib.suppress(FileExistsError):
                    path = next(names)
                    path.mkdir()
                    return cls(path)
        except OSError as error:
            raise _unmakable(wanted, str(error.strerror)) from error

    @staticmethod
    def free(wanted: Path) -> Path:
        """Return the folder that ``create`` would make now. Raises FileError for one that has no name."""
        return next(path for path in _numbered(wanted) if not os.path.lexists(path))

    @property
    def samples(self) -> Path:
        """The fixed-seed grids made during training."""
        return self.path / "samples"

    @property
    def log(self) -> Path:
        """The metrics, one JSON object a line."""
        return self.path / "log.jsonl"

    def checkpoint(self, step: int) -> Path:
        """Return the path of one step's checkpoint."""
        return self.path / "checkpoints" / f"step-{step:08d}.safetensors"

    def checkpoints(self) -> list[Path]:
        """Return the checkpoints that exist, oldest first."""
        found = (self.path / "checkpoints").glob("step-*.safetensors")
        return sorted((path for path in found if path.stem[5:].isdecimal()), key=lambda path: int(path.stem[5:]))

    def point(self, name: str, checkpoint: Path) -> None:
        """Let ``latest`` or ``best`` name a checkpoint."""
        write_text(self.path / name, f"checkpoints/{checkpoint.name}\n")

    def prune(self, keep: int) -> None:
        """Remove all but the newest ``keep`` checkpoints; never those that ``latest`` and ``best`` name."""
        pointers = [self.path / name for name in ("latest", "best")]
        named = {pointer.read_text(encoding="utf-8").strip() for pointer in pointers if pointer.is_file()}
        for old in self.checkpoints()[:-keep]:
            if f"checkpoints/{old.name}" not in named:
                with contextlib.suppress(PermissionError):  # Windows keeps what is open: it goes another time
                    old.unlink(missing_ok=True)

    def lock(self) -> None:
        """Keep other processes out until ``unlock``, or until this process ends. Raises RunError if one is in."""
        holder = self.path / ".holder"
        lock = filelock.FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            who = holder.read_text(encoding="utf-8").strip() if holder.is_file() else "another process"
            hint = "wait for it, or start another run with -o"
            raise RunError(
                str(self.path), f"is in use by {who}", "one process may train in a run folder", hint
            ) from None
        except OSError as error:
            raise FileError(str(self.path), f"cannot be locked ({error.strerror})", "a writable folder") from error
        self._lock = lock
        for left in (self.path / "checkpoints").glob(".step-*.part"):  # of a process that was killed while saving
            left.unlink(missing_ok=True)
        write_text(holder, _holder())

    def is_held(self) -> bool:
        """Whether the folder that was locked is still under its name: it may have been removed, renamed or replaced."""
        try:
            return (self.path / ".holder").read_text(encoding="utf-8") == _holder()
        except (OSError, ValueError):
            return False

    def unlock(self) -> None:
        """Let others in again."""
        if self._lock:
            if self.is_held():
                (self.path / ".holder").unlink(missing_ok=True)
            self._lock.release()
            self._lock = None


def _holder() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}\n"


def _numbered(wanted: Path) -> Iterator[Path]:
    """Yield a folder, then it with -2, -3, ... Raises FileError for one that has no name, such as ``/``."""
    if wanted.name in ("", ".", ".."):
        raise _unmakable(wanted, "it is there already")
    yield wanted
    yield from (wanted.with_name(f"{wanted.name}-{number}") for number in count(2))


def _unmakable(wanted: Path, why: str) -> FileError:
    return FileError(str(wanted), f"cannot be made ({why})", "a writable place", "choose another place with -o")
