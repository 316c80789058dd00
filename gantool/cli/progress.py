"""Progress on long work: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from pathlib import Path

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from gantool.cli.console import note, with_plugins
from gantool.files.progress import console
from gantool.interfaces import Evaluated, Finding, Observer, Report, Start

__all__ = ["Progress"]

QUIET_SECONDS = 20.0  # between two plain lines
WIDE = 110  # columns, from which on there is room for both times and a wide bar beside the losses


class Progress(Observer):
    """Shows the share done, images a second, losses and the time left."""

    def __init__(self) -> None:
        self._folder = Path()
        self._bar: Bar | None = None
        self._said = 0.0

    def on_start(self, start: Start) -> None:
        """Say where the run lives and begin the bar."""
        length = f"{start.minutes:g} minutes" if start.minutes else f"to step {start.steps}"
        since = f" from step {start.step}" if start.step else ""
        note(f"Training in {start.folder} on {start.device}{since}, {length}")
        self._folder, self._said = start.folder, time.monotonic()
        stderr = console()
        if stderr.is_terminal:
            share, text = TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.description}")
            times = (TimeElapsedColumn(), TimeRemainingColumn())
            left = TimeRemainingColumn(compact=True, elapsed_when_finished=True)
            wide = stderr.width >= WIDE
            columns = (BarColumn(), share, *times, text) if wide else (BarColumn(12), share, left, text)
            self._bar = Bar(*columns, console=stderr, refresh_per_second=2)
            self._bar.start()
            self._task = self._bar.add_task("", total=1.0)

    def on_interval(self, report: Report) -> None:
        """Show the latest numbers."""
        text = describe(report)
        if self._bar:
            self._bar.update(self._task, completed=report.fraction, description=text)
        elif time.monotonic() - self._said >= QUIET_SECONDS or report.fraction >= 1:
            self._said = time.monotonic()
            note(f"{report.fraction:4.0%}  {text}")

    def on_finding(self, step: int, name: str, finding: Finding) -> None:
        """Say what was seen and what to type."""
        self.on_note(f"step {step}: {name}: {finding.seen}; try: {with_plugins(finding.command(self._folder))}")

    def on_evaluation(self, evaluated: Evaluated) -> None:
        """Show what metrics made of the run."""
        said = "  ".join(f"{name} {value:.4g}" for name, value in evaluated.values.items())
        reasons = [f"{name} was left out: {reason}" for name, reason in evaluated.refused.items()]
        self.on_note(f"step {evaluated.step}: " + "; ".join([*([said] if said else []), *reasons]))

    def on_note(self, text: str) -> None:
        """Write a line above the bar."""
        if self._bar:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            note(text)

    def on_checkpoint(self, path: Path, step: int) -> None:
        """Checkpoints are announced at the end, by the command."""

    def on_end(self, step: int) -> None:
        """Close the bar."""
        if self._bar:
            self._bar.stop()


SHORT = {"loss_d": "D", "loss_g": "G"}


def describe(report: Report) -> str:
    """Return a report on one line: ``step 200  510 img/s  D -1.32  G 0.41  penalty 0.1``; scores are for the curves."""
    others = [name for name in report.stats if name not in SHORT and not name.startswith("score_")]
    names = [name for name in (*SHORT, *others) if name in report.stats]
    losses = "  ".join(f"{SHORT.get(name, name)} {report.stats[name]:.3g}" for name in names)
    return f"step {report.step}  {report.rate:.0f} img/s  {losses}"
