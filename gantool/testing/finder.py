"""Checks of kind ``direction-finder``: what it finds in a small linear generator, whose directions are known."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from gantool.interfaces import Direction, Evidence, Slot
from gantool.testing.case import Case, require

__all__ = [
    "check_directions_lie_in_z",
    "check_inputs_are_left_alone",
    "check_needs_are_known",
    "check_network_is_left_alone",
    "check_seed_decides",
]

SLOTS = (Slot("noise", "normal", 5), Slot("code", "uniform", 2), Slot("kind", "categorical", 3))
NAMES = ("first", "second")
N = 80


class Linear(nn.Module):
    """G: ``z [N, 10]`` -> pictures ``[N, 1, 4, 4]``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer: nn.Linear = nn.Linear(width, 16)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        pictures: Tensor = self.layer(z)
        return pictures.tanh().view(-1, 1, 4, 4)


def evidence() -> Evidence:
    """Return all that a finder may look at; the same each time."""
    random = torch.Generator().manual_seed(0)
    codes = torch.rand(N, 2, generator=random) * 2 - 1
    kinds = torch.eye(3)[torch.randint(3, (N,), generator=random)]
    z = torch.cat([torch.randn(N, 5, generator=random), codes, kinds], 1)
    G = Linear(z.shape[1])
    with torch.no_grad():
        for parameter in G.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=random) / 4)
    G.eval().requires_grad_(False)

    def score(x: Tensor) -> Tensor:
        return x.flatten(1)[:, : len(NAMES)]

    with torch.no_grad():
        scores = score(G(z))
    thresholds = torch.zeros(len(NAMES))
    return Evidence(G, G, SLOTS, z, None, NAMES, scores, thresholds, score, (z[0], z[1]))


def find(case: Case, given: Evidence) -> list[Direction]:
    """Call the finder with the parts of the evidence that it says it needs, and no others."""
    finder = case.create()
    scored = {"scores", "score"} & set(finder.needs)
    if not scored:
        given = replace(given, names=(), scores=None, thresholds=None, score=None)
    elif "score" not in finder.needs:
        given = replace(given, score=None)
    found: list[Direction] = finder.find(given if "pair" in finder.needs else replace(given, pair=None))
    return found


def check_needs_are_known(case: Case) -> None:
    """Require that ``needs`` names parts of the evidence."""
    needs = case.create().needs
    known = {"z", "scores", "score", "pair"}
    require(set(needs) <= known, f"needs {set(needs) - known}; known: {', '.join(sorted(known))}")


def check_directions_lie_in_z(case: Case) -> None:
    """Require finite vectors ``[D]`` that are not zero, each with a name of its own: those asked for, in order."""
    found = find(case, evidence())
    require(bool(found), "no direction was found")
    names = [one.name for one in found]
    require(len(set(names)) == len(names), f"two directions have one name: {names}")
    if {"scores", "score"} & set(case.create().needs):
        require(tuple(names) == NAMES, f"asked for {NAMES}, found {tuple(names)}")
    for one in found:
        shape = tuple(one.vector.shape)
        require(shape == (evidence().z.shape[1],), f"{one.name} has the shape {shape}")
        require(bool(one.vector.isfinite().all()), f"{one.name} is not finite")
        require(bool(one.vector.any()), f"{one.name} is zero")
        numbers = [*one.figures.values(), *([] if one.intercept is None else [one.intercept])]
        require(
            all(torch.tensor(number).isfinite() for number in numbers), f"{one.name} has a figure that is not finite"
        )


def check_seed_decides(case: Case) -> None:
    """Require the same directions for the same evidence, whatever torch's global generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        first = find(case, evidence())
        torch.manual_seed(2)
        second = find(case, evidence())
    for left, right in zip(first, second, strict=True):
        same = left.name == right.name and left.intercept == right.intercept and torch.equal(left.vector, right.vector)
        require(same, f"{left.name} differs when it is found again: draw from evidence.seed")


def check_inputs_are_left_alone(case: Case) -> None:
    """Require that latents and scores keep their values and collect no gradients."""
    given, expected = evidence(), evidence()
    find(case, given)
    for name in ("z", "scores", "thresholds"):
        value = getattr(given, name)
        require(torch.equal(value, getattr(expected, name)), f"{name} is changed in place")
        require(not value.requires_grad, f"gradients of {name} itself are asked for; use a copy")


def check_network_is_left_alone(case: Case) -> None:
    """Require that the network keeps its weights, its hooks and its mode, and collects no gradients."""
    given, expected = evidence(), evidence()
    find(case, given)
    require(not given.network.training, "the network is in training mode afterwards")
    for module in given.network.modules():
        require(not module._forward_hooks and not module._forward_pre_hooks, "a hook is left on the network")
    for left, right in zip(given.network.parameters(), expected.network.parameters(), strict=True):
        require(torch.equal(left, right), "the network's weights are changed")
        require(left.grad is None and not left.requires_grad, "the network's weights collect gradients")
