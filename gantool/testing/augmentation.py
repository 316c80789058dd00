"""Checks of kind ``augmentation``: what D sees is differentiable, follows from the step, and is right for any share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from gantool.errors import UserError
from gantool.testing.case import Case, require
from gantool.training.phases import TrainingStep

__all__ = [
    "check_adapts_its_buffers_alone",
    "check_inputs_are_left_alone",
    "check_shape_and_slope_are_kept",
    "check_share_decides_nothing",
    "check_step_decides_the_look",
    "check_twice_differentiable",
]

SHAPES = ((3, 16, 16), (1, 9, 12), (4, 8, 8), (2,))
N = 6
FAR = (200, 10_000)  # steps and images in each, by which what adapts has gone as far as it can


def step(number: int = 0, share: slice | None = None) -> TrainingStep:
    """Return a step as the training makes one."""
    return TrainingStep(number, 0, torch.device("cpu"), share=share or slice(None), batch=N, scope="D look 0 ")


def built(case: Case) -> Iterator[tuple[Any, Any, Tensor]]:
    """Yield the component, its module and samples of each shape that it takes: at first, and adapted either way.

    Fails where there is none.
    """
    found = False
    for shape in SHAPES:
        for scores in (None, torch.ones(N), -torch.ones(N)):
            with suppress(UserError):
                part = case.create()
                module = part.module(shape)
                if scores is not None and (measured := part.measure(scores, -scores)) is not None:
                    for _ in range(FAR[0]):
                        part.adapt(module, measured, FAR[1])
                found = True
                yield part, module, torch.rand(N, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    require(found, f"refuses every shape of {SHAPES}")


def check_shape_and_slope_are_kept(case: Case) -> None:
    """Require finite samples of the shape and type that came in, and a finite slope at every sample."""
    for part, module, x in built(case):
        seen = part.augment(x.requires_grad_(), module, step())
        found = (tuple(seen.shape), seen.dtype)
        require(found == (tuple(x.shape), x.dtype), f"augment() gives {found} for {tuple(x.shape)}, {x.dtype}")
        require(bool(seen.isfinite().all()), "augment() gives numbers that are not finite")
        (slope,) = torch.autograd.grad(seen.square().sum(), x)
        require(bool(slope.isfinite().all()), "the slope of augment() is not finite")
        reached = slope.flatten(1).any(dim=1)
        require(bool(reached.any()), "no slope comes back through augment(): the generator would learn nothing")


def check_twice_differentiable(case: Case) -> None:
    """Require that a penalty on the slope at x can be minimised: a graph of the slope."""
    for part, module, x in built(case):
        weight = torch.ones(x[0].numel(), requires_grad=True)
        scores = (part.augment(x.requires_grad_(), module, step()).flatten(1) * weight).square().sum()
        (slope,) = torch.autograd.grad(scores, x, create_graph=True)
        (found,) = torch.autograd.grad(slope.square().sum(), weight, allow_unused=True)
        require(found is not None and bool(found.isfinite().all()), "the slope of augment() has no slope of its own")


def check_step_decides_the_look(case: Case) -> None:
    """Require the same look for the same step, whatever torch's global seed is: a resumed run is exact."""
    for part, module, x in built(case):
        looks = []
        for seed in (1, 2):
            torch.manual_seed(seed)
            looks.append(part.augment(x, module, step(3)))
        require(torch.equal(*looks), "two looks of one step differ; draw with step.rand, not with torch.rand")


def check_share_decides_nothing(case: Case) -> None:
    """Require that a sample is seen alike in a whole batch and in a part of it: of processes, or of --accumulate."""
    for part, module, x in built(case):
        whole = part.augment(x, module, step())
        for rows in (slice(0, 2), slice(2, N)):
            alone = part.augment(x[rows], module, step(share=rows))
            close = torch.allclose(whole[rows], alone, atol=1e-5)
            require(close, "a part of a batch is seen otherwise; let the first number of step.rand's shape be len(x)")


def check_inputs_are_left_alone(case: Case) -> None:
    """Require that samples keep their values."""
    for part, module, x in built(case):
        before = x.clone()
        part.augment(x, module, step())
        require(torch.equal(x, before), "augment() changes its samples in place")


def check_adapts_its_buffers_alone(case: Case) -> None:
    """Require no parameters, of ``measure`` None or a scalar, and a finite state of the same shapes after ``adapt``."""
    for part, module, _ in built(case):
        trained = [] if module is None else list(module.parameters())
        require(not trained, "the module has parameters, which nothing trains: register buffers")
        measured = part.measure(torch.linspace(-1, 2, N), torch.linspace(-2, 1, N))
        if measured is None:
            continue
        require(measured.shape == (), f"measure() has the shape {tuple(measured.shape)}; reduce it to a scalar")
        require(module is not None, "what measure() gives has nothing to change: module() is None")
        before = {name: value.clone() for name, value in module.state_dict().items()}
        for _ in range(100):
            part.adapt(module, measured, N)
        after = module.state_dict()
        same = all(value.shape == before[name].shape for name, value in after.items())
        require(same, "adapt() changes the shape of its state")
        require(all(bool(value.isfinite().all()) for value in after.values()), "adapt() leaves what is not finite")
