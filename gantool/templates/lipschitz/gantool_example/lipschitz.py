"""The enforcer: what it does to D once, in its loss, and after each of its steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gantool import Step
from gantool_example.settings import ExampleOptions


class Example:
    """gamma / 2 E ||grad D(x)||^2 over real samples x: Mescheder et al. 2018 (arXiv 1801.04406), eq. 9."""

    def __init__(self, options: ExampleOptions) -> None:
        self.weight: float = options.weight

    def prepare(self, D: nn.Module) -> None:
        """Leave D as it is."""

    def penalty(
        self,
        D: Callable[[Tensor, Tensor | None], Tensor],
        real: Tensor,
        fake: Tensor,
        c: Tensor | None,
        step: Step,
    ) -> Tensor | None:
        """Return the penalty, a scalar; ``D(x, c)`` gives raw scores ``[N]``."""
        x = real.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(D(x, c).sum(), x, create_graph=True)
        return self.weight / 2 * slope.float().square().flatten(1).sum(1).mean()

    def after_step(self, D: nn.Module) -> None:
        """Leave D as it is."""
