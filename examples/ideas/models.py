"""Draw what a classifier and two GANs know of the same points: p(y|x), p(x) and p(x|y), beside the truth.

    python examples/ideas/models.py CLASSIFIER RUN RUN_OF_CLASSES -o models.png

CLASSIFIER is a file of `gantool classifier train`, RUN a model of all points and RUN_OF_CLASSES one that was trained
with classes; all of `--data gaussians --data.layout two-gaussians`. Only the first of the two coordinates is drawn: the
second is the same noise in both classes.
"""

from __future__ import annotations

import argparse
import math

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gantool import Model, load_plugins, open_model, open_scorer

REACH = 4.0
COUNT = 10_000  # samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classifier", metavar="CLASSIFIER")
    parser.add_argument("model", metavar="RUN")
    parser.add_argument("of_classes", metavar="RUN_OF_CLASSES")
    parser.add_argument("-o", "--out", default="models.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model, of_classes = open_model(args.model), open_model(args.of_classes)
    known = model.config.create("data").load().modes
    centres, sigma = torch.from_numpy(known.centres)[:, 0], known.sigma
    x = torch.linspace(-REACH, REACH, 321)
    densities = [density(x, centre, sigma) for centre in centres]

    figure = Figure(figsize=(9, 3.2), dpi=100, layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    scorer = open_scorer(args.classifier, load_plugins().registry, model.shape)
    said = scorer.probability(scorer.scores(torch.stack([x, torch.zeros_like(x)], 1)))[:, 1]
    exact = densities[1] / (densities[0] + densities[1])
    left.plot(x, said, color="tab:blue", linewidth=4, alpha=0.5, label="classifier")
    left.plot(x, exact, "--", color="0.2", label="exact")
    left.set(title="p(y = 1 | x)")
    print(f"classifier: at most {(said - exact).abs().max():.3f} off, and p(y = 1 | x = 4) is {said[-1]:.4f}")

    histogram(middle, samples(model), "tab:blue", "samples")
    middle.plot(x, (densities[0] + densities[1]) / 2, "--", color="0.2", label="exact density")
    middle.set(title="p(x)")
    for label, colour in ((0, "tab:green"), (1, "tab:orange")):
        found = samples(of_classes, label)
        histogram(right, found, colour, f"asked for {label}")
        right.plot(x, densities[label], "--", color="0.2")
        print(f"asked for {label}: mean {found.mean():+.3f} (exact {centres[label]:+.3f}),", end=" ")
        print(f"standard deviation {found.std():.3f} (exact {sigma:.3f})")
    right.set(title="p(x | y)")
    for axes, height in ((left, 1.35), (middle, 0.6), (right, 1.2)):
        axes.set(xlabel="x", xlim=(-REACH, REACH), ylim=(0, height))
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="upper left")
    figure.savefig(args.out)


def density(x: Tensor, mean: Tensor, sigma: float) -> Tensor:
    return torch.exp(-(((x - mean) / sigma) ** 2) / 2) / (sigma * math.sqrt(2 * math.pi))


def samples(model: Model, label: int | None = None) -> Tensor:
    """Return the first coordinate of samples, of one class where a label is given."""
    c = None if label is None else torch.full((COUNT,), label)
    return model.samples(model.latents(range(COUNT)), c)[:, 0]


def histogram(axes: Axes, values: Tensor, colour: str, label: str) -> None:
    axes.hist(values, bins=60, range=(-REACH, REACH), density=True, color=colour, alpha=0.5, label=label)


if __name__ == "__main__":
    main()
