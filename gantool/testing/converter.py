"""Checks of a converter: it leaves alone what it does not know, and reads back what it wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from gantool.config import RunConfig, Tier, resolve, values
from gantool.errors import UserError
from gantool.networks import build_generator
from gantool.options import build
from gantool.testing.case import Case, require

__all__ = ["check_inputs_are_left_alone", "check_other_makes_are_left_alone", "check_what_is_written_reads_back"]

SHAPE, LATENT_DIM = (3, 16, 16), 8
STRANGERS: Mapping[str, Mapping[str, tuple[int, ...]]] = {  # shapes by name
    "an empty state dict": {},
    "a number": {"step": ()},
    "a linear classifier": {"fc.weight": (10, 784), "fc.bias": (10,)},
    "a discriminator": {"main.0.weight": (8, 3, 4, 4), "main.2.weight": (16, 8, 4, 4), "main.5.weight": (1, 16, 4, 4)},
    "layers without a width": {"main.0.weight": (0, 0, 4, 4), "main.1.weight": (0,), "main.3.weight": (0, 0, 4, 4)},
}


def check_other_makes_are_left_alone(case: Case) -> None:
    """Require None for state dicts that hold no generator; each converter is shown every foreign file."""
    converter = case.create()
    for what, shapes in STRANGERS.items():
        found = converter.read({name: torch.zeros(shape) for name, shape in shapes.items()})
        require(found is None, f"read() takes {what} for a generator")


def check_what_is_written_reads_back(case: Case) -> None:
    """Require that a generator written and read is the same to the bit, and that its settings build it."""
    converter = case.create()
    for config, tensors in _generators(case):
        written = converter.write(config.tree(), tensors)
        if written is None:
            continue
        arch = config.name("arch")
        found = converter.read(written)
        require(found is not None, f"read() does not know what write() made of {arch}")
        size = (tuple(found.shape), found.latent_dim + found.classes)
        require(size == (SHAPE, LATENT_DIM), f"{arch} of {SHAPE} from {LATENT_DIM} inputs comes back as {size}")
        require(_equal(found.tensors, tensors), f"the tensors of {arch} come back changed")
        tree = {**found.settings, "training": {"latent_dim": LATENT_DIM}}
        settled = resolve(case.registry, [Tier(case.component.name, tree)])
        again = build_generator(settled, SHAPE, None, LATENT_DIM).net.state_dict()
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
        require({name: tensor.shape for name, tensor in again.items()} == shapes, "its settings build another network")


def check_inputs_are_left_alone(case: Case) -> None:
    """Require that neither way changes the tensors it is given or the dict that holds them."""
    converter = case.create()
    for config, tensors in _generators(case):
        before = {name: tensor.clone() for name, tensor in tensors.items()}
        written = converter.write(config.tree(), tensors)
        require(_equal(tensors, before), f"write() changes the tensors of {config.name('arch')}")
        if written is not None:
            kept = {name: tensor.clone() for name, tensor in written.items()}
            converter.read(written)
            require(_equal(written, kept), f"read() changes the tensors of {config.name('arch')}")


def _generators(case: Case) -> Iterator[tuple[RunConfig, dict[str, Tensor]]]:
    """Yield small generators with random weights, one for each architecture that makes pictures."""
    for part in case.registry.all("architecture"):
        options = build(part.options, case.options.get(part.name, {}))
        tree = {"arch": {"name": part.name, **values(options)}, "condition": "none"}
        try:
            config = resolve(case.registry, [Tier("the contract checks", tree)])
            state = build_generator(config, SHAPE, None, LATENT_DIM).net.state_dict()
        except UserError:  # the architecture may refuse pictures, or this combination
            continue
        random = torch.Generator().manual_seed(0)
        yield config, {name: _random(tensor, random) for name, tensor in state.items()}


def _random(tensor: Tensor, random: torch.Generator) -> Tensor:
    return torch.rand(tensor.shape, generator=random) if tensor.is_floating_point() else tensor.clone()


def _equal(one: Mapping[str, Tensor], two: Mapping[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
