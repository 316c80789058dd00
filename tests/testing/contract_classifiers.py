"""A sound classifier, one whose weights are not installed, and the ways to get a classifier wrong."""

from __future__ import annotations

from math import prod

import torch
from torch import nn

from gantool import UserError


class Classifier:
    names = None

    def __init__(self, options): ...

    def network(self, shape, outputs):
        return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), outputs))


class NotInstalled(Classifier):
    names = ("ant", "bee")

    def network(self, shape, outputs):
        raise UserError("trained", "its weights are not installed", "a package of theirs", "type: pip install weights")


class TwinNames(Classifier):
    names = ("ant", "bee", "ant")


class OneOutputTooMany(Classifier):
    def network(self, shape, outputs):
        return super().network(shape, outputs + 1)


class Detached(nn.Sequential):
    def forward(self, x):
        return super().forward(x.detach()) + 0 * x.sum()


class CutOff(Classifier):
    def network(self, shape, outputs):
        return Detached(*super().network(shape, outputs))


class Centred(nn.Sequential):
    def forward(self, x):
        return super().forward(x - x.mean(0))


class BatchStatistics(Classifier):
    def network(self, shape, outputs):
        return Centred(*super().network(shape, outputs), nn.Identity())


class Shifted(nn.Sequential):
    def __init__(self, *layers):
        super().__init__(*layers)
        self.shift = torch.rand(1)  # no buffer: a file would not hold it

    def forward(self, x):
        return super().forward(x) + self.shift


class HiddenWeights(Classifier):
    def network(self, shape, outputs):
        return Shifted(*super().network(shape, outputs))


class PicturesOnly(Classifier):
    def network(self, shape, outputs):
        if len(shape) == 1:
            raise UserError("--classifier", "points were given", "pictures")
        return super().network(shape, outputs)
