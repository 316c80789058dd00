"""Progress of work that counts: a bar with the rate and the time left, drawn on a terminal alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

__all__ = ["Tick", "progress"]

Tick = Callable[[int, int], object]  # told how many are done, and of how many


@contextlib.contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Tick]:
    """Give a function that is told how much is done and of how much; the first call says where it begins."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda done, total: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, rate="")
        first: list[tuple[float, int]] = []  # when and where it began: an earlier attempt may have done a part

        def tick(done: int, total: int) -> None:
            first[:] = first or [(time.monotonic(), done)]
            (since, before) = first[0]
            rate = (done - before) / max(time.monotonic() - since, 1e-3)
            bar.update(task, completed=done, total=total, rate=f"{rate:.0f}/s")

        yield tick
