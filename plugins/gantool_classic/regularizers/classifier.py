"""A trained classifier ties one slot of z to each feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gantool import Condition, Generated, Real, Scorer, Slot, Step, load_plugins, open_scorer
from gantool.errors import FileError
from gantool_classic.regularizers.settings import ClassifierSlotsOptions

if TYPE_CHECKING:
    from gantool.latent.scorer import Target

FILE, FEATURES = "--classifier.file", "--classifier.features"


class ClassifierSlots:
    """Adds one number to z for each feature, and a term that makes it say what the classifier sees, and only that.

    weight * mean_k (1 - r(code_k, score_k)) + leak_weight * mean over other features of r(code_k, score_j)^2, where r
    is Pearson's correlation over the batch: it asks for no scale, so that the data keep theirs.
    """

    def __init__(self, options: ClassifierSlotsOptions) -> None:
        self.options = options

    def slots(self) -> tuple[Slot, ...]:
        """Return a normal slot for each feature, named after it."""
        return tuple(Slot(name, "normal", 1) for name in self.options.features)

    def module(self, shape: tuple[int, ...], feature_dim: int, condition: Condition | None) -> nn.Module:
        """Return the hash of the classifier, which is saved with the run: it may move but not change.

        Raises FileError and OptionError for a file that is no classifier of such pictures or of these features.
        """
        self.scorer: Scorer = open_scorer(str(self.options.file), load_plugins().registry, shape, FILE)
        self.targets: list[Target] = [self.scorer.target(name, FEATURES) for name in self.options.features]
        return Fingerprint(self.scorer)

    def term(self, G: nn.Module, fake: Generated, real: Real, module: nn.Module | None, step: Step) -> Tensor:
        """Return the term. Raises FileError for another classifier than the run began with."""
        assert isinstance(module, Fingerprint)
        if not module.fits(self.scorer):
            hint = f"bring it back, or say where it lies now with {FILE}"
            given = "is another classifier than the run began with"
            raise FileError(str(self.options.file), given, "the same file", hint)
        scores = self._on(fake.x.device).scores(fake.x.float())
        aligned = torch.zeros((), device=fake.x.device)
        leaking = torch.zeros((), device=fake.x.device)
        for code, target in zip(fake.codes.T, self.targets, strict=True):
            aligned = aligned + 1 - correlation(code, target.score(scores)[:, None])[0]
            others = [column for column in range(scores.shape[1]) if column not in target.group]
            if others:
                leaking = leaking + correlation(code, scores[:, others]).square().mean()
        return (self.options.weight * aligned + self.options.leak_weight * leaking) / len(self.targets)

    def _on(self, device: torch.device) -> Scorer:
        self.scorer.network.to(device)
        return self.scorer


class Fingerprint(nn.Module):
    """Which classifier a run is tied to, as a tensor of its checkpoints."""

    def __init__(self, scorer: Scorer) -> None:
        super().__init__()
        self.sha256: Tensor
        self.register_buffer("sha256", digest(scorer))

    def fits(self, scorer: Scorer) -> bool:
        """Whether the run began with this classifier."""
        return torch.equal(self.sha256.cpu(), digest(scorer))


def digest(scorer: Scorer) -> Tensor:
    """Return a classifier's hash as uint8 ``[32]``."""
    return torch.frombuffer(bytearray.fromhex(scorer.hash), dtype=torch.uint8).clone()


def correlation(code: Tensor, scores: Tensor) -> Tensor:
    """Return Pearson's correlation of ``code [N]`` with each column of ``scores [N, K]``: ``[K]``."""
    a, b = code - code.mean(), scores - scores.mean(0)
    found: Tensor = (a[:, None] * b).sum(0) / (a.norm() * b.norm(dim=0)).clamp(min=1e-8)
    return found
