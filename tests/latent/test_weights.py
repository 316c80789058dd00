"""From model to model: lineage, blends, batch norms, and a dissolve between strangers."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gantool import open_model
from gantool.cli.main import run
from gantool.errors import OptionError
from gantool.latent import seeds as seeding
from gantool.latent.frames import shoot
from gantool.latent.prior import Prior, Slot
from gantool.latent.weights import RELATED, Recalibration, blend, check_fit, dissolve, kinship, weight_path
from gantool.networks import ConditionedGenerator
from gantool.render.grid import to_uint8

TINY = "--loss bce --arch.channels 4 --data.size 16 --data.length 24 --batch-size 8 --latent-dim 8 -q".split()
SEEDS = range(6)
SHARES = [0, 0.25, 0.5, 0.75, 1]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A parent and the child that it became, a stranger of another seed, and one with other channels."""
    folder = tmp_path_factory.mktemp("runs")
    lines = {
        "family": "--steps 8 --checkpoint-every 4 --condition onehot",
        "stranger": "--steps 4 --seed 1 --condition onehot",
        "wide": "--steps 1 --condition none --arch.channels 6 --data.size 20",
    }
    for name, line in lines.items():
        with pytest.raises(SystemExit) as stopped:
            run(["train", *TINY, *line.split(), "-o", str(folder / name)])
        assert stopped.value.code == 0
    parent, child = sorted((folder / "family" / "checkpoints").iterdir())
    places = {"parent": parent, "child": child, "stranger": folder / "stranger", "wide": folder / "wide"}
    return SimpleNamespace(**{name: open_model(path) for name, path in places.items()})


def same_pixels(x, model):
    own = model.samples(model.latents(SEEDS), model.labels(SEEDS))
    return bool((to_uint8(x) == to_uint8(own)).all())


def contrast(x):
    return float(x.std(0).mean())


def test_a_child_is_near_its_parent_and_a_stranger_at_a_right_angle(models):
    near, far = kinship(models.parent, models.child), kinship(models.parent, models.stranger)
    assert 0 < near.distance < 0.2
    assert near.why == ""
    assert far.distance == pytest.approx(2**0.5, abs=0.1)
    assert far.why == f"their weights are {far.distance:.2f} apart, relatives at most {RELATED}"
    assert kinship(models.parent, models.parent).distance == 0


def test_models_that_are_not_built_alike_are_told_apart_by_their_settings(models):
    kin = kinship(models.parent, models.wide)
    assert kin.distance is None
    assert "arch.channels 4 and 6" in kin.why
    assert kin.remark == "their labels differ, so each draws its own for a seed"
    assert kinship(models.parent, models.child).remark == ""


@pytest.mark.parametrize("bn", ["recalibrate", "keep"])
def test_a_weight_path_begins_and_ends_with_the_models_themselves(models, bn):
    first, *_, last = weight_path(models.parent, models.child, SEEDS, SHARES, bn)
    assert same_pixels(first, models.parent)
    assert same_pixels(last, models.child)


def test_half_way_between_relatives_the_contrast_is_kept(models):
    first, _, middle, _, last = weight_path(models.parent, models.child, range(32), SHARES)
    assert contrast(middle) >= 0.95 * min(contrast(first), contrast(last))


def test_recalibration_leaves_no_step_behind_the_ends(models):
    steps = shoot(weight_path(models.parent, models.child, SEEDS, [n / 8 for n in range(9)])).steps
    assert max(steps) <= 1.5 * sorted(steps)[4]


def test_a_blend_is_the_weighted_mean_of_all_parameters_and_buffers(models):
    a, b = models.parent.G, models.stranger.G
    mixed = blend(a, b, 0.25).state_dict()
    for name, one in a.state_dict().items():
        two = b.state_dict()[name]
        expected = 0.75 * one + 0.25 * two if one.is_floating_point() else one
        assert torch.equal(mixed[name], expected)
    counts = [name for name, one in a.state_dict().items() if not one.is_floating_point()]
    assert counts
    assert torch.equal(blend(a, b, 0.5).state_dict()[counts[0]], b.state_dict()[counts[0]])


class Side(nn.Module):
    def forward(self, z, c):
        return z, None


class Scaled(nn.Module):
    """A batch norm of scaled latents."""

    def __init__(self, scale):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.norm = nn.BatchNorm1d(3, affine=False)

    def forward(self, z, code=None):
        return self.norm(self.scale * z)


def scaled(scale, mean=0.0, var=None):
    """Return a model with the given statistics, those of its own activations where there are none."""
    G = ConditionedGenerator(Scaled(scale), Side()).eval()
    G.net.norm.running_mean.fill_(mean)
    G.net.norm.running_var.fill_(scale**2 if var is None else var)
    prior = Prior((Slot("noise", "normal", 3),))
    return SimpleNamespace(G=G, prior=prior, labels=lambda seeds: None)


def test_statistics_are_the_mean_over_batches_of_latents_of_the_prior():
    model = scaled(2.0)
    ((mean, var),) = Recalibration(model, model).measure(model.G)
    z = 2 * model.prior.draw(256, seeding.generator(0, "recalibrate")).view(4, 64, 3)
    torch.testing.assert_close(mean, z.mean((0, 1)), rtol=0, atol=1e-6)
    torch.testing.assert_close(var, z.var(1).mean(0))
    assert model.G.net.norm.running_var[0] == 4  # the model is as it was


def test_a_blend_gets_its_own_statistics_and_not_the_mean_of_its_ends():
    a, b = scaled(1.0), scaled(3.0)
    recalibration, middle = Recalibration(a, b), blend(a.G, b.G, 0.5)
    assert middle.net.norm.running_var[0] == 5  # (1 + 9) / 2
    recalibration.apply(middle, 0.5)
    # sqrt(1 * 9) over the geometric mean of what is measured at the ends, times what is measured in the middle: 2^2
    torch.testing.assert_close(middle.net.norm.running_var, torch.full((3,), 4.0), rtol=1e-4, atol=0)


def test_at_the_ends_the_statistics_are_those_that_the_models_keep():
    a, b = scaled(1.0, mean=0.3, var=1.7), scaled(3.0, mean=-0.2, var=5.0)
    recalibration = Recalibration(a, b)
    for t, mean, var in ((0, 0.3, 1.7), (1, -0.2, 5.0)):
        G = blend(a.G, b.G, t)
        recalibration.apply(G, t)
        torch.testing.assert_close(G.net.norm.running_mean, torch.full((3,), mean))
        torch.testing.assert_close(G.net.norm.running_var, torch.full((3,), var))


def test_weights_that_do_not_fit_are_refused_and_what_differs_is_named(models):
    with pytest.raises(OptionError, match=r"^--path weights: .* are not built alike: .*arch.channels 4 and 6"):
        check_fit(models.parent, models.wide)


def test_a_dissolve_is_the_mean_of_both_pictures_and_ends_on_them(models):
    first, middle, last = dissolve(models.parent, models.stranger, SEEDS, [0, 0.5, 1])
    assert same_pixels(first, models.parent)
    assert same_pixels(last, models.stranger)
    torch.testing.assert_close(middle, (first + last) / 2)


def test_a_dissolve_between_sizes_has_the_larger_one(models):
    first, last = dissolve(models.parent, models.wide, SEEDS, [0, 1])
    assert first.shape == last.shape == (6, 3, 20, 20)
    assert same_pixels(last, models.wide)


def test_a_dissolve_between_grey_and_colour_is_coloured(models):
    class Grey:
        shape = (1, 16, 16)

        def latents(self, seeds):
            return None

        labels = latents

        def samples(self, z, c):
            return torch.full((6, 1, 16, 16), 0.5)

    first, last = dissolve(Grey(), models.stranger, SEEDS, [0, 1])
    assert torch.equal(first, torch.full((6, 3, 16, 16), 0.5))
    assert same_pixels(last, models.stranger)


def test_labels_of_one_seed_that_differ_are_mixed_so_that_both_ends_are_exact(models):
    other = replace(models.child, label_rows=torch.zeros(1, dtype=torch.int64))  # every seed draws the first class
    first, _, last = weight_path(models.parent, other, SEEDS, [0, 0.5, 1])
    assert same_pixels(first, models.parent)
    assert same_pixels(last, other)
    assert not same_pixels(last, models.child)
