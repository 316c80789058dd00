"""Two sound datasets; no torch here."""

from __future__ import annotations

import numpy as np

from gantool import Condition, DataInfo, Samples, UserError


class Data:
    length = 12

    def __init__(self, options): ...

    def describe(self):
        return DataInfo((1, 8, 8), self.length, Condition("classes", ("even", "odd")), "1")

    def load(self, split=None):
        return Samples(np.random.default_rng(0).integers(0, 256, (12, 1, 8, 8), np.uint8), np.arange(12) % 2)


class Rooted(Data):
    def __init__(self, options):
        self.root = options.root

    def describe(self):
        if self.root is None:
            raise UserError("--data.root", "was not given", "a folder")
        return super().describe()
