"""Batches of real data addressed by number, so that a resumed run sees exactly what an unbroken one would."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gantool.interfaces import Samples
from gantool.latent import seeds

__all__ = ["Batches", "to_device"]


class Batches:
    """An endless row of shuffled epochs, cut into batches; batch ``k`` is a function of the seed and ``k`` alone.

    ``values`` are uint8 images or float32 vectors, in memory or memory-mapped; they are gathered by index.
    """

    def __init__(self, samples: Samples, batch_size: int, seed: int) -> None:
        self.values: np.ndarray[Any, Any] = samples.values
        self.labels: np.ndarray[Any, Any] | None = samples.labels
        self.batch_size = batch_size
        self.seed = seed
        self._epoch = -1
        self._order = np.empty(0, dtype=np.int64)

    def indices(self, number: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the rows of batch ``number``: int64 [batch_size]. A batch may span epochs."""
        length = len(self.values)
        positions = np.arange(number * self.batch_size, (number + 1) * self.batch_size)
        parts = []
        for epoch in range(int(positions[0] // length), int(positions[-1] // length) + 1):
            within = positions[positions // length == epoch] % length
            parts.append(self._shuffled(epoch)[within])
        return np.concatenate(parts)

    def _shuffled(self, epoch: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        if epoch != self._epoch:
            self._order = torch.randperm(
                len(self.values), generator=seeds.generator(self.seed, "shuffle", epoch)
            ).numpy()
            self._epoch = epoch
        return self._order

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor | None]:
        """Return batch ``number`` as it is stored: values and labels."""
        return self.share(number, slice(None))

    def share(self, number: int, share: slice) -> tuple[Tensor, Tensor | None]:
        """Return a share of batch ``number``, by positions in it; what is not asked for is not read."""
        rows = self.indices(number)[share]
        values = torch.from_numpy(np.ascontiguousarray(self.values[rows]))
        return values, None if self.labels is None else torch.from_numpy(self.labels[rows])


def to_device(
    values: Tensor, device: torch.device, memory_format: torch.memory_format, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Move a batch; uint8 images become floats in [-1, 1] there."""
    values = values.to(device, non_blocking=True)
    if values.dtype == torch.uint8:
        return values.to(dtype, memory_format=memory_format).div_(127.5).sub_(1.0)
    return values.to(dtype)
