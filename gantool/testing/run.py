"""Checks of a component in a tiny run: it trains, it resumes exactly, and its checkpoint can be sampled from."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import torch

from gantool.errors import UserError
from gantool.files import checkpoint as checkpoints
from gantool.latent.model import open_model, restore_config
from gantool.testing.case import Case, require
from gantool.training.options import RunOptions
from gantool.training.run import Prepared, prepare

__all__ = ["check_resume_is_exact", "check_sampling_gives_what_was_trained", "check_trains_in_half_precision"]


def run(case: Case, **training: Any) -> Prepared:
    """Return a tiny run that has made no step. Fails where the component refuses it."""
    try:
        return prepare(case.config(**training), RunOptions(device="cpu"))
    except UserError as error:
        ask = f"say what it needs: contract_checks(..., settings={{{case.component.name!r}: {{...}}}})"
        raise AssertionError(f"a tiny run is refused ({error}); {ask}") from error


def step(prepared: Prepared, steps: int) -> None:
    """Make some steps."""
    for _ in range(steps):
        prepared.phases.step()


def check_trains_in_half_precision(case: Case) -> None:
    """Require finite losses over two steps under bfloat16."""
    prepared = run(case, precision="bf16")
    step(prepared, 2)
    for name, value in prepared.phases.statistics.flush().items():  # raises TrainingError for what is not finite
        require(math.isfinite(value), f"{name} is {value} in bfloat16")


def check_resume_is_exact(case: Case) -> None:
    """Require that two steps, a checkpoint, and two more steps give, bit for bit, what four steps give."""
    straight, broken = run(case), run(case)
    step(straight, 4)
    step(broken, 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "step-2.safetensors"
        checkpoints.write(path, broken.state.tensors(), broken.meta())
        stored = checkpoints.read(path)
        resumed = prepare(restore_config(stored, case.registry), RunOptions(device="cpu"))
        resumed.state.restore(stored)
    step(resumed, 2)
    expected, found = straight.state.tensors(), resumed.state.tensors()
    require(set(expected) == set(found), f"other tensors after resuming: {sorted(set(expected) ^ set(found))[:3]}")
    for name, value in expected.items():
        require(torch.equal(value, found[name]), f"{name} differs between four steps and two, a checkpoint and two")


def check_sampling_gives_what_was_trained(case: Case) -> None:
    """Require that a checkpoint opens with the settings it holds, and gives the trained generator's samples."""
    prepared = run(case)
    step(prepared, 1)
    state = prepared.state
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "step-1.safetensors"
        checkpoints.write(path, state.tensors(), prepared.meta())
        model = open_model(path, case.registry)
    z = model.latents([0, 1, 2])
    c = model.labels([0, 1, 2])
    with torch.no_grad():
        expected = state.sampler.eval()(z, c)
    samples = model.samples(z, c)
    require(tuple(samples.shape) == (3, *prepared.info.shape), f"samples are {tuple(samples.shape)}")
    require(torch.equal(samples, expected.float()), "samples of the checkpoint differ from the trained generator's")
