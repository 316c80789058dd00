import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as reference

from gantool import Options
from gantool_classic.losses import Bce, Minimax, Wasserstein

REAL = torch.tensor([2.0, -0.5, 0.0, 7.0])
FAKE = torch.tensor([-1.0, 3.0, 0.25, -9.0])


def test_bce_is_torchs_cross_entropy_with_labels_one_and_zero():
    loss = Bce(Options())
    expected = reference(REAL, torch.ones(4)) + reference(FAKE, torch.zeros(4))
    assert torch.allclose(loss.discriminator(REAL, FAKE), expected, rtol=1e-6)
    assert torch.allclose(loss.generator(FAKE), reference(FAKE, torch.ones(4)), rtol=1e-6)


def test_bce_stays_finite_where_the_sigmoid_is_exactly_zero_or_one():
    loss = Bce(Options())
    certain = torch.tensor([200.0, -200.0])
    assert loss.discriminator(certain, -certain).item() == pytest.approx(200.0)
    assert math.isfinite(loss.generator(certain).item())


def test_minimax_is_the_log_of_one_minus_d():
    expected = torch.log(1 - torch.sigmoid(FAKE)).mean()
    assert torch.allclose(Minimax(Options()).generator(FAKE), expected, rtol=1e-5)


def test_minimax_and_bce_share_the_discriminators_loss():
    options = Options()
    assert torch.equal(Minimax(options).discriminator(REAL, FAKE), Bce(options).discriminator(REAL, FAKE))


def slope(loss, logit: float) -> float:
    """The derivative of the generator's loss by the logit of one fake."""
    score = torch.tensor([logit], requires_grad=True)
    loss.generator(score).backward()
    return float(score.grad)


def test_where_d_wins_the_saturating_slope_vanishes_and_the_others_do_not():
    # d/ds of -softplus(s), softplus(-s) and -s at s = -20: -sigmoid(s), -sigmoid(-s), -1
    assert slope(Minimax(Options()), -20.0) == pytest.approx(-1 / (1 + math.exp(20.0)), rel=1e-4)
    assert slope(Bce(Options()), -20.0) == pytest.approx(-1.0, abs=1e-6)
    assert slope(Wasserstein(Options()), -20.0) == -1.0


def test_the_wasserstein_losses_are_differences_of_means_with_reals_scoring_high():
    loss = Wasserstein(Options())
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(-1.6875 - 2.125)
    assert loss.generator(FAKE).item() == pytest.approx(1.6875)
