"""The moving average of the generator's weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

__all__ = ["WeightAverage"]


class WeightAverage:
    """An exponential moving average with a warm-up; buffers are copied.

    After t steps the decay is min(decay, (1 + t) / (10 + t)), so that the average spans about a tenth of the run so
    far and never remembers the first weights: with a fixed decay a short run is mostly its beginning.
    """

    def __init__(self, G: nn.Module, decay: float) -> None:
        self.decay = decay
        self.module: nn.Module = copy.deepcopy(G).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self, G: nn.Module, step: int) -> None:
        """Move the average towards ``G`` after ``step`` steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averaged: list[Tensor] = list(self.module.parameters())
        current: list[Tensor] = list(G.parameters())
        torch._foreach_lerp_(averaged, current, 1 - decay)
        for buffer, source in zip(self.module.buffers(), G.buffers(), strict=True):
            buffer.copy_(source)
