"""DCGAN (Radford et al. 2015, arXiv 1511.06434) for pictures of any height and width.

The size is halved, rounding up, until the shorter side is at most 4; the generator doubles from there and crops.
A 64x64 picture gives the published networks: 4-8-16-32-64.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from msgspec import structs
from torch import Tensor, nn
from torch.nn import functional as F

from gantool import Spec, UserError
from gantool_classic.convolution import Conv2d, ConvTranspose2d
from gantool_classic.norms import InstanceNorm, leaky_relu
from gantool_classic.settings import DcganOptions

SMALLEST = 4  # the side at which the projection of z starts, as published


class Dcgan:
    """Builds the two networks."""

    def __init__(self, options: DcganOptions) -> None:
        self.options = options

    def build_generator(self, spec: Spec) -> nn.Module:
        """Return G. Raises UserError for data that are not pictures."""
        return DcganGenerator(_pictures(spec), self.options)

    def build_discriminator(self, spec: Spec) -> nn.Module:
        """Return D. Raises UserError for data that are not pictures, and for a norm that the spec rules out."""
        allowed = spec.critic_norms or ("batch", "layer", "instance", "none")
        norm = allowed[0] if self.options.norm_d == "auto" else self.options.norm_d
        if norm not in allowed:
            raise UserError("--arch.norm-d", f"{norm} was given", f"allowed here: {', '.join(allowed)}")
        return DcganDiscriminator(_pictures(spec), structs.replace(self.options, norm_d=norm))


def _pictures(spec: Spec) -> Spec:
    if len(spec.shape) != 3:
        raise UserError("--arch dcgan", f"the data are vectors of {spec.shape[0]}", "pictures", "type: --arch mlp")
    return spec


def sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Return the sizes from the whole picture down to the smallest, each half of the one before, rounded up."""
    chain = [(height, width)]
    while len(chain) == 1 or min(chain[-1]) > SMALLEST:
        chain.append((math.ceil(chain[-1][0] / 2), math.ceil(chain[-1][1] / 2)))
    return chain


def widths(base: int, layers: int, most: int) -> list[int]:
    """Return the channels from the picture's side inwards: base, 2 base, 4 base, ... and at most ``most``."""
    return [min(base * 2**layer, most) for layer in range(layers)]


class DcganGenerator(nn.Module):
    """z - projection - (norm, ReLU, doubling) ... - Tanh."""

    def __init__(self, spec: Spec, options: DcganOptions) -> None:
        super().__init__()
        chain = sizes(*spec.shape[1:])[::-1]  # smallest first
        inner = widths(options.channels, len(chain) - 1, options.max_channels)[::-1]
        outputs = [*inner[1:], spec.shape[0]]
        bias = options.bias or options.norm_g == "none"
        self.project: Projection = Projection(spec.input_dim + spec.code_dim, inner[0], chain[0], bias=bias)
        self.norms: nn.ModuleList = nn.ModuleList()
        self.doublings: nn.ModuleList = nn.ModuleList()
        for width, out, small, large in zip(inner, outputs, chain, chain[1:], strict=False):
            last = len(self.norms) == len(inner) - 1  # no norm follows it, so it has a bias
            self.norms.append(_norm(options.norm_g, width, small, options.affine))
            self.doublings.append(Doubling(width, out, large, options, bias or last))
        _initialise(self, options.init)

    def forward(self, z: Tensor, code: Tensor | None = None) -> Tensor:
        """``z [N, input_dim]`` -> pictures ``[N, C, H, W]`` in [-1, 1]."""
        x: Tensor = self.project(z if code is None else torch.cat([z, code], 1))
        for norm, double in zip(self.norms, self.doublings, strict=True):
            x = double(F.relu(norm(x)))
        return torch.tanh(x)


class Projection(nn.ConvTranspose2d):
    """z as a picture of one pixel, spread by a transposed convolution: one product of matrices."""

    def forward(self, z: Tensor, output_size: Any = None) -> Tensor:
        """``z [N, in]`` -> ``[N, out, *kernel]``, its channels last in memory."""
        wide = z @ self.weight.permute(0, 2, 3, 1).reshape(z.shape[1], -1)
        x = wide.view(len(z), *self.kernel_size, self.out_channels).permute(0, 3, 1, 2)
        return x if self.bias is None else x + self.bias[:, None, None]


class Doubling(nn.Module):
    """Double the size, by a transposed convolution or by upsampling and a convolution, and crop to ``size``."""

    def __init__(self, width: int, out: int, size: tuple[int, int], options: DcganOptions, bias: bool) -> None:
        super().__init__()
        self.size = size
        self.upsample: str = options.upsample
        kernel = options.kernel
        before, after = (kernel - 1) // 2, kernel // 2
        self.conv: nn.Module
        if self.upsample == "transposed":
            self.conv = ConvTranspose2d(width, out, kernel, 2, before, output_padding=kernel % 2, bias=bias)
        else:
            self.pad: tuple[int, int, int, int] = (before, after, before, after)
            self.conv = Conv2d(width, out, kernel, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, width, h, w]`` -> ``[N, out, *size]``, size being at most twice h and w."""
        if self.upsample != "transposed":
            x = F.pad(F.interpolate(x, scale_factor=2, mode=self.upsample), self.pad)
        x = self.conv(x)
        return x[:, :, : self.size[0], : self.size[1]]


class DcganDiscriminator(nn.Module):
    """picture - (halving, norm, LeakyReLU) ... - one score from all of the last features."""

    def __init__(self, spec: Spec, options: DcganOptions) -> None:
        super().__init__()
        chain = sizes(*spec.shape[1:])
        outputs = widths(options.channels_d or options.channels, len(chain) - 1, options.max_channels)
        width = spec.shape[0] + spec.extra_channels
        self.blocks: nn.Sequential = nn.Sequential()
        for out, size in zip(outputs, chain[1:], strict=True):
            norm = options.norm_d if len(self.blocks) or options.norm_first else "none"
            self.blocks.append(Halving(width, out, size, norm, options))
            width = out
        self.feature_dim: int = width * math.prod(chain[-1])
        self.head: nn.Linear = nn.Linear(self.feature_dim, 1)
        _initialise(self, options.init)

    def features(self, x: Tensor) -> Tensor:
        """``x [N, C + extra, H, W]`` -> ``h [N, feature_dim]``."""
        h: Tensor = self.blocks(x)
        return h.flatten(1)

    def score(self, h: Tensor) -> Tensor:
        """``h [N, feature_dim]`` -> raw scores ``[N]``."""
        scores: Tensor = self.head(h)
        return scores.squeeze(1)


class Halving(nn.Module):
    """Halve the size, rounding up, by a strided convolution; then the norm and LeakyReLU."""

    def __init__(self, width: int, out: int, size: tuple[int, int], norm: str, options: DcganOptions) -> None:
        super().__init__()
        self.slope: float = options.slope
        self.kernel: int = options.kernel
        bias = options.bias or norm == "none"
        self.conv: Conv2d = Conv2d(width, out, options.kernel, 2, (options.kernel - 1) // 2, bias=bias)
        self.norm: nn.Module = _norm(norm, out, size, options.affine)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, width, h, w]`` -> ``[N, out, ceil(h / 2), ceil(w / 2)]``."""
        odd = [side % 2 if self.kernel % 2 == 0 else 0 for side in (x.shape[3], x.shape[2])]
        if any(odd):  # an even kernel would round down
            x = F.pad(x, (0, odd[0], 0, odd[1]))
        return leaky_relu(self.norm(self.conv(x)), self.slope)


def _norm(name: str, width: int, size: tuple[int, int], affine: bool) -> nn.Module:
    if name == "batch":
        return nn.BatchNorm2d(width)
    if name == "layer":
        return nn.GroupNorm(1, width)
    if name == "instance" and size != (1, 1):  # one pixel has no variance
        return InstanceNorm(width, affine)
    return nn.Identity()


def _initialise(network: nn.Module, init: str) -> None:
    """Draw weights from N(0, 0.02) and batch-norm scales from N(1, 0.02), as the authors' code does."""
    if init == "torch":
        return
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
