"""The single-file examples run, and are what their docstrings say: the twins of two `gantool train` commands."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gantool import Tier, load_plugins, resolve
from gantool.cli import flags
from gantool.cli.train import command
from gantool.latent import seeds
from gantool.networks import build_discriminator, build_generator
from gantool.training.options import RunOptions
from gantool.training.run import prepare

EXAMPLES = Path(__file__).parent.parent / "examples"
NAMES = ("plain_dcgan", "plain_wgan_gp")
SIZE, CHANNELS, BATCH = 16, 4, 8
SMALL = {"data": {"size": SIZE, "length": 32}, "arch": {"channels": CHANNELS}, "training": {"batch_size": BATCH}}


def load(name):
    """Import an example."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def twin(example, *tiers):
    """Return the settings of the `gantool train` line in an example's docstring."""
    line = re.search(r"^ +gantool (train .*)$", example.__doc__, re.MULTILINE)[1]
    arguments = shlex.split(line)[1:]
    with command.make_context("train", arguments) as ctx:
        given = flags.flag_tier(flags.chosen(ctx), ctx.params)
        registry = load_plugins().registry
        return resolve(registry, [*flags.source_tiers(registry, ctx.params), given, *tiers])


def small_twin(example):
    """Return a tiny run of the twin that has made no step."""
    torch.manual_seed(0)
    return prepare(twin(example, Tier("small", SMALL)), RunOptions(device="cpu"))


def networks(example):
    """Return the example's generator and critic of the tiny size, with weights so large that scores tell them apart."""
    build = getattr(example, "critic", None) or example.discriminator
    G, D = example.generator(3, SIZE, CHANNELS), build(3, SIZE, CHANNELS)
    with torch.no_grad():
        torch._foreach_mul_([value for net in (G, D) for value in net.parameters() if value.dim() > 1], 8.0)
    return G, D


def in_order(net):
    """Return the layers of gantool's dcgan, or of a Sequential, that hold tensors, in the order of their use."""
    if hasattr(net, "project"):
        doublings = [part for pair in zip(net.norms, net.doublings, strict=True) for part in pair]
        return in_order(torch.nn.Sequential(net.project, *doublings))
    return [module for module in net.modules() if not list(module.children()) and module.state_dict()]


def give_weights(source, net):
    """Copy the tensors of an example's network into gantool's; fails where any shape or count differs."""
    for old, new in zip(in_order(source), in_order(net), strict=True):
        assert isinstance(new, type(old))
        new.load_state_dict(old.state_dict(), strict=True)


def parameters(net):
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.slow  # examples/twins.md runs them in tests/pages
@pytest.mark.parametrize("name", NAMES)
def test_an_example_trains_and_leaves_a_grid(name, tmp_path):
    given = f"--steps 2 --size {SIZE} --channels {CHANNELS} --batch-size {BATCH} -o grid.png"
    line = [sys.executable, str(EXAMPLES / f"{name}.py"), *given.split()]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second, last = done.stdout.splitlines()
    state = small_twin(load(name)).state
    counts = [f"{parameters(network):,}" for network in (state.G, state.D)]
    assert re.findall(r"\d+,\d+|\d+", first) == ["20000", *counts]
    assert second.startswith("step 2  ")
    assert last == "Pictures: grid.png"
    assert Image.open(tmp_path / "grid.png").size == (8 * (SIZE + 2) + 2,) * 2


@pytest.mark.parametrize("name", NAMES)
def test_the_twin_has_the_examples_settings(name):
    example = load(name)
    config = twin(example)
    training, arch = config.training, config.options["arch"]
    assert (training.lr_g, training.lr_d, training.betas) == (example.LR, example.LR, example.BETAS)
    assert (training.n_critic, training.latent_dim) == (getattr(example, "N_CRITIC", 1), example.LATENT)
    assert (training.steps, training.batch_size, arch.channels, arch.max_channels) == (1000, 64, 64, example.MOST)
    assert (training.optimizer, training.precision, training.ema) == ("adam", "fp32", 0)
    assert training.lr_schedule == "constant"
    assert config.tree()["data"]["name"] == "shapes"
    assert getattr(config.options["lipschitz"], "weight", None) == getattr(example, "PENALTY", None)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [8, 32, 64])
def test_the_networks_are_gantools(name, size):
    example = load(name)
    build = getattr(example, "critic", None) or example.discriminator
    G, D = example.generator(1, size, 48), build(1, size, 48)
    config = twin(example, Tier("small", {"arch": {"channels": 48}}))
    other_G = build_generator(config, (1, size, size), None, example.LATENT).net
    other_D = build_discriminator(config, (1, size, size), None, example.LATENT).net
    assert [parameters(G), parameters(D)] == [parameters(other_G), parameters(other_D)]
    give_weights(G, other_G)
    give_weights(D, other_D)
    z = torch.randn(3, example.LATENT)
    torch.testing.assert_close(other_G(z), G(z))
    torch.testing.assert_close(other_D.score(other_D.features(G(z))), D(G(z)))


@pytest.mark.parametrize("name", NAMES)
def test_the_first_weights_have_gantools_spread(name):
    example = load(name)
    state = prepare(twin(example, Tier("small", {"data": {"size": 16, "length": 64}})), RunOptions(device="cpu")).state
    torch.manual_seed(0)
    build = getattr(example, "critic", None) or example.discriminator
    for plain, own in ((example.generator(3, 16, 64), state.G.net), (build(3, 16, 64), state.D.net)):
        for old, new in zip(in_order(plain), in_order(own), strict=True):
            assert old.weight.mean().item() == pytest.approx(new.weight.mean().item(), abs=0.005)
            assert old.weight.std().item() == pytest.approx(new.weight.std().item(), rel=0.3)
            assert old.bias is None or torch.equal(old.bias, new.bias)


def test_two_steps_of_the_plain_dcgan_are_gantools():
    example = load("plain_dcgan")
    run = small_twin(example)
    G, D = networks(example)
    give_weights(G, run.state.G.net)
    give_weights(D, run.state.D.net)
    optimizers = [torch.optim.Adam(net.parameters(), lr=example.LR, betas=example.BETAS) for net in (G, D)]
    for step in range(2):
        real = batch(run, step)
        loss_d, loss_g = example.train_step(G, D, *optimizers, real, latents(run, "latent of D", step))
        run.phases.step()
        stats = run.phases.statistics.flush()
        assert [loss_d.item(), loss_g.item()] == pytest.approx([stats["loss_d"], stats["loss_g"]], rel=1e-5)
    assert_same_weights(G, run.state.G.net)
    assert_same_weights(D, run.state.D.net)


def test_a_step_of_the_plain_wgan_gp_is_gantools():
    example = load("plain_wgan_gp")
    run = small_twin(example)
    G, C = networks(example)
    give_weights(G, run.state.G.net)
    give_weights(C, run.state.D.net)
    optimizer_g, optimizer_c = (
        torch.optim.Adam(net.parameters(), lr=example.LR, betas=example.BETAS) for net in (G, C)
    )
    losses = []
    for i in range(example.N_CRITIC):
        eps = torch.rand(BATCH, generator=seeds.generator(0, "gp", i))
        z = latents(run, "latent of D", i)
        losses.append([loss.item() for loss in example.critic_step(G, C, optimizer_c, batch(run, i), z, eps)])
    loss_g = example.generator_step(G, C, optimizer_g, latents(run, "latent of G", example.N_CRITIC - 1)).item()
    run.phases.step()
    stats = run.phases.statistics.flush()
    assert np.mean(losses, 0) == pytest.approx([stats["loss_d"], stats["penalty"]], rel=1e-5)
    assert loss_g == pytest.approx(stats["loss_g"], rel=1e-5)
    assert_same_weights(G, run.state.G.net)
    assert_same_weights(C, run.state.D.net)


def batch(run, number):
    """Return gantool's batch of real pictures as floats."""
    return run.phases.batches[number][0].float() / 127.5 - 1


def latents(run, stream, number):
    """Return the latents that gantool draws."""
    return run.state.prior.draw(BATCH, seeds.generator(0, stream, number))


def assert_same_weights(plain, own):
    """Hold weights against each other; a step moves each by about its learning rate, at least 1e-4."""
    for old, new in zip(in_order(plain), in_order(own), strict=True):
        for key, value in old.state_dict().items():
            torch.testing.assert_close(new.state_dict()[key], value, rtol=1e-4, atol=5e-5, msg=key)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--size 20", "--size: the pictures are 20x20; squares of 8, 16, 32, ... are needed"),
        ("--data gaussians", "--data gaussians: holds vectors of 2; pictures are needed"),
        ("--batch-size 20001 --size 8", "--batch-size: there are 20000 pictures"),
    ],
)
def test_an_example_says_what_it_cannot_train_on(name, line, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, *line.split()])
    with pytest.raises(SystemExit, match="2"):
        load(name).main()
    assert said in capsys.readouterr().err
