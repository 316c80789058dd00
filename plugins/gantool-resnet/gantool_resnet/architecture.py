"""The two networks: which blocks, how wide, at which sizes.

Sizes are halves of the picture's, rounded up; widths double with each block from the picture inwards, up to a bound.
With the published widths that gives the networks of Miyato et al. 2018 (arXiv 1802.05957, tables 3 to 5)::

    32x32     G 256 - 256 - 256 - 256 (4x4 to 32x32)          D 128 - 128 - 128 - 128 (the last two flat)
    48x48     G 512 - 256 - 128 - 64 (6x6 to 48x48)           D 64 - 128 - 256 - 512 - 1024 (the last flat)
    128x128   G 1024 - 1024 - 512 - 256 - 128 - 64 (from 4x4) D 64 - 128 - 256 - 512 - 1024 - 1024 (the last flat)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantool import Spec, UserError
from gantool_resnet.blocks import DiscriminatorBlock, FirstBlock, GeneratorBlock, convolution, norm, xavier
from gantool_resnet.settings import NORMS, ResnetOptions, preferred_norm

SMALLEST_G = 6  # the generator starts at most at this side: 4x4, and 6x6 for 48x48
SMALLEST_D = 4  # a block for each halving down to this side, and one more


class Resnet:
    """Builds the two networks."""

    def __init__(self, options: ResnetOptions) -> None:
        self.options = options

    def build_generator(self, spec: Spec) -> nn.Module:
        """Return G. Raises UserError for data that are not pictures."""
        return ResnetGenerator(_pictures(spec), self.options)

    def build_discriminator(self, spec: Spec) -> nn.Module:
        """Return D. Raises UserError for data that are not pictures, and for a norm that the spec rules out."""
        allowed = NORMS if spec.critic_norms is None else spec.critic_norms
        name = preferred_norm(spec.critic_norms) if self.options.norm_d == "auto" else self.options.norm_d
        if name not in allowed:
            raise UserError("--arch.norm-d", f"{name} was given", f"allowed here: {', '.join(allowed)}")
        return ResnetDiscriminator(_pictures(spec), self.options, str(name))


def _pictures(spec: Spec) -> Spec:
    if len(spec.shape) != 3:
        raise UserError("--arch resnet", f"the data are vectors of {spec.shape[0]}", "pictures", "type: --arch mlp")
    return spec


def sizes(height: int, width: int, *, smallest: int) -> list[tuple[int, int]]:
    """Return the sizes from the whole picture inwards, halved once and on until a side is ``smallest`` or less."""
    chain = [(height, width)]
    while len(chain) == 1 or min(chain[-1]) > smallest:
        chain.append((math.ceil(chain[-1][0] / 2), math.ceil(chain[-1][1] / 2)))
    return chain


def widths(base: int, count: int, most: int) -> list[int]:
    """Return the channels from the picture inwards: base, 2 base, 4 base, ... and at most ``most``."""
    return [min(base * 2**place, most) for place in range(count)]


class ResnetGenerator(nn.Module):
    """z - projection - residual blocks that double the size - norm, ReLU, 3x3 convolution, Tanh."""

    def __init__(self, spec: Spec, options: ResnetOptions) -> None:
        super().__init__()
        chain = sizes(*spec.shape[1:], smallest=SMALLEST_G)[::-1]  # smallest first
        inner = widths(options.channels, len(chain), options.max_channels)[::-1]
        self.start = (*chain[0], inner[0])
        self.project = xavier(nn.Linear(spec.input_dim, math.prod(self.start)))
        self.blocks = nn.ModuleList(
            GeneratorBlock(width, out, size, norm_name=options.norm_g, code_dim=spec.code_dim)
            for width, out, size in zip(inner, inner[1:], chain[1:], strict=False)
        )
        self.norm = norm(options.norm_g, inner[-1])
        self.conv = convolution(inner[-1], spec.shape[0])

    def forward(self, z: Tensor, code: Tensor | None = None) -> Tensor:
        """``z [N, input_dim]``, ``code [N, code_dim]`` -> pictures ``[N, C, H, W]`` in [-1, 1]."""
        x = self.project(z).view(-1, *self.start).permute(0, 3, 1, 2)  # its channels last in memory
        for block in self.blocks:
            x = block(x, code)
        return torch.tanh(self.conv(F.relu(self.norm(x))))


class ResnetDiscriminator(nn.Module):
    """picture - residual blocks that halve the size, the last ones flat - ReLU, global pooling, one score."""

    def __init__(self, spec: Spec, options: ResnetOptions, norm_name: str) -> None:
        super().__init__()
        count = len(sizes(*spec.shape[1:], smallest=SMALLEST_D))
        most = options.max_channels_d or options.max_channels
        outputs = widths(options.channels_d or options.channels, count, most)
        self.blocks = nn.Sequential(FirstBlock(spec.shape[0] + spec.extra_channels, outputs[0]))
        for place in range(1, count):
            halves = place < count - options.flat_d
            width, out = outputs[place - 1], outputs[place]
            self.blocks.append(DiscriminatorBlock(width, out, norm_name=norm_name, halves=halves))
        self.mean = options.pooling == "mean"
        self.feature_dim = outputs[-1]
        self.head = xavier(nn.Linear(self.feature_dim, 1))

    def features(self, x: Tensor) -> Tensor:
        """``x [N, C + extra, H, W]`` -> ``h [N, feature_dim]``: the last map summed, or averaged, over its pixels."""
        last = F.relu(self.blocks(x))
        return last.mean((2, 3)) if self.mean else last.sum((2, 3))

    def score(self, h: Tensor) -> Tensor:
        """``h [N, feature_dim]`` -> raw scores ``[N]``."""
        scores: Tensor = self.head(h)
        return scores.squeeze(1)
