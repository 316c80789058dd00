"""JSON from files that may be hostile: refused where it is nested deeper, or in more parts, than any of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gantool.errors import FileError

__all__ = ["loads", "read_table"]

DEEPEST = 64  # of ours none is deeper than 8; what shows, compares or checks a value follows it by nested calls
MOST_PARTS = 2**20  # lists and tables: an empty one takes 3 bytes of a file and 70 of memory

Pairs = Callable[[list[tuple[str, Any]]], dict[str, Any]]


def loads(text: str | bytes, pairs: Pairs | None = None) -> Any:
    """Return what JSON in UTF-8 says; ``pairs`` makes a table of its pairs.

    Raises ValueError where it is not JSON, nested more than ``DEEPEST`` deep or in more than ``MOST_PARTS`` parts.
    """
    text = text.decode() if isinstance(text, bytes) else text  # json would guess at another encoding
    if text.count("[") + text.count("{") > MOST_PARTS:
        raise ValueError(f"more than {MOST_PARTS} lists and tables")
    try:
        found = json.loads(text, object_pairs_hook=pairs)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    level: list[Any] = [[found]]
    for _ in range(DEEPEST):
        inner = (part.values() if isinstance(part, dict) else part for part in level)
        level = [item for items in inner for item in items if isinstance(item, (dict, list))]
        if not level:
            return found
    raise ValueError("nested too deep")


def read_table(path: Path | str, most: int, allowed: str) -> dict[str, Any]:
    """Return the table that a JSON file of at most ``most`` bytes holds. Raises FileError, saying what is allowed."""
    where = str(path)
    try:
        file = Path(path)
        if file.stat().st_size > most:
            raise FileError(where, f"has more than {most} bytes", allowed)
        found = loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(where, f"cannot be read ({error.strerror})", allowed) from error
    except ValueError as error:
        raise FileError(where, "is not JSON", allowed) from error
    return found if isinstance(found, dict) else {}
