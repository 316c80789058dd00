"""Zero-centred gradient penalties at real samples (R1) and at generated ones (R2)."""

from __future__ import annotations

from math import cos, pi
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gantool import Step
from gantool_r3gan.settings import R1R2Options

if TYPE_CHECKING:
    from gantool.interfaces import Critic


class R1R2:
    """gamma/2 E ||grad D(x)||^2 at real samples, and the same at generated ones.

    R1 and R2 of Mescheder et al. 2018 (arXiv 1801.04406), section 4.1; Huang et al. 2024 (arXiv 2501.05441), section 2,
    need both. The norm is over all axes but the batch's and is computed in fp32.
    """

    def __init__(self, options: R1R2Options) -> None:
        self.options = options

    def prepare(self, D: nn.Module) -> None:
        """Leave D as it is."""

    def penalty(self, D: Critic, real: Tensor, fake: Tensor, c: Tensor | None, step: Step) -> Tensor | None:
        """Return the penalties' sum, or None on the steps that ``every`` skips and where gamma is 0."""
        weight = self.gamma(step.number) / 2 * self.options.every
        if step.number % self.options.every or not weight:
            return None
        penalty = squared_slope(D, real, c)
        if self.options.r2:
            penalty = penalty + squared_slope(D, fake, c)
        return weight * penalty

    def gamma(self, number: int) -> float:
        """Return the weight at a critic step, counted from 0: half a cosine wave from its first to its last value."""
        first, last, steps = self.options.gamma, self.options.gamma_end, self.options.burn_in
        if last is None or steps is None:
            return first
        if number >= steps:
            return last
        return last + (first - last) * (1 + cos(pi * number / steps)) / 2

    def after_step(self, D: nn.Module) -> None:
        """Leave D as it is."""


def squared_slope(D: Critic, x: Tensor, c: Tensor | None) -> Tensor:
    """Return E ||grad D(x)||^2, a scalar with a graph to D, in fp32 at least."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(D(x, c).sum(), x, create_graph=True)
    precise = gradient.to(torch.promote_types(gradient.dtype, torch.float32))
    return precise.square().flatten(1).sum(1).mean()
