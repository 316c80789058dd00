"""What the tests of faults share: ``gantool`` as processes of its own, to be killed, starved and cut off."""

from __future__ import annotations

import subprocess
import sys

import pytest
from running import PATIENCE


@pytest.fixture
def start(workdir):
    """Return a function that starts ``gantool`` in a new folder; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def call(*line: object, program=(sys.executable, "-m", "gantool"), **options) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen([*program, *map(str, line)], **{**pipes, **options})
        started.append(process)
        return process

    yield call
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def finish(start):
    """Return a function that runs ``gantool`` to its end and returns its code, its results and its remarks."""

    def call(*line: object, **options) -> tuple[int, str, str]:
        process = start(*line, **options)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    return call
