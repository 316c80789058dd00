"""Augmentations and observers of plugins in a run: what D sees, who is told, and what a failure leaves."""

import json

import pytest
import torch

from gantool import Observer, RunOptions, Tier, load_plugins, resolve
from gantool.files import checkpoint
from gantool.training.observers import Guarded
from gantool.training.run import prepare

TINY = "--arch mlp --arch.hidden-g 8 --arch.hidden-d 8 --batch-size 6 --latent-dim 3 --data.size 8".split()
TINY += "--data.length 64 --precision fp32".split()
PLUGIN = """
import torch
from torch import nn

from gantool import Component, Meta, Observer, Options, hookimpl
from typing import Annotated

GANTOOL_API = 1


class ShiftOptions(Options, frozen=True):
    by: Annotated[float, Meta(description="added to what D sees")] = 0.25


class State(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(()))


class Shift:
    looks = []

    def __init__(self, options):
        self.by = options.by

    def module(self, shape):
        return State()

    def augment(self, x, module, step):
        self.looks.append((len(x), step.scope, step.rand("draw", len(x)).sum().item()))
        return x + self.by

    def measure(self, real_scores, fake_scores):
        return real_scores.mean()

    def adapt(self, module, measured, images):
        module.seen.add_(images)
        module.mean.copy_(measured)


class Diary(Observer):
    def __init__(self, options):
        self.heard = []

    def on_start(self, start):
        self.path = start.folder / "diary.txt"

    def on_interval(self, report):
        self.note(f"interval {report.step}")

    def on_samples(self, path, step):
        self.note(f"samples {step} {path.is_file()}")

    def on_checkpoint(self, path, step):
        self.note(f"checkpoint {step} {path.is_file()}")

    def on_end(self, step):
        self.note(f"end {step}")

    def note(self, line):
        with self.path.open("a") as file:
            file.write(line + "\\n")


class Fails(Observer):
    def __init__(self, options): ...

    def on_interval(self, report):
        raise SystemExit("no room")


@hookimpl
def gantool_components():
    here = __name__
    return [
        Component("augmentation", "shift", f"{here}:Shift", "Shifts.", ShiftOptions),
        Component("observer", "diary", f"{here}:Diary", "Writes."),
        Component("observer", "fails", f"{here}:Fails", "Fails."),
    ]
"""


@pytest.fixture
def plugin(workdir):
    path = workdir / "watching.py"
    path.write_text(PLUGIN)
    return path


def test_d_sees_what_an_augmentation_makes_of_samples(plugin, run_cli, workdir):
    found = run_cli(
        "train", "--plugin", plugin, *TINY, "--augmentation", "shift", "--shift.by", "0.5", "--steps", "3", "-q"
    )
    assert found.code == 0, found.err
    stored = checkpoint.read(checkpoint.find(workdir / "runs" / "shapes-mlp-bce"))
    assert stored.part("augmentation.shift.")["seen"].item() == 3 * 6
    assert stored.part("augmentation.shift.")["mean"].item() != 0
    assert stored.meta["resolved"]["shift"] == {"by": 0.5}
    rows = [json.loads(line) for line in (workdir / "runs" / "shapes-mlp-bce" / "log.jsonl").read_text().splitlines()]
    assert rows[0]["shift.measured"] != 0
    assert rows[-1]["shift.seen"] == 18


def test_every_look_of_a_step_has_its_own_draws(plugin, monkeypatch):
    from gantool.plugins import load_local

    load_plugins.cache_clear()
    plugins = load_plugins()
    module = load_local(str(plugin), plugins).module
    import sys

    looks = sys.modules[module].Shift.looks
    settings = {"arch": "mlp", "data": {"name": "shapes", "size": 8, "length": 64}, "loss": "wgan-gp",
                "condition": "none", "augmentation": ["shift"],
                "training": {"batch_size": 4, "n_critic": 2, "precision": "fp32"}}  # fmt: skip
    prepared = prepare(resolve(plugins.registry, [Tier("test", settings)]), RunOptions(device="cpu"))
    prepared.phases.step()
    scopes = [scope for _, scope, _ in looks]
    critic = ["D look 0 shift ", "D look 1 shift ", "D look 2 shift "]  # real, fake, and where the penalty looks
    assert scopes == [*critic, *critic, "G look 0 shift "]
    assert len({draw for _, _, draw in looks}) == len(looks)
    load_plugins.cache_clear()


def test_the_generator_and_evaluations_see_samples_as_they_are(plugin, run_cli, workdir):
    line = ["train", "--plugin", plugin, *TINY, "--steps", "1", "-q", "-o"]
    assert run_cli(*line, "plain").code == 0
    assert run_cli(*line, "shifted", "--augmentation", "shift", "--shift.by", "0").code == 0
    plain, shifted = (checkpoint.read(checkpoint.find(workdir / name)) for name in ("plain", "shifted"))
    for part in ("generator.", "discriminator."):
        for name, value in plain.part(part).items():
            torch.testing.assert_close(shifted.part(part)[name], value)


def test_a_penalty_takes_the_slope_at_the_sample_before_the_augmentation(plugin):
    """A critic of slope 1 that sees 3 x has a slope of 3 at x."""
    from gantool.training.phases import Looks, TrainingStep

    class Triples:
        def augment(self, x, module, step):
            return 3 * x

    class State:
        augmentations, views = {"triples": Triples()}, {}

    looks = Looks(State())
    looks.begin(TrainingStep(0, 0, torch.device("cpu"), batch=2), "D")
    x = torch.ones(2, 1, requires_grad=True)
    (slope,) = torch.autograd.grad(looks(x).sum(), x)
    assert slope.tolist() == [[3.0], [3.0]]


def test_a_penalty_may_show_d_more_or_fewer_samples_than_its_part_of_a_batch():
    from gantool.training.phases import Looks, TrainingStep

    class Adds:
        def augment(self, x, module, step):
            return x + step.rand("draw", len(x), 1)

    class State:
        augmentations, views = {"adds": Adds()}, {}

    def looked(share, count):
        looks = Looks(State())
        looks.begin(TrainingStep(0, 0, torch.device("cpu"), share=share, batch=6), "D")
        return looks(torch.zeros(count, 1))

    whole = looked(slice(0, 6), 12)
    assert torch.equal(whole[:6], looked(slice(0, 6), 6))
    assert not torch.equal(whole[:6], whole[6:])
    assert torch.equal(looked(slice(2, 4), 2), whole[2:4])
    assert torch.equal(looked(slice(2, 4), 1), whole[2:3])
    assert torch.equal(looked(slice(2, 4), 4)[2:], whole[6:][2:4])


def test_d_sees_samples_in_full_precision_beside_a_regularizer_too(workdir, run_cli):
    exact = (
        "product = x @ torch.eye(x.shape[-1])\n        assert product.dtype == torch.float32\n        return product"
    )
    text = PLUGIN.replace("return x + self.by", exact)
    (workdir / "exact.py").write_text(text)
    line = ["train", "--plugin", "exact.py", *TINY[:-2], "--precision", "bf16", "--steps", "2", "-q"]
    found = run_cli(*line, "--regularizer", "infogan", "--augmentation", "shift")
    assert found.code == 0, found.err


def test_an_observer_hears_the_run_and_goes_on_with_it(plugin, run_cli, workdir):
    line = ["train", "--plugin", plugin, *TINY, "--observer", "diary", "-q"]
    assert run_cli(*line, "--steps", "2", "-o", "run").code == 0
    diary = (workdir / "run" / "diary.txt").read_text().splitlines()
    assert diary[0] == "samples 0 True"
    assert diary[-1] == "end 2"
    assert "interval 2" in diary
    assert "checkpoint 2 True" in diary
    assert run_cli(*line, "--steps", "4", "--resume", "run").code == 0
    assert (workdir / "run" / "diary.txt").read_text().splitlines()[-1] == "end 4"


def test_a_run_can_be_opened_without_its_observers_plugin(plugin, run_cli, workdir):
    assert (
        run_cli("train", "--plugin", plugin, *TINY, "--observer", "diary", "--steps", "1", "-q", "-o", "run").code == 0
    )
    assert run_cli("sample", "run", "-o", "a.png").code == 0


def test_an_observer_that_fails_is_named_once_and_the_run_goes_on(plugin, run_cli, workdir):
    line = ["train", "--plugin", plugin, *TINY, "--observer", "fails,diary", "--steps", "4", "--log-every", "1"]
    for more in ([], ["-q"]):
        found = run_cli(*line, *more)
        assert found.code == 0
        said = "the observer fails failed (SystemExit: no room) and is left out from here on"
        assert found.err.count(said) == 1
    assert (workdir / "runs" / "shapes-mlp-bce" / "diary.txt").read_text().splitlines()[-1] == "end 4"


def test_an_unknown_observer_is_one_line(plugin, run_cli, workdir):
    found = run_cli("train", "--plugin", plugin, *TINY, "--observer", "dairy", "-o", "run")
    assert found.code == 2
    assert "there is no observer 'dairy'; known: diary, fails; did you mean diary" in found.err
    assert not (workdir / "run").exists()


def test_the_guard_passes_everything_on():
    heard = []

    class Hears(Observer):
        def __getattribute__(self, name):
            return lambda *arguments: heard.append((name, arguments))

    guarded = Guarded("hears", Hears(), heard.append)
    calls = {name for name in vars(Observer) if name.startswith("on_")}
    for name in sorted(calls):
        count = getattr(Observer, name).__code__.co_argcount - 1
        getattr(guarded, name)(*range(count))
        assert heard[-1] == (name, tuple(range(count)))


def test_two_lists_may_not_have_a_component_of_one_name(workdir, run_cli):
    (workdir / "twins.py").write_text(
        PLUGIN.replace("return [", 'return [Component("regularizer", "shift", f"{here}:Shift", "Shifts."),')
    )
    found = run_cli("train", "--plugin", "twins.py", *TINY, "--augmentation", "shift", "--regularizer", "shift")
    assert found.code == 2
    assert "has that table already" in found.err
