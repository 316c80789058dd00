"""Who watches a run: told at its start, at log intervals, at checkpoints and at its end; never inside a step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from gantool.files.envelope import write_text

__all__ = ["JsonLog", "Observer", "Report", "Start", "read_log"]


@dataclass(frozen=True)
class Start:
    """What is known before the first step."""

    folder: Path
    step: int
    steps: int | None  # None: the run ends by the clock
    minutes: float | None
    device: str


@dataclass(frozen=True)
class Report:
    """The run at one log interval; ``stats`` are means over the interval's steps."""

    step: int
    images: int
    seconds: float
    fraction: float  # of the run's length that is done
    rate: float  # real images a second since the last report
    stats: Mapping[str, float]


class Observer:
    """Does nothing; override what you want to hear of."""

    def on_start(self, start: Start) -> None:
        """Called once, before the first step."""

    def on_interval(self, report: Report) -> None:
        """Called at each log interval."""

    def on_checkpoint(self, path: Path, step: int) -> None:
        """Called after a checkpoint was written."""

    def on_end(self, step: int) -> None:
        """Called once, after the last step, also where the run was stopped."""


class JsonLog(Observer):
    """Appends one JSON object a line; on resume, lines after the checkpoint's step are cut off first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None

    def on_start(self, start: Start) -> None:
        """Open the log, without the steps that are made again."""
        if self.path.exists():
            kept = [row for row in read_log(self.path) if row["step"] <= start.step]
            write_text(self.path, "".join(json.dumps(row) + "\n" for row in kept))
        self._file = self.path.open("a")

    def on_interval(self, report: Report) -> None:
        """Append one line."""
        row: dict[str, Any] = {
            "step": report.step,
            "images": report.images,
            "seconds": round(report.seconds, 3),
        }
        row |= {
            "rate": round(report.rate, 1),
            **{name: float(f"{value:.6g}") for name, value in report.stats.items()},
        }
        if self._file:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()

    def on_end(self, step: int) -> None:
        """Close the log."""
        if self._file:
            self._file.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's log; a line that was cut off by a crash is left out."""
    rows = []
    for line in path.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("step"), int)]
