"""The built-in finders against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from gantool import Condition, Evidence, Slot, UserError
from gantool.plugins import load_plugins
from gantool_classic.conditioning import OneHot
from gantool_classic.dcgan import DcganGenerator
from gantool_classic.finders.supervised import intercept, logistic
from gantool_classic.settings import DcganOptions


def finder(name, **options):
    component = load_plugins().registry.get("direction-finder", name)
    return component.create(component.options(**options))


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Net(nn.Module):
    """G from layers that see z, and a condition that is ignored."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, z, c=None):
        return self.layers(z)


def evidence(G, z, *, slots=None, c=None, **rest):
    return Evidence(G, G, slots or (Slot("noise", "normal", z.shape[1]),), z, c, **rest)


def scored(z, scores, thresholds=None):
    names = tuple("abcdef"[: scores.shape[1]])
    return evidence(Net(), z, names=names, scores=scores, thresholds=thresholds)


def cosine(left, right):
    return float(nn.functional.cosine_similarity(left, right, dim=0))


def test_ridge_solves_its_normal_equations_for_all_targets_at_once():
    z, scores = random(40, 3), random(40, 2, seed=1)
    found = finder("ridge", alpha=2.5).find(scored(z, scores))
    centred, targets = z - z.mean(0), scores - scores.mean(0)
    for one, target in zip(found, targets.T, strict=True):
        slope = centred.T @ (target - centred @ one.vector) - 2.5 * one.vector  # of the penalised squares
        assert slope.abs().max() < 1e-4
    assert [one.name for one in found] == ["a", "b"]


def test_a_weak_penalty_gives_the_slopes_of_linear_scores():
    z, slopes = random(50, 4), torch.tensor([[1.0, -2, 0, 3], [0, 0, 5, 0]])
    found = finder("ridge", alpha=1e-6).find(scored(z, z @ slopes.T + 7))
    assert torch.allclose(torch.stack([one.vector for one in found]), slopes, atol=1e-4)
    assert min(one.figures["r2"] for one in found) > 0.9999


@pytest.mark.parametrize("method", ["ridge", "boundary", "mean-difference"])
def test_held_out_figures_of_pure_noise_promise_nothing(method):
    found = finder(method).find(scored(random(60, 40), random(60, 6, seed=1)))
    assert sum(one.figures["r2"] for one in found) / 6 < 0.3  # within the 42 that were fitted it is near 1
    assert sum(one.figures.get("accuracy", 0.5) for one in found) / 6 < 0.7


def test_the_boundary_is_learnt_from_the_ends_of_the_scores():
    z = random(100, 2)
    scores = z[:, :1].clone()
    middle = scores[:, 0].abs() < scores[:, 0].abs().median()
    spoilt = torch.where(middle[:, None], z[:, 1:] / 100, scores)  # what lies between the ends says something else
    ends = finder("boundary", share=0.1).find(scored(z, spoilt))[0]
    clean = finder("boundary", share=0.1).find(scored(z, scores))[0]
    assert torch.equal(ends.vector, clean.vector)
    assert cosine(ends.vector, torch.tensor([1.0, 0])) > 0.9


def test_the_intercept_comes_from_all_samples_and_the_threshold():
    z = random(2000, 3)
    for threshold in (-1.0, 0.5):
        found = finder("boundary").find(scored(z, z[:, :1] * 3, torch.tensor([threshold])))[0]
        length = float(found.vector.norm())
        assert -found.intercept / length == pytest.approx(threshold / 3, abs=0.03)


def test_a_threshold_that_no_sample_passes_gives_no_intercept():
    found = finder("ridge").find(scored(random(50, 3), random(50, 1, seed=1), torch.tensor([99.0])))[0]
    assert found.intercept is None
    assert "accuracy" not in found.figures
    assert found.figures["present"] == 0.0


def test_the_classes_of_a_mean_difference_weigh_the_same():
    z = torch.tensor([[0.0, 0], [0, 2], [4, 0], [4, 4], [4, 8], [4, 4], [4, 4], [4, 4], [4, 4], [4, 4]])
    scores = torch.tensor([[0.0]] * 2 + [[1.0]] * 8)
    found = finder("mean-difference").find(scored(z, scores, torch.tensor([0.5])))[0]
    assert found.vector.tolist() == [4.0, 3.0]


def test_a_rare_feature_is_parted_at_the_median():
    z = random(200, 2)
    found = finder("mean-difference").find(scored(z, z[:, :1], torch.tensor([99.0])))[0]
    high = z[:, 0] > z[:, 0].median()
    assert torch.allclose(found.vector, z[high].mean(0) - z[~high].mean(0), atol=1e-6)


@pytest.mark.parametrize("method", ["ridge", "boundary", "mean-difference"])
def test_a_score_that_never_varies_is_said(method):
    with pytest.raises(UserError, match="--toward b: its score is the same in all 50 samples"):
        finder(method).find(scored(random(50, 3), torch.cat([random(50, 1), torch.ones(50, 1)], 1)))


def test_the_logistic_fit_is_a_minimum_and_its_bias_is_free():
    x = random(300, 2)
    present = torch.rand(300, generator=torch.Generator().manual_seed(3)) < torch.sigmoid(2 * x[:, 0] - x[:, 1] + 1)
    w, b = logistic(x, present, 0.1)
    error = torch.sigmoid(x.double() @ w + b) - present.double()
    assert (x.double().T @ error / 300 + 0.1 * w).abs().max() < 1e-6
    assert error.mean().abs() < 1e-6


def test_an_intercept_lies_where_presence_is_as_likely_as_absence():
    projection = torch.linspace(-3, 5, 4001).double()
    chance = torch.sigmoid(3 * (projection - 1.5))
    present = torch.rand(4001, generator=torch.Generator().manual_seed(0)) < chance
    assert intercept(projection, present) == pytest.approx(-1.5, abs=0.05)
    assert intercept(projection, projection < 0) is None  # it points away
    assert intercept(projection, torch.zeros(4001, dtype=torch.bool)) is None
    assert intercept(torch.zeros(4), torch.tensor([True, False, True, False])) is None


def test_the_gradient_of_a_linear_generator_is_its_weight():
    G = Net(nn.Linear(5, 2)).requires_grad_(False)
    z = random(70, 5)
    given = evidence(G, z, names=("a", "b"), score=lambda x: x)
    for one, weight in zip(finder("gradient").find(given), G.layers[0].weight, strict=True):
        assert torch.allclose(one.vector, weight / weight.norm(), atol=1e-6)
        assert one.figures == {"agreement": pytest.approx(1.0, abs=1e-5)}
        assert one.intercept is None


def test_each_sample_of_the_gradient_has_the_same_say():
    """Slopes of 1 and of 1000 along two axes, in equal shares: the mean of unit vectors is the diagonal."""
    z = torch.tensor([[1.0, 0], [0, 1]]).repeat(40, 1)

    class Bent(nn.Module):
        def forward(self, z, c=None):
            return torch.where(z[:, :1] > 0.5, z[:, :1], 1000 * z[:, 1:])

    given = evidence(Bent(), z, names=("a",), score=lambda x: x)
    found = finder("gradient", samples=80).find(given)[0]
    assert found.vector.tolist() == pytest.approx([0.5, 0.5])
    assert found.figures["agreement"] == pytest.approx(math.sqrt(0.5))
    assert finder("gradient", samples=1).find(given)[0].vector.tolist() == [1.0, 0.0]


def test_a_pair_points_from_the_first_to_the_second_and_its_middle_is_zero():
    start, end = torch.tensor([1.0, 0]), torch.tensor([3.0, 4])
    found = finder("pair").find(evidence(Net(), random(4, 2), pair=(start, end)))[0]
    assert (found.name, found.vector.tolist(), found.figures["distance"]) == (
        "pair",
        [2.0, 4.0],
        pytest.approx(20**0.5),
    )
    assert found.intercept == -float(found.vector @ (start + end) / 2)
    assert finder("pair").find(evidence(Net(), random(4, 2), names=("smile",), pair=(start, end)))[0].name == "smile"


def test_pca_finds_the_axes_of_a_linear_generator_strongest_first():
    layer = nn.Linear(4, 6, bias=False)
    with torch.no_grad():
        u, _, vt = torch.linalg.svd(random(6, 4), full_matrices=False)
        layer.weight.copy_(u @ torch.diag(torch.tensor([4.0, 3, 2, 1])) @ vt)
    z = random(3000, 4, seed=1)
    found = finder("pca", count=3).find(evidence(Net(layer).requires_grad_(False), z))
    assert [one.name for one in found] == ["pca1", "pca2", "pca3"]
    for one, axis, share in zip(found, vt, (16, 9, 4), strict=False):
        assert abs(cosine(one.vector, axis)) > 0.99
        assert one.vector[one.vector.abs().argmax()] > 0
        assert one.figures["variance"] == pytest.approx(share / 30, abs=0.03)


def test_pca_averages_pictures_down_first():
    """A fine chequered pattern carries most of the variance, and none of it is left after averaging."""
    chequered = ((torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1).flatten()
    layer = nn.Linear(2, 256, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.stack([10 * chequered, torch.linspace(0, 1, 256)], 1))
    given = evidence(Net(layer, nn.Unflatten(1, (1, 16, 16))).requires_grad_(False), random(100, 2))
    pooled, whole = finder("pca", count=1).find(given), finder("pca", count=1, pool=None).find(given)
    assert abs(cosine(pooled[0].vector, torch.tensor([0.0, 1]))) > 0.9
    assert abs(cosine(whole[0].vector, torch.tensor([1.0, 0]))) > 0.9
    assert len(finder("pca", count=8).find(given)) == 1  # nothing else varies


def test_pca_takes_out_what_the_class_explains():
    class ByClass(Net):
        def forward(self, z, c=None):
            return self.layers(z) + 100.0 * torch.eye(3)[c]

    z, c = random(3000, 3), torch.arange(3000) % 3
    layer = nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.diag(torch.tensor([1.0, 3, 2])))
    found = finder("pca", count=1).find(evidence(ByClass(layer).requires_grad_(False), z, c=c))
    assert cosine(found[0].vector, torch.tensor([0.0, 1, 0])) > 0.99


@pytest.mark.parametrize("kind", ["linear", "transposed", "convolution"])
def test_check_19_sefa_finds_a_planted_spectrum_with_its_sign_fixed(kind):
    u, _ = torch.linalg.qr(random(48, 6))
    v, _ = torch.linalg.qr(random(6, 6, seed=1))
    weight = u @ torch.diag(torch.tensor([6.0, 5, 4, 3, 2, 1])) @ v.T  # [outputs, 6]
    if kind == "linear":
        layers = [nn.Linear(6, 48), nn.Tanh()]
        shaped = weight
    elif kind == "transposed":
        layers = [nn.Unflatten(1, (6, 1, 1)), nn.ConvTranspose2d(6, 3, 4)]
        shaped = weight.T.reshape(6, 3, 4, 4)
    else:
        layers = [nn.Unflatten(1, (6, 1, 1)), nn.Conv2d(6, 48, 1)]
        shaped = weight[:, :, None, None]
    G = Net(*layers)
    with torch.no_grad():
        next(layer for layer in layers if hasattr(layer, "weight")).weight.copy_(shaped)
    found = finder("sefa", count=5).find(evidence(G.requires_grad_(False), random(8, 6)))
    again = finder("sefa", count=5).find(evidence(G, random(8, 6, seed=9)))
    assert [one.name for one in found] == [f"sefa{number}" for number in range(1, 6)]
    for number, (one, same) in enumerate(zip(found, again, strict=True)):
        axis = v[:, number] * v[v[:, number].abs().argmax(), number].sign()
        assert cosine(one.vector, axis) >= 0.999
        assert torch.equal(one.vector, same.vector)
        assert one.figures["gain"] == pytest.approx(6 - number, abs=1e-4)


def test_sefa_looks_at_the_inputs_that_are_zs_alone():
    """A one-hot label joins z; its rows are the largest and must not count."""
    condition = Condition("classes", ("a", "b", "c"))

    class Conditioned(nn.Module):
        def __init__(self):
            super().__init__()
            self.side = OneHot(None).generator_side(5, condition)
            self.net = DcganGenerator(spec(self.side), DcganOptions(channels=4))

        def forward(self, z, c):
            return self.net(*self.side(z, c))

    G = Conditioned().eval().requires_grad_(False)
    G.net.project.weight[5:] = 100.0
    found = finder("sefa", count=5).find(evidence(G, random(8, 5), c=torch.arange(8) % 3))
    weight = G.net.project.weight[:5].flatten(1)
    for one, value in zip(found, torch.linalg.eigvalsh(weight @ weight.T).flip(0), strict=True):
        assert one.vector.shape == (5,)
        assert one.figures["gain"] == pytest.approx(float(value.sqrt()), rel=1e-4)


def spec(side):
    from gantool import Spec

    return Spec((3, 8, 8), 5, side.input_dim, side.code_dim)


def test_sefa_gives_units_the_same_weight_where_asked():
    layer = nn.Linear(2, 3, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[100.0, 0], [0, 1], [0, 1]]))
    given = evidence(Net(layer).requires_grad_(False), random(4, 2))
    assert finder("sefa", count=1).find(given)[0].vector.tolist() == [1.0, 0.0]
    assert finder("sefa", count=1, normalise=True).find(given)[0].vector.tolist() == [0.0, 1.0]


def test_sefa_says_where_no_layer_sees_z():
    class Squares(Net):
        def forward(self, z, c=None):
            return self.layers(z**2)

    given = evidence(Squares(nn.Linear(3, 2)).requires_grad_(False), random(4, 3))
    with pytest.raises(UserError, match="no linear layer of this generator is shown z as it is"):
        finder("sefa").find(given)


SLOTS = (
    Slot("noise", "normal", 2),
    Slot("code", "uniform", 2),
    Slot("kind", "categorical", 4),
    Slot("tilt", "normal", 1),
)


def test_codes_are_the_axes_of_what_is_not_noise():
    found = finder("codes").find(evidence(Net(), random(4, 9), slots=SLOTS))
    assert [one.name for one in found] == ["code1", "code2", "kind1", "kind2", "kind3", "kind4", "tilt"]
    assert found[1].vector.tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0]
    assert found[3].vector.tolist() == [0, 0, 0, 0, -0.25, 0.75, -0.25, -0.25, 0]
    assert found[6].vector.tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert (found[1].intercept, found[6].intercept) == (0, 0)
    for kind in range(4):  # the second category is there where its direction says so
        z = torch.zeros(9)
        z[4 + kind] = 1
        assert (float(found[3].vector @ z) + found[3].intercept > 0) == (kind == 1)


def test_sefa_leaves_categories_out():
    given = evidence(Net(nn.Linear(9, 12)).requires_grad_(False), random(4, 9), slots=SLOTS)
    found = finder("sefa", count=9).find(given)
    assert len(found) == 5
    assert all(not one.vector[4:8].any() for one in found)


def test_a_model_without_codes_has_none_to_find():
    with pytest.raises(UserError, match="--method codes: all of this model's z is noise"):
        finder("codes").find(evidence(Net(), random(4, 3)))
