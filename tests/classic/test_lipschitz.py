import pytest
import torch
from torch import nn

from gantool import Options
from gantool.options import build
from gantool.training.phases import TrainingStep
from gantool_classic.lipschitz import Clip, GradientPenalty, Unbounded
from gantool_classic.settings import ClipOptions, PenaltyOptions

STEP = TrainingStep(0, 0, torch.device("cpu"))
W = torch.tensor([3.0, 4.0])  # a linear critic's slope is 5 everywhere


def linear(x, c=None):
    return x @ W + 1.0


def points(seed):
    return torch.randn(6, 2, generator=torch.Generator().manual_seed(seed))


def penalty(step=STEP, critic=linear, **options):
    return GradientPenalty(build(PenaltyOptions, options)).penalty(critic, points(1), points(2), None, step)


def test_the_penalty_of_a_linear_critic_is_the_weight_times_the_squared_excess_slope():
    assert penalty().item() == pytest.approx(10 * (5 - 1) ** 2, rel=1e-6)
    assert penalty(weight=0.1, target=3.0).item() == pytest.approx(0.1 * (5 - 3) ** 2, rel=1e-6)


def test_the_penalty_norm_is_over_all_axes_but_the_batchs():
    w = torch.full((3, 4, 5), 0.5)  # slope sqrt(60 / 4)
    real, fake = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4, 5)

    def D(x, c):
        return (x * w).sum((1, 2, 3))

    found = GradientPenalty(PenaltyOptions()).penalty(D, real, fake, None, STEP)
    assert found.item() == pytest.approx(10 * (15**0.5 - 1) ** 2, rel=1e-5)


def test_a_one_sided_penalty_spares_slopes_below_the_target():
    assert penalty(one_sided=True, target=6.0).item() == 0.0
    assert penalty(one_sided=True, target=4.0).item() == pytest.approx(10.0, rel=1e-6)


def test_every_k_steps_it_is_k_times_as_heavy_and_absent_between():
    found = [penalty(TrainingStep(number, 0, torch.device("cpu")), every=3) for number in range(4)]
    assert [term is None for term in found] == [False, True, True, False]
    assert found[0].item() == pytest.approx(3 * 160.0, rel=1e-6)


def test_each_sample_is_mixed_with_its_own_eps_on_the_line_between_real_and_fake():
    seen = []

    def D(x, c):
        seen.append(x.detach())
        return x.sum(1)

    real, fake = points(1), points(2)
    GradientPenalty(PenaltyOptions()).penalty(D, real, fake, None, STEP)
    eps = (seen[0] - fake) / (real - fake)
    assert torch.allclose(eps[:, 0], eps[:, 1], atol=1e-4)
    assert len(eps[:, 0].unique()) == 6
    assert ((eps >= 0) & (eps <= 1)).all()


def test_the_penalty_trains_the_critic_through_the_double_backward():
    w = W.clone().requires_grad_()
    found = GradientPenalty(PenaltyOptions()).penalty(lambda x, c: x @ w, points(1), points(2), None, STEP)
    found.backward()
    expected = 2 * 10 * (5 - 1) * W / 5  # d/dw of 10 (||w|| - 1)^2
    assert torch.allclose(w.grad, expected, rtol=1e-5)


def test_the_mixed_points_take_the_real_batchs_condition():
    labels = torch.arange(6)
    GradientPenalty(PenaltyOptions()).penalty(
        lambda x, c: x.sum(1) if torch.equal(c, labels) else None, points(1), points(2), labels, STEP
    )


def test_clipping_bounds_every_parameter_from_the_start_and_after_each_step():
    D = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
    clip = Clip(ClipOptions(bound=0.05))
    for act in (clip.prepare, clip.after_step):
        with torch.no_grad():
            for parameter in D.parameters():
                parameter.normal_()
        before = [parameter.clone() for parameter in D.parameters()]
        act(D)
        for old, new in zip(before, D.parameters(), strict=True):
            assert torch.equal(new, old.clamp(-0.05, 0.05))


def test_no_enforcer_adds_nothing_and_changes_nothing():
    D = nn.Linear(2, 1)
    before = D.weight.clone()
    free = Unbounded(Options())
    free.prepare(D)
    free.after_step(D)
    assert torch.equal(D.weight, before)
    assert free.penalty(linear, points(1), points(2), None, STEP) is None
