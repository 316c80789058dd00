"""A batch computed in parts, one after the other or in several processes, trains what the whole batch trains."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch
import torch.distributed as dist
from torch import nn

from gantool import RunOptions, Tier, load_plugins, resolve
from gantool.errors import OptionError
from gantool.files import checkpoint
from gantool.training.batch_norm import synchronised
from gantool.training.group import Group
from gantool.training.phases import TrainingStep
from gantool.training.run import prepare

TINY = {
    "arch": {"name": "dcgan", "channels": 4, "norm_g": "none"},
    "data": {"name": "shapes", "size": 16, "length": 40},
    "condition": "embedding",
    "training": {"batch_size": 12, "latent_dim": 8, "precision": "fp64", "lr_schedule": "constant", "ema": 0.9},
}
FLAGS = """--arch.channels 4 --data.size 16 --data.length 40 --condition embedding --batch-size 12 --latent-dim 8
 --precision fp64 --lr-schedule constant --ema 0.9 --keep 99 -q --device cpu""".split()
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "gantool", "train"]


def prepared(changes, group=None, **training):
    tiers = [Tier("test", TINY), Tier("changes", changes), Tier("training", {"training": training})]
    return prepare(resolve(load_plugins().registry, tiers), RunOptions(device="cpu"), group)


def torchrun(folder, *flags):
    line = [*TORCHRUN, *FLAGS, "-o", "run", *flags]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def final(run_folder):
    return checkpoint.read(checkpoint.find(run_folder, resuming=True)).tensors


def assert_close(found, wanted, tolerance):
    """Hold every tensor against its own size."""
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(
                found[name], tensor, rtol=0, atol=tolerance * tensor.abs().max().item(), msg=name
            )


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "bce", "arch": {"norm_d": "none"}},
        {"loss": "wgan-gp", "lipschitz": {"every": 1}, "training": {"n_critic": 2}},
        {"loss": "bce", "arch": {"norm_d": "none"}, "regularizer": ["infogan", "hessian"], "hessian": {"every": 1}},
    ],
    ids=["bce", "wgan-gp", "regularizers"],
)
def test_accumulated_parts_give_the_gradients_and_the_run_of_the_whole_batch(changes):
    whole, parts = prepared(changes), prepared(changes, accumulate=4)
    for step in range(20):
        whole.phases.step()
        parts.phases.step()
        if step == 0:  # Adam's first moment is then the gradient times a constant
            for one, other in (
                (whole.state.optimizer_g, parts.state.optimizer_g),
                (whole.state.optimizer_d, parts.state.optimizer_d),
            ):
                for mine, theirs in zip(one.state.values(), other.state.values(), strict=True):
                    size = mine["exp_avg"].abs().max().item()
                    torch.testing.assert_close(theirs["exp_avg"], mine["exp_avg"], rtol=0, atol=1e-9 * size)
    assert_close(parts.state.tensors(), whole.state.tensors(), 1e-6)
    assert parts.phases.statistics.flush() == pytest.approx(whole.phases.statistics.flush(), rel=1e-6)


def test_a_batch_that_cannot_be_cut_into_equal_parts_is_refused():
    with pytest.raises(
        OptionError, match=r"--batch-size: 12 was given for 1 process and --accumulate 5.*type: --batch-size 10"
    ):
        prepared({"loss": "bce"}, accumulate=5)
    with pytest.raises(OptionError, match=r"at least 2 pictures in each part.*type: --batch-size 24"):
        prepared({"loss": "bce"}, accumulate=12)


def test_the_processes_of_a_group_share_a_batch_without_overlap():
    shares = [prepared({"loss": "bce"}, Group(rank, 3), accumulate=2).phases.shares for rank in range(3)]
    rows = [row for parts in shares for part in parts for row in range(12)[part]]
    assert rows == list(range(12))


def test_parts_of_a_batch_draw_what_the_whole_batch_would():
    whole = TrainingStep(3, 0, torch.device("cpu"), batch=6).rand("x", 6, 2)
    parts = [TrainingStep(3, 0, torch.device("cpu"), share=slice(n, n + 2), batch=6) for n in (0, 2, 4)]
    assert torch.equal(torch.cat([part.rand("x", 2, 2) for part in parts]), whole)


def test_two_processes_train_what_one_does_and_one_goes_on_with_their_run(tmp_path, run_cli, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--loss", "wgan-gp", "--arch.norm-g", "none", "--steps", "20", "--checkpoint-every", "1"]
    done = torchrun(tmp_path, *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Pictures: ") == 1  # one speaks for both
    assert not (tmp_path / "run-2").exists()
    assert run_cli("train", *FLAGS, *flags, "-o", "alone").code == 0
    two, one = (
        checkpoint.read(tmp_path / name / "checkpoints/step-00000001.safetensors").tensors for name in ("run", "alone")
    )
    moments = [name for name in one if name.startswith("optimizer_") and ".exp_avg." in name]
    assert_close({name: two[name] for name in moments}, {name: one[name] for name in moments}, 1e-9)
    assert_close(final("run"), final("alone"), 1e-6)
    assert run_cli("train", "--resume", "run", "--steps", "22", "-q").code == 0  # by another number of processes
    assert run_cli("train", "--resume", "alone", "--steps", "22", "-q", "--accumulate", "2").code == 0
    assert_close(final("run"), final("alone"), 1e-6)


@pytest.mark.slow
def test_synchronised_batch_norms_make_two_processes_equal_to_one(tmp_path, run_cli, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--loss", "bce", "--steps", "5", "--sync-batch-norm"]
    assert torchrun(tmp_path, *flags).returncode == 0
    assert run_cli("train", *FLAGS, *flags, "-o", "alone").code == 0
    assert any("running_var" in name for name in final("run"))
    assert_close(final("run"), final("alone"), 1e-6)


def test_when_a_process_dies_the_others_end_with_a_line_and_the_checkpoint_is_whole(tmp_path):
    line = [*TORCHRUN, *FLAGS, "--loss", "bce", "-o", "run", "--steps", "1000000", "--checkpoint-every", "3"]
    with subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True) as group:
        try:
            until = time.monotonic() + 90
            while not (tmp_path / "run/latest").exists() and time.monotonic() < until:
                time.sleep(0.1)
            first = int(re.match(r"process (\d+) on", (tmp_path / "run/.holder").read_text())[1])
            os.kill(first, signal.SIGKILL)
            _, errors = group.communicate(timeout=60)
        finally:
            if group.poll() is None:
                os.killpg(group.pid, signal.SIGKILL)
    assert "error: process 1 of 2: another one has ended, or cannot be reached (" in errors
    assert "); all train together; the last checkpoint is whole; " in errors
    assert final(tmp_path / "run")


def test_the_variance_of_a_channel_that_hardly_varies_does_not_cancel():
    x = 20 + 1e-3 * torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    expected = nn.BatchNorm1d(4, dtype=torch.float64)(x.double())
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        found = synchronised(nn.BatchNorm1d(4))(x)
    finally:
        dist.destroy_process_group()
    assert torch.allclose(found.double(), expected, atol=5e-3)
