"""Progress bars for work that says how much of it is done, and for items that pass by."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from gantool.files.progress import progress

__all__ = ["counted", "ticks"]

Item = TypeVar("Item")


@contextlib.contextmanager
def ticks(title: str, total: int, quiet: bool = False) -> Iterator[Callable[[int], object]]:
    """Give a function that is told how much more of ``total`` is done; nothing is drawn but on a terminal."""
    with progress(title, quiet=quiet) as tick:
        done = 0

        def more(count: int) -> None:
            nonlocal done
            done += count
            tick(done, total)

        more(0)
        yield more


def counted(items: Iterable[Item], title: str, total: int, quiet: bool = False) -> Iterator[Item]:
    """Pass items on under a progress bar."""
    with ticks(title, total, quiet) as tick:
        for item in items:
            yield item
            tick(1)
