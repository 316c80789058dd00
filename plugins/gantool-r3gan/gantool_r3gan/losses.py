"""The relativistic pairing loss, on raw scores ``[N]``."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from gantool import Options


class RpGan:
    """D tells which of a real and a fake is the real one; pairs are the i-th real with the i-th fake.

    Jolicoeur-Martineau 2018 (arXiv 1807.00734), there the relativistic standard GAN; Huang et al. 2024
    (arXiv 2501.05441), eq. 2, in the non-saturating form for both players. -log sigmoid(s) = softplus(-s).
    """

    needs_real_for_generator = True

    def __init__(self, options: Options) -> None: ...

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return E softplus(-(D(x) - D(G(z))))."""
        return softplus(fake_scores - real_scores).mean()

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Tensor:
        """Return E softplus(-(D(G(z)) - D(x)))."""
        assert real_scores is not None  # needs_real_for_generator
        return softplus(real_scores - fake_scores).mean()
