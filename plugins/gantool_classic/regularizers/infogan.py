"""InfoGAN (Chen et al. 2016, arXiv 1606.03657): codes in z whose information the sample keeps."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantool import Condition, Generated, Real, Slot, Step
from gantool_classic.regularizers.settings import InfoGanOptions

LOG_VARIANCE = (-6.0, 4.0)  # where exp is still useful in fp32


class InfoGan:
    """Adds codes to z, and the variational bound on their mutual information with the sample (eq. 5).

    The head Q reads D's features; it is trained by G's optimizer, D is not trained by this term. The continuous codes
    have a Gaussian Q with a variance of its own, the categories a cross-entropy.
    """

    def __init__(self, options: InfoGanOptions) -> None:
        self.options = options

    def slots(self) -> tuple[Slot, ...]:
        """Return one uniform slot for the continuous codes and one categorical slot for each set of categories."""
        continuous = (Slot("code", "uniform", self.options.continuous),) if self.options.continuous else ()
        named = [f"category-{number}" for number in range(1, len(self.options.categories) + 1)]
        pairs = zip(named, self.options.categories, strict=True)
        return (*continuous, *(Slot(name, "categorical", count) for name, count in pairs))

    def module(self, shape: tuple[int, ...], feature_dim: int, condition: Condition | None) -> nn.Module:
        """Return the head Q: ``h [N, F]`` -> means, log-variances and logits."""
        outputs = 2 * self.options.continuous + sum(self.options.categories)
        return head(feature_dim, self.options.hidden, outputs)

    def term(self, G: nn.Module, fake: Generated, real: Real, module: nn.Module | None, step: Step) -> Tensor:
        """Return the negative bound, without the codes' constant entropy."""
        assert module is not None
        n, read = self.options.continuous, module(fake.h)
        mean, spread = read[:, :n], read[:, n : 2 * n].clamp(*LOG_VARIANCE)
        codes = fake.codes[:, :n]
        loss = torch.zeros((), device=read.device)
        if n:  # -log N(code; mean, exp(spread)), without log(2 pi) / 2
            gaussian = 0.5 * (spread + (codes - mean).square() / spread.exp())
            loss = self.options.continuous_weight * gaussian.sum(1).mean()
        start, column = 2 * n, n
        for count in self.options.categories:
            category = fake.codes[:, column : column + count].argmax(1)
            loss = loss + F.cross_entropy(read[:, start : start + count], category)
            start, column = start + count, column + count
        return self.options.weight * loss


def head(feature_dim: int, hidden: int, outputs: int) -> nn.Module:
    """Return a small network on D's features; they are normalised, since a critic's have no scale of their own."""
    return nn.Sequential(
        nn.LayerNorm(feature_dim), nn.Linear(feature_dim, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, outputs)
    )
