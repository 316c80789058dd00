"""A run's vitals, taken now and then: numbers that show whether it is healthy, at a cost that is bounded.

A reading leaves the run as it was, bit for bit: it draws from streams of its own, reads the scores and the gradients
that the last step left, and puts the networks into eval mode only while it looks at them. It makes no call that other
processes of a group would have to answer.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gantool.evaluation.scoring import auc
from gantool.latent import seeds
from gantool.training.batches import to_device
from gantool.training.phases import Phases
from gantool.training.resemblance import Resemblance, features

__all__ = ["Probe", "evaluating", "mean_slope"]

SAMPLES = 256  # fakes in a reading, and real examples that they are held against
MIXED = 64  # points between a real and a fake
MOST_SHARE = 0.03  # of a run's time, for readings


@dataclass(frozen=True)
class Reference:
    """Real examples that fakes are held against: as features, with their conditions, and the first as stored."""

    data: Resemblance
    c: Tensor | None  # of SAMPLES examples
    values: Tensor  # of MIXED examples


class Probe:
    """Takes the vitals of a run, of its generator as it is trained now and not of the average.

    Fakes are asked for with the labels of the real examples that they are held against.
    """

    def __init__(self, phases: Phases) -> None:
        self.phases = phases
        self.spent: float = 0.0  # seconds
        self._reference: Reference | None = None

    def affordable(self, seconds: float) -> bool:
        """Whether readings took at most 3 % of the ``seconds`` that the run has lasted."""
        return self.spent <= MOST_SHARE * seconds

    def take(self, losses: Mapping[str, float]) -> dict[str, float]:
        """Return the numbers of ``Vitals`` that can be taken now; ``losses`` are means since the last report."""
        began = time.monotonic()
        found = {name: losses[name] for name in ("loss_d", "loss_g") if name in losses}
        found |= self._of_scores() | self._of_gradients() | self._of_samples()
        self.spent += time.monotonic() - began
        return {name: value for name, value in found.items() if math.isfinite(value)}

    def _of_scores(self) -> dict[str, float]:
        """Read what D said in the last step, and how the losses followed it."""
        of_d, of_g, parts = self.phases.scores_d, self.phases.scores_g, len(self.phases.shares)
        if of_d is None or of_g is None:
            return {}
        return {
            "slope_d": parts * mean_slope(*of_d),
            "slope_g": parts * mean_slope(of_g),
            "separation": auc(*(scores.detach() for scores in of_d)),
        }

    def _of_gradients(self) -> dict[str, float]:
        """Read what the last step of G's optimizer went by."""
        gradients = [part.grad for part in self.phases.state.G.parameters() if part.grad is not None]
        return {"gradient_g": torch.stack([one.norm() for one in gradients]).norm().item()} if gradients else {}

    def _of_samples(self) -> dict[str, float]:
        """Hold samples against real examples, and look at D between them."""
        known = self._known()
        with evaluating(self.phases.state.G, self.phases.state.D):
            x, fake = self._fakes(known.c)
            if not x.isfinite().all():
                return {}
            found = {"coverage": known.data.coverage(x), "distance": known.data.distance(x), "noise": known.data.noise}
            if hasattr(self.phases.lipschitz, "slope"):
                found |= {"steepness": self._steepness(known, fake), "bound": self.phases.lipschitz.slope}
        return found

    @torch.no_grad()
    def _fakes(self, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Make samples with conditions; return the features of all and the first samples themselves."""
        phases = self.phases
        z = phases.state.prior.draw(SAMPLES, self._random("samples")).to(phases.device, phases.dtype)
        seen, first = [], []
        for rows in self._chunks(SAMPLES):
            fake = phases.generate(z[rows], None if c is None else c[rows])
            seen.append(features(fake))
            if rows.start < MIXED:
                first.append(fake)
        return torch.cat(seen), torch.cat(first)[:MIXED]

    def _steepness(self, known: Reference, fake: Tensor) -> float:
        """Return the mean norm of D's gradient at points between real and fake, one on each line."""
        share = torch.rand(MIXED, generator=self._random("mixed")).to(fake)
        norms = []
        for rows in self._chunks(MIXED):
            real, c = self._real(known.values[rows]), None if known.c is None else known.c[rows]
            mixed = torch.lerp(fake[rows], real, share[rows].view(-1, *[1] * (real.dim() - 1))).requires_grad_()
            (slope,) = torch.autograd.grad(self.phases.critic(mixed, c).sum(), mixed)
            norms.append(slope.flatten(1).norm(dim=1))
        return torch.cat(norms).mean().item()

    def _known(self) -> Reference:
        """Return the real examples, which are read once."""
        if self._reference is None:
            batches, random = self.phases.batches, seeds.generator(self.phases.training.seed, "vitals: real examples")
            parts = torch.randint(len(batches.values), (3, SAMPLES), generator=random).numpy()
            cells, real, others = (
                torch.cat([features(self._real(_stored(batches.values, rows[of]))) for of in self._chunks(SAMPLES)])
                for rows in parts
            )
            c = None if batches.labels is None else _stored(batches.labels, parts[1]).to(self.phases.device)
            first = _stored(batches.values, parts[1, :MIXED])
            self._reference = Reference(Resemblance(cells, real, others, random), c, first)
        return self._reference

    def _real(self, values: Tensor) -> Tensor:
        return to_device(values, self.phases.device, self.phases.memory_format, self.phases.dtype)

    def _chunks(self, count: int) -> Iterator[slice]:
        """Cut a number of samples into as many at once as training computes."""
        share = self.phases.shares[0]
        together = share.stop - share.start
        return (slice(start, min(start + together, count)) for start in range(0, count, together))

    def _random(self, stream: str) -> torch.Generator:
        state = self.phases.state
        return seeds.generator(self.phases.training.seed, f"vitals: {stream}", state.step)


def _stored(values: np.ndarray[Any, Any], rows: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values[rows]))


@contextlib.contextmanager
def evaluating(*networks: nn.Module) -> Iterator[None]:
    """Put networks into eval mode; afterwards each of their modules is in its own again."""
    modes = {module: module.training for network in networks for module in network.modules()}
    try:
        for network in networks:
            network.eval()
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def mean_slope(*scores: Tensor) -> float:
    """Return the mean size of the gradients at scores, each ``[N]``, times N: 1 where a loss is a mean of scores."""
    sizes = [0.0 if part.grad is None else part.grad.abs().sum().item() for part in scores]
    return sum(sizes) / len(sizes)
