"""The prior: z is a list of named slots, each with its distribution; it is written into every checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from gantool.errors import FileError, OptionError
from gantool.interfaces import Slot
from gantool.latent import seeds as seeding

__all__ = ["Prior", "Slot"]

DISTRIBUTIONS = ("normal", "uniform", "categorical")
MOST_DIMENSIONS = 2**20


@dataclass(frozen=True)
class Prior:
    """The distribution of z, slot behind slot."""

    slots: tuple[Slot, ...]

    @property
    def dim(self) -> int:
        """The width of z."""
        return sum(slot.dim for slot in self.slots)

    def draw(self, n: int, random: torch.Generator) -> Tensor:
        """Draw ``z [n, dim]`` for training."""
        parts = [_draw(slot.distribution, n, slot.dim, random) for slot in self.slots]
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)

    def latents(self, seeds: Sequence[int], truncation: float | None = None) -> Tensor:
        """Return ``z [len(seeds), dim]``, row by row a function of its seed alone.

        ``truncation`` t keeps every normal number within t standard deviations, by the inverse CDF of the truncated
        normal, and scales uniform ones by min(t, 1): a smaller t moves the same seed smoothly towards the middle.
        Categories stay as they are.
        """
        u = torch.stack([self._uniform(seed) for seed in seeds])
        slots = zip(self.slots, torch.split(u, [slot.dim for slot in self.slots], 1), strict=True)
        return torch.cat([_quantile(slot.distribution, part, truncation) for slot, part in slots], 1).float()

    def _uniform(self, seed: int) -> Tensor:
        random = seeding.generator(seed, "latent")
        return torch.cat([torch.rand(slot.dim, generator=random, dtype=torch.float64) for slot in self.slots])

    def describe(self) -> list[dict[str, Any]]:
        """Return the slots as plain data."""
        return [asdict(slot) for slot in self.slots]

    @classmethod
    def restore(cls, slots: Iterable[Mapping[str, Any]], where: str) -> Prior:
        """Return the prior that ``describe`` described. Raises FileError for anything else."""
        try:
            restored = tuple(Slot(str(slot["name"]), slot["distribution"], slot["dim"]) for slot in slots)
        except (TypeError, KeyError) as error:
            raise FileError(where, "has a malformed prior", "a list of slots") from error
        if not restored or sum(slot.dim for slot in restored if type(slot.dim) is int) > MOST_DIMENSIONS:
            raise FileError(where, "has an empty or an absurdly wide prior", f"1 to {MOST_DIMENSIONS} dimensions")
        for slot in restored:
            whole = type(slot.dim) is int and 0 < slot.dim <= MOST_DIMENSIONS
            if slot.distribution not in DISTRIBUTIONS or not whole:
                raise FileError(where, f"has an unknown slot in its prior: {slot}", ", ".join(DISTRIBUTIONS))
        return cls(restored)


def _draw(distribution: str, n: int, dim: int, random: torch.Generator) -> Tensor:
    if distribution == "uniform":
        return torch.rand(n, dim, generator=random) * 2 - 1
    if distribution == "categorical":
        return one_hot(torch.randint(dim, (n,), generator=random), dim).float()
    return torch.randn(n, dim, generator=random)


def _quantile(distribution: str, u: Tensor, truncation: float | None) -> Tensor:
    """Turn ``u [N, dim]``, uniform in [0, 1), into a distribution's numbers, or each row into a category."""
    if truncation is not None and not 0 < truncation <= 100:
        raise OptionError("--truncation", f"{truncation} was given", "a number above 0, at most 100", "try 0.7")
    if distribution == "uniform":
        return (u * 2 - 1) * min(truncation or 1.0, 1.0)
    if distribution == "categorical":
        return one_hot((u[:, 0] * u.shape[1]).long(), u.shape[1]).double()
    lower = torch.special.ndtr(torch.tensor(-(truncation or 100.0), dtype=torch.float64))
    # u is a multiple of 2^-53 and may be 0; half of that keeps the quantile finite
    middle = (u + 2.0**-54).clamp(max=1 - 2.0**-53)  # the sum may round up to 1
    quantile: Tensor = torch.special.ndtri(lower + middle * (1 - 2 * lower))
    return quantile
