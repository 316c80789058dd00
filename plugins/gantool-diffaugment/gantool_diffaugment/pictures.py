"""What both augmentations know of pictures ``[N, C, H, W]`` in [-1, 1]: channels, and linear maps of pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function
from torch.nn import functional as F

from gantool import UserError

Map = Callable[[Tensor], Tensor]

BILINEAR, REFLECTION = 0, 2  # as torch's grid_sampler_2d_backward numbers its modes


def refuse_vectors(shape: tuple[int, ...], name: str) -> None:
    """Raise UserError for data that are no pictures."""
    if len(shape) != 3:
        where, given = f"--augmentation {name}", f"the data are vectors of {shape[0]}"
        raise UserError(where, given, "it changes pictures", "type: --augmentation none")


def on_colours(x: Tensor, change: Map) -> Tensor:
    """Change the colour channels; the last of 2 or 4 channels is alpha and stays."""
    channels = x.shape[1]
    colours = channels - 1 if channels % 2 == 0 else channels
    changed = change(x[:, :colours])
    return changed if colours == channels else torch.cat([changed, x[:, colours:]], 1)


def translate(x: Tensor, by: Tensor) -> Tensor:
    """Shift each picture by whole pixels ``by [N, 2]`` (right, down); what comes in is 0."""
    return _mapped(x, lambda x: _shifted(x, by), lambda g: _shifted(g, -by))


def sample(x: Tensor, linear: Tensor, offset: Tensor) -> Tensor:
    """Let each pixel p show the point ``linear p + offset`` of x, of ``[N, 2, 2]`` and ``[N, 2]``.

    Points are (right, down) in pixels from the picture's centre. Between pixels x is bilinear, and beyond its edges
    mirrored.
    """
    grid, shape = _grid(linear, offset, x.shape), x.shape

    def forward(x: Tensor) -> Tensor:
        return F.grid_sample(x, grid, "bilinear", "reflection", align_corners=False)

    def adjoint(g: Tensor) -> Tensor:
        like = g.new_zeros(()).expand(shape)  # says the shape; the slope does not depend on x
        modes = (BILINEAR, REFLECTION, False, [True, False])
        found: Tensor = torch.ops.aten.grid_sampler_2d_backward(g, like, grid, *modes)[0]
        return found

    return _mapped(x, forward, adjoint)


def _shifted(x: Tensor, by: Tensor) -> Tensor:
    grid = _grid(torch.eye(2, device=x.device, dtype=x.dtype).expand(len(x), 2, 2), -by, x.shape)
    return F.grid_sample(x, grid, "nearest", "zeros", align_corners=False)


def _grid(linear: Tensor, offset: Tensor, shape: torch.Size) -> Tensor:
    """Return the points ``[N, H, W, 2]`` that the pixels show, in halves of a picture's sides."""
    height, width = shape[2:]
    (a, b, c, d), (right, down) = linear.flatten(1).unbind(1), offset.unbind(1)
    rows = [a, b * (height / width), right * (2 / width), c * (width / height), d, down * (2 / height)]
    matrix = torch.stack(rows, 1).view(-1, 2, 3)
    return F.affine_grid(matrix, list(shape), align_corners=False)


def _mapped(x: Tensor, forward: Map, adjoint: Map) -> Tensor:
    mapped: Tensor = _Linear.apply(x, forward, adjoint)
    return mapped


class _Linear(Function):
    """A linear map of x. Its derivative is its adjoint, whose derivative is the map, however often one differentiates.

    The oldest torch that gantool allows cannot differentiate ``grid_sample`` twice.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, forward: Map, adjoint: Map) -> Tensor:
        ctx.maps = forward, adjoint
        return forward(x)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        forward, adjoint = ctx.maps
        return _Linear.apply(g, adjoint, forward), None, None
