"""Which ways of doubling leave a checkerboard, before and after training?

    python tests/benchmarks/checkerboard.py                                        # all nine, a few hundred steps
    python tests/benchmarks/checkerboard.py --upsample transposed --kernel 3 --kernel 4
    python tests/benchmarks/checkerboard.py --steps 0                              # untrained generators alone

Every doubling has stride 2, so that a checkerboard of the last one repeats every 2 pixels: it lies on the lines of the
spectrum whose frequency is 1/2 along the width or along the height. Printed are the share of the pictures' energy on
these two lines in thousandths, and the energy on them over that on lines close by, which is about 1 or less where
nothing repeats; for real shapes, for untrained generators, and after training by `gantool train`'s own settings for
shapes. Figures are means over initialisations and over seeds, with standard errors. `taps` are the weights that the
four pixels of a 2x2 cell are sums of: where they differ, the doubling is uneven (Odena et al. 2016).
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

import torch
from torch import Tensor, nn

from gantool import RunOptions, Tier, load_plugins, resolve
from gantool.training.batches import to_device
from gantool.training.run import Prepared, prepare

UPSAMPLES, KERNELS = ("transposed", "nearest", "bilinear"), (3, 4, 5)
PICTURES, SIDE = 512, 32
INITIALISATIONS = 8
NEIGHBOURS = (3, 4)  # lines away from the stride's: the window spreads what is on a line to the next one alone


@dataclass(frozen=True)
class Checkerboard:
    """The energy at the frequency 1/2: its ``share`` of all, and its ``peak`` over what is close by."""

    share: float
    peak: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upsample", action="append", choices=UPSAMPLES, help="all if not given")
    parser.add_argument("--kernel", action="append", type=int, choices=KERNELS, help="all if not given")
    parser.add_argument("--loss", default="wgan-gp", help="[wgan-gp]")
    parser.add_argument("--steps", type=int, default=400, help="of training; 0: none [400]")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each [1]")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{args.loss}, {args.steps} steps, {args.seeds} seeds, {INITIALISATIONS} initialisations\n")
    print_row("upsample", "kernel", "taps", "share, untrained", "peak, untrained", "share, trained", "peak, trained")
    real = checkerboard(real_pictures(run_of(args.loss, "transposed", 4, 0, 1)))
    print_row("real pictures", "", "", *shown([real]), *shown([real]))
    for upsample in args.upsample or UPSAMPLES:
        for kernel in args.kernel or KERNELS:
            untrained = [before(args.loss, upsample, kernel, seed) for seed in range(INITIALISATIONS)]
            trained = [after(args.loss, upsample, kernel, seed, args.steps) for seed in range(args.seeds * bool(args.steps))]
            print_row(upsample, str(kernel), taps(upsample, kernel), *shown(untrained), *shown(trained))


def run_of(loss: str, upsample: str, kernel: int, seed: int, steps: int) -> Prepared:
    """Prepare a run on shapes, with gantool's measured settings for them but for the doubling."""
    tree = {
        "data": {"name": "shapes", "size": SIDE},
        "arch": {"name": "dcgan", "upsample": upsample, "kernel": kernel},
        "loss": loss,
        "training": {"steps": max(steps, 1), "seed": seed},
    }
    return prepare(resolve(load_plugins().registry, [Tier("benchmark", tree)]), RunOptions(device="cpu"))
