"""Which ways of doubling leave a checkerboard, before and after training?

    python tests/benchmarks/checkerboard.py                                     # all nine, 400 steps each
    python tests/benchmarks/checkerboard.py --upsample transposed --kernel 3 --kernel 4 --seeds 3
    python tests/benchmarks/checkerboard.py --steps 0                           # untrained generators alone

A doubling has stride 2, so the pattern of the last one repeats every 2 pixels: in the pictures' mean power spectrum it
lies on the two lines where the frequency along the width, or along the height, is 1/2 per pixel. Printed are their
share of the energy, in thousandths, and their peak, the energy on them over that on lines close by: for real shapes,
for untrained generators, and for those that `gantool train` leaves with its measured settings for shapes but for the
doubling and the number of steps. `uneven` is how many times more energy one of the four pixels of a 2x2 cell has than
another, over many initialisations: a transposed convolution adds up more weights at some pixels than at others unless
its kernel is a multiple of the stride (Odena et al. 2016). Figures are means with standard errors, over initialisations
and, where there are several, over seeds.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev

import torch
from torch import Tensor

from gantool import RunConfig, RunOptions, Tier, load_plugins, open_model, resolve, train
from gantool.networks import used_condition
from gantool.training.batches import to_device
from gantool.training.state import build_state

UPSAMPLES, KERNELS = ("transposed", "nearest", "bilinear"), (3, 4, 5)
SIDE, PICTURES = 32, 512
INITIALISATIONS, OF_EACH = 32, 32  # untrained generators, and their pictures
NEAR = (3, 4)  # lines away: the window spreads what is on one line to the next alone


@dataclass(frozen=True)
class Checkerboard:
    """The energy on the lines of frequency 1/2: its share of all, in thousandths, and what it is over lines near."""

    share: float
    peak: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upsample", action="append", choices=UPSAMPLES, help="all if not given")
    parser.add_argument("--kernel", action="append", type=int, choices=KERNELS, help="all if not given")
    parser.add_argument("--loss", default="wgan-gp", help="[wgan-gp]")
    parser.add_argument("--steps", type=int, default=400, help="of training, 0 for none [400]")
    parser.add_argument("--seeds", type=int, default=1, help="trained generators of each [1]")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{args.loss}, {args.steps} steps, {args.seeds} seeds, {INITIALISATIONS} initialisations\n")
    print_row("upsample", "kernel", "uneven", "share, untrained", "peak, untrained", "share, trained", "peak, trained")
    real = shown([checkerboard(real_pictures())])
    print_row("real shapes", "", "", *real, *real)
    for upsample in args.upsample or UPSAMPLES:
        for kernel in args.kernel or KERNELS:
            first = [untrained(settings(args.loss, upsample, kernel, seed)) for seed in range(INITIALISATIONS)]
            runs = range(args.seeds if args.steps else 0)
            last = [trained(settings(args.loss, upsample, kernel, seed, args.steps)) for seed in runs]
            uneven = f"{unevenness(first):.2f}"
            found = [shown([checkerboard(x) for x in pictures]) for pictures in (first, last)]
            print_row(upsample, str(kernel), uneven, *found[0], *found[1])


def settings(loss: str, upsample: str, kernel: int, seed: int, steps: int = 1) -> RunConfig:
    """Return gantool's measured settings for shapes, but for the doubling and the length."""
    tree = {
        "data": {"name": "shapes", "size": SIDE},
        "arch": {"name": "dcgan", "upsample": upsample, "kernel": kernel},
        "loss": loss,
        "training": {"steps": steps, "seed": seed},
    }
    return resolve(load_plugins().registry, [Tier("benchmark", tree)])


def real_pictures() -> Tensor:
    """Return real shapes ``[N, C, H, W]`` in [-1, 1]."""
    values = settings("bce", "nearest", 3, 0).create("data").load("test").values[:PICTURES]
    return to_device(torch.from_numpy(values), torch.device("cpu"), torch.contiguous_format)


@torch.no_grad()
def untrained(config: RunConfig) -> Tensor:
    """Return pictures of a generator as it is built, with the batch's statistics as in its first step."""
    info = config.create("data").describe()
    condition = used_condition(config, info.condition)
    state = build_state(config, tuple(info.shape), condition, torch.device("cpu"))
    c = None if condition is None else torch.arange(OF_EACH) % len(condition)
    pictures: Tensor = state.G(state.prior.latents(range(OF_EACH)), c)
    return pictures


def trained(config: RunConfig) -> Tensor:
    """Train as ``gantool train`` does and return what ``gantool sample`` draws."""
    with tempfile.TemporaryDirectory() as place:
        options = RunOptions(out=str(Path(place) / "run"), device="cpu", diagnose=False, keep=1)
        model = open_model(train(config, options).folder)
        seeds = range(PICTURES)
        return model.samples(model.latents(seeds), model.labels(seeds))


def checkerboard(x: Tensor) -> Checkerboard:
    """Measure pictures ``[N, C, H, W]`` of even height and width.

    White noise has a peak of 1. Stripes of one pixel have a share of 2/3, a chessboard of 8/9: the window takes the
    rest to the next lines.
    """
    power = mean_spectrum(x)
    high, wide = power.shape[0] // 2, power.shape[1] // 2
    on = power[high].sum() + power[:, wide].sum() - power[high, wide]
    line = power[high].mean() + power[:, wide].mean()
    near = sum(power[high - away].mean() + power[:, wide - away].mean() for away in NEAR) / len(NEAR)
    return Checkerboard(1000 * (on / power.sum()).item(), (line / near).item())


def mean_spectrum(x: Tensor) -> Tensor:
    """Return the power of each frequency ``[H, W]``, a mean over pictures and channels of ``x [N, C, H, W]``.

    Without the mean of each channel, and under a Hann window, so that the borders do not show.
    """
    x = x.double()
    rows, columns = (torch.hann_window(side, dtype=torch.float64) for side in x.shape[2:])
    x = (x - x.mean((2, 3), keepdim=True)) * rows[:, None] * columns
    power: Tensor = torch.fft.fft2(x).abs().square().mean((0, 1))
    return power


def unevenness(batches: Sequence[Tensor]) -> float:
    """Return the greatest over the least energy of the four pixels of a 2x2 cell, means over all of the batches."""
    x = torch.cat(list(batches)).double()
    cells = x.square().mean((0, 1)).view(x.shape[2] // 2, 2, x.shape[3] // 2, 2).mean((0, 2))
    return (cells.max() / cells.min()).item()


def shown(found: Sequence[Checkerboard]) -> tuple[str, str]:
    """Return share and peak as texts."""
    return spread([one.share for one in found]), spread([one.peak for one in found])


def spread(values: Sequence[float]) -> str:
    """Return the mean with its standard error."""
    if not values:
        return ""
    return f"{fmean(values):.3g}" + (f" ± {stdev(values) / sqrt(len(values)):.2g}" if len(values) > 1 else "")


def print_row(first: str, *cells: str) -> None:
    print(f"| {first:<11} | " + " | ".join(f"{cell:>16}" for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
