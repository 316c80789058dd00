"""Who watches a run: told at its start, at log intervals, at checkpoints and at its end; never inside a step."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from gantool.files.envelope import write_text
from gantool.interfaces import Finding

__all__ = ["Evaluated", "Found", "JsonLog", "Observer", "Report", "Start", "command_to_try", "read_log"]


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
    """The run at one log interval; ``stats`` are means over the interval's steps.

    ``vitals`` are the numbers of ``Vitals``, where they were taken at its end.
    """

    step: int
    images: int
    seconds: float
    fraction: float  # of the run's length that is done
    rate: float  # real images a second since the last report
    stats: Mapping[str, float]
    vitals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What the diagnostic ``name`` found at a step."""

    step: int
    name: str
    finding: Finding

    def row(self, folder: Path) -> dict[str, Any]:
        """Return it as plain data, with the command to try for the run in a folder."""
        command = command_to_try(folder, self.finding)
        return {"step": self.step, "finding": self.name, "seen": self.finding.seen, "try": command}


@dataclass(frozen=True)
class Evaluated:
    """What metrics made of the checkpoint of a step, and why some have no value.

    ``keep`` is the metric whose best checkpoint is kept, and ``by`` a digest of the protocol: values of another one are
    not comparable.
    """

    step: int
    values: Mapping[str, float]
    refused: Mapping[str, str]
    keep: str | None = None
    by: str = ""


class Observer:
    """Does nothing; override what you want to hear of."""

    def on_start(self, start: Start) -> None:
        """Called once, before the first step."""

    def on_interval(self, report: Report) -> None:
        """Called at each log interval."""

    def on_finding(self, step: int, name: str, finding: Finding) -> None:
        """Called when the diagnostic ``name`` finds what it did not find at its last look."""

    def on_evaluation(self, evaluated: Evaluated) -> None:
        """Called with what metrics made of a checkpoint."""

    def on_note(self, text: str) -> None:
        """Called with a remark on the watching itself."""

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
            **_short(report.stats),
        }
        if report.vitals:
            row["vitals"] = _short(report.vitals)
        self._write(row)

    def on_finding(self, step: int, name: str, finding: Finding) -> None:
        """Append one line."""
        self._write(Found(step, name, finding).row(self.path.parent))

    def on_evaluation(self, evaluated: Evaluated) -> None:
        """Append one line."""
        row = {"step": evaluated.step, "evaluation": _short(evaluated.values), "by": evaluated.by}
        self._write({**row, "keep": evaluated.keep} if evaluated.keep else row)

    def _write(self, row: Mapping[str, Any]) -> None:
        if self._file:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()

    def on_end(self, step: int) -> None:
        """Close the log."""
        if self._file:
            self._file.close()


def _short(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.6g}") for name, value in numbers.items()}


def command_to_try(folder: Path, finding: Finding) -> str:
    """Return the line that starts the run of a folder again, with a finding's flags."""
    return f"gantool train --config {shlex.quote(str(folder))} {finding.flags}"


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's log; a line that was cut off by a crash is left out."""
    rows = []
    for line in path.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("step"), int)]
