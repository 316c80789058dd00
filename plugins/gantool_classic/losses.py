"""BCE, minimax and Wasserstein losses, on raw scores ``[N]``."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from gantool import Options


class Bce:
    """Cross-entropy with labels 1 for real and 0 for fake, in its non-saturating form.

    Goodfellow et al. 2014, section 3. The probability is the sigmoid of the score, and
    -log sigmoid(s) = softplus(-s).
    """

    needs_real_for_generator = False
    scores_are_logits = True

    def __init__(self, options: Options) -> None: ...

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return E softplus(-d(x)) + E softplus(d(G(z)))."""
        return softplus(-real_scores).mean() + softplus(fake_scores).mean()

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Tensor:
        """Return E softplus(-d(G(z))), which keeps its slope where D wins."""
        return softplus(-fake_scores).mean()


class Minimax(Bce):
    """The same loss of D with G's saturating one, E log(1 - D(G(z))): Goodfellow et al. 2014, eq. 1."""

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Tensor:
        """Return -E softplus(d(G(z))), whose slope vanishes where D wins."""
        return -softplus(fake_scores).mean()


class Wasserstein:
    """The critic separates the means of its scores, the generator raises its own: Arjovsky et al. 2017, eq. 2 and 3.

    The negative of the critic's loss, over the critic's slope, estimates the Earth Mover's distance.
    """

    needs_real_for_generator = False

    def __init__(self, options: Options) -> None: ...

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return E C(G(z)) - E C(x)."""
        return fake_scores.mean() - real_scores.mean()

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Tensor:
        """Return -E C(G(z))."""
        return -fake_scores.mean()
