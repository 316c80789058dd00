"""What do the slots of z mean that a regularizer added, and does the sample show the label that it was asked for?

    train="gantool train --loss wgan-gp --latent-dim 8"
    $train --regularizer infogan --infogan.continuous 5 --infogan.continuous-weight 1.5 -o runs/infogan
    $train --regularizer infogan --infogan.continuous 5 --infogan.weight 0 -o runs/without
    gantool classifier train --data shapes -o shapes-classifier.safetensors
    python tests/benchmarks/codes.py shapes-classifier.safetensors runs/infogan runs/without

Prints for each model: Spearman's correlation of each coordinate of the added slots with the feature that it follows
best, the Mutual Information Gap over them and over all of z, and the share of samples that the classifier gives the
class that was asked for. A weight of 0 leaves the same prior without the term.
"""

from __future__ import annotations

import argparse
from statistics import fmean

import torch
from scipy.stats import spearmanr
from torch import Tensor

from gantool import Model, Scorer, load_plugins, open_model, open_scorer
from gantool.latent.disentanglement import measure_mig
from gantool.latent.effects import scores_of

SAMPLES, NOISE = 5000, "noise"


def followed(model: Model, scorer: Scorer, z: Tensor, scores: Tensor) -> list[str]:
    """Return for each coordinate of the added slots the feature that it follows best."""
    said, start = [], 0
    for slot in model.prior.slots:
        for column in range(start, start + slot.dim) if slot.name != NOISE else ():
            rho = [float(spearmanr(z[:, column], feature).statistic) for feature in scores.T]
            best = max(range(len(rho)), key=lambda index: abs(rho[index]))
            said.append(f"{slot.name}{column - start + 1} {scorer.names[best]} {rho[best]:+.2f}")
        start += slot.dim
    return said


def right(model: Model, scorer: Scorer, c: Tensor | None, scores: Tensor) -> str:
    """Return the share of samples that the classifier gives the class that was asked for."""
    names = model.condition.names if model.condition else ()
    if c is None or not set(names) <= set(scorer.names):
        return ""
    columns = [scorer.names.index(name) for name in names]
    return f"; {(scores[:, columns].argmax(1) == c).float().mean():.1%} show their class"


def main(classifier: str, *paths: str) -> None:
    torch.set_num_threads(1)
    registry = load_plugins().registry
    for path in paths:
        model = open_model(path)
        scorer = open_scorer(classifier, registry, model.shape)
        z, c = model.latents(range(SAMPLES)), model.labels(range(SAMPLES))
        scores = scores_of(model.G, scorer, z, c)
        added = [slot.name for slot in model.prior.slots if slot.name != NOISE]
        several = sum(slot.dim for slot in model.prior.slots if slot.name != NOISE) > 1
        mig = fmean(gap.gap for gap in measure_mig(model, scorer, SAMPLES))
        own = (
            f", {fmean(gap.gap for gap in measure_mig(model, scorer, SAMPLES, added)):.3f} over them" if several else ""
        )
        found = ", ".join(followed(model, scorer, z, scores)) or "no slot but noise"
        print(f"{path}: {found}; MIG {mig:.3f}{own}{right(model, scorer, c, scores)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classifier", metavar="CLASSIFIER")
    parser.add_argument("models", metavar="RUN", nargs="+")
    args = parser.parse_args()
    main(args.classifier, *args.models)
