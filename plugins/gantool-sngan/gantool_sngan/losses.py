"""The hinge loss, on raw scores ``[N]``."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import relu

from gantool import Options


class Hinge:
    """D asks of real samples scores over 1 and of generated ones under -1, and no more.

    Lim & Ye 2017 (arXiv 1705.02894); Miyato et al. 2018, eq. 16 and 17.
    """

    needs_real_for_generator = False

    def __init__(self, options: Options) -> None: ...

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return E max(0, 1 - D(x)) + E max(0, 1 + D(G(z)))."""
        return relu(1 - real_scores).mean() + relu(1 + fake_scores).mean()

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Tensor:
        """Return -E D(G(z))."""
        return -fake_scores.mean()
