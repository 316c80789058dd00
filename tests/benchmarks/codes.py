"""Do the codes of InfoGAN mean one thing each, and is z less entangled than without the term?

    train="gantool train --loss wgan-gp --regularizer infogan --infogan.continuous 5"
    for s in 0 1 2; do
      $train --seed $s -o runs/info$s
      $train --seed $s -o runs/plain$s --infogan.weight 0
    done
    gantool classifier train --data shapes -o shapes-classifier.safetensors
    python tests/benchmarks/codes.py shapes-classifier.safetensors runs/info0 runs/plain0 ...

Prints for each model Spearman's correlation of each code with the feature it follows best, and the Mutual Information
Gap over the codes. A weight of 0 leaves the same prior without the term.
"""

from __future__ import annotations

import sys
from statistics import fmean

import torch
from scipy.stats import spearmanr

from gantool import load_plugins, open_model
from gantool.latent.disentanglement import measure_mig
from gantool.latent.effects import scores_of
from gantool.latent.scorer import open_scorer

SAMPLES, CODE = 5000, "code"


def main(classifier: str, *paths: str) -> None:
    torch.set_num_threads(1)
    registry = load_plugins().registry
    for path in paths:
        model = open_model(path)
        scorer = open_scorer(classifier, registry, model.shape)
        z, c = model.latents(range(SAMPLES)), model.labels(range(SAMPLES))
        start = 0
        for slot in model.prior.slots:
            if slot.name == CODE:
                break
            start += slot.dim
        codes, scores = z[:, start : start + slot.dim], scores_of(model.G, scorer, z, c)
        best = []
        for code in codes.T:
            rho = [float(spearmanr(code, column).statistic) for column in scores.T]
            index = max(range(len(rho)), key=lambda i: abs(rho[i]))
            best.append((scorer.names[index], rho[index]))
        followed = ", ".join(f"{name} {value:+.2f}" for name, value in best)
        clear = sum(abs(value) >= 0.8 for _, value in best)
        gaps = measure_mig(model, scorer, SAMPLES, [CODE])
        print(f"{path}: {followed}; {clear} of {len(best)} at 0.8 or more; MIG {fmean(gap.gap for gap in gaps):.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
