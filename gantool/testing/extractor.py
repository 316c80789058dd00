"""Checks of kind ``extractor``: features and logits of pictures, one by one, and what a figure's protocol needs.

An extractor whose weights are not there must say so; nothing further is asked of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gantool.errors import UserError
from gantool.testing.case import Case, require

__all__ = [
    "check_description_names_the_weights",
    "check_names_fit_the_logits",
    "check_network_gives_features",
    "check_network_is_frozen",
    "check_pictures_are_independent",
]

N = 3
SHAPES = ((1, 28, 28), (3, 32, 32), (3, 20, 24))


def networks(case: Case) -> Iterator[tuple[Any, nn.Module, Tensor]]:
    """Yield the extractor, a network of it and pictures for it; none where it says what it lacks."""
    try:
        part = case.create()
    except UserError as error:
        require(bool(error.allowed or error.hint), f"says only: {error}; add what is allowed or what to type next")
        return
    for channels, *sides in SHAPES:
        shape = (part.channels or channels, *sides)
        try:
            network = part.network(shape)
        except UserError:  # it is for pictures of other sizes
            continue
        x = torch.rand(N, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
        yield part, network.eval(), x


@torch.no_grad()
def check_network_gives_features(case: Case) -> None:
    """Require finite features ``[N, F]``."""
    for _, network, x in networks(case):
        features, _ = network(x)
        require(features.dim() == 2 and len(features) == N, f"features are {tuple(features.shape)}, expected [N, F]")
        require(bool(features.isfinite().all()), "a feature is not finite")


@torch.no_grad()
def check_names_fit_the_logits(case: Case) -> None:
    """Require logits ``[N, K]`` for K names, and None where there are no names."""
    for part, network, x in networks(case):
        _, logits = network(x)
        if part.names is None:
            require(logits is None, "gives logits and names none of them")
        else:
            fits = logits is not None and tuple(logits.shape) == (N, len(part.names))
            require(fits, f"has {len(part.names)} names and logits {None if logits is None else tuple(logits.shape)}")


@torch.no_grad()
def check_pictures_are_independent(case: Case) -> None:
    """Require that a picture's features depend on no other picture, and are the same again."""
    for _, network, x in networks(case):
        alone, together, again = network(x[:1])[0], network(x)[0], network(x)[0]
        require(torch.allclose(alone, together[:1], rtol=1e-3, atol=1e-3), "features depend on the batch")
        require(torch.equal(together, again), "features of the same pictures differ")


def check_network_is_frozen(case: Case) -> None:
    """Require that no parameter asks for a gradient: an evaluation trains nothing."""
    for _, network, _ in networks(case):
        trained = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
        require(not trained, f"parameters ask for gradients: {trained[:3]}")


def check_description_names_the_weights(case: Case) -> None:
    """Require a description of text by text, with the ``weights`` and how ``pictures`` are seen."""
    for part, _, _ in networks(case):
        said = part.describe()
        texts = all(isinstance(key, str) and isinstance(value, str) for key, value in said.items())
        require(texts, "describes itself by other than text")
        missing = {"weights", "pictures"} - set(said)
        require(not missing, f"does not say: {', '.join(sorted(missing))}")
        require("channels" not in said and "name" not in said, "says name or channels, which the core says")
        return
