"""The dataset: what it is, and its pictures. No torch is needed here."""

from __future__ import annotations

import numpy as np

from gantool import Condition, DataInfo, Samples
from gantool_example.settings import ExampleOptions

CLASSES = Condition("classes", ("left", "right"))


class Example:
    """Grey pictures with a bright square somewhere in their left or right half; the half is the class."""

    def __init__(self, options: ExampleOptions) -> None:
        self.size: int = options.size
        self.length: int = options.length

    def describe(self) -> DataInfo:
        """Say what the data is; the fingerprint changes when the pictures do."""
        shape = (1, self.size, self.size)
        return DataInfo(shape, self.length, CLASSES, fingerprint=f"squares {self.size} {self.length}")

    def load(self, split: str | None = None) -> Samples:
        """Return uint8 pictures ``[N, 1, H, W]`` and their classes, the same ones each time."""
        random, side = np.random.default_rng(0), self.size // 4
        values = np.zeros((self.length, 1, self.size, self.size), np.uint8)
        labels = np.arange(self.length) % 2
        for picture, label in zip(values, labels, strict=True):
            top = random.integers(0, self.size - side + 1)
            left = random.integers(0, self.size // 2 - side + 1) + label * (self.size // 2)
            picture[0, top : top + side, left : left + side] = 255
        return Samples(values, labels)
