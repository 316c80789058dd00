"""What bounds the critic's slope: nothing, weight clipping, or the gradient penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gantool import Options, Step
from gantool_classic.settings import ClipOptions, PenaltyOptions

if TYPE_CHECKING:
    from gantool.interfaces import Critic


class Unbounded:
    """No constraint; also the base of enforcers that need only some of the three calls."""

    def __init__(self, options: Options) -> None: ...

    def prepare(self, D: nn.Module) -> None:
        """Leave D as it is."""

    def penalty(self, D: Critic, real: Tensor, fake: Tensor, c: Tensor | None, step: Step) -> Tensor | None:
        """Return no penalty."""
        return None

    def after_step(self, D: nn.Module) -> None:
        """Leave D as it is."""


class Clip(Unbounded):
    """Clamp every parameter of D to [-bound, bound]: Arjovsky et al. 2017, algorithm 1, line 7.

    It bounds the critic's slope by some constant, not by 1.
    """

    def __init__(self, options: ClipOptions) -> None:
        self.bound: float = options.bound

    def prepare(self, D: nn.Module) -> None:
        """Clamp the first weights, so that the bound holds from the start."""
        self.after_step(D)

    @torch.no_grad()
    def after_step(self, D: nn.Module) -> None:
        """Clamp all parameters in place."""
        parameters: list[Tensor] = list(D.parameters())
        torch._foreach_clamp_min_(parameters, -self.bound)
        torch._foreach_clamp_max_(parameters, self.bound)


class GradientPenalty(Unbounded):
    """weight * E (||grad C(xhat)||_2 - target)^2 between real and fake: Gulrajani et al. 2017, eq. 3.

    Each sample has its own eps; the norm is over all axes but the batch's and is computed in fp32; xhat takes the real
    batch's condition. ``one_sided`` punishes max(0, norm - target)^2, the literal "at most".
    """

    def __init__(self, options: PenaltyOptions) -> None:
        self.options = options
        self.slope: float = options.target

    def penalty(self, D: Critic, real: Tensor, fake: Tensor, c: Tensor | None, step: Step) -> Tensor | None:
        """Return the penalty, or None on the steps that ``every`` skips."""
        if step.number % self.options.every or not self.options.weight:
            return None
        eps = step.rand("gp", real.shape[0]).view(-1, *[1] * (real.dim() - 1))
        mixed = torch.lerp(fake.detach(), real, eps).requires_grad_()
        (gradient,) = torch.autograd.grad(D(mixed, c).sum(), mixed, create_graph=True)
        excess = _slopes(gradient) - self.options.target
        if self.options.one_sided:
            excess = excess.relu()
        penalty: Tensor = self.options.weight * self.options.every * excess.square().mean()
        return penalty


def _slopes(gradient: Tensor) -> Tensor:
    """Return the norm of each sample's gradient, in fp32 at least."""
    precise = gradient.to(torch.promote_types(gradient.dtype, torch.float32))
    norms: Tensor = torch.linalg.vector_norm(precise.flatten(1), dim=1)
    return norms
