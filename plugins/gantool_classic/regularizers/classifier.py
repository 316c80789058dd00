"""A trained classifier ties one slot of z to each feature."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantool import Condition, Generated, Real, Scorer, Slot, Step, load_plugins, open_scorer
from gantool_classic.regularizers.settings import ClassifierSlotsOptions


class ClassifierSlots:
    """Adds one number to z for each feature, and a term that makes it say what the classifier sees, and only that.

    weight * mean_k (1 - r(code_k, score_k)) + leak_weight * mean over other features of r(code_k, score_j)^2, where r
    is Pearson's correlation over the batch: it asks for no scale, so that the data keep theirs.
    """

    def __init__(self, options: ClassifierSlotsOptions) -> None:
        self.options = options
        self.scorer: Scorer | None = None

    def slots(self) -> tuple[Slot, ...]:
        """Return a normal slot for each feature, named after it."""
        return tuple(Slot(name, "normal", 1) for name in self.options.features)

    def module(self, feature_dim: int, condition: Condition | None) -> None:
        """Return nothing: the classifier is frozen and lies in a file of its own."""

    def term(self, G: nn.Module, fake: Generated, real: Real, module: nn.Module | None, step: Step) -> Tensor:
        """Return the term. Raises FileError and OptionError for a classifier that does not know the features."""
        scorer = self._open(tuple(fake.x.shape[1:]), fake.x.device)
        scores = scorer.scores(fake.x)
        targets = [scorer.target(name) for name in self.options.features]
        aligned = torch.zeros((), device=fake.x.device)
        leaking = torch.zeros((), device=fake.x.device)
        for code, target in zip(fake.codes.T, targets, strict=True):
            aligned = aligned + 1 - correlation(code, target.score(scores)[:, None])[0]
            others = [column for column in range(scores.shape[1]) if column not in target.group]
            if others:
                leaking = leaking + correlation(code, scores[:, others]).square().mean()
        return (self.options.weight * aligned + self.options.leak_weight * leaking) / len(targets)

    def _open(self, shape: tuple[int, ...], device: torch.device) -> Scorer:
        if self.scorer is None:
            found = open_scorer(str(self.options.file), load_plugins().registry, shape, "--classifier.file")
            found.network.to(device)
            self.scorer = found
        return self.scorer


def correlation(code: Tensor, scores: Tensor) -> Tensor:
    """Return Pearson's correlation of ``code [N]`` with each column of ``scores [N, K]``: ``[K]``."""
    a, b = code - code.mean(), scores - scores.mean(0)
    found: Tensor = (a[:, None] * b).sum(0) / (a.norm() * b.norm(dim=0)).clamp(min=1e-8)
    return found
