"""A sound regularizer, and below it the ways to get one wrong."""

from __future__ import annotations

import torch
from torch import nn

from gantool import Slot


class Regularizer:
    """Asks a linear head on D's features to read one code of z."""

    added = (Slot("word", "normal", 1),)

    def __init__(self, options):
        pass

    def slots(self):
        return self.added

    def module(self, shape, feature_dim, condition):
        return nn.Linear(feature_dim, 1)

    def term(self, G, fake, real, module, step):
        return (module(fake.h) - fake.codes[:, :1]).square().mean()


class UnknownSlot(Regularizer):
    added = (Slot("word", "cauchy", 1),)


class TwinSlots(Regularizer):
    added = (Slot("word", "normal", 1), Slot("word", "normal", 1))


class PerSample(Regularizer):
    def term(self, G, fake, real, module, step):
        return (module(fake.h) - fake.codes[:, :1]).square()


class CutOff(Regularizer):
    def term(self, G, fake, real, module, step):
        return (module(fake.h.detach()) - fake.codes[:, :1]).square().mean()


class LeavesEval(Regularizer):
    def term(self, G, fake, real, module, step):
        G.eval()
        return super().term(G, fake, real, module, step)


class OwnRandomness(Regularizer):
    def term(self, G, fake, real, module, step):
        return super().term(G, fake, real, module, step) * (1 + torch.rand(()))
