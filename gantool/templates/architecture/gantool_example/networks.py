"""The two networks, for data of any shape."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from gantool import Spec
from gantool_example.settings import ExampleOptions


class Example:
    """Builds the two networks for a ``spec``, which says how wide their inputs are."""

    def __init__(self, options: ExampleOptions) -> None:
        self.width: int = options.width

    def build_generator(self, spec: Spec) -> nn.Module:
        """Return G."""
        return Generator(spec, self.width)

    def build_discriminator(self, spec: Spec) -> nn.Module:
        """Return D, without batch norm: real and generated samples may then pass it together."""
        return Discriminator(spec, self.width)


class Generator(nn.Module):
    """``z`` and the code of the condition, if there is one, to samples."""

    def __init__(self, spec: Spec, width: int) -> None:
        super().__init__()
        self.shape: tuple[int, ...] = spec.shape
        self.layers: nn.Sequential = nn.Sequential(
            nn.Linear(spec.input_dim + spec.code_dim, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, prod(spec.shape)),
        )

    def forward(self, z: Tensor, code: Tensor | None = None) -> Tensor:
        """``z [N, input_dim]`` -> pictures ``[N, C, H, W]`` in [-1, 1], or points ``[N, D]``."""
        x: Tensor = self.layers(z if code is None else torch.cat([z, code], 1))
        return x if len(self.shape) == 1 else x.tanh().view(-1, *self.shape)


class Discriminator(nn.Module):
    """Features of a sample, and a raw score of the features."""

    def __init__(self, spec: Spec, width: int) -> None:
        super().__init__()
        channels = spec.shape[0] + spec.extra_channels  # the planes of the condition come behind the picture's
        self.feature_dim = width
        self.layers: nn.Sequential = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * prod(spec.shape[1:]), width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.LeakyReLU(0.2),
        )
        self.head: nn.Linear = nn.Linear(width, 1)

    def features(self, x: Tensor) -> Tensor:
        """``x [N, C + extra, H, W]`` or ``[N, D + extra]`` -> ``h [N, feature_dim]``."""
        h: Tensor = self.layers(x)
        return h

    def score(self, h: Tensor) -> Tensor:
        """``h [N, feature_dim]`` -> raw scores ``[N]``."""
        scores: Tensor = self.head(h)
        return scores.squeeze(1)
