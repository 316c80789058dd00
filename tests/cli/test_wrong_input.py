"""Each wrong input gets one line, exit code 2, no traceback, and changes nothing."""

import os
import pickle
import subprocess
import sys

import pytest
import torch

TINY = "--arch.channels 4 --data.size 16 --data.length 40 --batch-size 6 --steps 2 --latent-dim 8 -q".split()


def gantool(*arguments, cwd):
    """Run the real program as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "gantool", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, timeout=120, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a small conditional run and some files that are not what they should be."""
    folder = tmp_path_factory.mktemp("place")
    done = gantool("train", *TINY, "--condition", "onehot", "-o", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    whole = next((folder / "run" / "checkpoints").iterdir()).read_bytes()
    (folder / "header.safetensors").write_bytes(whole[:900])
    (folder / "half.safetensors").write_bytes(whole[: len(whole) // 2])
    (folder / "bare.pkl").write_bytes(pickle.dumps({"weights": [1.0]}))
    torch.save({"w": torch.zeros(2)}, folder / "weights.pt")
    (folder / "empty").mkdir()
    (folder / "flat").mkdir()
    (folder / "text.toml").write_text("arch = ")
    (folder / "odd.toml").write_text("[architecture]\nchannels = 3\n")
    return folder


def listing(folder):
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


CASES = {
    "an unknown loss": ("train --loss wgna", "--loss: there is no loss 'wgna'; known: bce, minimax, wgan"),
    "a misspelt option": ("train --arch.chanels 3", "did you mean --arch.channels?"),
    "a misspelt command": ("sampel", "did you mean sample?"),
    "a W-loss without an enforcer": ("train --loss wgan", "type: --loss wgan-gp or --loss wgan-clip"),
    "a W-loss whose enforcer is taken away": ("train --loss wgan-gp --lipschitz none", "needs an enforcer"),
    "batch norm in a critic under gp": ("train --loss wgan-gp --arch.norm-d batch", "allowed there: layer, instance"),
    "labels that the data does not have": ("train --condition onehot --data.labels none", "the data has no labels"),
    "a missing folder": ("train --data folder --data.root nowhere", "does not exist"),
    "an empty folder": ("train --data folder --data.root empty", "holds no picture"),
    "a folder that was not given": ("train --data folder", "--data.root"),
    "points for dcgan": ("train --data gaussians --arch dcgan", "type: --arch mlp"),
    "a batch of nothing": ("train --batch-size 0", "--batch-size: 0 was given; allowed: an integer from 1"),
    "a batch of one under batch norm": ("train --arch mlp --batch-size 1", "it needs 2 or more"),
    "absurd channels": ("train --arch.channels 1000000000", "allowed: an integer from 1 to 1024"),
    "a number that is text": ("train --lr-g fast", "--lr-g: 'fast' was given; allowed: a finite number above 0"),
    "a number that is not a number": ("train --lr-g nan", "--lr-g: nan was given"),
    "two lengths": ("train --steps 5 --minutes 3", "were given together"),
    "an unknown recipe": ("train --recipe faces", "there is no recipe 'faces'"),
    "a flag as a command": ("version", "there is no command 'version'; did you mean --version?"),
    "a folder as a dataset": ("train --data flat", "there is no dataset 'flat'; known: celeba, "),
    "a config that is missing": ("train --config nowhere", "--config nowhere: does not exist"),
    "a config that is not TOML": ("train --config text.toml", "is not TOML"),
    "a config with an unknown section": ("train --config odd.toml", "architecture: is unknown; known: arch,"),
    "a config that is a picture": ("train --config run/grid.png", "run/grid.png"),
    "a resumed run that is missing": ("train --resume nowhere", "nowhere: does not exist"),
    "a resumed run with another loss": ("train --resume run --loss minimax", "minimax was given, the run has bce"),
    "a resumed run that is done": ("train --resume run", "has already made its 2 steps"),
    "a device that is not there": ("train --device cuda", "--device: cuda was given and is not there"),
    "a checkpoint cut in its header": ("sample header.safetensors", "is damaged"),
    "a checkpoint cut in its tensors": ("sample half.safetensors", "is damaged"),
    "a bare pickle": ("sample bare.pkl", "is not a checkpoint but a bare pickle"),
    "a file of torch": ("sample weights.pt", "is not a checkpoint but a file of tensors"),
    "a folder without a run": ("sample flat", "is a folder without a checkpoint"),
    "a class that does not exist": ("sample run --class hexagon=3", "there is no 'hexagon' among the model's classes"),
    "a class counted in words": ("sample run --class circle=many", "a count of at least 1"),
    "an attribute of a model of classes": ("sample run --with large", "the model knows classes"),
    "keywords that nothing knows": ("sample run --keywords banana", "no word of 'banana' is known"),
    "seeds that are no numbers": ("sample run --seeds a-b", "--seeds: 'a-b' was given"),
    "a truncation of nothing": ("sample run --truncation 0", "--truncation: 0.0 was given"),
    "a picture of another format": ("sample run -o x.jpg", "type: -o x.png"),
    "latents of another format": ("sample run --save-latents z.npy", "a .safetensors or a .pt file"),
    "a file that is not there": ("inspect nowhere.pt", "cannot be read"),
    "an unknown kind": ("components networks", "there is no kind 'networks'"),
    "an unknown component": ("components loss hinge", "there is no loss 'hinge'"),
    "an unknown plugin": ("plugin show nobody", "there is no plugin 'nobody'"),
    "betas of an optimizer without": ("train --loss wgan-clip --betas 0,0.9", "--betas: was given with --optimizer"),
    "a local plugin that is missing": ("train --plugin nowhere.py", "--plugin nowhere.py: is not a file"),
    "a pack over a file": ("data pack -o bare.pkl", "bare.pkl exists"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_wrong_input_is_one_clear_line_and_changes_nothing(case, place, monkeypatch, capsys):
    from gantool.cli.main import run

    line, expected = CASES[case]
    monkeypatch.chdir(place)
    before = listing(place)
    with pytest.raises(SystemExit) as stopped:
        run(line.split())
    captured = capsys.readouterr()
    said = captured.err.strip().splitlines()
    assert stopped.value.code == 2
    assert len(said) == 1, captured.err
    assert said[0].startswith("error: ")
    assert expected in said[0]
    assert captured.out == ""
    assert listing(place) == before


def test_a_real_process_says_the_same_line_and_exits_with_two(place):
    done = gantool("train", "--loss", "wgan", cwd=place)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback_of_a_users_mistake(place):
    done = gantool("sample", "bare.pkl", "--debug", cwd=place)
    assert done.returncode == 2
    assert "Traceback" in done.stderr
