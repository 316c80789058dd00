"""Checks of kind ``metric``: on a small subject made of random numbers, whose two sides are alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gantool.config import RunConfig
from gantool.errors import UserError
from gantool.interfaces import Condition, Figure, Judged, Modes
from gantool.networks import build_discriminator
from gantool.testing.case import Case, require

__all__ = [
    "check_figure_is_a_number_in_its_interval",
    "check_inputs_are_left_alone",
    "check_says_what_it_needs",
    "check_seed_decides",
]

COUNT, FEATURES, SHAPE = 300, 6, (3, 16, 16)
CLASSES = Condition("classes", ("red", "green", "blue"))


@dataclass(eq=False)
class Stand:
    """A subject of random pictures, features and labels; ``bare`` has neither labels nor classes nor modes."""

    config: RunConfig
    bare: bool = False
    count: int = COUNT
    real_count: int = COUNT
    seed: int = 0

    def __post_init__(self) -> None:
        random = torch.Generator().manual_seed(2)
        self.fake: Judged = _judged(random)
        self.real: Judged = _judged(random)
        self.labels: Tensor | None = None if self.bare else torch.randint(3, (COUNT,), generator=random)
        self.real_labels: Tensor | None = None if self.bare else torch.randint(3, (COUNT,), generator=random)
        self.pictures: Tensor = torch.rand(COUNT, *SHAPE, generator=random) * 2 - 1
        self.names: tuple[str, ...] | None = None if self.bare else CLASSES.names
        self.condition: Condition | None = None if self.bare else CLASSES
        self.modes: Modes | None = None
        torch.manual_seed(0)
        D = build_discriminator(self.config, SHAPE, None, self.config.training.latent_dim)
        self.critic: nn.Module = D.eval().requires_grad_(False)

    def samples(self, count: int, c: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Return the first pictures, without a condition."""
        return self.pictures[:count], None

    def examples(self, count: int) -> tuple[Tensor, Tensor | None]:
        """Return the last pictures, without a condition."""
        return self.pictures.flip(0)[:count], None

    def tensors(self) -> list[Tensor]:
        """Return all that a metric may look at and must not change."""
        judged = [part for side in (self.fake, self.real) for part in (side.features, side.logits) if part is not None]
        labels = [part for part in (self.labels, self.real_labels) if part is not None]
        return [*judged, *labels, self.pictures, *self.critic.state_dict().values()]


def _judged(random: torch.Generator) -> Judged:
    return Judged(torch.randn(COUNT, FEATURES, generator=random), torch.randn(COUNT, 3, generator=random))


def create(case: Case) -> Any:
    """Make the metric; None where it says what it lacks."""
    try:
        return case.create()
    except UserError as error:
        require(bool(error.allowed or error.hint), f"says only: {error}; add what is allowed or what to type next")
        return None


def measured(case: Case, state: int = 0) -> Figure | None:
    """Return the figure of a subject, with torch's own generator at some state; None where the metric refuses."""
    metric, subject = create(case), Stand(case.config())
    torch.manual_seed(state)
    return None if metric is None or metric.refuses(subject) else metric.measure(subject)


def check_says_what_it_needs(case: Case) -> None:
    """Require known ``needs`` and ``better``, and a reason in text where it cannot measure."""
    metric = create(case)
    if metric is None:
        return
    require(set(metric.needs) <= {"extractor"}, f"needs {metric.needs}; known: extractor")
    require(metric.better in ("lower", "higher", None), f"better is {metric.better!r}; known: lower, higher, None")
    require(all(isinstance(name, str) for name in metric.packages), "packages are not names")
    for bare in (False, True):
        reason = metric.refuses(Stand(case.config(), bare))
        require(reason is None or (isinstance(reason, str) and bool(reason)), f"refuses by {reason!r}, not by a reason")


def check_figure_is_a_number_in_its_interval(case: Case) -> None:
    """Require a finite value between the bounds of its interval, and details that are numbers."""
    figure = measured(case)
    if figure is None:
        return
    numbers = [number for number in (figure.value, figure.low, figure.high) if number is not None]
    require(all(isinstance(number, (int, float)) for number in numbers), f"{numbers} are not all numbers of Python")
    require(math.isfinite(figure.value), f"the value is {figure.value}")
    require((figure.low is None) == (figure.high is None), "has one bound of an interval")
    if figure.low is not None and figure.high is not None:
        require(figure.low <= figure.value <= figure.high, f"{figure.value} is not in {figure.low} to {figure.high}")
    odd = [name for name, value in figure.details.items() if not isinstance(value, (int, float))]
    require(not odd, f"details are no numbers: {odd}")


def check_seed_decides(case: Case) -> None:
    """Require that the subject alone decides the figure, wherever torch's own generator stands."""
    require(measured(case, 1) == measured(case, 2), "the same subject gives another figure")


def check_inputs_are_left_alone(case: Case) -> None:
    """Require that measuring changes no tensor of the subject."""
    metric, subject = create(case), Stand(case.config())
    if metric is None or metric.refuses(subject):
        return
    before = [tensor.clone() for tensor in subject.tensors()]
    metric.measure(subject)
    same = all(torch.equal(old, new) for old, new in zip(before, subject.tensors(), strict=True))
    require(same, "a tensor of the subject was changed")
