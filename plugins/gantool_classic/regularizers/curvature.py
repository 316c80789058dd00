"""Penalties on how coordinates of z act together, by finite differences along random signs.

Both are computed in fp32 and with G in eval mode: on the function that samples are made with, in which one sample does
not depend on the batch it sits in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gantool import Condition, Generated, Real, Slot, Step
from gantool_classic.regularizers.settings import HessianOptions, OroJarOptions

__all__ = ["HessianPenalty", "OrthogonalJacobian", "hessian_variance", "jacobian_variance"]


def hessian_variance(G: Callable[[Tensor], Tensor], z: Tensor, signs: Tensor, epsilon: float) -> Tensor:
    """Estimate 2 * sum_{i != j} H_ij^2 of every output: Peebles et al. 2020 (arXiv 2008.10599), eq. 5 and theorem 1.

    ``z [N, D]``, ``signs [K, N, D]`` of -1 and 1 -> ``[N, ...]`` like the output of G: the variance over the K signs v
    of v^T H v, itself a second central difference.
    """
    middle = G(z)
    second = [(G(z + epsilon * v) - 2 * middle + G(z - epsilon * v)) / epsilon**2 for v in signs]
    return torch.stack(second).var(0)


def jacobian_variance(G: Callable[[Tensor], Tensor], z: Tensor, signs: Tensor, epsilon: float) -> Tensor:
    """Estimate 2 * sum_{i != j} (J^T J)_ij^2 of each sample: Wei et al. 2021 (arXiv 2108.07668), eq. 8.

    ``z [N, D]``, ``signs [K, N, D]`` -> ``[N]``: the variance over the K signs v of ||J v||^2, J v a first difference.
    """
    start = G(z)
    squared = [((G(z + epsilon * v) - start) / epsilon).flatten(1).square().sum(1) for v in signs]
    return torch.stack(squared).var(0)


class Penalty:
    """A penalty on all of z, that adds no slot and owns no module."""

    def slots(self) -> tuple[Slot, ...]:
        """Return no slots."""
        return ()

    def module(self, shape: tuple[int, ...], feature_dim: int, condition: Condition | None) -> None:
        """Return no module."""


class HessianPenalty(Penalty):
    """weight * reduce over outputs of Var_v (v^T H v), in the mean over the batch."""

    def __init__(self, options: HessianOptions) -> None:
        self.options = options

    def term(self, G: nn.Module, fake: Generated, real: Real, module: nn.Module | None, step: Step) -> Tensor | None:
        """Return the penalty, or None on the steps that ``every`` skips."""
        if step.number % self.options.every:
            return None
        signs = rademacher(step, "hessian", self.options.draws, fake.z)
        with sampling(G):
            variance = hessian_variance(lambda z: G(z, fake.c), fake.z, signs, self.options.epsilon).flatten(1)
        reduced = variance.amax(1) if self.options.reduce == "max" else variance.mean(1)
        return self.options.weight * self.options.every * reduced.mean()


class OrthogonalJacobian(Penalty):
    """weight * Var_v (||J v||^2) over the squared number of outputs, so that a weight serves pictures of any size."""

    def __init__(self, options: OroJarOptions) -> None:
        self.options = options

    def term(self, G: nn.Module, fake: Generated, real: Real, module: nn.Module | None, step: Step) -> Tensor | None:
        """Return the penalty, or None on the steps that ``every`` skips."""
        if step.number % self.options.every:
            return None
        signs = rademacher(step, "orojar", self.options.draws, fake.z)
        with sampling(G):
            variance = jacobian_variance(lambda z: G(z, fake.c), fake.z, signs, self.options.epsilon)
        return self.options.weight * self.options.every * variance.mean() / fake.x[0].numel() ** 2


def rademacher(step: Step, stream: str, draws: int, z: Tensor) -> Tensor:
    """Draw signs ``[draws, N, D]``, each -1 or 1 with equal chance."""
    return (step.rand(stream, len(z), draws, z.shape[1]).transpose(0, 1) < 0.5).to(z.dtype) * 2 - 1


@contextmanager
def sampling(G: nn.Module) -> Iterator[None]:
    """Hold G in eval mode."""
    training = G.training
    G.eval()
    try:
        yield
    finally:
        G.train(training)
