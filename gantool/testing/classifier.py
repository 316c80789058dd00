"""Checks of kind ``classifier``: one that is trained builds networks for any shape; one that comes trained is usable.

A classifier whose weights are not installed must say so; nothing further is asked of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gantool.errors import UserError
from gantool.testing.case import Case, require

__all__ = [
    "check_names_are_unique",
    "check_network_follows_its_input",
    "check_network_gives_its_outputs",
    "check_pictures_are_independent_in_eval",
    "check_state_round_trip",
]

SHAPES = ((3, 32, 32), (1, 28, 20), (3, 5, 3), (4, 16, 16), (7,))
N, OUTPUTS = 4, 5


def networks(case: Case) -> Iterator[tuple[nn.Module, Any, int, tuple[int, ...]]]:
    """Yield networks in eval mode, with a function that builds another, their outputs and their shapes.

    A component that comes trained may refuse shapes by a UserError, but not all of them where its weights are there.
    """
    part = case.create()
    outputs = OUTPUTS if part.names is None else len(part.names)
    for shape in SHAPES:
        try:
            network = build(part, shape, outputs, 0)
        except UserError as error:
            said = bool(error.allowed or error.hint)
            require(said, f"says only: {error}; add what is allowed or what to type next")
            require(part.names is not None, f"refuses pictures of {shape}, and is one to be trained: {error}")
            continue
        yield network, lambda seed, shape=shape: build(part, shape, outputs, seed), outputs, shape


def build(part: Any, shape: tuple[int, ...], outputs: int, seed: int) -> nn.Module:
    """Build a network whose first weights follow from a seed."""
    torch.manual_seed(seed)
    network: nn.Module = part.network(shape, outputs)
    return network.eval()


def examples(shape: tuple[int, ...]) -> Tensor:
    """Return ``x [N, *shape]`` in [-1, 1]."""
    return torch.rand(N, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def check_names_are_unique(case: Case) -> None:
    """Require that ``names`` is None, or at least two names that differ."""
    names = case.create().names
    if names is not None:
        require(len(names) >= 2, f"comes trained with {len(names)} names; a softmax has at least 2")
        twice = sorted({name for name in names if list(names).count(name) > 1})
        require(not twice, f"names stand twice: {twice}")


def check_network_gives_its_outputs(case: Case) -> None:
    """Require finite outputs ``[N, outputs]`` for pictures of every size, and for vectors."""
    for network, _, outputs, shape in networks(case):
        found = network(examples(shape))
        expected = (N, outputs)
        require(tuple(found.shape) == expected, f"outputs are {tuple(found.shape)} for {shape}, expected {expected}")
        require(bool(found.isfinite().all()), f"an output is not finite for {shape}")


def check_network_follows_its_input(case: Case) -> None:
    """Require a finite slope, not zero, from each output's sum to the picture: steering follows it."""
    for network, _, _, shape in networks(case):
        x = examples(shape).requires_grad_()
        (slope,) = torch.autograd.grad(network(x).square().sum(), x)
        moved = bool(slope.isfinite().all()) and bool((slope.flatten(1).abs().sum(1) > 0).all())
        require(moved, f"no finite slope reaches the picture for {shape}")


def check_pictures_are_independent_in_eval(case: Case) -> None:
    """Require that a picture's outputs do not depend on the batch it stands in."""
    for network, _, _, shape in networks(case):
        x = examples(shape)
        with torch.no_grad():
            alone, together = network(x[:1]), network(x)[:1]
        close = torch.allclose(alone, together, rtol=1e-4, atol=1e-4)
        require(close, f"a picture of {shape} alone has other outputs than in a batch")


def check_state_round_trip(case: Case) -> None:
    """Require equal outputs from a new network that was given the state of an old one."""
    for old, again, _, shape in networks(case):
        new = again(1)
        new.load_state_dict(old.state_dict())
        with torch.no_grad():
            same = torch.equal(new(examples(shape)), old(examples(shape)))
        require(same, "a network has state outside its state_dict")
