"""The basic GAN: fully connected networks, for pictures of any size and for points."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from gantool import Spec
from gantool_classic.settings import MlpOptions


class Mlp:
    """Builds the two networks; pictures end in Tanh, points in a linear layer."""

    def __init__(self, options: MlpOptions) -> None:
        self.options = options

    def build_generator(self, spec: Spec) -> nn.Module:
        """Return G for the spec's shape."""
        return MlpGenerator(spec, self.options)

    def build_discriminator(self, spec: Spec) -> nn.Module:
        """Return D for the spec's shape and extra channels."""
        return MlpDiscriminator(spec, self.options)


class MlpGenerator(nn.Module):
    """input - hidden (norm, ReLU) ... - values."""

    def __init__(self, spec: Spec, options: MlpOptions) -> None:
        super().__init__()
        self.shape: tuple[int, ...] = spec.shape
        layers: list[nn.Module] = []
        width = spec.input_dim + spec.code_dim
        for hidden in options.hidden_g:
            norm = _norm(options.norm_g, hidden)
            layers += [nn.Linear(width, hidden, bias=options.norm_g == "none"), *norm, nn.ReLU()]
            width = hidden
        layers.append(nn.Linear(width, prod(spec.shape)))
        self.layers: nn.Sequential = nn.Sequential(*layers, *([nn.Tanh()] if len(spec.shape) == 3 else []))

    def forward(self, z: Tensor, code: Tensor | None = None) -> Tensor:
        """``z [N, input_dim]`` -> ``[N, *shape]``."""
        values: Tensor = self.layers(z if code is None else torch.cat([z, code], 1))
        return values.view(-1, *self.shape)


class MlpDiscriminator(nn.Module):
    """values - hidden (norm, LeakyReLU) ... - one score."""

    def __init__(self, spec: Spec, options: MlpOptions) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = (spec.shape[0] + spec.extra_channels) * prod(spec.shape[1:])
        norm_d = "none" if options.norm_d == "auto" else options.norm_d
        for hidden in options.hidden_d:
            norm = _norm(norm_d, hidden)
            layers += [nn.Linear(width, hidden, bias=norm_d == "none"), *norm, nn.LeakyReLU(options.slope)]
            width = hidden
        self.feature_dim = width
        self.layers: nn.Sequential = nn.Sequential(*layers)
        self.head: nn.Linear = nn.Linear(width, 1)

    def features(self, x: Tensor) -> Tensor:
        """``x [N, C + extra, H, W]`` or ``[N, D + extra]`` -> ``h [N, feature_dim]``."""
        h: Tensor = self.layers(x.flatten(1))
        return h

    def score(self, h: Tensor) -> Tensor:
        """``h [N, feature_dim]`` -> raw scores ``[N]``."""
        scores: Tensor = self.head(h)
        return scores.squeeze(1)


def _norm(name: str, width: int) -> list[nn.Module]:
    made: dict[str, type[nn.Module]] = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
    return [made[name](width)] if name in made else []
