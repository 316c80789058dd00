"""Those who watch every run: its log, and the guard around observers that plugins provide."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from gantool.files import strict
from gantool.files.envelope import write_text
from gantool.files.progress import remark
from gantool.interfaces import Evaluated, Finding, Observer, Report, Start

__all__ = ["Found", "Guarded", "JsonLog", "read_log"]

MOST_STEPS = 10**9


@dataclass(frozen=True)
class Found:
    """What the diagnostic ``name`` found at a step."""

    step: int
    name: str
    finding: Finding

    def row(self, folder: Path) -> dict[str, Any]:
        """Return it as plain data, with the command to try for the run in a folder."""
        command = self.finding.command(folder)
        return {"step": self.step, "finding": self.name, "seen": self.finding.seen, "try": command}


class Guarded(Observer):
    """Passes on what a run tells, until the observer ``name`` raises: it is named once by ``note`` and told no more."""

    def __init__(self, name: str, observer: Observer, note: Callable[[str], None]) -> None:
        self._name, self._observer, self._note = name, observer, note
        self._failed = False

    def on_start(self, start: Start) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.on_start(start))

    def on_interval(self, report: Report) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.on_interval(report))

    def on_finding(self, step: int, name: str, finding: Finding) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.on_finding(step, name, finding))

    def on_evaluation(self, evaluated: Evaluated) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.on_evaluation(evaluated))

    def on_note(self, text: str) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.on_note(text))

    def on_samples(self, path: Path, step: int) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.on_samples(path, step))

    def on_checkpoint(self, path: Path, step: int) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.on_checkpoint(path, step))

    def on_end(self, step: int) -> None:
        """Pass it on."""
        self._tell(lambda observer: observer.on_end(step))

    def _tell(self, call: Callable[[Observer], None]) -> None:
        if self._failed:
            return
        try:
            call(self._observer)
        except (Exception, SystemExit) as error:
            self._failed = True
            said = " ".join(f"{type(error).__name__}: {error}".split())
            self._note(f"the observer {self._name} failed ({said}) and is left out from here on")


class JsonLog(Observer):
    """Appends one JSON object a line; on resume, lines after the checkpoint's step are cut off first.

    Lines that a full disk does not take wait in memory until it does: a log may not end a run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None
        self._waiting = False

    def on_start(self, start: Start) -> None:
        """Open the log, without the steps that are made again."""
        if self.path.exists():
            kept = [row for row in read_log(self.path) if row["step"] <= start.step]
            write_text(self.path, "".join(json.dumps(row) + "\n" for row in kept))
        self._file = self.path.open("a", encoding="utf-8")

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
        if not self._file:
            return
        try:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()
            self._waiting = False
        except OSError as error:
            if not self._waiting:
                remark(f"{self.path}: cannot be written ({error.strerror}); training goes on, free some space")
            self._waiting = True

    def on_end(self, step: int) -> None:
        """Close the log."""
        if self._file:
            with contextlib.suppress(OSError):  # lines that are waiting
                self._file.close()


def _short(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.6g}") for name, value in numbers.items()}


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's log; one that was cut off by a crash, or is not one, is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            rows.append(strict.loads(line))
    return [row for row in rows if isinstance(row, dict) and _is_step(row.get("step"))]


def _is_step(value: object) -> bool:
    return type(value) is int and 0 <= value <= MOST_STEPS
