"""How many examples does a difference of latents need until it means one thing?

    python examples/ideas/algebra.py RUN CLASSIFIER --features size,background -o algebra.png

Latent algebra adds (mean of n latents with a feature) - (mean of n without it) to other latents. For several n the
difference is brought to the same length, added to many latents, and the classifier tells what it did: the change of
the feature, and the largest change of any other, in standard deviations of the model's own samples. A feature that is
a number is there in the highest third of the samples and not in the lowest.
"""

from __future__ import annotations

import argparse

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gantool import Model, Scorer, load_plugins, open_model, open_scorer

COUNTS = (1, 3, 10, 30, 100, 300)
DRAWS = 8  # differences for each n
LENGTH = 2.0  # of the step; a direction's standard deviation is 1
MOVED = 256  # samples that each difference is added to


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="RUN")
    parser.add_argument("classifier", metavar="CLASSIFIER")
    parser.add_argument("--features", default="size,background", help="features that the classifier knows")
    parser.add_argument("-n", "--count", type=int, default=4000, help="samples to choose examples from [4000]")
    parser.add_argument("-o", "--out", default="algebra.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = open_model(args.model)
    scorer = open_scorer(args.classifier, load_plugins().registry, model.shape)
    z, c = model.latents(range(args.count)), model.labels(range(args.count))
    scores = scores_of(model, scorer, z, c)
    features = args.features.split(",")

    figure = Figure(figsize=(8.5, 3.3), dpi=100, layout="constrained")
    print("feature     examples on each side  own change  largest other")
    for axes, feature in zip(figure.subplots(1, len(features), squeeze=False)[0], features, strict=True):
        counts = [count for count in COUNTS if count <= args.count // 3]
        rows = [effects(model, scorer, feature, z, c, scores, count) for count in counts]
        for count, (own, other) in zip(counts, rows, strict=True):
            print(f"{feature:<10}  {count:>21}  {own.mean():>+10.2f}  {other.mean():>13.2f}")
        draw(axes, f"{feature}, asked for", counts, [own for own, _ in rows])
        draw(axes, "largest change of another", counts, [other for _, other in rows])
        axes.set(xlabel="examples on each side of the difference", ylabel="change in std", xscale="log")
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(args.out)


@torch.no_grad()
def scores_of(model: Model, scorer: Scorer, z: Tensor, c: Tensor | None) -> Tensor:
    """Return what the classifier says of samples: ``[N, K]``."""
    return torch.cat([scorer.scores(x) for x in model.batches(z, c)])


def effects(
    model: Model, scorer: Scorer, feature: str, z: Tensor, c: Tensor | None, scores: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """Return, for each of DRAWS differences of ``count`` examples a side, its own change and the largest other."""
    target = scorer.target(feature, "--features")
    order, third = target.score(scores).argsort(), len(z) // 3
    others = [column for column in range(len(scorer.names)) if column not in target.group]
    found = []
    for _ in range(DRAWS):
        step = z[pick(order[-third:], count)].mean(0) - z[pick(order[:third], count)].mean(0)
        labels = None if c is None else c[:MOVED]
        moved = scores_of(model, scorer, z[:MOVED] + LENGTH * step / step.norm(), labels)
        change = (moved - scores[:MOVED]).mean(0)
        own = target.score(change[None])[0] / target.score(scores).std()
        found.append(torch.stack([own, (change / scores.std(0))[others].abs().max()]))
    own, other = torch.stack(found).T
    return own, other


def pick(rows: Tensor, count: int) -> Tensor:
    """Return some of the rows, drawn without repetition."""
    return rows[torch.randperm(len(rows))[:count]]


def draw(axes: Axes, name: str, counts: list[int], values: list[Tensor]) -> None:
    """Draw the mean over the draws, and the least to the greatest as a band."""
    (line,) = axes.plot(counts, [float(row.mean()) for row in values], marker="o", label=name)
    least, most = [float(row.min()) for row in values], [float(row.max()) for row in values]
    axes.fill_between(counts, least, most, color=line.get_color(), alpha=0.15)


if __name__ == "__main__":
    main()
