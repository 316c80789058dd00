"""JSON from files that may be hostile: refused where it is nested deeper, or in more parts, than any of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

__all__ = ["loads"]

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
