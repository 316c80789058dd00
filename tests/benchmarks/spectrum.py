"""The energy of a checkerboard in the mean spectrum of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

NEAR = (3, 4)  # lines away: the window spreads what is on one line to the next alone


@dataclass(frozen=True)
class Checkerboard:
    """The energy on the lines of frequency 1/2: its share of all, in thousandths, and what it is over lines near."""

    share: float
    peak: float


def checkerboard(x: Tensor) -> Checkerboard:
    """Measure pictures ``[N, C, H, W]`` of even height and width.

    White noise has a peak of 1. Stripes of one pixel have a share of 2/3, a chessboard of 8/9: the window takes the
    rest to the next lines.
    """
    power = mean_spectrum(x)
    high, wide = power.shape[0] // 2, power.shape[1] // 2
    on = power[high].sum() + power[:, wide].sum() - power[high, wide]
    line = power[high].mean() + power[:, wide].mean()
    near = sum(power[high - away].mean() + power[:, wide - away].mean() for away in NEAR) / len(NEAR)
    return Checkerboard(1000 * (on / power.sum()).item(), (line / near).item())


def mean_spectrum(x: Tensor) -> Tensor:
    """Return the power of each frequency ``[H, W]``, a mean over pictures and channels of ``x [N, C, H, W]``.

    Without the mean of each channel, and under a Hann window, so that the borders do not show.
    """
    x = x.double()
    rows, columns = (torch.hann_window(side, dtype=torch.float64) for side in x.shape[2:])
    x = (x - x.mean((2, 3), keepdim=True)) * rows[:, None] * columns
    power: Tensor = torch.fft.fft2(x).abs().square().mean((0, 1))
    return power


def unevenness(batches: Sequence[Tensor]) -> float:
    """Return the greatest over the least energy of the four pixels of a 2x2 cell, means over all of the batches."""
    x = torch.cat(list(batches)).double()
    cells = x.square().mean((0, 1)).view(x.shape[2] // 2, 2, x.shape[3] // 2, 2).mean((0, 2))
    return (cells.max() / cells.min()).item()
