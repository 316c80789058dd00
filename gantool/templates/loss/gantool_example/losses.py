"""The loss, on raw scores ``[N]``."""

from __future__ import annotations

from torch import Tensor

from gantool_example.settings import ExampleOptions


class Example:
    """Scores should be ``target`` for real samples and 0 for generated ones: Mao et al. 2017 (arXiv 1611.04076)."""

    needs_real_for_generator = False

    def __init__(self, options: ExampleOptions) -> None:
        self.target: float = options.target

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return E (D(x) - target)^2 / 2 + E D(G(z))^2 / 2."""
        return (real_scores - self.target).square().mean() / 2 + fake_scores.square().mean() / 2

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Tensor:
        """Return E (D(G(z)) - target)^2 / 2."""
        return (fake_scores - self.target).square().mean() / 2
