"""Nobody reads what is said: a pipe whose reader went away, a closed stream, a full disk behind one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import SMALL, newest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shells of POSIX")

TRAIN = ["train", *SMALL, "--steps", "2"]


def without_reader():
    """Return the writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def test_training_ends_well_where_nobody_reads_its_remarks(finish):
    code, out, _ = finish(*TRAIN, "-o", "run", stderr=without_reader())
    assert (code, out.startswith("Pictures: ")) == (0, True)
    assert newest(Path("run")) == 2


@pytest.mark.slow
def test_training_is_done_where_nobody_reads_its_result(finish):
    code, _, said = finish(*TRAIN, "-q", "-o", "run", stdout=without_reader())
    assert (code, said) == (1, "")  # as any program in front of "| head"
    assert newest(Path("run")) == 2
    assert Path("run/training.gif").exists()


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_fault(closed, workdir):
    line = f"{sys.executable} -m gantool components {closed}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_result_that_cannot_be_written_is_said(finish):
    with Path("/dev/full").open("w") as full:
        code, _, said = finish("components", stdout=full)
    assert code == 1
    assert said.startswith("error: stdout: cannot be written (No space left on device); a place with room;")
    assert said.count("\n") == 1
