"""A subject of evaluation made of given numbers, so that a metric's answer is known."""

from dataclasses import dataclass, field

import torch
from torch import nn

from gantool import Condition, Judged, Modes, RunConfig
from gantool.config import resolve
from gantool.plugins import load_plugins


@dataclass(eq=False)
class StandIn:
    fake: Judged = field(default_factory=lambda: Judged(torch.zeros(10, 2)))
    real: Judged = field(default_factory=lambda: Judged(torch.zeros(10, 2)))
    labels: torch.Tensor | None = None
    real_labels: torch.Tensor | None = None
    names: tuple[str, ...] | None = None
    condition: Condition | None = None
    modes: Modes | None = None
    points: torch.Tensor | None = None
    critic: nn.Module | None = None
    config: RunConfig = field(default_factory=lambda: resolve(load_plugins().registry))
    seed: int = 0

    @property
    def count(self):
        return len(self.fake.features)

    @property
    def real_count(self):
        return len(self.real.features)

    def samples(self, count):
        return self.points[:count], None

    def examples(self, count):
        return self.points[:count], None
