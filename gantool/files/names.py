"""Names of what gantool writes: what exists is kept, and the new file or folder gets a name with -2, -3 and so on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from gantool.errors import FileError, OptionError

__all__ = ["check_suffix", "check_writable", "free", "numbered", "way"]


def free(path: Path) -> Path:
    """Return a path if nothing is there, else the first free one with -2, -3, ... before the suffix.

    A folder that is empty counts as free; one that is not gets the number at its end. Raises OptionError for a folder
    whose name cannot have a number, as ``.`` has none.
    """
    return next(one for one in numbered(path) if not _taken(one))


def numbered(path: Path) -> Iterator[Path]:
    """Yield a path, then it with -2, -3, ...; raises OptionError after a folder whose name cannot have a number."""
    yield path
    if path.name in ("", ".."):
        raise OptionError(str(path), "is a folder with files in it", "a new folder, or an empty one")
    stem, suffix = (path.name, "") if path.is_dir() else (path.stem, path.suffix)
    yield from (path.with_name(f"{stem}-{number}{suffix}") for number in count(2))


def _taken(path: Path) -> bool:
    try:
        return any(path.iterdir())
    except (OSError, ValueError):  # no folder
        return os.path.lexists(path)


def check_suffix(given: str, suffixes: Sequence[str], flag: str = "-o") -> Path:
    """Return the file that a flag names. Raises OptionError for another suffix, whatever its case, and for a folder."""
    path = Path(given)
    allowed = f"a {' or a '.join(suffixes)} file"
    if path.is_dir():
        raise OptionError(flag, f"{given or path} was given, and is a folder", allowed)
    if path.suffix.lower() not in suffixes:
        raise OptionError(flag, f"{given} was given", allowed, f"type: {flag} {path.with_suffix(suffixes[0])}")
    return path


def check_writable(path: Path) -> Path:
    """Return a path after a trial that a file can be made in its folder. Raises FileError before any work is done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            return path
    except OSError as error:
        given, hint = f"cannot be written ({error.strerror})", "choose another place"
        raise FileError(str(path), given, "a folder with room", hint) from error


def way(path: Path, folder: Path) -> str:
    """Return a path as seen from a folder, with slashes, and whole where it lies on another drive."""
    try:
        return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
    except ValueError:
        return path.absolute().as_posix()
