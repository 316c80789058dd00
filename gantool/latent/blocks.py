"""Work on many rows, block by block in several threads."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

__all__ = ["in_turn", "side_by_side", "without_tf32"]

Result = TypeVar("Result")

TURN = threading.RLock()  # who may use a GPU: one thread after another
HELPERS = 8  # threads that prepare and encode what a GPU computes


def side_by_side(
    work: Callable[[Sequence[int]], Result],
    rows: Sequence[int],
    most: int,
    device: torch.device,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Result]:
    """Do the work on blocks of at most so many rows and yield what it returns, in order, until ``stopped`` says so.

    On a processor each thread computes a block of its own on one core, from latents to files: so no core waits for
    another at the end of every layer, as those of one network pass do.
    """
    before = torch.get_num_threads()
    threads = before if device.type == "cpu" else min(HELPERS, os.cpu_count() or 1)
    size = max(1, min(most, -(-len(rows) // threads)))
    waiting: deque[Future[Result]] = deque()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            try:
                for start in range(0, len(rows), size):
                    if stopped():
                        break
                    waiting.append(pool.submit(work, rows[start : start + size]))
                    if len(waiting) > 2 * threads:  # so that memory is bounded
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:  # after an error
                    future.cancel()
    finally:
        torch.set_num_threads(before)  # the workers' 1 would be that of threads to come


def in_turn(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Wait until no other thread of ``side_by_side`` uses a GPU; a processor is for all."""
    return TURN if device.type != "cpu" else contextlib.nullcontext()


@contextlib.contextmanager
def without_tf32() -> Iterator[None]:
    """Compute without TF32, as sampling and judging should; a training that goes on has its setting back."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
