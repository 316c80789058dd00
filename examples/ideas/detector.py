"""Whose fakes does a discriminator know, and does it know its own training pictures by heart?

    python examples/ideas/detector.py RUN RUN ... -o detector.png

The models are of the same data. A cell is the share of pairs in which the row's discriminator scores a real picture
that it never saw above a fake of the column's generator (AUC): 1 tells all apart, 1/2 is guessing, 0 has it backwards.
The last column sets real pictures of the training against real ones that it never saw: 1/2 is right, more is
learnt by heart. Each picture is scored with its own class.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from gantool import Model, load_plugins, open_model
from gantool.evaluation.critic import restore_critic
from gantool.evaluation.extraction import floats, rounded
from gantool.evaluation.scoring import auc
from gantool.files import checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", metavar="RUN", nargs="+")
    parser.add_argument("-n", "--count", type=int, default=1000, help="pictures of each kind [1000]")
    parser.add_argument("-o", "--out", default="detector.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    registry = load_plugins().registry
    models = [open_model(path) for path in args.models]
    fakes = [generated(model, args.count) for model in models]
    names = [Path(path).name for path in args.models]

    table = []
    for model, name in zip(models, names, strict=True):
        D = restore_critic(checkpoint.read(model.path), registry)
        unseen = scores(D, *real(model, "test", args.count))
        seen = scores(D, *real(model, "train", args.count))
        row = [auc(unseen, scores(D, x, c)) for x, c in fakes]
        table.append([*row, auc(seen, unseen)])
        print(f"{name:<28}" + "".join(f"{value:>8.3f}" for value in table[-1]))
    draw(names, torch.tensor(table), args.out)


def generated(model: Model, count: int) -> tuple[Tensor, Tensor | None]:
    """Return samples with the 256 levels of a file, and their classes."""
    c = model.labels(range(count))
    return rounded(model.samples(model.latents(range(count)), c)), c


def real(model: Model, split: str, count: int) -> tuple[Tensor, Tensor | None]:
    """Return real pictures of a split, spread over it, and their classes."""
    samples = model.config.create("data").load(split)
    rows = torch.randperm(len(samples.values), generator=torch.Generator().manual_seed(0))[:count].numpy()
    c = None if model.condition is None else torch.from_numpy(samples.labels[rows])
    return floats(torch.from_numpy(samples.values[rows])), c


@torch.inference_mode()
def scores(D: torch.nn.Module, x: Tensor, c: Tensor | None) -> Tensor:
    """Return raw scores ``[N]``."""
    rows = torch.arange(len(x)).split(100)
    return torch.cat([D(x[part], None if c is None else c[part]) for part in rows])


def draw(names: list[str], table: Tensor, out: str) -> None:
    """Draw the table."""
    figure = Figure(figsize=(8, 1.4 + 0.55 * len(names)), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(table.numpy(), cmap="RdBu_r", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(table.numpy()):
        ink = "white" if abs(value - 0.5) > 0.35 else "black"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=9, color=ink)
    axes.set_xticks(
        range(len(names) + 1), [f"fakes of\n{name}" for name in names] + ["seen against\nunseen"], fontsize=8
    )
    axes.set_yticks(range(len(names)), [f"D of {name}" for name in names], fontsize=8)
    figure.savefig(out)


if __name__ == "__main__":
    main()
