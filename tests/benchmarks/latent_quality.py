"""How good are directions and midpoints of a model that gantool trained on shapes?

    gantool train --loss wgan-gp
    gantool classifier train --data shapes -o shapes-classifier.safetensors
    python tests/benchmarks/latent_quality.py runs/shapes-dcgan-wgan-gp shapes-classifier.safetensors

Prints, beside the threshold that is asked for: the selectivity of each feature's direction by three methods, of the
unsupervised ones beside random directions, what midpoints keep of the features' spread, and what a picture's
neighbours in a batch change. Selectivity is |E_ii| / sum_j |E_ij| of ``gantool direction audit``.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor

from gantool import Direction, load_plugins, open_model
from gantool.files.directions import Directions
from gantool.latent import seeds as seeding
from gantool.latent.audit import audit
from gantool.latent.directions import assemble, find_directions, orthogonalize
from gantool.latent.effects import draw, scores_of
from gantool.latent.evidence import Ask
from gantool.latent.paths import lerp, slerp
from gantool.latent.scorer import Scorer, open_scorer

FEATURES = ("x", "y", "size", "hue.cos", "hue.sin", "background")
SAMPLES, AUDITED, PAIRS, UNSUPERVISED = 3000, 512, 300, 5


def main(path: str, classifier: str) -> None:
    torch.set_num_threads(1)
    registry = load_plugins().registry
    model = open_model(path)
    scorer = open_scorer(classifier, registry, model.shape)
    began = time.monotonic()

    def finder(name: str, **options: object) -> object:
        component = registry.get("direction-finder", name)
        return component.create(component.options(**options))

    def selectivity(found: Directions) -> dict[str, float]:
        z, c = draw(model, AUDITED, "benchmark")
        rows = audit(model.G, scorer, found, z, c).rows
        return {row.name: row.selectivity for row in rows}

    ask = Ask(count=SAMPLES, toward=FEATURES, scorer=scorer)
    print(f"{'selectivity':<24}" + "".join(f"{name:>12}" for name in FEATURES))
    ridge = find_directions(model, finder("ridge"), "ridge", ask)
    clean = ridge
    for name in FEATURES:  # each off the others as they were found
        one = orthogonalize(ridge, name, ["rest"])
        row = ridge.index(name)
        clean = _replaced(clean, one, row)
    boundary = find_directions(model, finder("boundary"), "boundary", ask)
    for title, found, least in (
        ("boundary (0.70)", boundary, 0.70),
        ("ridge (0.80)", ridge, 0.80),
        ("ridge, orthogonal (0.90)", clean, 0.90),
    ):
        values = selectivity(found)
        met = sum(value >= least for value in values.values())
        print(f"{title:<24}" + "".join(f"{values[name]:12.2f}" for name in FEATURES) + f"   {met}/{len(FEATURES)}")
    _unsupervised(model, finder, selectivity)
    _midpoints(model, scorer)
    z, c = draw(model, 64, "neighbours")
    alone = model.samples(z[:1], None if c is None else c[:1])
    print(f"alone or in a batch of 64: {float((alone - model.samples(z, c)[:1]).abs().max()):.1e} (1e-5)")
    print(f"{time.monotonic() - began:.0f} s")


def _replaced(into: Directions, one: Directions, row: int) -> Directions:
    """Return directions with one row taken from others."""
    parts = {name: getattr(into, name).clone() for name in ("vectors", "intercept", "mean", "std")}
    for name, tensor in parts.items():
        tensor[row] = getattr(one, name)[row]
    return Directions(**{**vars(into), **parts})


def _unsupervised(model, finder, selectivity) -> None:
    """Print the mean selectivity of the first directions of each method for the feature that each moves most."""
    random = torch.randn(20, model.prior.dim, generator=seeding.generator(0, "random directions"))
    found = {
        "random": assemble(model, [Direction(f"random{i}", row) for i, row in enumerate(random)], "random", {}),
        "sefa": find_directions(model, finder("sefa", count=UNSUPERVISED), "sefa", Ask()),
        "pca 8x8": find_directions(model, finder("pca", count=UNSUPERVISED), "pca", Ask(SAMPLES)),
        "pca pixels": find_directions(model, finder("pca", count=UNSUPERVISED, pool=None), "pca", Ask(SAMPLES)),
    }
    means = {name: sum(values.values()) / len(values) for name, one in found.items() if (values := selectivity(one))}
    shown = ", ".join(f"{name} {value:.2f}" for name, value in means.items())
    print(f"best-match selectivity, mean of {UNSUPERVISED} (random + 0.15): {shown}")


def _midpoints(model, scorer: Scorer) -> None:
    """Print what midpoints of pairs keep of each feature's spread and how far its mean moves."""
    a, c = draw(model, PAIRS, "first of a pair")
    b, _ = draw(model, PAIRS, "second of a pair")
    many, labels = draw(model, SAMPLES, "population")
    columns = [scorer.names.index(name) for name in FEATURES]

    def scored(z: Tensor, c: Tensor | None) -> Tensor:
        return scores_of(model.G, scorer, z, c)[:, columns]

    population = scored(many, labels)
    half = torch.tensor(0.5)
    for name, middle in (("slerp", slerp(a, b, half)), ("lerp", lerp(a, b, half))):
        scores = scored(middle, c)
        ratio = (scores.std(0) / population.std(0)).tolist()
        shift = ((scores.mean(0) - population.mean(0)) / population.std(0)).abs().tolist()
        said = ", ".join(f"{f} {r:.2f}/{s:.2f}" for f, r, s in zip(FEATURES, ratio, shift, strict=True))
        print(f"{name} midpoints, std ratio (0.88-1.08) / mean shift (0.2): {said}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="RUN")
    parser.add_argument("classifier", metavar="CLASSIFIER")
    args = parser.parse_args()
    main(args.model, args.classifier)
