"""Supervised disentanglement: the label sits in fixed coordinates of G's input, and a classifier makes G use them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from gantool import Condition, Generated, Real, Slot, Step
from gantool_classic.regularizers.infogan import head
from gantool_classic.regularizers.settings import AuxiliaryOptions


class Auxiliary:
    """weight * cross-entropy of the label in the generated sample, by a head on D's features (after Odena et al. 2017).

    The head learns from real examples alone: for the generated ones its weights are held, so that it cannot agree with
    G on a sign that no real picture has.
    """

    def __init__(self, options: AuxiliaryOptions) -> None:
        self.options = options

    def slots(self) -> tuple[Slot, ...]:
        """Return no slots: the label joins z by the conditioning."""
        return ()

    def module(self, shape: tuple[int, ...], feature_dim: int, condition: Condition | None) -> nn.Module:
        """Return the head: ``h [N, F]`` -> a logit for each class or attribute."""
        return head(feature_dim, self.options.hidden, len(condition or ()))

    def term(self, G: nn.Module, fake: Generated, real: Real, module: nn.Module | None, step: Step) -> Tensor:
        """Return the head's loss on the real batch and, weighted, the generator's on the samples."""
        assert module is not None
        assert fake.c is not None
        assert real.c is not None
        held = {name: parameter.detach() for name, parameter in module.named_parameters()}
        learning = label_loss(module(real.features()), real.c)
        shown = label_loss(functional_call(module, held, (fake.h,)), fake.c)
        return learning + self.options.weight * shown


def label_loss(logits: Tensor, c: Tensor) -> Tensor:
    """Return the cross-entropy of classes ``[N]``, or the binary one of attributes ``[N, A]``, there above 0.5."""
    if c.dtype == torch.int64:
        return F.cross_entropy(logits, c)
    return F.binary_cross_entropy_with_logits(logits, (c > 0.5).to(logits))
