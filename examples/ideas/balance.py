"""Draw how strong discriminator and generator are in each of some runs, from their logs.

    python examples/ideas/balance.py runs/balanced runs/strong-d runs/weak-d -o balance.png

Every run folder has a log.jsonl; the lines with `vitals` tell how surely D ranks pairs of a real and a fake, how steep
the losses are where they stand, and how far the samples are from the data. docs/evaluation.md explains them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Rows = list[dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("-o", "--out", default="balance.png")
    args = parser.parse_args()
    figure = Figure(figsize=(8.5, 5.4), dpi=90, layout="constrained")
    columns = figure.subplots(3, len(args.runs), squeeze=False, sharey="row").T
    for run, (top, middle, bottom) in zip(args.runs, columns, strict=True):
        rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        vitals = [{"step": row["step"], **row["vitals"]} for row in rows if "vitals" in row]
        top.axhline(0.5, color="0.7", linewidth=1)
        draw(top, vitals, {"separation": "pairs that D ranks rightly"})
        draw(middle, vitals, {"slope_d": "slope of D's loss", "slope_g": "slope of G's loss"})
        draw(bottom, vitals, {"distance": "samples to data", "noise": "data to other data"})
        top.set(title=run.name, ylim=(-0.05, 1.05))
        middle.set(yscale="log")
        bottom.set(yscale="log", xlabel="generator steps")
        print(f"{run.name}: " + summary(vitals[-1]))
        for row in rows:
            if "finding" in row:
                print(f"  step {row['step']}: {row['finding']}: {row['seen']}")
    for axes in columns.flatten():
        axes.grid(alpha=0.3)
    for axes in columns[0]:
        axes.legend(fontsize=8)
    figure.savefig(args.out)


def draw(axes: Axes, vitals: Rows, names: dict[str, str]) -> None:
    for name, label in names.items():
        known = [row for row in vitals if name in row]
        axes.plot([row["step"] for row in known], [row[name] for row in known], label=label)


def summary(last: dict[str, float]) -> str:
    names = ("separation", "slope_d", "slope_g", "coverage", "distance")
    return ", ".join(f"{name} {last[name]:.2g}" for name in names if name in last)


if __name__ == "__main__":
    main()
