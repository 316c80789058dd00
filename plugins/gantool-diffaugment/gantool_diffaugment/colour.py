"""Changes of colour as one affine map of the channels: Karras et al. 2020 (arXiv 2006.06676), appendix B."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def recolour(
    x: Tensor, *, brightness: Tensor, contrast: Tensor, flipped: Tensor, hue: Tensor, saturation: Tensor
) -> Tensor:
    """Change ``x [N, C, H, W]`` of 3 channels or 1 by ``[N]`` amounts of each kind.

    ``brightness`` is added and ``contrast`` multiplies; where ``flipped`` is 1 luma changes its sign; ``hue`` is an
    angle in radians around the grey axis, and ``saturation`` multiplies the distance from it.

    With G the projection onto that axis and K its cross product, all of it is the matrix
    ``contrast (+-G + saturation (cos(hue) (1 - G) + sin(hue) K))``, of which only G is left for one channel.
    """
    one = torch.eye(x.shape[1], device=x.device, dtype=x.dtype)
    grey = torch.full_like(one, 1 / len(one))
    cross = (one.roll(-1, 1) - one.roll(1, 1)) / math.sqrt(3)
    luma = contrast * (1 - 2 * flipped)
    matrix = (
        _each(luma) * grey
        + _each(contrast * saturation * hue.cos()) * (one - grey)
        + _each(contrast * saturation * hue.sin()) * cross
    )
    return torch.baddbmm(_each(luma * brightness), matrix, x.flatten(2)).view(x.shape)


def _each(amounts: Tensor) -> Tensor:
    return amounts[:, None, None]
