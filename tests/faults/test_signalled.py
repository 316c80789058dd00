"""A signal ends a run after a checkpoint, alone and in a group; a second one ends it at once."""

import os
import select
import signal
import sys
import time
from pathlib import Path

import pytest
from running import ENDLESS, FAULTY, PATIENCE, SMALL, newest, wait_for

from gantool import open_model
from gantool.render.provenance import read_provenance

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

RUN = Path("run")
TRAIN = ["train", *SMALL, *ENDLESS, "--log-every", "1", "-o", RUN]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "gantool"]


def trains():
    log = RUN / "log.jsonl"
    return log.exists() and log.stat().st_size


@pytest.mark.parametrize(
    "sent", ["SIGINT", *(pytest.param(name, marks=pytest.mark.slow) for name in ("SIGTERM", "SIGHUP"))]
)
def test_a_signal_saves_the_last_step_and_says_how_to_go_on(sent, start):
    process = start(*TRAIN)
    wait_for(trains, process)
    number = getattr(signal, sent)
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number
    assert "nothing is lost. Go on with: gantool train --resume" in said
    assert open_model(RUN).step == newest(RUN) >= 1
    assert read_provenance(RUN / "grid.png")["model"] == open_model(RUN).hash
    assert (RUN / "loss.png").exists()
    assert not (RUN / "training.gif").exists()


def test_a_second_signal_ends_a_step_that_hangs(start):
    process = start("--plugin", FAULTY, *TRAIN, "--loss", "hanging")
    wait_for(Path("hangs").exists, process)
    process.send_signal(signal.SIGTERM)
    time.sleep(1.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 128 + signal.SIGTERM


@pytest.mark.parametrize("sent", ["SIGTERM", pytest.param("SIGINT", marks=pytest.mark.slow)])
def test_a_signal_to_torchrun_stops_all_at_one_step_with_one_line(sent, start):
    process = start(*TRAIN, "--device", "cpu", program=TORCHRUN)
    wait_for(trains, process)
    process.send_signal(getattr(signal, sent))
    _, said = process.communicate(timeout=PATIENCE)
    assert said.count("nothing is lost. Go on with: gantool train --resume") == 1
    assert open_model(RUN).step == newest(RUN) >= 1


def test_a_closed_terminal_saves_as_any_signal_does(workdir):
    import pty

    pid, terminal = pty.fork()
    if not pid:
        os.execv(sys.executable, [sys.executable, "-m", "gantool", *map(str, TRAIN)])
    until = time.monotonic() + PATIENCE
    while not trains() and time.monotonic() < until:
        if select.select([terminal], [], [], 0.05)[0]:
            os.read(terminal, 2**16)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 128 + signal.SIGHUP
    assert open_model(RUN).step == newest(RUN) >= 1
