"""Checks of kind ``loss``: two finite scalars whose slopes have the right sign."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gantool.testing.case import Case, require

__all__ = [
    "check_finite_scalars",
    "check_generator_should_raise_fakes",
    "check_reals_should_score_high",
    "check_slopes_reach_the_scores",
]

SPREADS = (0.1, 1.0, 100.0)  # the last is where log(sigmoid(s)) breaks


def _scores(spread: float, n: int = 16) -> tuple[Tensor, Tensor]:
    """Return real and fake scores ``[n]`` around 0, with a graph."""
    random = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, n, generator=random) * spread
    return real.requires_grad_(), fake.requires_grad_()


def _generator(loss: Any, real: Tensor, fake: Tensor) -> Tensor:
    """Call the generator's loss as the training does."""
    found: Tensor = loss.generator(fake, real if loss.needs_real_for_generator else None)
    return found


def check_finite_scalars(case: Case) -> None:
    """Require finite scalars with finite slopes, for small and large scores and for a batch of one."""
    loss = case.create()
    require(isinstance(loss.needs_real_for_generator, bool), "needs_real_for_generator must be true or false")
    for spread in SPREADS:
        for n in (16, 1):
            real, fake = _scores(spread, n)
            for name, value in (("D", loss.discriminator(real, fake)), ("G", _generator(loss, real, fake))):
                where = f"the loss of {name} for {n} scores around +-{spread:g}"
                require(value.shape == (), f"{where} has the shape {tuple(value.shape)}; take the mean")
                require(bool(value.isfinite()), f"{where} is {value.item()}")
                for slope in torch.autograd.grad(value, [real, fake], allow_unused=True):
                    require(slope is None or bool(slope.isfinite().all()), f"{where} has a slope that is not finite")


def check_slopes_reach_the_scores(case: Case) -> None:
    """Require that D's loss depends on real and on fake scores, and G's on fake ones."""
    loss = case.create()
    real, fake = _scores(0.1)
    slopes = torch.autograd.grad(loss.discriminator(real, fake), [real, fake], allow_unused=True)
    for name, slope in zip(("real", "fake"), slopes, strict=True):
        require(slope is not None and bool(slope.any()), f"D's loss does not depend on the {name} scores")
    (slope,) = torch.autograd.grad(_generator(loss, real, fake), [fake], allow_unused=True)
    require(slope is not None and bool(slope.any()), "G's loss does not depend on the fake scores")


def check_reals_should_score_high(case: Case) -> None:
    """Require that D's loss falls when the real scores rise, and rises with the fake ones."""
    loss = case.create()
    real, fake = _scores(0.1)
    before = loss.discriminator(real, fake)
    require(bool(loss.discriminator(real + 0.1, fake) < before), "D's loss does not fall when the real scores rise")
    require(bool(loss.discriminator(real, fake + 0.1) > before), "D's loss does not rise when the fake scores rise")


def check_generator_should_raise_fakes(case: Case) -> None:
    """Require that G's loss falls when the fake scores rise."""
    loss = case.create()
    real, fake = _scores(0.1)
    rises = bool(_generator(loss, real, fake + 0.1) < _generator(loss, real, fake))
    require(rises, "G's loss does not fall when the fake scores rise")
