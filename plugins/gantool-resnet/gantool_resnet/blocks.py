"""The residual blocks and what they are made of.

A block adds two 3x3 convolutions, each behind a norm and ReLU, to a shortcut (Gulrajani et al. 2017, appendix F;
Miyato et al. 2018, appendix). The shortcut is a 1x1 convolution wherever the size or the width changes. Averaging
pixels and repeating them commute with a 1x1 convolution, so it is computed at the smaller size of the two.
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

RESIDUAL_GAIN = math.sqrt(2)  # of the residual branch's first weights, in the code of both papers

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


def xavier(layer: Layer, gain: float = 1.0) -> Layer:
    """Draw the weight of a layer from U(-b, b) with b = gain sqrt(6 / (fan_in + fan_out)); its bias is 0.

    Glorot & Bengio 2010, eq. 16.
    """
    nn.init.xavier_uniform_(layer.weight, gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def convolution(width: int, out: int, *, kernel: int = 3, gain: float = 1.0) -> nn.Conv2d:
    """Return a convolution that keeps the size."""
    return xavier(nn.Conv2d(width, out, kernel, padding=kernel // 2), gain)


def norm(name: str, width: int, *, affine: bool = True) -> nn.Module:
    """Return the norm of maps ``[N, width, H, W]`` that a name stands for."""
    if name == "batch":
        return nn.BatchNorm2d(width, affine=affine)
    if name == "layer":
        return nn.GroupNorm(1, width, affine=affine)
    return nn.Identity()


class CodedNorm(nn.Module):
    """A norm whose scale and shift are linear in the code, where there is one: conditional batch norm.

    Dumoulin et al. 2017 (arXiv 1610.07629), de Vries et al. 2017 (arXiv 1707.00683). Each has a bias, the scale's 1 at
    first, that serves where all attributes are absent.
    """

    def __init__(self, name: str, width: int, code_dim: int) -> None:
        super().__init__()
        self.norm = norm(name, width, affine=not code_dim)
        self.scale_and_shift = nn.Linear(code_dim, 2 * width) if code_dim else None
        if self.scale_and_shift is not None:
            nn.init.normal_(self.scale_and_shift.weight[:width], 0.0, 0.02)  # no two classes alike at first
            nn.init.zeros_(self.scale_and_shift.weight[width:])
            nn.init.ones_(self.scale_and_shift.bias[:width])
            nn.init.zeros_(self.scale_and_shift.bias[width:])

    def forward(self, x: Tensor, code: Tensor | None) -> Tensor:
        """``x [N, width, H, W]``, ``code [N, code_dim]`` -> the same shape."""
        normed: Tensor = self.norm(x)
        if self.scale_and_shift is None:
            return normed
        scale, shift = self.scale_and_shift(code)[:, :, None, None].chunk(2, 1)
        return torch.addcmul(shift, normed, scale)


def double(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Repeat each pixel of ``x [N, C, h, w]`` twice along both axes and crop to ``size``, 2 h or 2 h - 1 high."""
    return F.interpolate(x, size=size, mode="nearest")


def halve(x: Tensor) -> Tensor:
    """Average 2x2 pixels of ``x [N, C, H, W]``, at an odd edge the ones that are there; the size is rounded up."""
    return F.avg_pool2d(x, 2, ceil_mode=True)


class GeneratorBlock(nn.Module):
    """norm - ReLU - doubling - 3x3 - norm - ReLU - 3x3, and the shortcut 1x1 - doubling."""

    def __init__(self, width: int, out: int, size: tuple[int, int], *, norm_name: str, code_dim: int) -> None:
        super().__init__()
        self.size = size
        self.norm1 = CodedNorm(norm_name, width, code_dim)
        self.conv1 = convolution(width, out, gain=RESIDUAL_GAIN)
        self.norm2 = CodedNorm(norm_name, out, code_dim)
        self.conv2 = convolution(out, out, gain=RESIDUAL_GAIN)
        self.shortcut = convolution(width, out, kernel=1)

    def forward(self, x: Tensor, code: Tensor | None) -> Tensor:
        """``x [N, width, h, w]``, ``code [N, code_dim]`` -> ``[N, out, *size]``."""
        h = self.conv1(double(F.relu(self.norm1(x, code)), self.size))
        branch: Tensor = self.conv2(F.relu(self.norm2(h, code)))
        return branch + double(self.shortcut(x), self.size)


class DiscriminatorBlock(nn.Module):
    """norm - ReLU - 3x3 - norm - ReLU - 3x3, and the shortcut; both are halved where the block ``halves``."""

    def __init__(self, width: int, out: int, *, norm_name: str, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.norm1 = norm(norm_name, width)
        self.conv1 = convolution(width, width, gain=RESIDUAL_GAIN)
        self.norm2 = norm(norm_name, width)
        self.conv2 = convolution(width, out, gain=RESIDUAL_GAIN)
        self.shortcut = convolution(width, out, kernel=1) if halves or width != out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """``x [N, width, H, W]`` -> ``[N, out, H, W]``, or ``[N, out, ceil(H / 2), ceil(W / 2)]``."""
        h = self.conv1(F.relu(self.norm1(x)))
        branch: Tensor = self.conv2(F.relu(self.norm2(h)))
        if self.halves:
            x, branch = halve(x), halve(branch)
        shortcut: Tensor = self.shortcut(x)
        return branch + shortcut


class FirstBlock(nn.Module):
    """3x3 - ReLU - 3x3 - halving, and the shortcut halving - 1x1: a ReLU on the picture would lose half of it."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.conv1 = convolution(width, out, gain=RESIDUAL_GAIN)
        self.conv2 = convolution(out, out, gain=RESIDUAL_GAIN)
        self.shortcut = convolution(width, out, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """``x [N, width, H, W]`` -> ``[N, out, ceil(H / 2), ceil(W / 2)]``."""
        branch = halve(self.conv2(F.relu(self.conv1(x))))
        shortcut: Tensor = self.shortcut(halve(x))
        return branch + shortcut
