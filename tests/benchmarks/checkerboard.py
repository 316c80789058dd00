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
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev

import torch
from spectrum import Checkerboard, checkerboard, unevenness
from torch import Tensor

from gantool import RunConfig, RunOptions, Tier, load_plugins, open_model, resolve, train
from gantool.networks import used_condition
from gantool.training.batches import to_device
from gantool.training.state import build_state

UPSAMPLES, KERNELS = ("transposed", "nearest", "bilinear"), (3, 4, 5)
SIDE, PICTURES = 32, 512
INITIALISATIONS, OF_EACH = 32, 32  # untrained generators, and their pictures


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
