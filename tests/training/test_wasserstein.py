"""The critic's loss, over its slope, estimates the Earth Mover's distance."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from gantool import Options
from gantool.options import build
from gantool.training.phases import TrainingStep
from gantool_classic.lipschitz import GradientPenalty
from gantool_classic.losses import Wasserstein
from gantool_classic.settings import PenaltyOptions

SHIFT = 1.5  # between the means of two Gaussians with one covariance: their W1 is exactly this


def draw(n, shift, seed):
    return 0.4 * torch.randn(n, 2, generator=torch.Generator().manual_seed(seed)) + torch.tensor([shift, 0.0])


def test_the_exact_distance_of_two_shifted_gaussians_is_the_shift():
    real, fake = draw(500, SHIFT, 1), draw(500, 0.0, 2)
    cost = torch.cdist(real, fake).numpy()
    rows, columns = linear_sum_assignment(cost)
    assert np.mean(cost[rows, columns]) == pytest.approx(SHIFT, rel=0.05)


def test_a_trained_critic_estimates_it_within_a_tenth_after_its_slope_is_divided_out():
    torch.manual_seed(0)
    critic = torch.nn.Sequential(
        torch.nn.Linear(2, 64), torch.nn.LeakyReLU(0.2), torch.nn.Linear(64, 64), torch.nn.LeakyReLU(0.2),
        torch.nn.Linear(64, 1),
    )  # fmt: skip

    def D(x, c=None):
        return critic(x).squeeze(1)

    loss = Wasserstein(Options())
    penalty = GradientPenalty(build(PenaltyOptions, {"weight": 10.0}))
    optimizer = torch.optim.Adam(critic.parameters(), 2e-3, betas=(0.0, 0.9))
    for number in range(300):
        real, fake = draw(256, SHIFT, 10 + 2 * number), draw(256, 0.0, 11 + 2 * number)
        step = TrainingStep(number, 0, torch.device("cpu"))
        total = loss.discriminator(D(real), D(fake)) + penalty.penalty(D, real, fake, None, step)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    real, fake = draw(4000, SHIFT, 1), draw(4000, 0.0, 2)
    mixed = torch.lerp(fake, real, torch.rand(4000, 1)).requires_grad_()
    (gradient,) = torch.autograd.grad(D(mixed).sum(), mixed)
    slope = gradient.norm(dim=1).mean().item()
    estimate = -loss.discriminator(D(real), D(fake)).item()
    # the two-sided penalty's optimum is steeper than 1, by shift / (2 lambda)
    assert slope == pytest.approx(1 + SHIFT / 20, abs=0.05)
    assert estimate / slope == pytest.approx(SHIFT, rel=0.1)
