"""How many weights does each pixel of a doubling sum up, and what does that leave in a picture?

    python examples/ideas/upsampling.py -o upsampling.png

For transposed convolutions with kernels of 3, 4 and 5 and for upsampling with a 3x3 convolution. Top: the number of
weights behind each pixel of a patch. Middle: a picture by a generator that was never trained. Bottom: the mean power
spectrum of many such pictures, on a logarithmic scale; frequency 0 is in the middle, 1/2 per pixel at the borders.
Printed is the share of all energy on the two lines of frequency 1/2, where a pattern of period 2 lies.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from gantool import Spec, Tier, load_plugins, resolve

DOUBLINGS = (("transposed", 3), ("transposed", 4), ("transposed", 5), ("nearest", 3), ("bilinear", 3))
SIDE, LATENT, PATCH = 32, 32, 6
BATCH = 32  # pictures of one initialisation: its batch norm has their statistics, as in a first step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--count", type=int, default=16, help="initialisations of each generator [16]")
    parser.add_argument("-o", "--out", default="upsampling.png")
    args = parser.parse_args()
    torch.set_num_threads(1)

    figure = Figure(figsize=(8.5, 5.2), dpi=100, layout="constrained")
    axes = figure.subplots(3, len(DOUBLINGS))
    print("upsample    kernel  weights for a pixel  energy of period 2")
    for column, (upsample, kernel) in enumerate(DOUBLINGS):
        counts = weights_behind(upsample, kernel)
        x = torch.cat([untrained(upsample, kernel, seed) for seed in range(args.count)])
        power = mean_spectrum(x)
        share = float((power[0].sum() + power[:, 0].sum() - power[0, 0]) / power.sum())
        least, most = int(counts.min()), int(counts.max())
        print(f"{upsample:<10}  {kernel:>6}  {f'{least} to {most}':>19}  {share:>18.2%}")
        draw(axes[:, column], f"{upsample}, {kernel}x{kernel}", counts, x[0], power)
    for row, name in enumerate(("weights summed", "untrained picture", "mean spectrum")):
        axes[row, 0].set_ylabel(name)
    figure.savefig(args.out)


def weights_behind(upsample: str, kernel: int) -> Tensor:
    """Return how many weights each output pixel of a doubling sums up, away from the borders: ``[PATCH, PATCH]``."""
    before, after = (kernel - 1) // 2, kernel // 2
    ones = torch.ones(1, 1, 2 * PATCH, 2 * PATCH)
    weight = torch.ones(1, 1, kernel, kernel)
    if upsample == "transposed":
        sums = F.conv_transpose2d(ones, weight, stride=2, padding=before, output_padding=kernel % 2)
    else:
        sums = F.conv2d(F.pad(F.interpolate(ones, scale_factor=2, mode=upsample), (before, after) * 2), weight)
    return sums[0, 0, PATCH : 2 * PATCH, PATCH : 2 * PATCH]


@torch.no_grad()
def untrained(upsample: str, kernel: int, seed: int) -> Tensor:
    """Return pictures ``[BATCH, 3, SIDE, SIDE]`` of a new generator."""
    tree = {"arch": {"name": "dcgan", "upsample": upsample, "kernel": kernel}}
    torch.manual_seed(seed)
    G: nn.Module = (
        resolve(load_plugins().registry, [Tier("flags", tree)])
        .create("arch")
        .build_generator(Spec((3, SIDE, SIDE), LATENT, LATENT))
    )
    x: Tensor = G(torch.randn(BATCH, LATENT))
    return x


def mean_spectrum(x: Tensor) -> Tensor:
    """Return the mean power of each frequency ``[SIDE, SIDE]``, zero in the middle, under a Hann window."""
    window = torch.hann_window(SIDE)
    x = (x - x.mean((2, 3), keepdim=True)) * window[:, None] * window
    return torch.fft.fftshift(torch.fft.fft2(x).abs().square().mean((0, 1)))


def draw(axes: np.ndarray, title: str, counts: Tensor, picture: Tensor, power: Tensor) -> None:
    """Draw one column."""
    axes[0].imshow(counts.numpy(), cmap="Blues", vmin=0, vmax=10)
    for (row, column), value in np.ndenumerate(counts.numpy()):
        axes[0].text(
            column, row, f"{value:.0f}", ha="center", va="center", fontsize=8, color="white" if value > 5 else "black"
        )
    axes[0].set_title(title, fontsize=10)
    axes[1].imshow((0.5 + picture / (6 * picture.std())).clamp(0, 1).permute(1, 2, 0).numpy())
    axes[2].imshow((power / power.sum()).log10().numpy(), cmap="magma", vmin=-6, vmax=-1)
    for place in axes:
        place.set(xticks=[], yticks=[])


if __name__ == "__main__":
    main()
