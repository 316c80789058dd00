"""What does truncation buy, and what does it cost?

    python examples/ideas/truncation.py RUN CLASSIFIER -o truncation.png

RUN is a model of classes, CLASSIFIER a file of `gantool classifier train` that knows these classes. For several
truncations: the share of samples that the classifier takes for the class they were asked for, how sure it is of that,
and how varied the samples of one class are, as their variance beside that of the real pictures of the class.
"""

from __future__ import annotations

import argparse

import torch
from matplotlib.figure import Figure
from torch import Tensor

from gantool import Model, Scorer, load_plugins, open_model, open_scorer

TRUNCATIONS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="RUN")
    parser.add_argument("classifier", metavar="CLASSIFIER")
    parser.add_argument("-n", "--count", type=int, default=2000, help="samples for each truncation [2000]")
    parser.add_argument("-o", "--out", default="truncation.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = open_model(args.model)
    if model.condition is None or model.condition.kind != "classes":
        parser.error(f"{args.model}: is no model of classes; train one with --condition onehot")
    scorer = open_scorer(args.classifier, load_plugins().registry, model.shape)

    real = real_variance(model)
    rows = []
    print("truncation  right class  probability  variance in a class, over that of real pictures")
    for truncation in (*TRUNCATIONS, None):
        right, sure, variance = measure(model, scorer, truncation, args.count)
        rows.append((right, sure, variance / real))
        print(f"{truncation or 'none':>10}  {right:>11.1%}  {sure:>11.3f}  {rows[-1][2]:.2f}")

    figure = Figure(figsize=(7, 3.6), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for column, name in enumerate(("right class", "probability of it", "variance, real = 1")):
        (line,) = axes.plot(TRUNCATIONS, [row[column] for row in rows[:-1]], marker="o", label=name)
        axes.axhline(rows[-1][column], color=line.get_color(), linestyle=":", linewidth=1)
    axes.set(xlabel="truncation (dotted: none)", ylim=(0, 1.05), xscale="log")
    axes.set_xticks(TRUNCATIONS, [f"{value:g}" for value in TRUNCATIONS], minor=False)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(args.out)


def measure(model: Model, scorer: Scorer, truncation: float | None, count: int) -> tuple[float, float, float]:
    """Return the share of the right class, its mean probability, and the mean variance within a class."""
    seeds = range(count)
    c = model.labels(seeds)
    x = model.samples(model.latents(seeds, truncation), c)
    with torch.no_grad():
        scores = torch.cat([scorer.scores(part) for part in x.split(100)])
    columns = scores[:, [scorer.names.index(name) for name in model.condition.names]]
    sure = columns.sigmoid().gather(1, c[:, None])
    return float((columns.argmax(1) == c).float().mean()), float(sure.mean()), class_variance(x, c)


def real_variance(model: Model) -> float:
    """Return the mean variance of real pictures within a class."""
    samples = model.config.create("data").load()
    x, labels = torch.from_numpy(samples.values[:10000]), torch.from_numpy(samples.labels[:10000])
    return class_variance(x.float() / 127.5 - 1, labels)


def class_variance(x: Tensor, c: Tensor) -> float:
    """Return the variance over the pictures ``[N, C, H, W]`` of each class, the mean over pixels and classes."""
    classes = [x[c == label] for label in c.unique()]
    return float(torch.stack([part.var(0).mean() for part in classes if len(part) > 1]).mean())


if __name__ == "__main__":
    main()
