"""Batch norm over the whole batch of a group of processes, on any device; torch's own needs GPUs."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import Function

__all__ = ["SynchronisedBatchNorm", "synchronised"]

NetworkType = TypeVar("NetworkType", bound=nn.Module)


class SynchronisedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """A batch norm whose mean and variance, and their gradients, are those of all processes together.

    Every process must have as many samples as the others. Parameters and buffers are named as torch's are.
    """

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002  # torch's own name
        """Take vectors and pictures."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """``[N, C]`` or ``[N, C, H, W]`` -> the same shape."""
        if not self.training or not dist.is_initialized():
            return super().forward(input)
        axes = [0, *range(2, input.dim())]
        x = input.to(torch.promote_types(input.dtype, torch.float32))
        own_var, own_mean = torch.var_mean(x, axes, correction=0)
        mean = _Mean.apply(own_mean)
        var = _Mean.apply(
            own_var + (own_mean - mean).square()
        )  # E x^2 - mean^2 would cancel where a channel varies little
        self._remember(mean.detach(), var.detach(), x.numel() // x.shape[1] * dist.get_world_size())
        shape = (-1, *[1] * (input.dim() - 2))
        scale = (var + self.eps).rsqrt() * (1.0 if self.weight is None else self.weight)
        shift = (0.0 if self.bias is None else self.bias) - mean * scale
        y: Tensor = (x * scale.view(shape) + shift.view(shape)).to(input.dtype)
        return y

    def _remember(self, mean: Tensor, var: Tensor, count: int) -> None:
        """Move the running statistics, the variance being the unbiased one as in torch."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        rate = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), rate)
        self.running_var.lerp_((var * (count / max(count - 1, 1))).to(self.running_var.dtype), rate)


class _Mean(Function):
    """The mean over the processes of the group; its gradient is the mean of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = x.contiguous().clone()
        dist.all_reduce(x)
        return x / dist.get_world_size()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        return _Mean.apply(g)


def synchronised(network: NetworkType) -> NetworkType:
    """Let every batch norm of a network, which is changed in place, see the batches of all processes."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.__class__ = SynchronisedBatchNorm  # the same parameters and buffers, another forward
    return network
