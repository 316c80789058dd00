"""Instance norm and LeakyReLU whose second derivatives are as cheap as the first.

The gradient penalty differentiates the critic twice, and torch's instance norm falls apart into many small operations
there (its layer norm does not). Over the m pixels of a channel let ``n = (x - mean(x)) r`` with
``r = 1 / sqrt(var(x) + eps)``. Then

    d <g, n> / dx  =  J g  =  r (g - mean(g) - n mean(n g))
    dr / dx  =  -r^2 n / m

and ``J g`` is a function of g, n and r alone, whose derivatives along u are

    by g:  J u
    by n:  -r (u mean(n g) + g mean(n u))
    by r:  m (mean(u g) - mean(u) mean(g) - mean(n u) mean(n g))
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import Function, once_differentiable
from torch.nn import functional as F

__all__ = ["InstanceNorm", "leaky_relu"]

EPS = 1e-5


class InstanceNorm(nn.Module):
    """Normalise each channel of each sample by itself (Ulyanov et al. 2016); a third derivative is refused."""

    def __init__(self, channels: int, affine: bool) -> None:
        super().__init__()
        self.weight: nn.Parameter | None = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias: nn.Parameter | None = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """``x [N, channels, H, W]`` -> the same shape."""
        n: Tensor = _Normalise.apply(x)[0]
        if self.weight is None or self.bias is None:
            return n
        weight, bias = (part.to(n.dtype)[:, None, None] for part in (self.weight, self.bias))
        return torch.addcmul(bias, n, weight)


class _Normalise(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        n = x - _mean(x).to(x.dtype)
        r = _mean(n.square()).add_(EPS).rsqrt_()
        n.mul_(r.to(x.dtype))
        ctx.save_for_backward(n, r)
        ctx.set_materialize_grads(False)
        return n, r

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, to_r: Tensor | None) -> Tensor:
        n, r = ctx.saved_tensors
        found: Tensor = torch.zeros_like(n) if g is None else _Jacobian.apply(g, n, r)
        if to_r is not None:
            found = torch.addcmul(found, n, (to_r * r.square() / -(n.numel() // r.numel())).to(n.dtype))
        return found


class _Jacobian(Function):
    @staticmethod
    def forward(ctx: Any, g: Tensor, n: Tensor, r: Tensor) -> Tensor:
        found, *means = _jacobian(g, n, r)
        ctx.save_for_backward(g, n, r, *means)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        g, n, r, mean_g, mean_ng = ctx.saved_tensors
        found, mean_u, mean_nu = _jacobian(u, n, r)
        to_n = (u * (-r * mean_ng).to(u.dtype)).addcmul_(g, (-r * mean_nu).to(g.dtype))
        to_r = (n.numel() // r.numel()) * (_mean(u * g) - mean_u * mean_g - mean_nu * mean_ng)
        return found, to_n, to_r


def _jacobian(g: Tensor, n: Tensor, r: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return J g, mean(g) and mean(n g)."""
    mean_g, mean_ng = _mean(g), _mean(n * g)
    found = torch.addcmul((-r * mean_g).to(g.dtype), g, r.to(g.dtype)).addcmul_(n, (-r * mean_ng).to(g.dtype))
    return found, mean_g, mean_ng


def _mean(x: Tensor) -> Tensor:
    """Average the pixels of each channel of each sample, in fp32 at least."""
    return x.mean((2, 3), keepdim=True, dtype=torch.promote_types(x.dtype, torch.float32))


def leaky_relu(x: Tensor, slope: float) -> Tensor:
    """Return ``max(x, 0) + slope min(x, 0)``; its second derivative is nothing, where torch follows zeros on."""
    y: Tensor = _LeakyRelu.apply(x, slope)
    return y


class _LeakyRelu(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        y = F.leaky_relu(x, slope)
        ctx.save_for_backward(y)
        ctx.slope = slope
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        y = ctx.saved_tensors[0].detach()  # cuts the path that torch would send zeros along
        return _Slope.apply(g, y, ctx.slope), None


class _Slope(Function):
    @staticmethod
    def forward(ctx: Any, g: Tensor, y: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(y)
        ctx.slope = slope
        if g.stride() != y.stride():  # torch goes through two layouts number by number
            g = torch.empty_like(y).copy_(g)
        found: Tensor = torch.ops.aten.leaky_relu_backward(g, y, slope, True)
        return found

    @staticmethod
    def backward(ctx: Any, u: Tensor) -> tuple[Tensor, None, None]:
        return _Slope.apply(u, ctx.saved_tensors[0], ctx.slope), None, None
