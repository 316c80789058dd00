"""N steps equal k steps, a stop, and N - k more: tensor for tensor."""

import subprocess

import numpy as np
import pytest
import torch
from PIL import Image

from gantool import RunOptions, Tier, load_plugins, resolve, train
from gantool.errors import FileError, RunError
from gantool.files import checkpoint
from gantool.training.resume import open_run

TINY = {
    "arch": {"name": "dcgan", "channels": 4},
    "data": {"name": "shapes", "size": 16, "length": 40},
    "training": {"batch_size": 6, "steps": 5, "latent_dim": 8},
}
FAST = {"channels_last": True, "precision": "bf16"}


def settings(tree, steps):
    training = {**TINY["training"], **tree.get("training", {}), "steps": steps}
    return [Tier("test", {**TINY, **tree, "training": training})]


def run(tree, steps, out):
    return train(resolve(load_plugins().registry, settings(tree, steps)), RunOptions(out=str(out)))


def resumed(folder, steps):
    config, stored = open_run(folder, [Tier("flags", {"training": {"steps": steps}})], load_plugins().registry)
    return train(config, RunOptions(), resume=stored)


def tensors(outcome):
    return checkpoint.read(checkpoint.find(outcome.folder)).tensors


def picture_folder(root):
    random = np.random.default_rng(0)
    for kind in ("cat", "dog"):
        (root / kind).mkdir(parents=True)
        for number in range(7):
            pixels = random.integers(0, 256, (12 + number, 15, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / kind / f"{number}.png")
    return {"name": "folder", "root": str(root), "size": 16}


def test_a_damaged_newest_checkpoint_names_the_way_back(tmp_path):
    folder = run({"loss": "bce"}, 1, tmp_path / "my run").folder
    resumed(folder, 2)
    newest = checkpoint.find(folder, resuming=True)
    newest.write_bytes(newest.read_bytes()[:-100])
    with pytest.raises(FileError, match="is damaged") as stopped:
        open_run(folder, [], load_plugins().registry)
    subprocess.run(stopped.value.hint.partition("type: ")[2], shell=True, check=True)
    assert open_run(folder, [], load_plugins().registry)[1].meta["step"] == 1
    assert resumed(folder, 3).step == 3


@pytest.mark.parametrize(
    "tree",
    [
        {"loss": "bce"},
        {"loss": "wgan-gp"},
        {"loss": "wgan-clip"},
        {"loss": "bce", "training": FAST},
        {"loss": "wgan-gp", "training": FAST},
        {"loss": "wgan-gp", "training": {"lr_schedule": "linear", "ema": 0.0}},
        {"loss": "bce", "condition": "embedding"},
        {"loss": "bce", "arch": {"name": "mlp", "hidden_g": [16], "hidden_d": [16]}, "data": "gaussians"},
    ],
    ids=str,
)
def test_a_resumed_run_equals_an_unbroken_one(tree, tmp_path):
    whole = tensors(run(tree, 5, tmp_path / "whole"))
    part = run(tree, 2, tmp_path / "part")
    if tree.get("training", {}).get("lr_schedule") == "linear":  # the rates follow the length, so it is set first
        part = interrupted(tree, tmp_path / "stopped")
    joined = tensors(resumed(part.folder, 5))
    assert whole.keys() == joined.keys()
    differing = [name for name in whole if not torch.equal(whole[name], joined[name])]
    assert differing == []


def interrupted(tree, out):
    """Stop a run of five steps after two, as a signal does."""
    import os
    import signal

    from gantool import Observer

    class Killer(Observer):
        def on_interval(self, report):
            if report.step == 2:
                os.kill(os.getpid(), signal.SIGTERM)

    config = resolve(load_plugins().registry, settings(tree, 5))
    outcome = train(config, RunOptions(out=str(out), log_every=1), [Killer()])
    assert (outcome.step, outcome.signal) == (2, signal.SIGTERM)
    return outcome


def test_a_folder_of_pictures_resumes_exactly(tmp_path):
    data = picture_folder(tmp_path / "pictures")
    tree = {"loss": "wgan-gp", "data": data, "condition": "onehot"}
    whole = tensors(run(tree, 4, tmp_path / "whole"))
    joined = tensors(resumed(run(tree, 1, tmp_path / "part").folder, 4))
    assert all(torch.equal(whole[name], joined[name]) for name in whole)


def test_a_stopped_run_has_saved_its_last_step(tmp_path):
    outcome = interrupted({"loss": "bce"}, tmp_path / "run")
    assert checkpoint.read(checkpoint.find(outcome.folder, resuming=True)).meta["step"] == 2


def test_anything_but_the_length_is_refused_by_name_on_resume(tmp_path):
    folder = run({"loss": "bce"}, 1, tmp_path / "run").folder
    tier = Tier("flags", {"training": {"lr_g": 0.5}}, lambda section, option: "--lr-g")
    with pytest.raises(RunError, match=r"--lr-g: 0.5 was given, the run has 0.0002"):
        open_run(folder, [tier], load_plugins().registry)


def test_changed_data_is_noticed_on_resume(tmp_path):
    data = picture_folder(tmp_path / "pictures")
    folder = run({"data": data}, 1, tmp_path / "run").folder
    (tmp_path / "pictures" / "cat" / "0.png").unlink()
    with pytest.raises(RunError, match="the data differs"):
        resumed(folder, 2)


def test_the_log_of_a_resumed_run_has_each_step_once(tmp_path):
    from gantool.training.observers import read_log

    part = train(resolve(load_plugins().registry, settings({}, 2)), RunOptions(out=str(tmp_path / "run"), log_every=1))
    config, stored = open_run(part.folder, [Tier("flags", {"training": {"steps": 4}})], load_plugins().registry)
    train(config, RunOptions(log_every=1), resume=stored)
    assert [row["step"] for row in read_log(part.folder / "log.jsonl")] == [1, 2, 3, 4]


def test_two_runs_of_one_seed_are_equal_and_of_two_seeds_are_not(tmp_path):
    first, second = (run({}, 2, tmp_path / name) for name in ("a", "b"))
    other = run({"training": {"seed": 1}}, 2, tmp_path / "c")
    assert first.model_hash == second.model_hash != other.model_hash
