"""The discriminator of a checkpoint, restored, and what it says of pictures, real examples and samples."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from gantool import Component, Tier, load_plugins, resolve
from gantool.errors import DataError, FileError, OptionError
from gantool.evaluation import critic as critics
from gantool.evaluation import scoring
from gantool.evaluation.critic import restore_critic
from gantool.evaluation.extraction import rounded
from gantool.evaluation.scoring import (
    auc,
    carried_labels,
    score_generated,
    score_pictures,
    score_real,
    share_below,
)
from gantool.files import checkpoint
from gantool.files.checkpoint import Checkpoint
from gantool.files.condition import describe_condition
from gantool.latent.model import restore_model
from gantool.networks import used_condition
from gantool.render.grid import picture, to_uint8
from gantool.render.provenance import carried, save_png
from gantool.training.state import build_state

REGISTRY = load_plugins().registry
TINY = {
    "arch": {"name": "dcgan", "channels": 4},
    "data": {"name": "shapes", "size": 16, "length": 40},
    "training": {"batch_size": 6, "steps": 1, "latent_dim": 8, "precision": "fp32"},
}


def trained(registry=REGISTRY, **changes):
    """Return a checkpoint with random weights, and the discriminator that it was made from."""
    config = resolve(registry, [Tier("test", {**TINY, **changes})])
    info = config.create("data").describe()
    condition = used_condition(config, info.condition)
    state = build_state(config, info.shape, condition, torch.device("cpu"))
    random = torch.Generator().manual_seed(0)
    for tensor in state.D.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=random) * 0.2)
    meta = {
        "given": {},
        "resolved": config.tree(),
        "components": config.provided(),
        "prior": state.prior.describe(),
        "shape": list(info.shape),
        "condition": describe_condition(info.condition),
        "step": 1,
    }
    stored = Checkpoint(Path("run"), meta, state.tensors())
    hashed = checkpoint.model_hash(stored.sampler())
    return replace(stored, meta={**meta, "model_hash": hashed}), state.D


def pictures(count=4, seed=1, shape=(3, 16, 16)):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


CLASSES, _ = trained(condition="onehot")
ATTRIBUTES, _ = trained(condition="onehot", data={**TINY["data"], "labels": "attributes"})
MODEL = restore_model(CLASSES, REGISTRY)
OF_ATTRIBUTES = restore_model(ATTRIBUTES, REGISTRY)


class Says(nn.Module):
    """A discriminator whose score is a function of x and c."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x, c=None):
        return self.function(x, c)


BRIGHT = Says(lambda x, c: x.mean((1, 2, 3)))
BY_CLASS = Says(lambda x, c: x.mean((1, 2, 3)) + torch.tensor([0.0, 5.0, 2.0])[c])


@pytest.mark.parametrize(
    "changes",
    [
        {"condition": "none"},
        {"condition": "onehot"},
        {"condition": "embedding", "loss": "wgan-gp"},
        {"condition": "none", "loss": "wgan-clip"},
        {"condition": "none", "regularizer": ["infogan"]},
        {"condition": "none", "arch": {"name": "mlp", "hidden_g": [8], "hidden_d": [8]}},
    ],
)
def test_a_restored_critic_scores_as_the_one_that_was_saved(changes):
    stored, D = trained(**changes)
    restored = restore_critic(stored, REGISTRY)
    x, c = pictures(), None if changes["condition"] == "none" else torch.tensor([0, 1, 2, 0])
    assert torch.equal(restored(x, c), D.eval()(x, c))
    assert not any(module.training for module in restored.modules())
    assert not any(parameter.requires_grad for parameter in restored.parameters())


def test_a_critic_that_was_trained_in_fp64_is_restored_in_fp32():
    stored, D = trained(condition="none", training={**TINY["training"], "precision": "fp64"})
    restored = restore_critic(stored, REGISTRY)
    assert {parameter.dtype for parameter in restored.parameters()} == {torch.float32}
    assert torch.allclose(restored(pictures()).double(), D.eval()(pictures().double()), rtol=1e-4)


class Reparametrised:
    """An enforcer that gives the last layer other parameters."""

    def __init__(self, options):
        pass

    def prepare(self, D):
        parametrizations.spectral_norm(D.net.head)


def test_parameters_that_an_enforcer_made_are_restored(monkeypatch):
    monkeypatch.setitem(sys.modules, "critic_parts", SimpleNamespace(Reparametrised=Reparametrised))
    load_plugins.cache_clear()
    registry = load_plugins().registry
    load_plugins.cache_clear()
    registry.add([Component("lipschitz", "other-names", "critic_parts:Reparametrised", "Other parameters.")])
    stored, D = trained(registry, condition="none", lipschitz="other-names")
    assert "discriminator.net.head.parametrizations.weight.original" in stored.tensors
    assert torch.equal(restore_critic(stored, registry)(pictures()), D.eval()(pictures()))


def test_a_checkpoint_without_a_discriminator_is_refused():
    left = {name: part for name, part in CLASSES.tensors.items() if not name.startswith("discriminator.")}
    with pytest.raises(FileError, match=r"run: holds no discriminator; .*converted generators have none"):
        restore_critic(replace(CLASSES, tensors=left), REGISTRY)


def test_weights_that_do_not_fit_are_refused_before_the_network_takes_memory(monkeypatch):
    devices = set()

    def build(*parts):
        D = original(*parts)
        devices.update(parameter.device.type for parameter in D.parameters())
        return D

    original = critics.build_discriminator
    monkeypatch.setattr(critics, "build_discriminator", build)
    stored, _ = trained(condition="none")
    resolved = stored.meta["resolved"]
    huge = {**resolved, "arch": {**resolved["arch"], "channels_d": 1024, "max_channels": 4096}}
    with pytest.raises(FileError, match="its tensors do not fit its own settings"):
        restore_critic(replace(stored, meta={**stored.meta, "resolved": huge}), REGISTRY)
    assert devices == {"meta"}


def test_the_auc_is_the_share_of_pairs_in_the_right_order():
    random = torch.Generator().manual_seed(0)
    real, fake = torch.randint(9, (40,), generator=random).float(), torch.randint(7, (60,), generator=random).float()
    pairs = real[:, None] - fake
    assert auc(real, fake) == pytest.approx(
        ((pairs > 0).double() + 0.5 * (pairs == 0).double()).mean().item(), abs=1e-12
    )
    assert (auc(real + 9, fake), auc(real - 9, fake), auc(fake, fake)) == (1.0, 0.0, 0.5)


def test_the_share_below_a_score_leaves_out_its_equals():
    among = torch.tensor([3.0, 1.0, 2.0, 2.0])
    assert share_below(torch.tensor([0.0, 2.0, 2.5, 9.0]), among).tolist() == [0.0, 0.25, 0.75, 1.0]


def test_samples_are_scored_in_order_with_their_own_labels_and_the_levels_of_a_file():
    done = []
    found = score_generated(BY_CLASS, MODEL, 70, done.append)
    seeds = range(70)
    x, c = MODEL.samples(MODEL.latents(seeds), MODEL.labels(seeds)), MODEL.labels(seeds)
    assert torch.allclose(found, BY_CLASS(rounded(x), c), atol=1e-5)
    assert sum(done) == 70


def test_real_examples_are_scored_with_their_own_labels():
    by_label = Says(lambda x, c: c.float())
    labels = MODEL.config.create("data").load().labels
    assert score_real(by_label, MODEL, 1000).sort().values.tolist() == sorted(labels.tolist())
    few = score_real(BRIGHT, MODEL, 7)
    assert len(few) == 7
    assert torch.equal(few, score_real(BRIGHT, MODEL, 7))
    assert set(few.tolist()) <= set(score_real(BRIGHT, MODEL, 1000).tolist())


def test_data_that_is_not_the_models_is_refused():
    for changes, said in (
        ({"size": 8}, r"holds 40 examples of 3 x 8 x 8; the model knows 3 x 16 x 16"),
        ({"labels": "attributes"}, r"its labels have other names than the model's; circle, square, triangle"),
    ):
        resolved = CLASSES.meta["resolved"]
        config = resolve(REGISTRY, [Tier("test", {**resolved, "data": {**resolved["data"], **changes}})])
        with pytest.raises(DataError, match=said):
            score_real(BRIGHT, replace(MODEL, config=config), 10)


def save(folder, model, count=3):
    """Save samples of a model as single pictures; return their paths."""
    z, c = model.latents(range(count)), model.labels(range(count))
    pixels = to_uint8(model.samples(z, c))
    paths = [folder / f"{seed}.png" for seed in range(count)]
    for seed, path in enumerate(paths):
        one = slice(seed, seed + 1)
        save_png(picture(pixels[seed]), path, carried(model.hash, z[one], None if c is None else c[one], [seed]))
    return paths


def test_a_sample_that_was_saved_scores_as_the_sample_did(tmp_path):
    for stored in (CLASSES, ATTRIBUTES, trained(condition="none")[0]):
        D, model = restore_critic(stored, REGISTRY), restore_model(stored, REGISTRY)
        paths = save(tmp_path, model)
        found = score_pictures(D, model, paths, carried_labels(model, paths, REGISTRY))
        assert torch.allclose(found.scores, score_generated(D, model, 3), atol=1e-5)
        assert not found.tried.any()


def test_an_unknown_class_is_the_one_that_scores_highest_and_a_known_one_stays(tmp_path):
    paths = save(tmp_path, MODEL)
    found = score_pictures(BY_CLASS, MODEL, paths, [None, torch.tensor(2), None])
    assert found.labels.tolist() == [1, 2, 1]
    assert found.tried.tolist() == [True, False, True]
    x = score_pictures(BRIGHT, MODEL, paths, [None] * 3).scores
    assert torch.allclose(found.scores, x + torch.tensor([5.0, 2.0, 5.0]), atol=1e-5)


def test_a_discriminator_that_looks_at_no_label_needs_none(tmp_path):
    for model in (MODEL, OF_ATTRIBUTES):
        found = score_pictures(BRIGHT, model, save(tmp_path, model), [None] * 3)
        assert found.labels is None
        assert not found.tried.any()


def test_attributes_are_not_guessed(tmp_path):
    D = Says(lambda x, c: c.sum(1))
    paths = save(tmp_path, OF_ATTRIBUTES)
    with pytest.raises(OptionError, match=r"--with: was not given, .*which .*1.png does not state; known: circle"):
        score_pictures(D, OF_ATTRIBUTES, paths, [torch.ones(13), None, None])
    found = score_pictures(D, OF_ATTRIBUTES, paths, [torch.ones(13)] * 3)
    assert found.scores.tolist() == [13.0] * 3


def test_a_label_counts_where_its_model_is_this_one_or_has_the_same_names(tmp_path):
    others = {
        "same": trained(condition="onehot", training={**TINY["training"], "seed": 5})[0],
        "other": ATTRIBUTES,
        "plain": trained(condition="none")[0],
    }
    paths = save(tmp_path, MODEL)
    expected = [int(row) for row in MODEL.labels(range(3))]
    assert [int(label) for label in carried_labels(MODEL, paths, REGISTRY)] == expected
    for name, stored in others.items():
        model = restore_model(stored, REGISTRY)
        (folder := tmp_path / name).mkdir()
        paths = save(folder, model)
        assert carried_labels(MODEL, paths, REGISTRY) == [None] * 3, "its model is not there"
        checkpoint.write(folder / "model.safetensors", stored.tensors, stored.meta)
        found = carried_labels(MODEL, paths, REGISTRY)
        assert found == ([int(row) for row in model.labels(range(3))] if name == "same" else [None] * 3)


def test_a_label_that_no_class_has_is_not_taken(tmp_path):
    z = MODEL.latents([0])
    image = picture(to_uint8(MODEL.samples(z, torch.tensor([0])))[0])
    for number, c in enumerate((torch.tensor([3]), torch.tensor([-1]), torch.tensor([[0.5]]))):
        save_png(image, tmp_path / f"{number}.png", carried(MODEL.hash, z, c))
    assert carried_labels(MODEL, sorted(tmp_path.glob("*.png")), REGISTRY) == [None] * 3


def test_scores_that_are_not_finite_are_an_error():
    for value in (torch.nan, torch.inf):
        with pytest.raises(FileError, match="its discriminator gives scores that are not finite"):
            score_generated(Says(lambda x, c, value=value: torch.full((len(x),), value)), MODEL, 3)


def test_pictures_are_read_a_batch_at_a_time(tmp_path, monkeypatch):
    paths = save(tmp_path, MODEL, 5)
    whole = score_pictures(BY_CLASS, MODEL, paths, [None] * 5)
    monkeypatch.setattr(scoring, "AT_ONCE", 2)
    done = []
    parts = score_pictures(BY_CLASS, MODEL, paths, [None] * 5, done.append)
    assert done == [2, 2, 1]
    assert torch.allclose(parts.scores, whole.scores, atol=1e-6)
    assert torch.equal(parts.labels, whole.labels)
