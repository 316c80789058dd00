"""What is said on stderr while work goes on: remarks, and a bar with the rate and the time left on a terminal.

Nobody may read it: a terminal that was closed, or a pipe whose reader went away, changes nothing of the work.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Tick", "console", "progress", "remark"]

Tick = Callable[[int, int], object]  # told how many are done, and of how many


class _Unread:
    """A stream that loses what can be written no more, where the one below would raise."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def remark(text: str) -> None:
    """Say a line on stderr, where there is one."""
    if sys.stderr:
        stream = _Unread(sys.stderr)
        stream.write(text + "\n")
        stream.flush()


def console() -> Console:
    """Return rich's console over stderr."""
    from rich.console import Console

    return Console(file=cast("IO[str]", _Unread(sys.stderr))) if sys.stderr else Console(quiet=True)


@contextlib.contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Tick]:
    """Give a function that is told how much is done and of how much; the first call says where it begins."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    stderr = console()
    if quiet or not stderr.is_terminal:
        yield lambda done, total: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *columns, console=stderr, transient=True) as bar:
        task = bar.add_task(title, total=None, rate="")
        first: list[tuple[float, int]] = []  # when and where it began: an earlier attempt may have done a part

        def tick(done: int, total: int) -> None:
            first[:] = first or [(time.monotonic(), done)]
            (since, before) = first[0]
            rate = (done - before) / max(time.monotonic() - since, 1e-3)
            bar.update(task, completed=done, total=total, rate=f"{rate:.0f}/s")

        yield tick
