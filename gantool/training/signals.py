"""Ctrl-C, kill and a closed terminal: the step is finished and a checkpoint written before the process ends."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

__all__ = ["SIGNALS", "Stop"]

# Those that ask a process to end; the last is not known everywhere.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Stop:
    """While entered, the first signal sets ``signal``; another, a second later or more, ends the process at once.

    With ``repeats`` false others are ignored: torchrun sends its own after the one that the terminal sent.
    """

    def __init__(self, repeats: bool = True) -> None:
        self.signal: int = 0
        self.repeats = repeats
        self._since = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():  # handlers can be set nowhere else
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self.signal:
            self.signal, self._since = number, time.monotonic()
        elif self.repeats and time.monotonic() - self._since >= 1:
            os._exit(128 + number)
