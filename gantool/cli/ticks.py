"""Progress bars for work that says how much of it is done, and for items that pass by."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["counted", "ticks"]

Item = TypeVar("Item")


@contextlib.contextmanager
def ticks(title: str, total: int, quiet: bool = False) -> Iterator[Callable[[int], object]]:
    """Give a function that is told how much more of ``total`` is done; nothing is drawn but on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or not console.is_terminal, transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.advance(task, done)


def counted(items: Iterable[Item], title: str, total: int, quiet: bool = False) -> Iterator[Item]:
    """Pass items on under a progress bar."""
    with ticks(title, total, quiet) as tick:
        for item in items:
            yield item
            tick(1)
