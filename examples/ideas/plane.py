"""What does a model with a z of two numbers make of its plane?

    gantool train --loss wgan-gp --latent-dim 2 -o runs/z2
    python examples/ideas/plane.py runs/z2 CLASSIFIER --class square -o plane.png

Left: samples over a grid of z, one class. Right: what the classifier says of some features there. Equal steps on the
axes hold equal shares of the prior (they are quantiles of N(0, 1)).
"""

from __future__ import annotations

import argparse

import torch
from matplotlib.figure import Figure
from torch import Tensor

from gantool import load_plugins, open_model, open_scorer
from gantool.render.grid import grid, to_uint8

TILES = 10  # samples on a side of the picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="RUN")
    parser.add_argument("classifier", metavar="CLASSIFIER")
    parser.add_argument("--class", dest="name", default="square", help="[square]")
    parser.add_argument("--features", default="x,y,size,background", help="four that the classifier knows")
    parser.add_argument("-n", "--count", type=int, default=60, help="points on a side of the maps [60]")
    parser.add_argument("-o", "--out", default="plane.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = open_model(args.model)
    if model.prior.dim != 2:
        parser.error(f"{args.model}: its z has {model.prior.dim} numbers; train one with --latent-dim 2")
    scorer = open_scorer(args.classifier, load_plugins().registry, model.shape)
    label = model.condition.names.index(args.name) if model.condition else None

    def labels(count: int) -> Tensor | None:
        return None if label is None else torch.full((count,), label)

    figure = Figure(figsize=(8.5, 4.2), dpi=100, layout="constrained")
    left, right = figure.subfigures(1, 2)
    axes = left.subplots()
    axes.imshow(grid(to_uint8(model.samples(plane(TILES), labels(TILES**2))), TILES))
    axes.set(xticks=[], yticks=[], xlabel="first number of z", ylabel="second number of z")
    with torch.no_grad():
        samples = model.batches(plane(args.count), labels(args.count**2))
        scores = torch.cat([scorer.scores(x) for x in samples])
    for place, feature in zip(right.subplots(2, 2).flatten(), args.features.split(","), strict=True):
        values = scorer.target(feature, "--features").score(scores).view(args.count, args.count)
        place.imshow(values.numpy(), cmap="viridis")
        place.set(xticks=[], yticks=[])
        place.set_title(feature, fontsize=9)
    figure.savefig(args.out)
    print(f"Pictures: {args.out}")


def plane(count: int) -> Tensor:
    """Return ``z [count * count, 2]``, row by row, at the middles of cells of equal probability."""
    ticks = torch.special.ndtri((torch.arange(count) + 0.5) / count)
    down, across = torch.meshgrid(-ticks, ticks, indexing="ij")
    return torch.stack([across.flatten(), down.flatten()], 1)


if __name__ == "__main__":
    main()
