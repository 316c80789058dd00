import json
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gantool import RunOptions, Samples, Tier, load_plugins, open_model, resolve, train
from gantool.errors import FileError, RunError, TrainingError
from gantool.files import checkpoint
from gantool.plugins import discover, load_local
from gantool.render.provenance import read_provenance
from gantool.training.average import WeightAverage
from gantool.training.batches import Batches, to_device
from gantool.training.folder import RunFolder
from gantool.training.grids import FixedGrid
from gantool.training.loop import Interval, Length, lr_factor
from gantool.training.run import _at_precision, prepare
from gantool.training.statistics import Statistics

TINY = {
    "arch": {"name": "dcgan", "channels": 4},
    "data": {"name": "shapes", "size": 16, "length": 40},
    "training": {"batch_size": 6, "steps": 3, "latent_dim": 8, "precision": "fp32", "n_critic": 2},
}


def tiny(**changes):
    return resolve(load_plugins().registry, [Tier("test", {**TINY, **changes})])


def test_a_run_leaves_pictures_curves_settings_log_and_checkpoints(tmp_path):
    outcome = train(
        tiny(loss="wgan-gp"), RunOptions(out=str(tmp_path / "run"), sample_every=1, checkpoint_every=1, keep=2)
    )
    names = {str(path.relative_to(outcome.folder)) for path in outcome.folder.rglob("*") if path.is_file()}
    assert {"config.toml", "log.jsonl", "grid.png", "loss.png", "training.gif", "latest"} <= names
    assert {f"samples/step-{step:08d}.png" for step in range(4)} <= names
    assert {name for name in names if name.startswith("checkpoints/")} == {
        f"checkpoints/step-{step:08d}.safetensors" for step in (2, 3)
    }
    assert Image.open(outcome.folder / "training.gif").n_frames == 4
    rows = [json.loads(line) for line in (outcome.folder / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == 3
    assert rows[-1]["images"] == 3 * 2 * 6
    assert {"loss_d", "loss_g", "penalty", "score_real", "score_fake"} <= rows[-1].keys()


def test_the_last_grid_carries_the_latents_of_the_model_that_was_saved(tmp_path):
    outcome = train(tiny(), RunOptions(out=str(tmp_path / "run")))
    carried = read_provenance(outcome.folder / "grid.png")
    model = open_model(outcome.folder)
    assert carried["model"] == model.hash == outcome.model_hash
    assert np.array_equal(carried["z"], model.latents(carried["seeds"]).numpy())
    assert carried["c"].tolist() == [0] * 8 + [1] * 8 + [2] * 8  # a row for each class


def test_sampling_uses_the_average_and_gives_the_picture_that_the_generator_gives(tmp_path):
    outcome = train(tiny(), RunOptions(out=str(tmp_path / "run")))
    stored = checkpoint.read(checkpoint.find(outcome.folder))
    model = open_model(outcome.folder)
    assert torch.equal(model.G.state_dict()["net.project.weight"], stored.tensors["generator_ema.net.project.weight"])
    z, c = model.latents([3, 4]), torch.tensor([2, 1])
    assert torch.allclose(model.samples(z, c)[1], model.samples(z[1:], c[1:])[0], atol=1 / 255)


def test_a_run_folder_that_exists_gets_a_number(tmp_path):
    first, second = (train(tiny(), RunOptions(out=str(tmp_path / "run"))) for _ in range(2))
    assert (first.folder.name, second.folder.name) == ("run", "run-2")


@pytest.mark.parametrize("ask", [RunFolder.free, RunFolder.create])
def test_the_folder_that_is_free_is_the_one_that_is_made(ask, tmp_path):
    (tmp_path / "run").mkdir()
    found = ask(tmp_path / "run")
    assert getattr(found, "path", found) == tmp_path / "run-2"
    with pytest.raises(FileError, match="cannot be made"):
        ask(Path("/"))


def test_a_second_process_is_kept_out_and_told_by_whom(tmp_path):
    import os

    first, second = RunFolder(tmp_path), RunFolder(tmp_path)
    first.lock()
    with pytest.raises(RunError, match=rf"is in use by process {os.getpid()} on "):
        second.lock()
    first.unlock()
    second.lock()
    second.unlock()


def test_pruning_never_removes_the_best_checkpoint(tmp_path):
    folder = RunFolder(tmp_path)
    for step in range(5):
        folder.checkpoint(step).parent.mkdir(exist_ok=True)
        folder.checkpoint(step).touch()
    folder.point("best", folder.checkpoint(0))
    folder.prune(2)
    assert [path.stem for path in folder.checkpoints()] == [f"step-{step:08d}" for step in (0, 3, 4)]


BREAKING = """
from gantool import Component, hookimpl
GANTOOL_API = 1

class Breaking:
    needs_real_for_generator = False
    calls = 0
    def __init__(self, options): pass
    def discriminator(self, real, fake):
        return fake.mean() - real.mean()
    def generator(self, fake, real=None):
        Breaking.calls += 1
        return -fake.mean() * (float("nan") if Breaking.calls == 4 else 1.0)

@hookimpl
def gantool_components():
    return [Component("loss", "breaking", f"{__name__}:Breaking", "Breaks in its fourth step.")]
"""


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path):
    (tmp_path / "breaking.py").write_text(BREAKING)
    plugins = discover(entry_points(group="gantool"))
    load_local(str(tmp_path / "breaking.py"), plugins)
    tree = {**TINY, "loss": "breaking", "training": {**TINY["training"], "steps": 9}}
    config = resolve(plugins.registry, [Tier("test", tree)])
    with pytest.raises(TrainingError, match="step 4: loss_g became nan"):
        train(config, RunOptions(out=str(tmp_path / "run"), checkpoint_every=1))
    kept = checkpoint.read(checkpoint.find(tmp_path / "run"))
    assert kept.meta["step"] == 3
    assert all(bool(torch.isfinite(tensor).all()) for tensor in kept.part("generator.").values())


def test_weights_that_a_gradient_broke_are_not_saved(tmp_path):
    """The root of 0 is a finite loss, and its gradient is not."""
    of_zero = BREAKING.replace(
        '* (float("nan") if Breaking.calls == 4 else 1.0)', "+ ((Breaking.calls != 4) + 0 * fake.mean()).sqrt()"
    )
    (tmp_path / "breaking.py").write_text(of_zero)
    plugins = discover(entry_points(group="gantool"))
    load_local(str(tmp_path / "breaking.py"), plugins)
    tree = {**TINY, "loss": "breaking", "training": {**TINY["training"], "steps": 9}}
    config = resolve(plugins.registry, [Tier("test", tree)])
    with pytest.raises(TrainingError, match=r"step 4: generator\..* is not finite"):
        train(config, RunOptions(out=str(tmp_path / "run"), checkpoint_every=1))
    assert checkpoint.find(tmp_path / "run", resuming=True).stem == "step-00000003"


def test_statistics_name_the_first_step_and_term_that_broke():
    statistics = Statistics()
    for step, (d, g) in enumerate([(1.0, 2.0), (3.0, float("inf")), (float("nan"), 0.0)], start=7):
        statistics.add("loss_d", torch.tensor(d), step)
        statistics.add("loss_g", torch.tensor(g), step)
    with pytest.raises(TrainingError, match="step 8: loss_g became inf"):
        statistics.flush()


def test_statistics_are_means_since_the_last_flush():
    statistics = Statistics()
    statistics.add("a", torch.tensor(1.0), 1)
    statistics.add("a", torch.tensor(3.0), 2)
    assert statistics.flush() == {"a": 2.0}
    assert statistics.flush() == {}


def test_every_epoch_shows_each_example_once_and_in_another_order():
    batches = Batches(Samples(np.arange(10, dtype=np.float32)[:, None]), 4, seed=3)
    stream = np.concatenate([batches.indices(number) for number in range(5)])
    assert sorted(stream[:10]) == sorted(stream[10:]) == list(range(10))
    assert list(stream[:10]) != list(stream[10:])


def test_a_batch_does_not_depend_on_the_batches_read_before():
    samples = Samples(np.arange(7, dtype=np.float32)[:, None])
    straight, jumping = Batches(samples, 5, seed=0), Batches(samples, 5, seed=0)
    for number in range(6):
        straight.indices(number)
    assert np.array_equal(straight.indices(6), jumping.indices(6))


def test_a_batch_may_be_larger_than_the_data():
    batches = Batches(Samples(np.arange(3, dtype=np.float32)[:, None]), 8, seed=0)
    assert np.bincount(batches.indices(0), minlength=3).min() >= 2


def test_bytes_become_floats_from_minus_one_to_one():
    values = torch.tensor([[[[0, 255], [51, 204]]]], dtype=torch.uint8)
    found = to_device(values, torch.device("cpu"), torch.contiguous_format)
    assert torch.allclose(found, torch.tensor([[[[-1.0, 1.0], [-0.6, 0.6]]]]), atol=1e-6)


def test_the_average_warms_up_and_copies_buffers():
    G = torch.nn.BatchNorm1d(1, affine=True)
    average = WeightAverage(G, decay=0.999)
    with torch.no_grad():
        G.weight.fill_(5.0)
        G.running_mean.fill_(7.0)
    average.update(G, step=1)  # decay (1 + 1) / (10 + 1)
    assert average.module.weight.item() == pytest.approx(1 + (5 - 1) * (1 - 2 / 11))
    assert average.module.running_mean.item() == 7.0
    for step in range(2, 200):
        average.update(G, step)
    assert average.module.weight.item() == pytest.approx(5.0, abs=1e-6)


def test_the_average_never_forgets_faster_than_its_decay():
    G = torch.nn.Linear(1, 1)
    average = WeightAverage(G, decay=0.5)
    before = average.module.weight.item()
    with torch.no_grad():
        G.weight.add_(1.0)
    average.update(G, step=10**6)
    assert average.module.weight.item() == pytest.approx(before + 0.5)


def test_linear_rates_fall_to_zero_over_the_second_half():
    assert [lr_factor("linear", done) for done in (0.0, 0.5, 0.75, 1.0)] == [1.0, 1.0, 0.5, 0.0]
    assert lr_factor("constant", 0.99) == 1.0


def test_a_length_is_counted_in_steps_or_by_the_clock():
    assert Length(10).fraction(5, 99.0) == 0.5
    assert Length(10, minutes=2.0).fraction(5, 30.0) == 0.25
    assert Length(10).fraction(20, 0.0) == 1.0


def test_an_interval_is_due_every_k_steps_or_k_times_in_a_run():
    every = Interval(3, 99)
    assert [step for step in range(1, 10) if every.due(step, step / 9)] == [3, 6, 9]
    timed = Interval(None, 1, seconds=10.0)
    assert [second for second in range(1, 30) if timed.due(1, 0.0, second)] == [10, 20]
    times = Interval(None, 4)
    assert [step for step in range(1, 9) if times.due(step, step / 8)] == [2, 4, 6, 8]


def test_the_precision_is_that_which_was_asked_for(tmp_path):
    """bf16 rounds to 8 bits, so the two precisions give different weights, each with tensors in fp32."""
    found = {}
    for precision in ("fp32", "bf16"):
        config = tiny(training={**TINY["training"], "precision": precision})
        outcome = train(config, RunOptions(out=str(tmp_path / precision)))
        found[precision] = checkpoint.read(checkpoint.find(outcome.folder)).part("generator.")
    weight = "net.project.weight"
    assert found["bf16"][weight].dtype == torch.float32
    assert not torch.equal(found["fp32"][weight], found["bf16"][weight])


@pytest.mark.parametrize(
    ("device", "capability", "given", "precision"),
    [
        ("cuda", (8, 0), {}, "bf16"),
        ("cuda", (7, 5), {}, "fp32"),  # emulates bf16, more slowly
        ("mps", None, {}, "fp32"),
        ("cuda", (7, 5), {"precision": "bf16"}, "bf16"),
    ],
)
def test_auto_takes_the_precision_of_the_device(device, capability, given, precision, monkeypatch):
    monkeypatch.setattr("gantool.config.native_bf16", lambda: precision == "fp32")  # the processor's own says otherwise
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda device: capability)
    config = resolve(load_plugins().registry, [Tier("test", {"training": given})])
    assert _at_precision(config, torch.device(device)).training.precision == precision
    assert _at_precision(config, torch.device("cpu")) is config


def test_a_grid_of_large_pictures_is_drawn_in_parts(monkeypatch):
    tree = {"data": {"name": "shapes", "size": 16, "length": 40}, "arch": {"name": "dcgan", "channels": 4}}
    run = prepare(resolve(load_plugins().registry, [Tier("test", tree)]), RunOptions(device="cpu"))
    drawn = []
    for pixels in (2**18, 5 * 16 * 16):
        monkeypatch.setattr("gantool.training.grids.PIXELS", pixels)
        grid = FixedGrid(run.state.prior, (3, 16, 16), run.condition, run.samples)
        seen = []
        run.state.sampler.register_forward_hook(lambda module, given, out, seen=seen: seen.append(len(out)))
        drawn.append(np.asarray(grid.draw(run.state, run.device)).astype(int))
        assert max(seen) == (24 if pixels == 2**18 else 5)
    assert np.abs(drawn[0] - drawn[1]).max() <= 1
