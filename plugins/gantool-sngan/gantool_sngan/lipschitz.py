"""Spectral normalisation of the whole critic, by torch's parametrization."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from gantool_sngan.settings import SpectralNormOptions

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Embedding)


class SpectralNorm:
    """Divide each weight, as a matrix ``[out, rest]``, by its largest singular value: Miyato et al. 2018, section 2.1.

    The value is estimated from below by power iteration (algorithm 1 there), whose vectors are kept in D's state.
    """

    def __init__(self, options: SpectralNormOptions) -> None:
        self.iterations = options.iterations

    def prepare(self, D: nn.Module) -> None:
        """Parametrize the weight of every linear layer, convolution and embedding of D, its conditioning's too."""
        for layer in list(D.modules()):
            if isinstance(layer, LAYERS):
                parametrizations.spectral_norm(layer, n_power_iterations=self.iterations)
                parametrized: Any = layer.parametrizations
                parametrized.weight[0] = InOwnSteps(parametrized.weight[0])

    def penalty(self, D: Any, real: Tensor, fake: Tensor, c: Tensor | None, step: Any) -> Tensor | None:
        """Return no penalty."""
        return None

    def after_step(self, D: nn.Module) -> None:
        """Leave D as it is: the weights are divided where they are used."""


class InOwnSteps(nn.Module):
    """Iterate only where the weight is being trained, and always in the weight's own precision.

    gantool freezes D in the generator's step; an iteration there would cost time and change D between its own steps.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight over its largest singular value."""
        self.inner.training = self.training and weight.requires_grad
        with torch.autocast(weight.device.type, enabled=False):
            divided: Tensor = self.inner(weight)
        return divided

    def right_inverse(self, value: Tensor) -> Tensor:
        """Take a weight that is assigned as it is, as torch does."""
        return value
