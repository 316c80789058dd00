"""Settings from a file: a TOML of one's own, a run folder, its ``config.toml``, or any checkpoint."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from gantool.errors import FileError
from gantool.files import checkpoint, envelope

__all__ = ["read_owners", "read_settings", "read_tree"]

MOST_BYTES = 2**20
MOST_DOTS = 100  # in a line: the time that a dotted key takes grows with the square of its parts


def read_settings(path: Path | str) -> dict[str, Any]:
    """Return the settings that were given for a run, or those that a TOML of one's own gives; torch is not imported.

    Raises FileError where the path holds neither.
    """
    tree = read_tree(path)
    given = tree.get("given", tree)
    if not isinstance(given, dict):
        raise FileError(f"--config {path}", "its [given] is not a table", "a file that gantool wrote")
    return given


def read_owners(path: Path | str) -> dict[str, str]:
    """Return the components that a run had, by section; of a TOML of one's own nothing is known."""
    resolved = read_tree(path).get("resolved")
    tables = resolved if isinstance(resolved, dict) else {}
    return {
        section: str(table["name"]) for section, table in tables.items() if isinstance(table, dict) and "name" in table
    }


def read_tree(path: Path | str) -> dict[str, Any]:
    """Return all that the file of ``read_settings`` says: of a run ``given`` and ``resolved``. Raises FileError."""
    path = Path(path)
    if os.path.isdir(path):
        inside = path / "config.toml"
        path = inside if inside.is_file() else checkpoint.find(path)
    if not os.path.isfile(path):
        raise FileError(f"--config {path}", "does not exist", "a TOML file, a run folder or a checkpoint")
    try:
        return _toml(path) if _is_text(path) else dict(envelope.read_header(path, checkpoint.KIND).meta)
    except OSError as error:
        raise FileError(f"--config {path}", f"cannot be read ({error.strerror})", "a file that can be read") from error


def _is_text(path: Path) -> bool:
    """A safetensors file starts with a length, whose last bytes are zero."""
    with path.open("rb") as file:
        return b"\0" not in file.read(8)


def _toml(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MOST_BYTES:
        raise FileError(f"--config {path}", "is too long for settings", f"at most {MOST_BYTES} bytes")
    try:
        text = path.read_text(encoding="utf-8-sig")
        if max(line.count(".") for line in text.split("\n")) > MOST_DOTS:
            raise ValueError(f"a line has more than {MOST_DOTS} dots")
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of its syntax, its encoding, or a number too long
        raise FileError(
            f"--config {path}", f"is not TOML ({error})", "a TOML file, a run folder or a checkpoint"
        ) from error
