"""What does a generator's way of doubling leave in the spectrum of its fakes?

    python examples/ideas/spectrum.py RUN RUN ... -o spectrum.png

Draws the mean power of real pictures and of each model's samples over the frequency along a row of pixels, 1/2 per
pixel being the finest pattern that there can be. Printed is how well one number tells a fake from a real picture: the
share of a picture's energy above 0.4 per pixel, as the share of pairs that it ranks rightly (AUC, 1/2 is guessing).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gantool import open_model
from gantool.evaluation.extraction import floats, rounded
from gantool.evaluation.scoring import auc

FINE = 0.4  # per pixel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", metavar="RUN", nargs="+", help="models of the same data")
    parser.add_argument("-n", "--count", type=int, default=2000, help="pictures of each kind [2000]")
    parser.add_argument("-o", "--out", default="spectrum.png")
    args = parser.parse_args()
    torch.set_num_threads(1)

    figure = Figure(figsize=(7.5, 3.8), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    data = open_model(args.models[0]).config.create("data").load("test")
    real = powers(floats(torch.from_numpy(data.values[: args.count])))
    print(f"real: {fine(real).mean():.2%} of fine energy")
    draw(axes, "real", real, "black")
    for number, path in enumerate(args.models):
        model = open_model(path)
        seeds = range(args.count)
        fake = powers(rounded(model.samples(model.latents(seeds), model.labels(seeds))))
        arch = model.config.tree()["arch"]
        found = auc(fine(fake), fine(real))
        name = f"{Path(path).name} ({arch['upsample']}, {arch['kernel']})"
        print(f"{name}: {fine(fake).mean():.2%} of fine energy; tells {max(found, 1 - found):.3f} of pairs")
        draw(axes, name, fake, f"C{number}")
    axes.set(xlabel="frequency along a row, per pixel", ylabel="mean power", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(args.out)


def powers(x: Tensor) -> Tensor:
    """Return the power spectrum along the rows of each picture ``[N, C, H, W]``: ``[N, W // 2 + 1]``."""
    x = (x - x.mean((2, 3), keepdim=True)) * torch.hann_window(x.shape[3])
    return torch.fft.rfft(x, dim=3).abs().square().mean((1, 2))


def fine(power: Tensor) -> Tensor:
    """Return the share of each picture's energy that lies above FINE: ``[N]``."""
    first = round(FINE * 2 * (power.shape[1] - 1))
    return power[:, first:].sum(1) / power.sum(1)


def draw(axes: Axes, name: str, power: Tensor, colour: str) -> None:
    """Draw the mean spectrum of pictures, as shares of all energy."""
    shares = (power / power.sum(1, keepdim=True)).mean(0)
    axes.plot(torch.linspace(0, 0.5, power.shape[1]).numpy(), shares.numpy(), label=name, color=colour)


if __name__ == "__main__":
    main()
