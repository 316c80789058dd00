"""Numbers that are not finite, and data that vanishes or changes: said, not ignored, and the last good state stays."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from running import FAULTY, SMALL, newest, tensors

RUN = Path("run")


@pytest.mark.parametrize("term", ["d", "g"])
def test_a_loss_that_is_not_finite_ends_the_run_at_its_last_good_checkpoint(term, run_cli, workdir):
    faulty = ["--plugin", FAULTY, "train", *SMALL, "--steps", 9, "--checkpoint-every", 1, "-q"]
    done = run_cli(*faulty, "--loss", "broken", "--loss.step", 4, "--loss.term", term, "-o", RUN)
    assert done.code == 1
    assert done.err.startswith(f"error: step 4: loss_{term} became inf; training needs finite losses; lower --lr-g")
    assert newest(RUN) == 3
    run_cli("train", *SMALL, "--steps", 3, "-q", "-o", "sound")
    assert tensors(RUN) == tensors(Path("sound"))
    assert [json.loads(row)["step"] for row in (RUN / "log.jsonl").read_text().splitlines()][-1] == 3


@pytest.fixture
def photos(workdir):
    """A folder of twelve pictures, and a run of two steps on them."""
    folder = workdir / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(12):
        Image.fromarray(random.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


LINE = "--data folder --data.root photos --data.size 16 --arch.channels 4 --batch-size 6 --precision fp32".split()


def test_data_that_vanished_is_named(run_cli, photos):
    assert run_cli("train", *LINE, "--steps", 2, "-q", "-o", RUN).code == 0
    photos.rename("moved")
    done = run_cli("train", "--resume", RUN, "--steps", 4)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "photos" in done.err
    assert newest(RUN) == 2
    assert run_cli("train", "--resume", RUN, "--steps", 4, "--data.root", "moved", "-q").code == 0  # files may move


@pytest.mark.parametrize("change", ["added", "removed", "repainted"])
def test_data_that_changed_is_refused(change, run_cli, photos):
    assert run_cli("train", *LINE, "--steps", 2, "-q", "-o", RUN).code == 0
    if change == "removed":
        (photos / "3.png").unlink()
    else:
        Image.new("RGB", (16, 16), "red").save(photos / ("3.png" if change == "repainted" else "more.png"))
    done = run_cli("train", "--resume", RUN, "--steps", 4)
    assert done.code == 2
    line = done.err.splitlines()[-1]  # the first says that the pictures are packed
    assert "the data differs from what the run was trained on; the same data; bring the data back" in line
    assert newest(RUN) == 2
