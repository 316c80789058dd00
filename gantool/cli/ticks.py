"""A progress bar for work that says itself how much of it is done."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

__all__ = ["ticks"]


@contextlib.contextmanager
def ticks(title: str, total: int, quiet: bool = False) -> Iterator[Callable[[int], object]]:
    """Give a function that is told how much more of ``total`` is done; nothing is drawn but on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or not console.is_terminal, transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.advance(task, done)
