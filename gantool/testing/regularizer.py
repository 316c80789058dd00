"""Checks of kind ``regularizer``: its slots, and its term on a small generator of pictures and of points."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from gantool.errors import UserError
from gantool.interfaces import Condition, Generated, Real
from gantool.latent.prior import DISTRIBUTIONS, Prior
from gantool.networks import ConditionedGenerator
from gantool.testing.case import Case, require
from gantool.training.phases import TrainingStep

__all__ = [
    "check_slots_are_known",
    "check_term_is_a_scalar_that_reaches_the_generator",
    "check_term_leaves_the_generator_alone",
]

CONDITION = Condition("classes", ("ant", "bee", "cat"))
SHAPES = ((3, 16, 16), (2,))
N, NOISE, FEATURES = 6, 4, 10


class Side(nn.Module):
    """Joins a one-hot label to z."""

    def forward(self, z: Tensor, c: Tensor) -> tuple[Tensor, None]:
        """``z [N, D]``, ``c [N]`` -> ``([N, D + 3], None)``."""
        return torch.cat([z, nn.functional.one_hot(c, len(CONDITION)).float()], 1), None


class Net(nn.Module):
    """A smooth network from ``[N, D]`` to samples of a shape."""

    def __init__(self, width: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.layers: nn.Sequential = nn.Sequential(
            nn.Linear(width, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, torch.Size(shape).numel())
        )
        self.shape = shape

    def forward(self, z: Tensor, code: Tensor | None = None) -> Tensor:
        """``z [N, D]`` -> ``[N, *shape]``."""
        return torch.tanh(self.layers(z)).view(len(z), *self.shape)


class Scene:
    """A step's generator, samples, real batch and the regularizer with its module."""

    def __init__(self, case: Case, shape: tuple[int, ...]) -> None:
        torch.manual_seed(0)
        self.part: Any = case.create()
        slots = self.part.slots()
        noise = Prior.restore([{"name": "noise", "distribution": "normal", "dim": NOISE}], "the check")
        self.prior: Prior = Prior((*noise.slots, *slots))
        self.G = ConditionedGenerator(Net(self.prior.dim + len(CONDITION), shape), Side())
        self.module: nn.Module | None = self.part.module(shape, FEATURES, CONDITION)
        random = torch.Generator().manual_seed(1)
        self.z: Tensor = self.prior.draw(N, random)
        self.c: Tensor = torch.arange(N) % len(CONDITION)
        self.to_features: Tensor = torch.randn(torch.Size(shape).numel(), FEATURES, generator=random)
        x = torch.rand(N, *shape, generator=random) * 2 - 1
        self.real: Real = Real(x, self.c, lambda: x.flatten(1) @ self.to_features)

    def term(self) -> Tensor | None:
        """Return the term of step 0."""
        return self.term_of(self.samples())

    def samples(self) -> Generated:
        """Return what G makes of the scene's latents."""
        x = self.G(self.z, self.c)
        return Generated(self.z, self.c, x, x.flatten(1) @ self.to_features, self.z[:, NOISE:])

    def term_of(self, fake: Generated) -> Tensor | None:
        """Return the term of step 0 for samples."""
        step = TrainingStep(0, 0, torch.device("cpu"))
        found: Tensor | None = self.part.term(self.G, fake, self.real, self.module, step)
        return found


def scenes(case: Case) -> list[Scene]:
    """Build a scene for pictures and one for points; those that the component refuses with a UserError are left out."""
    found = []
    for shape in SHAPES:
        with suppress(UserError):
            scene = Scene(case, shape)
            scene.term()
            found.append(scene)
    require(bool(found), "refuses pictures as well as points")
    return found


def check_slots_are_known(case: Case) -> None:
    """Require slots of a known distribution, each with a name of its own and at least one number."""
    slots = case.create().slots()
    for slot in slots:
        require(slot.distribution in DISTRIBUTIONS, f"the slot {slot} is none of: {', '.join(DISTRIBUTIONS)}")
        require(slot.dim > 0, f"the slot {slot} has no number")
    names = [slot.name for slot in slots]
    require(len(set(names)) == len(names), f"two slots have one name: {names}")
    require("noise" not in names, "the slot 'noise' is the training's own")


def check_term_is_a_scalar_that_reaches_the_generator(case: Case) -> None:
    """Require a finite scalar on step 0, with finite slopes for G and for the module's parameters."""
    for scene in scenes(case):
        value = scene.term()
        require(value is not None, "term() of step 0 is None")
        assert value is not None
        require(value.shape == (), f"term() has the shape {tuple(value.shape)}; reduce it to a scalar")
        require(bool(value.isfinite()), f"term() is {value.item()}")
        owned = [] if scene.module is None else list(scene.module.parameters())
        networks = [*scene.G.parameters(), *owned]
        slopes = torch.autograd.grad(value, networks, allow_unused=True)
        finite = all(slope is None or bool(slope.isfinite().all()) for slope in slopes)
        require(finite, "term() has a slope that is not finite")
        of_generator, of_module = slopes[: len(networks) - len(owned)], slopes[len(networks) - len(owned) :]
        require(any(slope is not None and bool(slope.any()) for slope in of_generator), "term() does not depend on G")
        require(all(slope is not None for slope in of_module), "term() does not train all of its own module")


def check_term_leaves_the_generator_alone(case: Case) -> None:
    """Require that G keeps its mode and its state and gets no gradient by itself; the same step gives the same term."""
    for scene in scenes(case):
        fake = scene.samples()
        before = {name: value.clone() for name, value in scene.G.state_dict().items()}
        one, two = scene.term_of(fake), scene.term_of(fake)
        require(scene.G.training, "term() leaves G in eval mode")
        require(all(part.grad is None for part in scene.G.parameters()), "term() calls backward itself")
        after = scene.G.state_dict()
        require(all(torch.equal(value, after[name]) for name, value in before.items()), "term() changes G's state")
        require(one is not None and two is not None and torch.allclose(one, two), "one step gives two terms")
