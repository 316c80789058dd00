"""``kill -9`` at any moment: the newest checkpoint is whole, and going on ends where an undisturbed run ends."""

import sys
import time
from pathlib import Path
from random import Random

import pytest
from running import ENDLESS, SMALL, newest, tensors, wait_for

from gantool.files import checkpoint

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

RUN = Path("run")
OFTEN = ["--checkpoint-every", "1", "--keep", "3", "-q"]


def parts():
    return list(RUN.glob("checkpoints/.*.part"))


@pytest.mark.parametrize("kills", [2, pytest.param(51, marks=pytest.mark.slow)])
def test_a_run_killed_again_and_again_ends_as_an_undisturbed_one(kills, start, run_cli):
    random, reached, halves = Random(kills), -1, 0
    for kill in range(kills):
        begun = newest(RUN) >= 0
        process = start("train", *(["--resume", RUN] if begun else [*SMALL, "-o", RUN]), *ENDLESS, *OFTEN)
        if kill % 3 == 2 and begun:  # at any moment, that of its start included
            time.sleep(random.uniform(0, 6))
        else:
            wait_for(lambda before=reached: newest(RUN) > before, process)
            if kill % 3:  # at any moment of training
                time.sleep(random.uniform(0, 0.3))
            else:  # while a checkpoint is written
                wait_for(parts, process)
        process.kill()
        process.wait()
        halves += bool(parts())
        assert newest(RUN) >= reached  # what was safe stays
        for path in RUN.glob("checkpoints/step-*.safetensors"):
            checkpoint.read(path)  # each is whole
        reached = newest(RUN)
    sys.stdout.write(f"{kills} kills, {halves} of them within a save; step {reached} was reached\n")
    assert halves or kills < 10
    end = ["--steps", reached + 3]
    assert run_cli("train", "--resume", RUN, *end, *OFTEN).code == 0
    assert run_cli("train", *SMALL, *end, "-q", "-o", "undisturbed").code == 0
    assert tensors(RUN) == tensors(Path("undisturbed"))
    assert not parts()
    assert [row for row in (RUN / "log.jsonl").read_text().splitlines() if not row.endswith("}")] == []


def test_the_lock_of_a_killed_process_keeps_nobody_out(start, run_cli):
    process = start("train", *SMALL, *ENDLESS, *OFTEN, "-o", RUN)
    wait_for(lambda: newest(RUN) > 0, process)
    refused = run_cli("train", "--resume", RUN, "--steps", 10**6)
    assert refused.code == 2
    assert f"run: is in use by process {process.pid} on " in refused.err
    process.kill()
    process.wait()
    assert run_cli("train", "--resume", RUN, "--steps", newest(RUN) + 2, "-q").code == 0
