"""Points in the plane around known modes: whether a model covers them all can be counted.

The ring of 8 and the grid of 25 are those of PacGAN (Lin et al. 2018); ``two-gaussians`` is for distances
that are known in closed form.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import numpy as np

from gantool.errors import OptionError
from gantool.interfaces import Condition, DataInfo, Modes, Samples
from gantool_classic.datasets.settings import GaussiansOptions

__all__ = ["Gaussians", "modes"]

Array = np.ndarray[Any, Any]


def modes(layout: str, separation: float = 4.0) -> tuple[Array, float]:
    """Return the centres float32 ``[K, 2]`` of a layout and the standard deviation of each of its modes.

    ``layout`` is ``ring``, ``grid`` or ``two-gaussians``; ``separation`` is the distance of the latter's two
    means. Raises OptionError for another layout.
    """
    if layout == "ring":
        angle = 2 * np.pi * np.arange(8) / 8
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32), 0.01
    if layout == "grid":
        x, y = np.meshgrid(np.arange(-4, 5, 2), np.arange(-4, 5, 2))
        return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32), 0.05
    if layout == "two-gaussians":
        return np.array([[-separation / 2, 0], [separation / 2, 0]], np.float32), 0.5
    raise OptionError("--data.layout", f"{layout} was given", "allowed: ring, grid, two-gaussians")


class Gaussians:
    """Dataset ``gaussians``: float32 ``[N, 2]``, as many of each mode; a point's class is its mode."""

    def __init__(self, options: GaussiansOptions) -> None:
        self.options = options
        self.centres: Array
        self.centres, sigma = modes(options.layout, options.separation)
        self.sigma: float = sigma if options.sigma is None else options.sigma

    def describe(self) -> DataInfo:
        """Say what the points are, without drawing them."""
        names = tuple(f"mode-{number}" for number in range(len(self.centres)))
        fingerprint = hashlib.sha256(msgspec.json.encode(["gaussians", 1, self.options])).hexdigest()
        return DataInfo((2,), self._length(self.options.split), Condition("classes", names), fingerprint)

    def load(self, split: str | None = None) -> Samples:
        """Draw a split; the test split has a stream of its own."""
        split = split or self.options.split
        n = self._length(split)
        rng = np.random.default_rng([self.options.seed, int(split == "test")])
        labels = np.arange(n, dtype=np.int64) % len(self.centres)  # balanced in every prefix
        noise = rng.standard_normal((n, 2), dtype=np.float32) * np.float32(self.sigma)
        return Samples(self.centres[labels] + noise, labels, modes=Modes(self.centres, self.sigma))

    def _length(self, split: str) -> int:
        n = {"train": self.options.length, "test": -(-self.options.length // 10)}.get(split)
        if n is None:
            raise OptionError("--data.split", f"{split} was given", "allowed: train, test")
        return min(n, self.options.limit or n)
