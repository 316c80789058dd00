"""A full disk, a read-only one, a folder that is gone, and too little memory: one line, and what was saved stays."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from running import ENDLESS, SMALL, newest, tensors, wait_for

from gantool.files import checkpoint

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")

RUN = Path("run")
FULL = """
import resource, sys
from gantool.cli.main import run
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), -1))
run(sys.argv[2:])
"""
STARVED = """
import resource, sys
import gantool.training.run
from gantool.cli.main import run
pages = int(open("/proc/self/statm").read().split()[0])
room = pages * resource.getpagesize() + int(sys.argv[1]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (room, room))
run(sys.argv[2:])
"""


@pytest.fixture
def small_disk(workdir):
    """Mount a disk of 200 kB, where the system lets us."""
    (workdir / "disk").mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", "disk"]
    if subprocess.run(line, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    yield workdir / "disk"
    subprocess.run(["umount", "disk"], check=True)


def assert_whole(run):
    """Every checkpoint can be read, and there is one."""
    found = sorted((run / "checkpoints").iterdir())
    assert [checkpoint.read(path).meta["step"] for path in found]
    assert checkpoint.find(run, resuming=True) in found


def test_a_disk_that_fills_up_is_one_line_and_what_was_saved_stays(small_disk, run_cli):
    run = small_disk / "run"
    full = run_cli("train", *SMALL, *ENDLESS, "--checkpoint-every", 2, "--keep", 100, "-q", "-o", run)
    assert full.code == 2
    assert "cannot be written (No space left on device); a folder with room; free some space" in full.err
    assert full.err.count("\n") == 1
    assert_whole(run)
    subprocess.run(["mount", "-o", "remount,size=2m", "disk"], check=True)
    assert run_cli("train", "--resume", run, "--steps", newest(run) + 2, "-q").code == 0


def test_a_read_only_disk_is_refused_before_any_work(small_disk, run_cli):
    run_cli("train", *SMALL, "--steps", 1, "-q", "-o", small_disk / "run")
    subprocess.run(["mount", "-o", "remount,ro", "disk"], check=True)
    for line in ([*SMALL, "-o", small_disk / "new"], ["--resume", small_disk / "run", "--steps", 5]):
        refused = run_cli("train", *line)
        assert refused.code == 2
        assert "(Read-only file system)" in refused.err
        assert refused.err.count("\n") == 1


def test_a_file_that_cannot_grow_is_one_line(finish):
    program = [sys.executable, "-c", FULL, "20000"]
    code, _, said = finish("train", *SMALL, "--steps", 1, "-q", "-o", RUN, program=program)
    assert (code, said.count("\n")) == (2, 1)
    assert "step-00000001.safetensors: cannot be written (File too large)" in said
    assert list((RUN / "checkpoints").iterdir()) == []


@pytest.mark.parametrize("taken", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_run_whose_folder_was_taken_away_saves_its_state_and_ends(taken, start, run_cli):
    process = start("train", *SMALL, *ENDLESS, "--checkpoint-every", 100, "-q", "-o", RUN)
    wait_for(lambda: newest(RUN) > 0, process)
    time.sleep(0.1)  # it has saved, and trains
    RUN.rename("elsewhere")
    if taken:
        RUN.mkdir()
        (RUN / "mine.txt").write_text("mine")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "run: was removed or renamed while the run went on; its last step, " in said
    saved = Path(said.split("type: gantool train --resume ")[1].strip())
    assert f", {newest(saved)}, is saved in {saved}; " in said
    assert newest(saved) >= newest(Path("elsewhere"))
    if taken:
        assert [path.name for path in RUN.iterdir()] == ["mine.txt"]
    step = newest(saved) + 2
    assert run_cli("train", "--resume", saved, "--steps", step, "-q").code == 0
    assert run_cli("train", "--resume", "elsewhere", "--steps", step, "-q").code == 0
    assert tensors(saved) == tensors(Path("elsewhere"))


def test_too_little_memory_names_the_batch_and_how_to_cut_it(finish):
    program = [sys.executable, "-c", STARVED, "400"]
    line = ["train", "--data.size", 16, "--data.length", 40, "--steps", 1, "-q", "--batch-size"]
    code, _, said = finish(*line, 2**16, "-o", RUN, program=program)
    assert (code, said.count("\n")) == (1, 1)
    assert "memory ran out in step 1 (" in said
    assert "a smaller --batch-size than 65536, or its parts one after the other" in said
    assert said.endswith(f"type: gantool train --config {RUN.absolute()} --accumulate 2\n")


@pytest.mark.slow
def test_parts_of_a_batch_fit_where_the_whole_does_not(finish):
    program = [sys.executable, "-c", STARVED, "400"]
    line = ["train", "--data.size", 16, "--data.length", 40, "--steps", 1, "-q", "--batch-size", 2**11, "-o", RUN]
    assert finish(*line, program=program)[0] == 1
    assert finish(*line, "--accumulate", 2**6, program=program)[0] == 0


def test_too_little_memory_for_the_data_is_one_line(finish):
    program = [sys.executable, "-c", STARVED, "200"]
    code, _, said = finish("train", "--data.length", 100_000, "-o", RUN, program=program)
    assert (code, said.count("\n")) == (1, 1)
    assert "gantool: memory ran out (" in said
    assert "ask for less" in said
    assert not RUN.exists()
