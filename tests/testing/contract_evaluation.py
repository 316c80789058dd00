"""A sound extractor and a sound metric, and below each the ways to get it wrong."""

from __future__ import annotations

import torch
from torch import nn

from gantool import Figure, UserError


class Means(nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :5], x.mean((2, 3))


class Extractor:
    channels = 3
    names = ("red", "green", "blue")

    def __init__(self, options): ...

    def describe(self):
        return {"weights": "none", "pictures": "as they are"}

    def network(self, shape):
        return Means()


class NotInstalled(Extractor):
    def __init__(self, options):
        raise UserError("extractor missing", "its weights are not installed", "them", "type: pip install weights")


class FlatFeatures(Extractor):
    class Network(Means):
        def forward(self, x):
            features, logits = super().forward(x)
            return features[:, :, None], logits

    def network(self, shape):
        return self.Network()


class NamesTooFew(Extractor):
    names = ("red", "green")


class BatchStatistics(Extractor):
    class Network(Means):
        def forward(self, x):
            features, logits = super().forward(x)
            return features - features.mean(0), logits

    def network(self, shape):
        return self.Network()


class Trains(Extractor):
    class Network(Means):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

    def network(self, shape):
        return self.Network()


class SaysLittle(Extractor):
    def describe(self):
        return {"weights": "none"}


class Metric:
    needs = ("extractor",)
    packages = ()
    better = "lower"

    def __init__(self, options): ...

    def refuses(self, subject):
        return None

    def measure(self, subject):
        distance = float((subject.fake.features.mean(0) - subject.real.features.mean(0)).norm())
        return Figure(distance, distance / 2, distance * 2)


class UnknownNeed(Metric):
    needs = ("pictures",)


class OutsideItsInterval(Metric):
    def measure(self, subject):
        return Figure(3.0, 0.0, 1.0)


class OwnRandomness(Metric):
    def measure(self, subject):
        return Figure(float(torch.rand(())))


class WritesInto(Metric):
    def measure(self, subject):
        figure = super().measure(subject)
        subject.fake.features.zero_()
        return figure
