"""Checks of kind ``lipschitz``: the three calls, on a small critic of pictures and one of points."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from gantool.testing.case import Case, require
from gantool.training.phases import TrainingStep

__all__ = [
    "check_penalty_is_a_scalar",
    "check_penalty_keeps_the_condition",
    "check_penalty_leaves_its_inputs_alone",
    "check_penalty_reaches_the_critic",
    "check_prepared_critic_trains",
    "check_step_decides_the_penalty",
]

SHAPES = ((3, 8, 8), (2,))
N, STEPS = 4, range(4)


class Critic(nn.Module):
    """Two layers on ``[N, C, H, W]`` or ``[N, D]``; it notes each ``c`` that it is given."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        torch.manual_seed(0)
        width = 4 * prod(side // 2 for side in shape[1:]) if len(shape) == 3 else 8
        self.layers: nn.Sequential = nn.Sequential(
            nn.Conv2d(shape[0], 4, 4, 2, 1) if len(shape) == 3 else nn.Linear(shape[0], width),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
        )
        self.head: nn.Linear = nn.Linear(width, 1)
        self.seen: list[tuple[int, Tensor | None]] = []

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """``x``, ``c`` -> raw scores ``[N]``."""
        self.seen.append((len(x), c))
        scores: Tensor = self.head(self.layers(x))
        return scores.squeeze(1)


def prepared(case: Case, shape: tuple[int, ...]) -> tuple[Any, Critic]:
    """Return the enforcer and a critic that it has prepared."""
    enforcer, D = case.create(), Critic(shape)
    enforcer.prepare(D)
    return enforcer, D


def batch(shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Return real and fake examples and their labels int64 ``[N]``."""
    random = torch.Generator().manual_seed(1)
    real, fake = torch.rand(2, N, *shape, generator=random) * 2 - 1
    return real, fake, torch.arange(N)


def penalty(
    case: Case, shape: tuple[int, ...], number: int, *, bf16: bool = False, seed: int = 0
) -> tuple[Tensor | None, Critic]:
    """Return the penalty of one step on a fresh critic, in the way the training asks for it.

    ``seed`` is that of torch's global generator, which a penalty should not draw from.
    """
    enforcer, D = prepared(case, shape)
    real, fake, c = batch(shape)

    def scores(x: Tensor, c: Tensor | None) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            found: Tensor = D(x, c)
        return found.float()

    D.seen.clear()
    torch.manual_seed(seed)
    return enforcer.penalty(scores, real, fake, c, TrainingStep(number, 0, torch.device("cpu"))), D


def check_prepared_critic_trains(case: Case) -> None:
    """Require that a prepared critic scores ``[N]``, moves in an optimizer's step, and that its state can be kept."""
    for shape in SHAPES:
        enforcer, D = prepared(case, shape)
        real, fake, c = batch(shape)
        require(tuple(D(real, c).shape) == (N,), f"a prepared critic scores {tuple(D(real, c).shape)} for {N} examples")
        optimizer = torch.optim.Adam(D.parameters(), lr=1e-3)
        before = [parameter.detach().clone() for parameter in D.parameters()]
        loss = D(fake, c).mean() - D(real, c).mean()
        term = enforcer.penalty(D, real, fake, c, TrainingStep(0, 0, torch.device("cpu")))
        (loss if term is None else loss + term).backward()
        optimizer.step()
        enforcer.after_step(D)
        moved = any(not torch.equal(a, b) for a, b in zip(before, D.parameters(), strict=True))
        require(moved, f"no parameter of the critic moved in a step, for {shape}")
        _, other = prepared(case, shape)
        other.load_state_dict(D.state_dict())
        same = torch.equal(other.eval()(real, c), D.eval()(real, c))
        require(same and bool(D(real, c).isfinite().all()), "a critic that was given the state scores differently")


def check_penalty_is_a_scalar(case: Case) -> None:
    """Require None or a finite float32 scalar of at least 0, in fp32 and with a critic in bfloat16."""
    for shape in SHAPES:
        for bf16 in (False, True):
            for number in STEPS:
                value, _ = penalty(case, shape, number, bf16=bf16)
                if value is not None:
                    where = f"the penalty of step {number} for {shape}{' in bfloat16' if bf16 else ''}"
                    found = (tuple(value.shape), value.dtype)
                    require(found == ((), torch.float32), f"{where} is {found}, not a float32 scalar")
                    require(bool(value.isfinite()) and value.item() >= 0, f"{where} is {value.item()}")


def check_penalty_reaches_the_critic(case: Case) -> None:
    """Require that a penalty has finite slopes at the critic's parameters: create_graph was not forgotten."""
    for shape in SHAPES:
        for number in STEPS:
            value, D = penalty(case, shape, number)
            if value is not None:
                require(value.requires_grad, "the penalty has no graph to the critic; take create_graph=True")
                value.backward()  # type: ignore[no-untyped-call]
                slopes = [parameter.grad for parameter in D.parameters() if parameter.grad is not None]
                require(bool(slopes), "the penalty reaches no parameter of the critic")
                require(all(bool(slope.isfinite().all()) for slope in slopes), "the penalty's slope is not finite")


def check_step_decides_the_penalty(case: Case) -> None:
    """Require the same penalty for the same step, whatever torch's global seed is: a resumed run is exact."""
    for shape in SHAPES:
        for number in STEPS:
            one, other = (penalty(case, shape, number, seed=seed)[0] for seed in (1, 2))
            same = torch.equal(one, other) if one is not None and other is not None else one is other
            require(same, f"two penalties of step {number} differ; draw with step.rand, not with torch.rand")


def check_penalty_keeps_the_condition(case: Case) -> None:
    """Require that the critic is never asked without labels, and gets one label for each example."""
    for number in STEPS:
        _, D = penalty(case, SHAPES[0], number)
        for length, c in D.seen:
            require(c is not None, "the critic was called without c; a mixed example takes the real one's")
            require(c is not None and len(c) == length, f"the critic got {length} examples with another number of c")


def check_penalty_leaves_its_inputs_alone(case: Case) -> None:
    """Require that real and fake examples keep their values and collect no gradients."""
    enforcer, D = prepared(case, SHAPES[0])
    real, fake, c = batch(SHAPES[0])
    value = enforcer.penalty(D, real, fake, c, TrainingStep(0, 0, torch.device("cpu")))
    if value is not None and value.requires_grad:
        value.backward()
    for name, given, expected in zip(("real", "fake", "c"), (real, fake, c), batch(SHAPES[0]), strict=True):
        require(torch.equal(given, expected), f"the penalty changes {name} in place")
        require(not given.requires_grad, f"the penalty asks for gradients of {name} itself; use a copy")
