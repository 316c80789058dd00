"""The pairing loss and the two penalties against closed forms."""

from math import cos, log, pi, sqrt

import pytest
import torch
from gantool_r3gan.lipschitz import R1R2
from gantool_r3gan.losses import RpGan
from gantool_r3gan.settings import R1R2Options

from gantool import Options, Tier, UserError, load_plugins, resolve

LOG3 = log(3)  # where the sigmoid is 3/4


class At:
    """A step by its number alone: the penalties draw nothing."""

    def __init__(self, number):
        self.number = number


def penalty(D, real, fake, number=0, **options):
    value = R1R2(R1R2Options(**options)).penalty(D, real, fake, None, At(number))
    return None if value is None else value.item()


def linear(w):
    return lambda x, c: x.flatten(1) @ w


def half_square(x, c):
    """||x||^2 / 2, whose slope at x is x."""
    return x.square().flatten(1).sum(1) / 2


def test_losses_of_known_scores():
    loss = RpGan(Options())
    real, fake = torch.tensor([LOG3, 1.0]), torch.tensor([0.0, 1.0])
    # -log sigmoid of the differences log 3 and 0, and for G of their negatives
    assert loss.discriminator(real, fake).item() == pytest.approx((log(4 / 3) + log(2)) / 2)
    assert loss.generator(fake, real).item() == pytest.approx((log(4) + log(2)) / 2)


def test_slopes_are_the_sigmoid_of_the_wrong_order():
    loss = RpGan(Options())
    real, fake = torch.tensor([LOG3, 0.0], requires_grad=True), torch.tensor([0.0, LOG3], requires_grad=True)
    of_real, of_fake = torch.autograd.grad(loss.discriminator(real, fake), [real, fake])
    torch.testing.assert_close(of_real, torch.tensor([-0.25, -0.75]) / 2)
    torch.testing.assert_close(of_fake, torch.tensor([0.25, 0.75]) / 2)
    (of_fake,) = torch.autograd.grad(loss.generator(fake, real), [fake])
    torch.testing.assert_close(of_fake, torch.tensor([-0.75, -0.25]) / 2)


def test_each_real_is_compared_with_the_fake_at_its_place():
    loss = RpGan(Options())
    real, fake = torch.tensor([0.0, 10.0]), torch.tensor([0.0, 10.0])
    assert loss.discriminator(real, fake).item() == pytest.approx(log(2))
    # of the other pairs one is 10 right and the other 10 wrong: softplus(10) = 10 + softplus(-10)
    expected = 5 + torch.nn.functional.softplus(torch.tensor(-10.0)).item()
    assert loss.discriminator(real, fake.flip(0)).item() == pytest.approx(expected)


def test_a_constant_on_all_scores_changes_nothing():
    loss = RpGan(Options())
    real, fake = torch.tensor([0.5, -1.0]), torch.tensor([2.0, 0.25])
    assert loss.discriminator(real + 8, fake + 8).item() == loss.discriminator(real, fake).item()
    assert loss.generator(fake + 8, real + 8).item() == loss.generator(fake, real).item()


@pytest.mark.parametrize(("r2", "expected"), [(False, 0.3 / 2 * 25), (True, 0.3 * 25)])
def test_a_linear_critic_pays_its_squared_slope_at_each_side(r2, expected):
    w = torch.tensor([3.0, 0.0, 4.0, 0.0])
    real, fake = torch.randn(2, 5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    assert penalty(linear(w), real, fake, gamma=0.3, r2=r2) == pytest.approx(expected)


def test_a_quadratic_critic_pays_the_mean_squared_norm_of_the_samples():
    real, fake = torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.tensor([[0.0, 2.0], [2.0, 2.0]])
    r1, r2 = (25 + 1) / 2, (4 + 8) / 2
    assert penalty(half_square, real, fake, gamma=0.5, r2=False) == pytest.approx(0.25 * r1)
    assert penalty(half_square, real, fake, gamma=0.5) == pytest.approx(0.25 * (r1 + r2))


def test_the_critics_own_slope_follows_by_hand():
    # D = a ||x||^2 / 2 has the slope a x, the penalty gamma/2 a^2 E ||x||^2 and that one the slope gamma a E ||x||^2.
    a = torch.tensor(2.0, requires_grad=True)
    real, fake = torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 1.0]])
    value = R1R2(R1R2Options(gamma=0.1)).penalty(lambda x, c: a * half_square(x, c), real, fake, None, At(0))
    (slope,) = torch.autograd.grad(value, a)
    assert slope.item() == pytest.approx(0.1 * 2 * (25 + 2))


def test_the_norm_of_half_precision_slopes_is_computed_in_fp32():
    slope = 1 + 1 / 128  # a number of bfloat16, whose square is none
    x = torch.zeros(1, 4, dtype=torch.bfloat16)
    D = linear(torch.full((4,), slope, dtype=torch.bfloat16))
    value = R1R2(R1R2Options(gamma=2.0, r2=False)).penalty(D, x, x, None, At(0))
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(4 * slope**2, rel=1e-6)


def test_fakes_take_the_labels_of_the_reals():
    def D(x, c):  # noqa: N802
        return x.flatten(1).sum(1) * (c + 1)

    real, fake, c = torch.zeros(2, 3), torch.ones(2, 3), torch.tensor([0, 1])
    value = R1R2(R1R2Options(gamma=1.0)).penalty(D, real, fake, c, At(0))
    one_side = (3 * 1 + 3 * 4) / 2  # three numbers with the slope c + 1 each
    assert value.item() == pytest.approx(one_side)


def test_lazy_penalties_are_as_much_heavier_as_they_are_rare():
    real = torch.tensor([[3.0, 4.0]])
    always = penalty(half_square, real, real, gamma=0.2)
    lazy = [penalty(half_square, real, real, number, gamma=0.2, every=4) for number in range(5)]
    assert lazy == [pytest.approx(4 * always), None, None, None, pytest.approx(4 * always)]


def test_no_weight_is_no_penalty():
    x = torch.ones(1, 2)
    assert penalty(half_square, x, x, gamma=0.0) is None
    assert penalty(half_square, x, x, 9, gamma=1.0, gamma_end=0.0, burn_in=9) is None


def test_gamma_falls_by_half_a_cosine_wave_and_stays():
    gamma = R1R2(R1R2Options(gamma=2.0, gamma_end=0.2, burn_in=1000)).gamma
    assert gamma(0) == 2.0
    assert gamma(250) == pytest.approx(1.1 + 0.9 * sqrt(0.5))
    assert gamma(500) == pytest.approx(1.1)
    assert gamma(750) == pytest.approx(1.1 - 0.9 * sqrt(0.5))
    assert [gamma(1000), gamma(1001), gamma(10**6)] == [0.2, 0.2, 0.2]


def test_gamma_can_rise_too_and_is_constant_without_an_end():
    rising = R1R2(R1R2Options(gamma=0.0, gamma_end=4.0, burn_in=3)).gamma
    assert [rising(number) for number in range(4)] == [0.0, pytest.approx(1.0), pytest.approx(3.0), 4.0]
    constant = R1R2(R1R2Options(gamma=0.7)).gamma
    assert [constant(0), constant(10**6)] == [0.7, 0.7]


def test_the_weight_of_a_step_is_that_of_its_number():
    x = torch.tensor([[1.0, 0.0]])
    schedule = {"gamma": 1.0, "gamma_end": 0.0, "burn_in": 8, "every": 2, "r2": False}
    expected = (1 + cos(pi * 6 / 8)) / 2 / 2 * 2
    assert penalty(half_square, x, x, 6, **schedule) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("given", "hint"),
    [({"gamma_end": 0.1}, "--lipschitz.burn-in 1000"), ({"burn_in": 50}, "--lipschitz.gamma-end 0.1")],
)
def test_half_a_schedule_is_refused_with_what_to_type(given, hint):
    tree = {"lipschitz": {"name": "r1r2", "gamma": 1.0, **given}}
    with pytest.raises(UserError, match=f"--lipschitz r1r2: .* type: {hint}$"):
        resolve(load_plugins().registry, [Tier("test", tree)])


def test_a_norm_over_the_batch_is_refused():
    tree = {"lipschitz": "r1r2", "arch": {"name": "dcgan", "norm_d": "batch"}}
    with pytest.raises(UserError, match="allowed there: none, layer, instance"):
        resolve(load_plugins().registry, [Tier("test", tree)])


def test_the_loss_brings_the_penalties():
    config = resolve(load_plugins().registry, [Tier("test", {"loss": "rpgan"})])
    assert config.name("lipschitz") == "r1r2"
