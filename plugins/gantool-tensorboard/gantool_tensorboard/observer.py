"""A run as TensorBoard's event files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gantool import Evaluated, Finding, Observer, Report, Start, UserError
from gantool_tensorboard.settings import TensorBoardOptions

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FLUSH_SECONDS = 10  # who watches a run does not want to wait for the two minutes of torch's default


class TensorBoard(Observer):
    """Write what a run tells as scalars, pictures and texts, each at its generator step.

    ``training/`` holds the interval's means and the real images a second, ``vitals/`` the health of the run,
    ``metrics/`` its evaluations. Raises UserError where the package tensorboard is missing or the folder is a file.
    """

    def __init__(self, options: TensorBoardOptions) -> None:
        # Here, so that what is wrong is said before the run begins.
        self._writer_of = import_writer()
        self._elsewhere = options.folder
        if self._elsewhere and Path(self._elsewhere).is_file():
            raise UserError(f"--tensorboard.folder {self._elsewhere}", "is a file", "a folder, or a name for a new one")
        self._writer: SummaryWriter | None = None
        self._run = Path()
        self._step = 0

    def on_start(self, start: Start) -> None:
        """Open the event files; those of a resumed run go on, without the steps that are made again."""
        self._run, self._step = start.folder, start.step
        folder = Path(self._elsewhere, start.folder.resolve().name) if self._elsewhere else start.folder / "tensorboard"
        self._writer = self._writer_of(str(folder), purge_step=start.step + 1, flush_secs=FLUSH_SECONDS)
        config = start.folder / "config.toml"
        if config.is_file():
            self._text("settings", as_code(config.read_text(encoding="utf-8")), start.step)

    def on_interval(self, report: Report) -> None:
        """Write the means, the rate and the vitals."""
        self._step = report.step
        self._scalars("training", {**report.stats, "rate": report.rate}, report.step)
        self._scalars("vitals", report.vitals, report.step)

    def on_finding(self, step: int, name: str, finding: Finding) -> None:
        """Write what was seen and the command to try."""
        self._text(f"findings/{name}", f"{finding.seen}\n\n{as_code(finding.command(self._run))}", step)

    def on_evaluation(self, evaluated: Evaluated) -> None:
        """Write the metrics' values, and as notes why some have none."""
        self._scalars("metrics", evaluated.values, evaluated.step)
        for name, reason in evaluated.refused.items():
            self._text(f"notes/{name}", reason, evaluated.step)

    def on_note(self, text: str) -> None:
        """Write a remark, at the step of the last report."""
        self._text("notes", text, self._step)

    def on_samples(self, path: Path, step: int) -> None:
        """Write the picture of the run's fixed samples."""
        if self._writer:
            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            self._writer.add_image("samples", pixels, step, dataformats="HWC")

    def on_end(self, step: int) -> None:
        """Close the event files."""
        if self._writer:
            self._writer.close()
            self._writer = None

    def _scalars(self, group: str, values: Mapping[str, float], step: int) -> None:
        if self._writer:
            for name, value in values.items():
                self._writer.add_scalar(f"{group}/{name}", value, step)

    def _text(self, tag: str, text: str, step: int) -> None:
        if self._writer:
            self._writer.add_text(tag, text, step)


def import_writer() -> type[SummaryWriter]:
    """Return torch's writer of event files. Raises UserError where the package tensorboard cannot be imported."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        given = f"the package tensorboard cannot be imported ({error})"
        raise UserError("--observer tensorboard", given, hint="type: pip install 'tensorboard>=2.16'") from error
    return SummaryWriter


def as_code(text: str) -> str:
    """Return text as a block of code in Markdown, which TensorBoard renders."""
    return indent(text, "    ", lambda line: True)
