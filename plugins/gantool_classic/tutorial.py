"""Generators of the DCGAN tutorial, told by the shapes of their tensors, whatever their names.

The layout is a transposed convolution of z, 4x4 with stride 1, then transposed convolutions 4x4 with stride 2 and
padding 1, each of which doubles the side; behind each but the last a batch norm and ReLU, behind the last Tanh. A state
dict tells the widths and the order alone: strides, paddings and activations are taken to be these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from gantool import Foreign, Options, UserError
from gantool_classic.dcgan import widths

KERNEL = 4
MOST_CHANNELS = 4
STATISTICS = {"weight", "bias", "running_mean", "running_var"}  # of a batch norm
BATCHES = "num_batches_tracked"

Part = dict[str, Tensor]  # one layer's tensors


class TutorialDcgan:
    """Maps the tutorial's generators onto those of ``dcgan``, and back."""

    def __init__(self, options: Options) -> None: ...

    def read(self, tensors: Mapping[str, Tensor]) -> Foreign | None:
        """Return the generator, or None where the layers do not follow the layout.

        Missing biases of a layer become zeros. Raises UserError for widths that ``dcgan`` has no options for.
        """
        parts: dict[str, Part] = {}
        for name, tensor in tensors.items():
            path, _, leaf = name.rpartition(".")
            parts.setdefault(path, {})[leaf] = tensor
        # A state dict lists layers in their order; a file that sorted its names has 10 before 3.
        for paths in (list(parts), sorted(parts, key=_by_number)):
            if layers := _layers(parts[path] for path in paths):
                return _foreign(*layers)
        return None

    def write(self, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
        """Return a ``dcgan`` generator's tensors as ``main.0.weight``, ...; None where its layers are others.

        The tutorial's layers never crop: a picture whose side is not 4, 8, 16, ... comes out larger there.
        """
        arch = settings["arch"]
        wanted = {"name": "dcgan", "kernel": KERNEL, "upsample": "transposed", "norm_g": "batch"}
        if any(arch.get(name) != value for name, value in wanted.items()):
            return None
        count = sum(name.endswith(BATCHES) for name in tensors)
        named: dict[str, Tensor] = {}
        for index, (conv, norm) in enumerate(_names(count)):
            layers = {conv: f"main.{3 * index}.", norm: f"main.{3 * index + 1}."}  # ReLU is the third
            for own, foreign in layers.items():
                named |= {foreign + name[len(own) :]: value for name, value in tensors.items() if name.startswith(own)}
        last = f"main.{3 * count}.bias"
        if not arch["bias"] and not named[last].any():
            del named[last]  # as in the tutorial
        return named


def _by_number(path: str) -> list[tuple[int, str]]:
    """Sort numbers by their size: of two without zeros before them, the longer is the larger."""
    texts = re.split(r"([0-9]+)", path)  # every other one is a number
    return [(len(part.lstrip("0")), part.lstrip("0")) if place % 2 else (0, part) for place, part in enumerate(texts)]


def _names(count: int) -> list[tuple[str, str]]:
    """Return the prefixes of each convolution and of the norm behind it in ``dcgan``, in order; the last has none."""
    convs = ["project.", *(f"doublings.{index}.conv." for index in range(count))]
    return [(conv, f"norms.{index}.") for index, conv in enumerate(convs)]


def _layers(parts: Iterable[Part]) -> tuple[list[Part], list[Part]] | None:
    """Return the convolutions and the norms, or None where they do not make up the layout."""
    convs: list[Part] = []
    norms: list[Part] = []
    for part in parts:
        weight = part.get("weight")
        if weight is None or not weight.is_floating_point():
            return None
        (convs if weight.dim() == 4 else norms).append(part)
    if len(convs) < 2 or len(norms) != len(convs) - 1 or not all(map(_is_conv, convs)):
        return None
    chained = all(first["weight"].shape[1] == second["weight"].shape[0] for first, second in pairwise(convs))
    follow = all(_is_norm(norm, conv["weight"].shape[1]) for conv, norm in zip(convs, norms, strict=False))
    fits = chained and follow and convs[-1]["weight"].shape[1] <= MOST_CHANNELS
    return (convs, norms) if fits else None


def _is_conv(part: Part) -> bool:
    into, out, *kernel = part["weight"].shape
    bias = part.get("bias")
    whole = set(part) <= {"weight", "bias"} and (bias is None or bias.shape == (out,))
    return whole and kernel == [KERNEL, KERNEL] and min(into, out) > 0


def _is_norm(part: Part, width: int) -> bool:
    if set(part) - {BATCHES} != STATISTICS or (BATCHES in part and part[BATCHES].numel() != 1):
        return False
    return all(part[name].shape == (width,) for name in STATISTICS)


def _foreign(convs: list[Part], norms: list[Part]) -> Foreign:
    inner = [conv["weight"].shape[1] for conv in convs[:-1]]
    base, most = inner[-1], max(inner)
    if widths(base, len(inner), most) != inner[::-1]:
        given = f"the generator's layers are {'-'.join(map(str, inner))} wide"
        allowed = "from the picture inwards each layer twice the one before, up to a widest: 64-64-32-16"
        raise UserError("tutorial-dcgan", given, allowed)
    channels, side = convs[-1]["weight"].shape[1], KERNEL * 2 ** len(inner)
    arch = {
        "name": "dcgan",
        "channels": base,
        "max_channels": most,
        "kernel": KERNEL,
        "upsample": "transposed",
        "norm_g": "batch",
        "bias": any("bias" in conv for conv in convs[:-1]),
    }
    data = {"name": "folder", "size": side, "channels": "auto" if channels == 2 else str(channels)}
    tensors = _renamed(convs, norms, bool(arch["bias"]))
    latent_dim = convs[0]["weight"].shape[0]
    settings = {"arch": arch, "data": data, "condition": "none"}
    shape, one_hot = (channels, side, side), {"condition": "onehot"}
    return Foreign(settings, tensors, shape, latent_dim, with_classes=one_hot)


def _renamed(convs: list[Part], norms: list[Part], bias: bool) -> dict[str, Tensor]:
    """Name the tensors as ``dcgan`` does, in fp32, with those that it has besides."""
    found: dict[str, Tensor] = {}
    for index, (conv_name, norm_name) in enumerate(_names(len(norms))):
        conv = dict(convs[index])
        if bias or index == len(norms):
            conv.setdefault("bias", torch.zeros(conv["weight"].shape[1]))
        found |= {conv_name + leaf: tensor.float() for leaf, tensor in conv.items()}
        if index < len(norms):
            found |= {norm_name + leaf: norms[index][leaf].float() for leaf in STATISTICS}
            found[norm_name + BATCHES] = norms[index].get(BATCHES, torch.tensor(0)).long().reshape(())
    return found
