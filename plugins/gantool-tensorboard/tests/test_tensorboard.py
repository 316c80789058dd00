"""What is in the event files, read back by TensorBoard's own reader."""

import io
import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from gantool_tensorboard.observer import TensorBoard
from gantool_tensorboard.settings import TensorBoardOptions
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gantool import Evaluated, Finding, Report, RunOptions, Start, Tier, UserError, load_plugins, resolve, train


def start(observer, folder, step=0):
    observer.on_start(Start(Path(folder), step, 100, None, "cpu"))


def report(step, **stats):
    return Report(step, 64 * step, 1.5, step / 100, 512.0, stats)


def read(folder):
    reader = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    return reader.Reload()


def scalars(reader, tag):
    return [(event.step, event.value) for event in reader.Scalars(tag)]


def texts(reader, tag):
    events = reader.Tensors(f"{tag}/text_summary")
    return [(event.step, event.tensor_proto.string_val[0].decode()) for event in events]


@pytest.fixture
def observer():
    return TensorBoard(TensorBoardOptions())


def test_statistics_rate_and_vitals_are_scalars_at_their_steps(observer, tmp_path):
    start(observer, tmp_path)
    observer.on_interval(report(10, loss_d=0.5, loss_g=-1.25, penalty=0.125))
    observer.on_interval(Report(20, 1280, 3.0, 0.2, 256.0, {"loss_d": 0.75}, {"coverage": 0.5}))
    observer.on_end(20)
    reader = read(tmp_path / "tensorboard")
    assert set(reader.Tags()["scalars"]) == {
        "training/loss_d",
        "training/loss_g",
        "training/penalty",
        "training/rate",
        "vitals/coverage",
    }
    assert scalars(reader, "training/loss_d") == [(10, 0.5), (20, 0.75)]
    assert scalars(reader, "training/loss_g") == [(10, -1.25)]
    assert scalars(reader, "training/rate") == [(10, 512.0), (20, 256.0)]
    assert scalars(reader, "vitals/coverage") == [(20, 0.5)]


def test_an_evaluation_is_scalars_and_what_was_refused_a_note(observer, tmp_path):
    start(observer, tmp_path)
    observer.on_evaluation(Evaluated(30, {"kid": 0.25}, {"fid": "too few samples"}, "kid"))
    observer.on_end(30)
    reader = read(tmp_path / "tensorboard")
    assert scalars(reader, "metrics/kid") == [(30, 0.25)]
    assert texts(reader, "notes/fid") == [(30, "too few samples")]


def test_a_finding_comes_with_the_command_to_try(observer, tmp_path):
    run = tmp_path / "my run"
    start(observer, run)
    observer.on_finding(40, "mode-collapse", Finding("samples show too little", "--loss wgan-gp"))
    observer.on_end(40)
    ((step, text),) = texts(read(run / "tensorboard"), "findings/mode-collapse")
    assert step == 40
    assert text == f"samples show too little\n\n    gantool train --config '{run}' --loss wgan-gp"


def test_a_note_stands_at_the_step_of_the_last_report(observer, tmp_path):
    start(observer, tmp_path, step=5)
    observer.on_note("first")
    observer.on_interval(report(10))
    observer.on_note("second")
    observer.on_end(10)
    assert texts(read(tmp_path / "tensorboard"), "notes") == [(5, "first"), (10, "second")]


@pytest.mark.parametrize(("mode", "shape"), [("RGB", (5, 7, 3)), ("L", (5, 7))])
def test_the_picture_of_samples_keeps_its_size_and_every_pixel(observer, tmp_path, mode, shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "step-00000050.png")
    start(observer, tmp_path)
    observer.on_samples(tmp_path / "step-00000050.png", 50)
    observer.on_end(50)
    (event,) = read(tmp_path / "tensorboard").Images("samples")
    assert (event.step, event.width, event.height) == (50, 7, 5)
    stored = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)).convert(mode))
    assert np.array_equal(stored, pixels)


def test_settings_are_a_block_of_code(observer, tmp_path):
    (tmp_path / "config.toml").write_text("[resolved.training]\n\nsteps = 100\n", encoding="utf-8")
    start(observer, tmp_path)
    observer.on_end(0)
    assert texts(read(tmp_path / "tensorboard"), "settings") == [
        (0, "    [resolved.training]\n    \n    steps = 100\n")
    ]


def test_steps_that_are_made_again_are_not_doubled(tmp_path):
    first, second = TensorBoard(TensorBoardOptions()), TensorBoard(TensorBoardOptions())
    start(first, tmp_path)
    for step in (10, 20, 30):
        first.on_interval(report(step, loss_d=1.0))
    first.on_end(30)
    time.sleep(1.1)  # files are read in the order of their names, which hold the second
    start(second, tmp_path, step=20)  # the checkpoint; step 30 is lost
    for step in (25, 35):
        second.on_interval(report(step, loss_d=2.0))
    second.on_end(35)
    assert scalars(read(tmp_path / "tensorboard"), "training/loss_d") == [(10, 1.0), (20, 1.0), (25, 2.0), (35, 2.0)]


def test_another_folder_has_one_folder_for_each_run(tmp_path):
    for name in ("one", "two"):
        observer = TensorBoard(TensorBoardOptions(folder=str(tmp_path / "board")))
        start(observer, tmp_path / "runs" / name)
        observer.on_interval(report(1, loss_d=1.0))
        observer.on_end(1)
        assert scalars(read(tmp_path / "board" / name), "training/loss_d") == [(1, 1.0)]
        assert not (tmp_path / "runs").exists()


def test_a_run_that_ended_before_it_began_is_no_error(observer, tmp_path):
    observer.on_end(0)
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # so that importing it fails
    with pytest.raises(UserError, match=r"--observer tensorboard: .*pip install 'tensorboard>=2\.16'") as caught:
        TensorBoard(TensorBoardOptions())
    assert "\n" not in str(caught.value)


def test_a_file_in_the_place_of_the_folder_is_refused_before_the_run(tmp_path):
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match=r"--tensorboard\.folder .*notes\.txt: is a file; a folder"):
        TensorBoard(TensorBoardOptions(folder=str(tmp_path / "notes.txt")))


def test_a_whole_run_is_told(observer, tmp_path):
    tiny = {
        "arch": {"name": "dcgan", "channels": 4},
        "data": {"name": "shapes", "size": 8, "length": 64},
        "training": {"steps": 10, "batch_size": 4},
    }
    config = resolve(load_plugins().registry, [Tier("test", tiny)])
    outcome = train(
        config,
        RunOptions(out=str(tmp_path / "run"), log_every=5, sample_every=10, checkpoint_every=10, diagnose=False),
        [observer],
    )
    reader = read(outcome.folder / "tensorboard")
    logged = [json.loads(line) for line in (outcome.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [step for step, _ in scalars(reader, "training/loss_g")] == [5, 10]
    for name in ("loss_d", "loss_g", "score_real", "score_fake"):
        values = [value for _, value in scalars(reader, f"training/{name}")]
        assert values == pytest.approx([row[name] for row in logged], rel=1e-5)
    assert [event.step for event in reader.Images("samples")] == [0, 10]
    ((_, settings),) = texts(reader, "settings")
    assert "    batch_size = 4" in settings
