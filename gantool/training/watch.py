"""Watching a run for known failures: what diagnostics make of its vitals, told once each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gantool.config import RunConfig
from gantool.interfaces import Diagnostic, Finding, Observer, Report, Start, Vitals
from gantool.registry import Component
from gantool.training.folder import RunFolder
from gantool.training.observers import Found, read_log

__all__ = ["Watch"]


class Watch(Observer):
    """Shows all vitals of a run to diagnostics, and tells ``others`` of each finding.

    A finding is told again where the diagnostic has found nothing in between, and where a run is resumed. A diagnostic
    that fails is named once and asked no more: it may not end a run.
    """

    def __init__(self, config: RunConfig, diagnostics: Iterable[Component], others: Sequence[Observer]) -> None:
        self.config = config
        self.others = others
        self.found: list[Found] = []
        self._parts = list(diagnostics)
        self._asked: dict[str, Diagnostic] = {}
        self._vitals: list[Vitals] = []
        self._ill: set[str] = set()

    def on_start(self, start: Start) -> None:
        """Make the diagnostics, and recall what a resumed run's log knows."""
        for part in self._parts:
            try:
                self._asked[part.name] = part.create()
            except (Exception, SystemExit) as error:
                self._drop(part.name, error)
        log = RunFolder(start.folder).log
        if start.step and log.exists():
            self._vitals = recalled(log, start)

    def on_interval(self, report: Report) -> None:
        """Ask each diagnostic, where vitals were taken."""
        if not report.vitals:
            return
        self._vitals.append(Vitals(report.step, report.fraction, report.vitals))
        for name, diagnostic in list(self._asked.items()):
            try:
                finding = diagnostic.check(tuple(self._vitals), self.config)
                if finding is not None and not isinstance(finding, Finding):
                    raise TypeError(f"check() returned a {type(finding).__name__}, not a Finding or None")
            except (Exception, SystemExit) as error:
                self._drop(name, error)
            else:
                self._hear(report.step, name, finding)

    def _hear(self, step: int, name: str, finding: Finding | None) -> None:
        if finding is None:
            self._ill.discard(name)
        elif name not in self._ill:
            self._ill.add(name)
            self.found.append(Found(step, name, finding))
            for observer in self.others:
                observer.on_finding(step, name, finding)

    def _drop(self, name: str, error: BaseException) -> None:
        self._asked.pop(name, None)
        said = " ".join(f"{type(error).__name__}: {error}".split())
        for observer in self.others:
            observer.on_note(f"the diagnostic {name} failed ({said}) and is left out from here on")


def recalled(log: Path, start: Start) -> list[Vitals]:
    """Return the vitals that a log holds; of a run by the clock all lie before its beginning."""
    rows = [row for row in read_log(log) if isinstance(row.get("vitals"), dict)]
    length = start.steps or float("inf")
    return [Vitals(row["step"], min(row["step"] / length, 1.0), numbers(row["vitals"])) for row in rows]


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return those values that are numbers."""
    return {name: value for name, value in values.items() if isinstance(value, (int, float))}
