"""Draw the samples of models of points over the data's modes, and how many samples each mode gets.

    python examples/ideas/ring.py runs/collapsed runs/wgan-gp runs/recipe -o ring.png

A sample belongs to its nearest mode, and is of high quality within 3 standard deviations of it (Lin et al. 2018).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gantool import Model, open_model

SIGMAS = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("-n", "--count", type=int, default=2500, help="samples [2500]")
    parser.add_argument("-o", "--out", default="ring.png")
    args = parser.parse_args()
    figure = Figure(figsize=(9, 4.6), dpi=90, layout="constrained")
    axes = figure.subplots(2, len(args.runs), squeeze=False, height_ratios=[3, 1], sharey="row")
    for run, above, below in zip(args.runs, *axes, strict=True):
        model = open_model(run)
        samples = model.samples(model.latents(range(args.count)), model.labels(range(args.count)))
        centres, sigma = modes(model)
        distances, nearest = torch.cdist(samples, centres).min(1)
        good = distances <= SIGMAS * sigma
        hits = torch.bincount(nearest[good], minlength=len(centres))
        print(f"{run.name}: {int((hits > 0).sum())} of {len(centres)} modes, high quality {good.float().mean():.3f},")
        print(f"  samples of high quality in each mode: {', '.join(map(str, hits.tolist()))}")
        draw(above, samples, centres)
        above.set(title=f"{run.name}: {int((hits > 0).sum())} of {len(centres)}")
        below.bar(range(len(centres)), hits / len(samples), color="tab:orange")
        below.axhline(1 / len(centres), color="0.5", linewidth=1)
        below.set(xlabel="mode")
        below.locator_params(axis="x", integer=True)
    axes[1, 0].set_ylabel("share of samples")
    figure.savefig(args.out)


def modes(model: Model) -> tuple[Tensor, float]:
    """Return the centres ``[K, 2]`` of the model's data and the standard deviation around each."""
    known = model.config.create("data").load().modes
    return torch.from_numpy(known.centres), known.sigma


def draw(axes: Axes, samples: Tensor, centres: Tensor) -> None:
    axes.plot(*centres.T, "o", color="0.7", markersize=14)
    axes.plot(*samples.T, ".", color="tab:orange", markersize=2)
    reach = 1.5 * centres.abs().max().item()
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")


if __name__ == "__main__":
    main()
