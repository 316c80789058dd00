"""Statistics of scores: spreads, rank and linear correlations, and how certain a correlation is."""

from __future__ import annotations

import torch
from torch import Tensor

from gantool.latent import seeds as seeding

__all__ = ["correlation", "permutation_p", "spearman", "spread"]

PERMUTATIONS = 999


def spread(values: Tensor) -> Tensor:
    """Return the standard deviation over the first dimension, and 1 for what is constant."""
    std = values.std(0)
    return torch.where(std > 1e-6 * values.abs().amax(0), std, torch.ones_like(std))


def spearman(values: Tensor) -> Tensor:
    """Return Spearman's rank correlation of ``values [T, N]`` with 0..T-1, for each column; 0 where one is constant.

    Equal values share the mean of their ranks.
    """
    above = (values[:, None] > values[None]).sum(1)
    equal = (values[:, None] == values[None]).sum(1)
    ranks = above + equal / 2
    ranks = ranks - ranks.mean(0)
    order = torch.arange(len(values), dtype=ranks.dtype)
    order = order - order.mean()
    product = order.norm() * ranks.norm(dim=0)
    return torch.where(product > 0, (order @ ranks) / product.clamp_min(1e-12), torch.zeros_like(product))


def correlation(scores: Tensor) -> Tensor:
    """Return Pearson's correlations ``[M, M]`` of scores ``[N, M]``; 0 for a score that is constant."""
    centred = (scores - scores.mean(0)).double()
    unit = centred / centred.norm(dim=0).clamp_min(1e-12)
    matrix: Tensor = unit.T @ unit
    return matrix.float()


def permutation_p(a: Tensor, b: Tensor, seed: int = 0) -> tuple[float, float]:
    """Return Pearson's r of ``a`` and ``b`` ``[N]`` and its two-sided p-value from 999 seeded permutations of ``a``.

    ``p = (1 + #{|r_permuted| >= |r|}) / 1000`` (Phipson & Smyth 2010), which is never 0.
    """
    x, y = (a - a.mean()).double(), (b - b.mean()).double()
    x, y = x / x.norm().clamp_min(1e-12), y / y.norm().clamp_min(1e-12)
    r = float(x @ y)
    keys = torch.rand(PERMUTATIONS, len(x), generator=seeding.generator(seed, "permutations"))
    permuted = x[keys.argsort(1)] @ y
    return r, (1 + int((permuted.abs() >= abs(r) - 1e-12).sum())) / (1 + PERMUTATIONS)
