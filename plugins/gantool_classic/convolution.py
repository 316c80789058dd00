"""Convolutions whose gradients are fast on a processor, and stay so when they are differentiated again.

A convolution is linear in the picture and in the kernel, so its derivatives are three operations that turn into each
other, however often one differentiates::

    forward(x, w)        picture, kernel  -> map
    to_input(g, w)       map, kernel      -> picture     a transposed convolution
    to_kernel(x, g)      picture, map     -> kernel

On maps of few pixels and many channels the processor's library is far from its speed, most of all in ``to_kernel``;
there the three are one product of matrices over copied windows, which is the same sum in another order.
``tests/benchmarks/convolution.py`` measures where that pays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import Function
from torch.nn import functional as F

__all__ = ["Conv2d", "ConvTranspose2d"]

Pair = tuple[int, int]


class Conv2d(nn.Conv2d):
    """A convolution with a square kernel, one stride and one padding for both axes."""

    def forward(self, x: Tensor) -> Tensor:
        """``x [N, in, H, W]`` -> ``[N, out, h, w]``."""
        if x.device.type != "cpu" or torch.compiler.is_compiling():  # an exporter knows torch's own
            return super().forward(x)
        x, weight, bias = _cast(x, self.weight, self.bias)
        y: Tensor = _Forward.apply(x, weight, bias, self.stride[0], int(self.padding[0]))
        return y


class ConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution with a square kernel, one stride and one padding for both axes."""

    def forward(self, x: Tensor, output_size: Any = None) -> Tensor:
        """``x [N, in, h, w]`` -> ``[N, out, H, W]``."""
        if x.device.type != "cpu" or torch.compiler.is_compiling():  # an exporter knows torch's own
            return super().forward(x)
        x, weight, bias = _cast(x, self.weight, self.bias)
        stride, padding = self.stride[0], int(self.padding[0])
        more = weight.shape[2] - 2 * padding + self.output_padding[0] - stride
        size = (x.shape[2] * stride + more, x.shape[3] * stride + more)
        y: Tensor = _ToInput.apply(x, weight, stride, padding, size)
        return y if bias is None else y + bias[:, None, None]


def _cast(*tensors: Tensor | None) -> Any:
    """Do what autocast does for torch's own convolutions."""
    if not torch.is_autocast_enabled("cpu"):
        return tensors
    dtype = torch.get_autocast_dtype("cpu")
    return tuple(None if tensor is None else tensor.to(dtype) for tensor in tensors)


class _Forward(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.stride, ctx.padding = stride, padding
        return _forward(x, w, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        x, w = ctx.saved_tensors
        place = (ctx.stride, ctx.padding)
        to_x, to_w, to_bias = ctx.needs_input_grad[:3]
        return (
            _ToInput.apply(g, w, *place, x.shape[2:]) if to_x else None,
            _ToKernel.apply(x, g, *place, w.shape[2]) if to_w else None,
            g.sum((0, 2, 3)) if to_bias else None,
            None,
            None,
        )


class _ToInput(Function):
    @staticmethod
    def forward(ctx: Any, g: Tensor, w: Tensor, stride: int, padding: int, size: Pair) -> Tensor:
        ctx.save_for_backward(g, w)
        ctx.stride, ctx.padding = stride, padding
        return _to_input(g, w, stride, padding, size)

    @staticmethod
    def backward(ctx: Any, u: Tensor) -> Any:
        g, w = ctx.saved_tensors
        place = (ctx.stride, ctx.padding)
        to_g, to_w = ctx.needs_input_grad[:2]
        return (
            _Forward.apply(u, w, None, *place) if to_g else None,
            _ToKernel.apply(u, g, *place, w.shape[2]) if to_w else None,
            None,
            None,
            None,
        )


class _ToKernel(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, g: Tensor, stride: int, padding: int, kernel: int) -> Tensor:
        ctx.save_for_backward(x, g)
        ctx.stride, ctx.padding = stride, padding
        return _to_kernel(x, g, stride, padding, kernel)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Any:
        x, g = ctx.saved_tensors
        place = (ctx.stride, ctx.padding)
        to_x, to_g = ctx.needs_input_grad[:2]
        return (
            _ToInput.apply(g, v, *place, x.shape[2:]) if to_x else None,
            _Forward.apply(x, v, None, *place) if to_g else None,
            None,
            None,
            None,
        )


def _forward(x: Tensor, w: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    kernel = w.shape[2]
    height, width = ((side + 2 * padding - kernel) // stride + 1 for side in x.shape[2:])
    if not _pays(w.shape, height * width, 16, 64 if x.element_size() == 2 else 256):
        return F.conv2d(_channels_last(x), _channels_last(w), bias, stride, padding)
    flat = _flat_kernel(w).t()
    windows = _windows(x, kernel, stride, padding, (height, width))
    y = windows @ flat if bias is None else torch.addmm(bias, windows, flat)
    return y.view(len(x), height, width, -1).permute(0, 3, 1, 2)


def _to_input(g: Tensor, w: Tensor, stride: int, padding: int, size: Pair) -> Tensor:
    kernel = w.shape[2]
    if kernel % stride or not _pays(w.shape, g.shape[2] * g.shape[3], 16, 256):
        more = [
            side - ((small - 1) * stride + kernel - 2 * padding) for side, small in zip(size, g.shape[2:], strict=True)
        ]
        return F.conv_transpose2d(_channels_last(g), _channels_last(w), None, stride, padding, more)
    return _fold(_flat_map(g) @ _flat_kernel(w), g.shape, w.shape, stride, padding, size)


def _to_kernel(x: Tensor, g: Tensor, stride: int, padding: int, kernel: int) -> Tensor:
    shape = (g.shape[1], x.shape[1], kernel, kernel)
    if not _pays(shape, g.shape[2] * g.shape[3], 64, 32):
        x, g, weight = _channels_last(x), _channels_last(g), _channels_last(x.new_empty(shape))
        places = ([stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, [False, True, False])
        found: Tensor = torch.ops.aten.convolution_backward(g, x, weight, None, *places)[1]
        return found
    product = _flat_map(g).t() @ _windows(x, kernel, stride, padding, (g.shape[2], g.shape[3]))
    return product.view(shape[0], kernel, kernel, shape[1]).permute(0, 3, 1, 2)


def _pays(w: Sequence[int], pixels: int, most: int, narrowest: int) -> bool:
    """Whether products of matrices win: on maps of few pixels, for kernels ``[out, in, ...]`` of many channels."""
    return pixels <= most and min(w[:2]) >= narrowest


def _windows(x: Tensor, kernel: int, stride: int, padding: int, size: Pair) -> Tensor:
    """Copy the window of each pixel of the map: ``[N * h * w, kernel * kernel * C]``."""
    around = (0, 0, padding, padding, padding, padding)
    x = F.pad(x.permute(0, 2, 3, 1), around).contiguous()
    n, row, column, _ = x.stride()
    shape = (len(x), *size, kernel, kernel, x.shape[3])
    windows = x.as_strided(shape, (n, stride * row, stride * column, row, column, 1))
    return windows.reshape(len(x) * size[0] * size[1], -1)


def _fold(columns: Tensor, g: torch.Size, w: torch.Size, stride: int, padding: int, size: Pair) -> Tensor:
    """Add overlapping windows up to a picture; a kernel is ``blocks`` strides wide."""
    (n, _, height, width), channels, blocks = g, w[1], w[2] // stride
    columns = columns.view(n, height, width, blocks, stride, blocks, stride, channels)
    whole = columns.new_zeros(n, height + blocks - 1, stride, width + blocks - 1, stride, channels)
    for i in range(blocks):
        for j in range(blocks):
            whole[:, i : i + height, :, j : j + width] += columns[:, :, :, i, :, j].permute(0, 1, 3, 2, 4, 5)
    whole = whole.view(n, whole.shape[1] * stride, whole.shape[3] * stride, channels)
    return whole[:, padding : padding + size[0], padding : padding + size[1]].permute(0, 3, 1, 2)


def _channels_last(x: Tensor) -> Tensor:
    """Lay a tensor out with its channels last; of one channel torch would take either layout for the other."""
    if x.shape[1] != 1:
        return x.contiguous(memory_format=torch.channels_last)
    _, _, height, width = x.shape
    return x.contiguous().as_strided(x.shape, (height * width, 1, width, 1))


def _flat_map(g: Tensor) -> Tensor:
    return g.permute(0, 2, 3, 1).reshape(-1, g.shape[1])


def _flat_kernel(w: Tensor) -> Tensor:
    """Lay a kernel out as ``[out, kernel * kernel * in]``; no copy where its channels are last in memory."""
    return w.permute(0, 2, 3, 1).reshape(len(w), -1)
