"""Projection conditioning: the class meets D's features in a product."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantool import Condition, Options


class Projection:
    """score = D's own score + <V y, h>: Miyato & Koyama 2018, eq. 3; y is the one-hot class or the attributes.

    The generator gets y as its code: networks that know codes let it choose the scales and shifts of their norms,
    others append it to z.
    """

    uses_labels = True

    def __init__(self, options: Options) -> None: ...

    def extra_channels(self, condition: Condition) -> int:
        """Return 0: D sees the picture alone until its features."""
        return 0

    def generator_side(self, latent_dim: int, condition: Condition) -> nn.Module:
        """Return the module that hands y on beside z."""
        return Beside(latent_dim, condition)

    def discriminator_side(self, feature_dim: int, condition: Condition) -> nn.Module:
        """Return the module with V, the matrix ``[feature_dim, len(condition)]``."""
        return Product(feature_dim, condition)


def code(c: Tensor, condition: Condition) -> Tensor:
    """``c`` int64 [N] or float [N, A] -> y ``[N, len(condition)]``."""
    return F.one_hot(c, len(condition)).to(torch.float32) if condition.kind == "classes" else c


class Beside(nn.Module):
    """The generator's side."""

    def __init__(self, latent_dim: int, condition: Condition) -> None:
        super().__init__()
        self.condition = condition
        self.input_dim, self.code_dim = latent_dim, len(condition)

    def forward(self, z: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """``z``, ``c`` -> ``z [N, latent_dim]``, ``y [N, len(condition)]``."""
        return z, code(c, self.condition).to(z.dtype)


class Product(nn.Module):
    """The discriminator's side."""

    def __init__(self, feature_dim: int, condition: Condition) -> None:
        super().__init__()
        self.condition = condition
        self.project = nn.Linear(len(condition), feature_dim, bias=False)

    def inputs(self, x: Tensor, c: Tensor) -> Tensor:
        """Return x as it is."""
        return x

    def score_term(self, h: Tensor, c: Tensor) -> Tensor:
        """``h [N, F]``, ``c`` -> ``<V y, h> [N]``."""
        y = code(c, self.condition).to(self.project.weight.dtype)
        found: Tensor = (self.project(y) * h).sum(1)
        return found
