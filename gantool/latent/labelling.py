"""Scores of many samples or pictures, and what they come to, feature by feature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gantool.files.pictures import read_picture
from gantool.files.scores import Scores
from gantool.latent.model import Model
from gantool.latent.scorer import Scorer

__all__ = ["label_pictures", "label_samples", "summary"]

AT_ONCE = 64  # pictures in one pass through the network
Watch = Callable[[int], object]


def label_samples(model: Model, scorer: Scorer, seeds: Sequence[int], watch: Watch = lambda n: None) -> Scores:
    """Score a model's samples of some seeds; ``watch(n)`` is told of each n more that are done."""
    z, c = model.latents(seeds), model.labels(seeds)
    parts = []
    for x in model.batches(z, c, AT_ONCE):
        parts.append(_score(scorer, x))
        watch(len(x))
    return _scores(scorer, parts, z=z, c=c, model_hash=model.hash, seeds=tuple(seeds))


def label_pictures(paths: Sequence[Path], scorer: Scorer, watch: Watch = lambda n: None) -> Scores:
    """Score picture files, each cut and resized to what the classifier takes. Raises FileError for what is none."""
    parts = []
    for start in range(0, len(paths), AT_ONCE):
        pixels = np.stack([read_picture(path, scorer.shape) for path in paths[start : start + AT_ONCE]])
        parts.append(_score(scorer, torch.from_numpy(pixels).float().div(127.5).sub(1.0)))
        watch(len(pixels))
    return _scores(scorer, parts, sources=tuple(map(str, paths)))


@torch.inference_mode()
def _score(scorer: Scorer, x: Tensor) -> Tensor:
    return scorer.scores(x)


def _scores(scorer: Scorer, parts: Sequence[Tensor], **rest: Any) -> Scores:
    scores = torch.cat(list(parts))
    source = {"hash": scorer.hash, "label": scorer.label}
    thresholds = tuple(scorer.thresholds.tolist())
    return Scores(scorer.names, thresholds, scores, scorer.probability(scores), source, **rest)


def summary(scorer: Scorer, scores: Scores) -> list[dict[str, Any]]:
    """Return a row for each feature: of a class or an attribute its mean probability and how many have it, of a factor
    its mean and standard deviation.
    """
    rows: list[dict[str, Any]] = []
    for head, part in scorer.parts(scores.scores):
        having = part >= part.max(1, keepdim=True).values if head.kind == "classes" else part > 0
        for column, name in enumerate(head.names):
            values = part[:, column]
            if head.kind in ("classes", "attributes"):
                found = {"probability": values.sigmoid().mean().item(), "count": int(having[:, column].sum())}
            else:
                found = {"mean": values.mean().item(), "std": values.std(correction=0).item()}
            rows.append({"feature": name, "of": head.name, **found})
    return rows
