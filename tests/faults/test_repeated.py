"""The same command gives the same model, from its flags and from what it left, and a seed the same picture."""

import shutil

import numpy as np
import pytest
from PIL import Image
from running import SMALL, tensors

from gantool import open_model
from gantool.render.provenance import read_provenance

LINES = {
    "defaults": ["--arch.channels", 4, "--data.size", 16, "--data.length", 40, "--batch-size", 6, "--loss", "bce"],
    "penalty": [*SMALL, "--loss", "wgan-gp", "--condition", "onehot", "--n-critic", 2],
    "clipping": [*SMALL, "--loss", "wgan-clip", "--regularizer", "infogan", "--ema", 0.9],
    "points": ["--data", "gaussians", "--arch", "mlp", "--loss", "wgan-gp"],
}


@pytest.mark.parametrize(
    "chosen", ["defaults", *(pytest.param(name, marks=pytest.mark.slow) for name in ("points", "penalty", "clipping"))]
)
def test_the_same_command_gives_the_same_numbers_and_so_do_the_settings_it_left(chosen, run_cli, workdir):
    line = ["train", *LINES[chosen], "--steps", 3, "-q"]
    for out in ("one", "two"):
        assert run_cli(*line, "-o", out).code == 0
    assert tensors(workdir / "one") == tensors(workdir / "two")
    wanted = open_model(workdir / "one").hash
    shutil.move("one", "moved")
    file = next((workdir / "moved/checkpoints").iterdir())
    for number, settings in enumerate(("moved", "moved/config.toml", file)):
        assert run_cli("train", "--config", settings, "-q", "-o", f"again-{number}").code == 0
        assert open_model(workdir / f"again-{number}").hash == wanted


@pytest.mark.slow
def test_processes_that_hash_names_otherwise_train_the_same(run_process, workdir):
    for seed in ("1", "2"):
        assert run_process("train", *SMALL, "--steps", 2, "-q", "-o", seed, PYTHONHASHSEED=seed).code == 0
    assert tensors(workdir / "1") == tensors(workdir / "2")


def test_another_seed_gives_other_numbers(run_cli, workdir):
    for seed in (0, 1):
        run_cli("train", *SMALL, "--steps", 2, "-q", "--seed", seed, "-o", f"{seed}")
    assert open_model(workdir / "0").hash != open_model(workdir / "1").hash


@pytest.mark.parametrize("truncation", [(), ("--truncation", 0.7)])
def test_a_seed_is_the_same_picture_alone_and_among_others(truncation, run_cli, workdir):
    run_cli("train", *SMALL, "--steps", 2, "-q", "-o", "run")
    run_cli("sample", "run", "--seeds", "0-40", "-o", "many", *truncation)
    for seed in (0, 7, 40):
        run_cli("sample", "run", "--seeds", seed, "-o", f"{seed}/", *truncation)
        alone = next((workdir / f"{seed}").glob("*.png"))
        among = next(path for path in (workdir / "many").glob("*.png") if read_provenance(path)["seeds"] == [seed])
        one, other = (read_provenance(path)["z"] for path in (alone, among))
        assert np.array_equal(one, other)
        pixels = [np.asarray(Image.open(path)).astype(int) for path in (alone, among)]
        assert np.abs(pixels[0] - pixels[1]).max() <= 1
