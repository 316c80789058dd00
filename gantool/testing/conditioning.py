"""Checks of kind ``conditioning``: what it says about widths is so, and the label reaches both networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from gantool.errors import UserError
from gantool.interfaces import Condition
from gantool.testing.case import Case, require

__all__ = [
    "check_discriminator_side_appends_its_channels",
    "check_generator_side_has_the_widths_it_says",
    "check_labels_make_a_difference",
    "check_state_round_trip",
]

CLASSES = Condition("classes", ("ant", "bee", "cat"))
ATTRIBUTES = Condition("attributes", ("young", "smiling", "bald", "blond"))
SHAPES = ((3, 8, 6), (2,))
N, LATENT, FEATURES = 4, 6, 10


def accepted(case: Case) -> Iterator[tuple[Condition | None, Any]]:
    """Yield each condition that the component takes, with the component. Fails where there is none."""
    part = case.create()
    require(isinstance(part.uses_labels, bool), "uses_labels must be true or false")
    found = False
    for condition in (CLASSES, ATTRIBUTES) if part.uses_labels else (None,):
        try:
            sides(part, condition)
        except UserError:
            continue
        found = True
        yield condition, part
    require(found, "refuses classes as well as attributes")


def sides(part: Any, condition: Condition | None, seed: int = 0) -> tuple[Any, Any]:
    """Build the generator's and the discriminator's side."""
    torch.manual_seed(seed)
    return part.generator_side(LATENT, condition), part.discriminator_side(FEATURES, condition)


def labels(condition: Condition | None, number: int) -> Tensor | None:
    """Return ``c`` for N examples that all have the class, or the one attribute, of a number."""
    if condition is None:
        return None
    c = torch.full((N,), number)
    return c if condition.kind == "classes" else torch.nn.functional.one_hot(c, len(condition)).float()


def examples(shape: tuple[int, ...]) -> Tensor:
    """Return ``[N, *shape]``."""
    return torch.rand(N, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def latents() -> Tensor:
    """Return ``z [N, LATENT]``."""
    return torch.randn(N, LATENT, generator=torch.Generator().manual_seed(2))


def term(side: Any, c: Tensor | None) -> Tensor:
    """Return the discriminator side's ``score_term [N]``, zeros where it has none."""
    if not hasattr(side, "score_term"):
        return torch.zeros(N)
    found: Tensor = side.score_term(torch.linspace(-1, 1, N * FEATURES).view(N, FEATURES), c)
    return found


def check_generator_side_has_the_widths_it_says(case: Case) -> None:
    """Require an input ``[N, input_dim]`` and a code ``[N, code_dim]``, or None where ``code_dim`` is 0."""
    for condition, part in accepted(case):
        side, _ = sides(part, condition)
        joined, code = side(latents(), labels(condition, 0))
        expected = ((N, side.input_dim), (N, side.code_dim) if side.code_dim else None)
        found = (tuple(joined.shape), None if code is None else tuple(code.shape))
        require(found == expected, f"G's input and code are {found}, expected {expected} by input_dim and code_dim")
        require(joined.is_floating_point(), f"G's input is {joined.dtype}")


def check_discriminator_side_appends_its_channels(case: Case) -> None:
    """Require ``extra_channels`` more behind the unchanged ones of x, of pictures and of vectors, with a path to x."""
    for condition, part in accepted(case):
        extra = part.extra_channels(condition)
        _, side = sides(part, condition)
        for shape in SHAPES:
            x = examples(shape).requires_grad_()
            found = side.inputs(x, labels(condition, 1))
            expected = (N, shape[0] + extra, *shape[1:])
            require(tuple(found.shape) == expected, f"inputs(x, c) is {tuple(found.shape)}, expected {expected}")
            require(torch.equal(found[:, : shape[0]], x), "inputs(x, c) must begin with x as it was")
            (slope,) = torch.autograd.grad(found.sum(), x)
            require(bool((slope == 1).all()), "the planes of the condition depend on x, or x is cut off")
        require(tuple(term(side, labels(condition, 1)).shape) == (N,), "score_term(h, c) is not [N]")


def check_labels_make_a_difference(case: Case) -> None:
    """Require that every label gives G another input or code, and D other planes or another score.

    A side that appends no channel and has no score term leaves the label out of D, which is a conditioning too.
    """
    for condition, part in accepted(case):
        seen: dict[str, list[Tensor]] = {"G": [], "D": []}
        G, D = sides(part, condition)
        for number in range(len(condition or ())):
            c = labels(condition, number)
            joined, code = G(latents(), c)
            planes = D.inputs(examples(SHAPES[0]), c)
            seen["G"].append(joined if code is None else torch.cat([joined, code], 1))
            seen["D"].append(torch.cat([planes.flatten(), term(D, c)]))
        if not part.extra_channels(condition) and not hasattr(D, "score_term"):
            del seen["D"]
        for name, found in seen.items():
            for number, value in enumerate(found):
                same = any(torch.equal(value, other) for other in found[:number])
                require(not same, f"two labels look the same to {name}, of {condition}")


def check_state_round_trip(case: Case) -> None:
    """Require equal outputs from new sides that were given the state of old ones."""
    for condition, part in accepted(case):
        old, new = sides(part, condition), sides(part, condition, seed=1)
        for one, other in zip(old, new, strict=True):
            other.load_state_dict(one.state_dict())
        c = labels(condition, 1)
        outputs = [(*G(latents(), c), D.inputs(examples(SHAPES[0]), c), term(D, c)) for G, D in (old, new)]
        for one, other in zip(*outputs, strict=True):
            require(one is other or torch.equal(one, other), "a side has state outside its state_dict")
