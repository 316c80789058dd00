"""How does entanglement change with the width of z?

    for d in 2 8 32 128; do gantool train --loss wgan-gp --latent-dim $d -o runs/z$d; done
    gantool classifier train --data shapes -o shapes-classifier.safetensors
    python tests/benchmarks/latent_dim.py shapes-classifier.safetensors latent-dim.png runs/z*

Prints and draws, for each width: the mean selectivity of ridge directions as they are found and made orthogonal to each
other, the mean of their worst leaks, and the share of each feature's variance that is linear in z.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import fmean

import torch
from matplotlib.figure import Figure

from gantool import load_plugins, open_model
from gantool.errors import UserError
from gantool.latent.audit import Audit, audit
from gantool.latent.directions import find_directions, orthogonalize
from gantool.latent.effects import draw
from gantool.latent.evidence import Ask
from gantool.latent.scorer import open_scorer

FEATURES = ("x", "y", "size", "hue.cos", "hue.sin", "background")
SAMPLES, AUDITED = 3000, 512


def measure(path: str, classifier: str) -> dict[str, float]:
    """Return the figures of one model."""
    registry = load_plugins().registry
    model = open_model(path)
    scorer = open_scorer(classifier, registry, model.shape)
    finder = registry.get("direction-finder", "ridge").create()
    found = find_directions(model, finder, "ridge", Ask(SAMPLES, FEATURES, scorer))
    z, c = draw(model, AUDITED, "benchmark")

    def audited(directions) -> Audit:
        return audit(model.G, scorer, directions, z, c)

    as_found = audited(found)
    clean = []
    for name in FEATURES:
        try:
            one = orthogonalize(found, name, ["rest"])
        except UserError:  # fewer dimensions than features: nothing is left of it
            clean.append(0.0)
            continue
        clean.append(next(row.selectivity for row in audited(one).rows if row.name == name))
    return {
        "latent_dim": model.prior.dim,
        "selectivity": fmean(row.selectivity for row in as_found.rows),
        "selectivity, orthogonal": fmean(clean),
        "worst leak": fmean(min(abs(row.leak), 1.0) for row in as_found.rows),
        "linear in z (R2)": fmean(max(float(figures["r2"]), 0.0) for figures in found.figures),
    }


def main(classifier: str, out: str, *paths: str) -> None:
    torch.set_num_threads(1)
    rows = sorted((measure(path, classifier) for path in paths), key=lambda row: row["latent_dim"])
    names = list(rows[0])
    print("  ".join(f"{name:>24}" for name in names))
    for row in rows:
        print("  ".join(f"{row[name]:24.3g}" for name in names))
    figure = Figure(figsize=(5, 3.5), dpi=100, layout="tight")
    axes = figure.add_subplot()
    for name in names[1:]:
        axes.plot([row["latent_dim"] for row in rows], [row[name] for row in rows], marker="o", label=name)
    axes.set_xscale("log", base=2)
    axes.set_xticks([row["latent_dim"] for row in rows], [f"{row['latent_dim']:.0f}" for row in rows])
    axes.set(xlabel="width of z", ylim=(0, 1.02), title="entanglement and the width of z, shapes")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(Path(out))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classifier", metavar="CLASSIFIER")
    parser.add_argument("out", metavar="PNG")
    parser.add_argument("models", metavar="RUN", nargs="+")
    args = parser.parse_args()
    main(args.classifier, args.out, *args.models)
