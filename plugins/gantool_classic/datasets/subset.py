"""Fewer examples than there are: how ``limit`` chooses them, and how splits lie one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

__all__ = ["thin", "thin_parts", "thinned"]

Item = TypeVar("Item")


def thinned(length: int, limit: int | None) -> slice | np.ndarray[Any, Any]:
    """Return an index of ``limit`` examples spread over ``length``, so that sorted classes all appear."""
    if limit is None or limit >= length:
        return slice(None)
    return np.arange(limit) * length // limit


def thin(items: Sequence[Item], limit: int | None) -> list[Item]:
    """Return at most ``limit`` items, spread evenly."""
    return [items[row] for row in np.arange(len(items))[thinned(len(items), limit)]]


def thin_parts(parts: Mapping[str, Sequence[Item]], limit: int | None) -> tuple[list[Item], dict[str, tuple[int, int]]]:
    """Put at most ``limit`` items of each part one after another; return them and the rows of each part."""
    chosen: list[Item] = []
    rows: dict[str, tuple[int, int]] = {}
    for name, part in parts.items():
        start = len(chosen)
        chosen += thin(part, limit)
        if len(chosen) > start:
            rows[name] = (start, len(chosen))
    return chosen, rows
