"""Which number of z does a feature follow, if any?

    python examples/ideas/codes.py CLASSIFIER RUN [RUN ...] -o codes.png

Draws one map for each model: the size of Spearman's correlation between each number of z and each feature that the
classifier tells. A row with one dark cell is a number that means one thing. At most 16 numbers are shown: those that
a regularizer added, and of the others those with the largest correlations.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from gantool import Model, Scorer, load_plugins, open_model, open_scorer

MOST = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classifier", metavar="CLASSIFIER")
    parser.add_argument("models", metavar="RUN", nargs="+")
    parser.add_argument("--features", default="x,y,size,hue.cos,hue.sin,background")
    parser.add_argument("-n", "--count", type=int, default=3000, help="samples of each model [3000]")
    parser.add_argument("-o", "--out", default="codes.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    registry, features = load_plugins().registry, args.features.split(",")

    figure = Figure(figsize=(1.6 + 1.8 * len(args.models), 4.2), dpi=100, layout="constrained")
    for axes, path in zip(figure.subplots(1, len(args.models), squeeze=False)[0], args.models, strict=True):
        model = open_model(path)
        scorer = open_scorer(args.classifier, registry, model.shape)
        rho = correlations(model, scorer, features, args.count)
        names = [f"{slot.name} {row + 1}" for slot in model.prior.slots for row in range(slot.dim)]
        added = torch.tensor([float(slot.name != "noise") for slot in model.prior.slots for _ in range(slot.dim)])
        shown = (added + rho.amax(1)).argsort(descending=True)[:MOST].sort().values
        axes.imshow(rho[shown].numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(features)), features, rotation=90, fontsize=7)
        axes.set_yticks(range(len(shown)), [names[row] for row in shown], fontsize=7)
        axes.set_title(Path(path).name, fontsize=9)
        best = ", ".join(f"{name} {value:.2f}" for name, value in zip(features, rho.amax(0).tolist(), strict=True))
        print(f"{path}: the largest of each feature: {best}")
    figure.savefig(args.out)


@torch.no_grad()
def correlations(model: Model, scorer: Scorer, features: list[str], count: int) -> Tensor:
    """Return the size of Spearman's correlation of each number of z with each feature: ``[D, features]``."""
    z, c = model.latents(range(count)), model.labels(range(count))
    scores = torch.cat([scorer.scores(x) for x in model.batches(z, c)])
    scores = scores[:, [scorer.names.index(name) for name in features]]
    both = torch.cat([ranks(z), ranks(scores)], 1)
    return torch.corrcoef(both.T)[: z.shape[1], z.shape[1] :].abs().nan_to_num()


def ranks(values: Tensor) -> Tensor:
    """Return the rank of each value in its column ``[N, K]``; equal ones in the order they come."""
    return values.argsort(0).argsort(0).float()


if __name__ == "__main__":
    main()
