"""What do models make of features that vary together in the data?

    for r in 0 0.3 0.6 0.9; do
      gantool train --loss wgan-gp --data.correlate size,background --data.correlation $r --steps 1000 -o runs/r$r
    done
    python examples/ideas/correlation.py CLASSIFIER runs/r0 runs/r0.3 runs/r0.6 runs/r0.9 -o correlation.png

For each model: the correlation of the two features in its real pictures and in its samples, the cosine of the two
directions that a linear regression finds for them, and how far a walk along that of the first moves the second, both
in standard deviations.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import torch
from matplotlib.figure import Figure
from torch import Tensor

from gantool import Model, Scorer, load_plugins, open_model, open_scorer

STRENGTH = 2.0  # of the walk, both ways
MOVED = 512  # samples that are walked from
NAMES = (
    "real pictures: correlation",
    "samples: correlation",
    "cosine of the directions",
    "second moved, for 1 of first",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classifier", metavar="CLASSIFIER")
    parser.add_argument("models", metavar="RUN", nargs="+", help="models of shapes")
    parser.add_argument("--features", default="size,background", help="two that the classifier knows")
    parser.add_argument("-n", "--count", type=int, default=3000, help="samples and real pictures [3000]")
    parser.add_argument("-o", "--out", default="correlation.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    registry = load_plugins().registry
    rows = []
    print("in the options  " + "  ".join(f"{name:>27}" for name in NAMES))
    for path in args.models:
        model = open_model(path)
        scorer = open_scorer(args.classifier, registry, model.shape)
        columns = [scorer.names.index(name) for name in args.features.split(",")]
        asked = model.config.tree()["data"]["correlation"]
        rows.append((asked, measure(model, scorer, columns, args.count)))
        print(f"{asked:>14}  " + "  ".join(f"{value:>+27.2f}" for value in rows[-1][1]))

    figure = Figure(figsize=(7, 3.8), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for column, name in enumerate(NAMES):
        axes.plot([asked for asked, _ in rows], [values[column] for _, values in rows], marker="o", label=name)
    axes.set(xlabel="--data.correlation of the two features", title=" and ".join(args.features.split(",")))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(args.out)


def measure(model: Model, scorer: Scorer, columns: list[int], count: int) -> list[float]:
    """Return the four figures of one model."""
    values = model.config.create("data").load().values[:count]
    real = scores_of(scorer, (torch.from_numpy(values).float() / 127.5 - 1).split(100))[:, columns]
    z, c = model.latents(range(count)), model.labels(range(count))
    fake = scores_of(scorer, model.batches(z, c))[:, columns]
    slopes = torch.linalg.lstsq(z - z.mean(0), fake - fake.mean(0)).solution.T  # [2, D]
    first, second = slopes / slopes.norm(dim=1, keepdim=True)
    start, labels = z[:MOVED], None if c is None else c[:MOVED]
    ends = [scores_of(scorer, model.batches(start + way * first, labels))[:, columns] for way in (-STRENGTH, STRENGTH)]
    own, other = (ends[1] - ends[0]).mean(0) / fake.std(0)
    return [correlation(real), correlation(fake), float(first @ second), float(other / own)]


@torch.no_grad()
def scores_of(scorer: Scorer, batches: Iterable[Tensor]) -> Tensor:
    """Return what the classifier says of batches of pictures: ``[N, K]``."""
    return torch.cat([scorer.scores(x) for x in batches])


def correlation(pair: Tensor) -> float:
    """Return Pearson's correlation of the two columns of ``[N, 2]``."""
    return float(torch.corrcoef(pair.T)[0, 1])


if __name__ == "__main__":
    main()
