"""How far a classifier's probabilities can be believed, and the one number that mends them (Guo et al. 2017)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["expected_calibration_error", "temperature"]

BINS = 15  # Guo et al. 2017, section 2
COLDEST, HOTTEST = 0.01, 100.0


def temperature(logits: Tensor, targets: Tensor) -> float:
    """Return the T in [0.01, 100] for which ``logits / T`` have the least negative log-likelihood.

    ``targets``: int64 ``[N]`` for a softmax of ``logits [N, K]``, float ``[N, K]`` for K sigmoids. A share 1 / (N + 2)
    of each target is spread evenly, so that N right answers do not speak for certainty (after Platt 1999, section 2.2).
    The likelihood is convex in 1/T: its slope is bisected.
    """
    logits, softmax = logits.double(), targets.dim() == 1
    doubt = 1 / (len(logits) + 2)
    said = logits.gather(1, targets[:, None]).mean() if softmax else (logits * targets).mean()
    wanted = (1 - doubt) * said + doubt * logits.mean() * (1 if softmax else 0.5)
    low, high = math.log(1 / HOTTEST), math.log(1 / COLDEST)
    for _ in range(50):
        middle = (low + high) / 2
        scaled = logits * math.exp(middle)
        found = (scaled.softmax(1) * logits).sum(1) if softmax else scaled.sigmoid() * logits
        low, high = (low, middle) if found.mean() > wanted else (middle, high)
    return math.exp(-(low + high) / 2)


def expected_calibration_error(logits: Tensor, targets: Tensor) -> float:
    """Return the mean gap between confidence and accuracy over 15 bins of confidence (Guo et al. 2017, equation 3).

    For sigmoids every single answer counts by itself.
    """
    if targets.dim() == 1:
        confidence, answer = logits.softmax(1).max(1)
        right = answer == targets
    else:
        p = logits.sigmoid()
        confidence, right = torch.maximum(p, 1 - p).flatten(), ((p > 0.5) == (targets > 0.5)).flatten()
    bins = (confidence * BINS).long().clamp_max(BINS - 1)
    gaps = torch.zeros(BINS).index_add_(0, bins, confidence - right.float())
    return float(gaps.abs().sum() / len(confidence))
