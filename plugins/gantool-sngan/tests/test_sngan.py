"""Spectral norm, hinge loss and projection against closed forms."""

import pytest
import torch
from gantool_sngan.conditioning import Projection
from gantool_sngan.lipschitz import SpectralNorm
from gantool_sngan.losses import Hinge
from gantool_sngan.settings import SpectralNormOptions
from torch import nn

from gantool import Condition, Options


def normed(layer, iterations=1):
    D = nn.Sequential(layer)
    SpectralNorm(SpectralNormOptions(iterations=iterations)).prepare(D)
    return D


@pytest.mark.parametrize("layer", [nn.Linear(5, 3), nn.Conv2d(3, 4, 3), nn.Embedding(6, 4)])
def test_the_largest_singular_value_is_one(layer):
    D = normed(layer, iterations=50)
    for _ in range(20):
        weight = D[0].weight
    assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-4)


def test_a_linear_critic_has_slope_one():
    D = normed(nn.Linear(7, 1))
    x = torch.randn(4, 7, requires_grad=True)
    (slope,) = torch.autograd.grad(D(x).sum(), x)
    torch.testing.assert_close(slope.norm(dim=1), torch.ones(4))


def test_every_part_of_d_is_normed_and_nothing_else():
    D = nn.Sequential(nn.Conv2d(1, 2, 3), nn.GroupNorm(1, 2), nn.Flatten(), nn.Linear(8, 1))
    SpectralNorm(SpectralNormOptions()).prepare(D)
    assert [hasattr(layer, "parametrizations") for layer in D] == [True, False, False, True]


def vectors(D):
    return [value.clone() for name, value in D.named_buffers()]


def test_power_iteration_goes_on_where_d_is_trained_alone():
    D = normed(nn.Linear(6, 5))
    x = torch.randn(2, 6)

    def changed():
        before = vectors(D)
        D(x)
        return any(not torch.equal(one, other) for one, other in zip(before, vectors(D), strict=True))

    assert changed()
    for parameter in D.parameters():
        parameter.requires_grad_(False)
    assert not changed()  # the generator's step
    for parameter in D.parameters():
        parameter.requires_grad_(True)
    D.eval()
    assert not changed()
    D.train()
    assert changed()


def test_the_estimate_keeps_its_precision_under_autocast():
    D = normed(nn.Linear(40, 30))
    D.eval()
    weight = D[0].weight
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(D[0].weight, weight)


def test_hinge_of_known_scores():
    loss = Hinge(Options())
    real, fake = torch.tensor([0.5, 2.0]), torch.tensor([-3.0, 0.0])
    assert loss.discriminator(real, fake).item() == pytest.approx((0.5 + 0) / 2 + (0 + 1) / 2)
    assert loss.generator(fake).item() == pytest.approx(1.5)


def test_no_slope_is_left_outside_the_margin():
    real, fake = torch.tensor([1.5], requires_grad=True), torch.tensor([-1.5], requires_grad=True)
    slopes = torch.autograd.grad(Hinge(Options()).discriminator(real, fake), [real, fake])
    assert [slope.item() for slope in slopes] == [0, 0]


def test_projection_is_the_product_with_the_classs_column():
    side = Projection(Options()).discriminator_side(3, Condition("classes", ("a", "b")))
    with torch.no_grad():
        side.project.weight.copy_(torch.tensor([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]))
    h = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 2.0]])
    assert side.score_term(h, torch.tensor([0, 1])).tolist() == [6.0, 16.0]


def test_projection_of_attributes_adds_their_columns():
    side = Projection(Options()).discriminator_side(2, Condition("attributes", ("a", "b")))
    with torch.no_grad():
        side.project.weight.copy_(torch.tensor([[1.0, 10.0], [2.0, 20.0]]))
    assert side.score_term(torch.ones(1, 2), torch.tensor([[1.0, 1.0]])).tolist() == [33.0]
