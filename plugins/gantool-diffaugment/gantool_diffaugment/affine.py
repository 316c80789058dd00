"""Geometric changes as affine maps: Karras et al. 2020 (arXiv 2006.06676), appendix B.

Points are (right, down) in pixels from a picture's centre; a map goes backwards, from a point of the changed picture to
the point of the old one that it shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Affine:
    """The maps ``p -> linear p + offset`` of N pictures: ``[N, 2, 2]`` and ``[N, 2]``."""

    linear: Tensor
    offset: Tensor

    def of(self, inner: Affine) -> Affine:
        """Return the map that does ``inner`` first; of two changes ``inner`` is the later one."""
        return Affine(self.linear @ inner.linear, _times(self.linear, inner.offset) + self.offset)


def blit(*, mirrored: Tensor, quarters: Tensor, shift: Tensor) -> Affine:
    """Mirror where ``mirrored [N]`` is 1, turn by ``quarters [N]``, counterclockwise, and shift by ``shift [N, 2]``."""
    linear = _diagonal(1 - 2 * mirrored, torch.ones_like(mirrored)) @ _rotation(-quarters * math.pi / 2)
    return Affine(linear, -_times(linear, shift))


def geom(*, scale: Tensor, before: Tensor, stretch: Tensor, after: Tensor, shift: Tensor) -> Affine:
    """Enlarge by ``scale``, rotate, widen by ``stretch`` and lower by as much, rotate again, and shift.

    Angles are in radians, counterclockwise: all ``[N]``, but ``shift [N, 2]``.
    """
    linear = _rotation(-before) @ _diagonal(1 / (scale * stretch), stretch / scale) @ _rotation(-after)
    return Affine(linear, -_times(linear, shift))


def _rotation(angle: Tensor) -> Tensor:
    """Return counterclockwise rotations ``[N, 2, 2]``; the second axis points down."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos, sin, -sin, cos], 1).view(-1, 2, 2)


def _diagonal(right: Tensor, down: Tensor) -> Tensor:
    return torch.diag_embed(torch.stack([right, down], 1))


def _times(linear: Tensor, points: Tensor) -> Tensor:
    """``[N, 2, 2]``, ``[N, 2]`` -> ``[N, 2]``."""
    return (linear @ points[:, :, None])[:, :, 0]
