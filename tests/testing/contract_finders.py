"""A sound finder of directions, and below it the ways to get it wrong."""

from __future__ import annotations

import torch

from gantool import Direction


class Finder:
    needs = ("scores",)

    def __init__(self, options): ...

    def find(self, evidence):
        return [Direction(name, self.vector(evidence)) for name in evidence.names]

    def vector(self, evidence):
        return torch.ones(evidence.z.shape[1])


class UnknownNeed(Finder):
    needs = ("scores", "labels")


class Zero(Finder):
    def vector(self, evidence):
        return super().vector(evidence) * 0


class OwnRandomness(Finder):
    def vector(self, evidence):
        return torch.randn(evidence.z.shape[1])


class WritesInto(Finder):
    def vector(self, evidence):
        return evidence.z.mul_(2)[0].clone()


class LeavesAHook(Finder):
    def vector(self, evidence):
        evidence.network.register_forward_hook(lambda module, given, made: None)
        return super().vector(evidence)
