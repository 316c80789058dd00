"""Checks of kind ``observer``: it hears a whole run, and one that is resumed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from gantool.interfaces import Evaluated, Finding, Observer, Report, Start
from gantool.testing.case import Case, require

__all__ = [
    "check_hears_a_run",
    "check_hears_a_run_by_the_clock",
    "check_hears_a_run_that_is_resumed",
    "check_is_an_observer",
]


def check_is_an_observer(case: Case) -> None:
    """Require a subclass of ``gantool.Observer``, so that calls of later versions find something."""
    require(isinstance(case.create(), Observer), "does not derive from gantool.Observer")


def tell(observer: Observer, folder: Path, first: int = 0) -> None:
    """Tell an observer all that a run of 20 steps may tell, from the step ``first`` on."""
    picture, checkpoint = folder / "samples" / "step-00000010.png", folder / "checkpoints" / "step-00000010.safetensors"
    for path in (picture, checkpoint):
        path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(picture)
    checkpoint.write_bytes(b"")
    observer.on_start(Start(folder, first, 20, None, "cpu"))
    for number in range(first + 5, 21, 5):
        stats = {"loss_d": 0.5, "loss_g": 1.5, "score_real": 0.25}
        observer.on_interval(Report(number, number * 64, 0.5, number / 20, 512.0, stats, {"coverage": 0.9}))
    observer.on_finding(10, "mode-collapse", Finding("samples show 0.1 of the data's variety", "--loss wgan-gp"))
    observer.on_samples(picture, 10)
    observer.on_checkpoint(checkpoint, 10)
    observer.on_evaluation(Evaluated(10, {"kid": 0.02}, {"fid": "too few samples"}, "kid", "1"))
    observer.on_note("fid is not measured")
    observer.on_end(20)


def check_hears_a_run(case: Case) -> None:
    """Require that all that a run may tell can be heard."""
    with tempfile.TemporaryDirectory() as folder:
        tell(case.create(), Path(folder))


def check_hears_a_run_by_the_clock(case: Case) -> None:
    """Require the same of a run whose number of steps nobody knows, and which ends before the first."""
    with tempfile.TemporaryDirectory() as folder:
        observer = case.create()
        observer.on_start(Start(Path(folder), 0, None, 1.5, "cpu"))
        observer.on_end(0)


def check_hears_a_run_that_is_resumed(case: Case) -> None:
    """Require that a second observer goes on in the folder where a first one stopped."""
    with tempfile.TemporaryDirectory() as folder:
        tell(case.create(), Path(folder))
        tell(case.create(), Path(folder), first=10)
