"""A small run that a test can disturb, and what to wait for."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from gantool.files import checkpoint

SMALL = """--arch.channels 4 --data.size 16 --data.length 40 --batch-size 6 --latent-dim 8 --precision fp32
 --lr-schedule constant""".split()
FAULTY = Path(__file__).parent / "faulty_losses.py"  # a plugin
ENDLESS = ["--steps", "100000000"]
PATIENCE = 90  # seconds that a process may take, on a busy machine


def wait_for(happened: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait until something has happened, while a process runs."""
    until = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)


def newest(run: Path) -> int:
    """Return the step that a run folder's ``latest`` names; -1 before there is one."""
    try:
        return int((run / "latest").read_text()[-20:-13])
    except (OSError, ValueError):
        return -1


def tensors(run: Path) -> dict[str, object]:
    """Return the newest state of a run, number for number."""
    found = checkpoint.read(checkpoint.find(run, resuming=True)).tensors
    return {name: value.tolist() for name, value in found.items()}
