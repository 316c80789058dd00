"""Numbers of the steps since the last report, kept on the device until they are asked for."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gantool.errors import TrainingError

__all__ = ["Statistics"]


class Statistics:
    """Collects scalars by name without waiting for the device; ``flush`` reads them all at once."""

    def __init__(self) -> None:
        self._values: dict[str, list[Tensor]] = {}
        self._steps: dict[str, list[int]] = {}

    def add(self, name: str, value: Tensor, step: int) -> None:
        """Note a scalar of one step."""
        self._values.setdefault(name, []).append(value.detach())
        self._steps.setdefault(name, []).append(step)

    def flush(self) -> dict[str, float]:
        """Return the mean of each name and forget the values.

        Raises TrainingError naming the term and the step of the first number that is not finite.
        """
        means: dict[str, float] = {}
        broken: tuple[int, str, float] | None = None
        for name, tensors in self._values.items():
            numbers = torch.stack(tensors).float().tolist()
            means[name] = math.fsum(numbers) / len(numbers) if all(map(math.isfinite, numbers)) else math.nan
            for step, number in zip(self._steps[name], numbers, strict=True):
                if not math.isfinite(number) and (broken is None or step < broken[0]):
                    broken = (step, name, number)
        self._values, self._steps = {}, {}
        if broken:
            step, name, number = broken
            raise not_finite(step, f"{name} became {number}", "losses")
        return means


def not_finite(step: int, given: str, needed: str) -> TrainingError:
    """Return the error of a step that went wrong, with what to try."""
    hint = "lower --lr-g and --lr-d, or take --precision fp32; the last good checkpoint stays"
    return TrainingError(f"step {step}", given, f"training needs finite {needed}", hint)
