"""What can go wrong, and how it is said.

    GantoolError                 exit 1
    ├── TrainingError            a run that cannot go on (a non-finite loss)
    └── UserError                exit 2: wrong usage or input, nothing was changed
        ├── OptionError          a setting, a flag or a combination of them
        ├── DataError            pictures, labels or folders
        ├── FileError            a file that is not what was asked for
        │   └── UnsafeFileError  a file that could run code or exhaust memory
        ├── RunError             a run folder: locked, missing, not resumable
        └── PluginError          a component or plugin that is unknown, clashing or broken

Every message has one shape: *where: what was given; what is allowed; what to type next.* What is given may come from a
hostile file, so a message is one line of printable letters, and each part of it at most ``LONGEST`` of them.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable

__all__ = [
    "DataError",
    "FileError",
    "GantoolError",
    "OptionError",
    "PluginError",
    "RunError",
    "TrainingError",
    "UnsafeFileError",
    "UserError",
    "is_out_of_memory",
    "nearest",
    "printable",
    "typed",
]


LONGEST = 2000  # letters of one part of a message


class GantoolError(Exception):
    """Say on one line where it failed, what was given, what is allowed and what to type next."""

    exit_code = 1

    def __init__(self, where: str, given: str, allowed: str = "", hint: str = "") -> None:
        self.where = where
        self.given = given
        self.allowed = allowed
        self.hint = hint
        where, *rest = (_short(part) for part in (where, given, allowed, hint))
        said = "; ".join(part for part in rest if part)
        super().__init__(printable(" ".join(f"{where}: {said}".split())))


def _short(part: str) -> str:
    return part if len(part) <= LONGEST else f"{part[:LONGEST]}..."


class TrainingError(GantoolError):
    """A run that cannot go on."""


class UserError(GantoolError):
    """Wrong usage or input; nothing was changed."""

    exit_code = 2


class OptionError(UserError):
    """A setting, a flag, or a combination of them that is not allowed."""


class DataError(UserError):
    """Pictures, labels or folders that cannot be used."""


class FileError(UserError):
    """A file that is missing, damaged, or not of the kind asked for."""


class UnsafeFileError(FileError):
    """A file that could run code when read, or exhaust memory."""


class RunError(UserError):
    """A run folder that is locked, missing, or cannot be resumed as asked."""


class PluginError(UserError):
    """A component or plugin that is unknown, clashing or broken."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, numpy or torch, on the processor or a device, says that memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, which is not imported
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def printable(text: str, keep: str = "") -> str:
    """Write what a terminal would obey, or cannot show, as Python does: ``\\x1b``; letters of ``keep`` stay."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in keep else repr(letter)[1:-1] for letter in text)


def typed(*words: object) -> str:
    """Write the gantool command of these words as a shell takes it, spaces in a path and all."""
    return shlex.join(["gantool", *map(str, words)])


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean X?`` for the known name closest to ``name``, or an empty string."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {found[0]}?" if found else ""
