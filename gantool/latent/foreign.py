"""Generators of other tools: found in a torch file by asking every converter, made into a checkpoint, and written back.

A file may be one state dict, or hold several in nested dicts or behind prefixes of their names. Each is shown to the
converters, which tell a generator by its tensors; among several, averaged weights go before a ``netG`` and that before
the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gantool.config import RunConfig, Tier, resolve
from gantool.errors import FileError, OptionError, UserError, nearest, typed
from gantool.files import checkpoint as checkpoints
from gantool.files.checkpoint import Checkpoint
from gantool.files.condition import describe_condition
from gantool.files.foreign import is_plain, read_torch
from gantool.interfaces import Condition, Foreign
from gantool.latent.prior import Prior, Slot
from gantool.registry import Registry

if TYPE_CHECKING:
    from gantool.latent.model import Model

__all__ = ["Found", "choose", "export", "find_generators", "is_latents", "make_checkpoint", "read_foreign", "walk"]

NET = "generator.net."  # where a checkpoint keeps the architecture's own part of G
AVERAGED = re.compile(r"(?<![a-z])(ema|averaged?)(?![a-z])")
GENERATOR = re.compile(r"gen|(?<![a-z])(net)?g(?![a-z])")
SHOWN = 6  # tensors named in a message
LONGEST = 500  # letters of a name, and of a key: dotted keys of deep files would fill the memory


@dataclass(frozen=True)
class Found:
    """A generator in a foreign file: ``key`` is the dotted name of its state dict, empty for the file itself.

    ``beside`` names what the same state dict holds besides: an embedding of classes, say, or another network.
    """

    key: str
    converter: str
    network: Foreign
    beside: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """Say what it is in a few words."""
        network = self.network
        shape = " x ".join(map(str, network.shape))
        return f"a {self.converter} generator, {network.latent_dim + network.classes} inputs to {shape}"

    @property
    def rank(self) -> int:
        """How likely it is the one to sample from, the best first."""
        name = self.key.casefold()
        return 0 if AVERAGED.search(name) else 1 if GENERATOR.search(name) else 2


def read_foreign(path: Path | str, registry: Registry) -> Checkpoint:
    """Return the generator of a torch file as a checkpoint, all of its inputs being z from N(0, 1).

    Raises FileError where there is none or no best one, and UnsafeFileError for a file that could run code.
    """
    found, _ = choose(read_torch(path), path, registry)
    return make_checkpoint(found, path, registry)


def walk(content: Any) -> Iterator[tuple[str, dict[Any, Any]]]:
    """Yield the nested dicts and lists of a torch file by their dotted names, each once; a list by its indices.

    What no tool writes is passed over: names that are no text and no index, and names and keys that are too long.
    """
    waiting, seen = [("", content)], set()
    while waiting:
        key, value = waiting.pop()
        items = dict(enumerate(value)) if isinstance(value, (list, tuple)) else value
        if not isinstance(items, Mapping) or id(value) in seen:  # a pickle may hold itself
            continue
        seen.add(id(value))
        named = {name: item for name, item in items.items() if _is_name(name)}
        yield key, named
        inner = [(_join(key, name), item) for name, item in named.items() if isinstance(item, (Mapping, list, tuple))]
        waiting += [(below, item) for below, item in inner if len(below) <= LONGEST][::-1]


def _is_name(name: object) -> bool:
    return len(name) <= LONGEST if isinstance(name, str) else isinstance(name, int) and 0 <= name < 10**9


def is_latents(content: Any) -> bool:
    """Whether a torch file holds latents that gantool saved."""
    return isinstance(content, dict) and isinstance(content.get("gantool"), str) and "z" in content


def find_generators(
    content: Any, registry: Registry, only: str | None = None
) -> tuple[list[Found], dict[str, UserError]]:
    """Return the generators in a torch file, the best first, and by key why others that are known cannot be taken."""
    names = registry.names("converter") if only is None else [only]
    converters = {name: registry.get("converter", name, "--from").create() for name in names}
    found: list[Found] = []
    problems: dict[str, UserError] = {}

    def known(key: str, tensors: Mapping[str, Tensor], beside: tuple[str, ...] = ()) -> bool:
        for name, converter in converters.items():
            try:
                network = converter.read(tensors)
            except UserError as error:
                problems[key] = error
                return True
            if network is not None:
                found.append(Found(key, name, network, beside))
                return True
        return False

    for key, tensors in _state_dicts(content).items():
        if not known(key, tensors):
            for branch, part in _branches(tensors):
                rest = tuple(name for name in tensors if not name.startswith(f"{branch}."))
                known(_join(key, branch), part, rest)
    return sorted(found, key=lambda one: one.rank), problems


def _join(key: str, name: object) -> str:
    return f"{key}.{name}" if key else str(name)


def _state_dicts(content: Any) -> dict[str, dict[str, Tensor]]:
    held = {
        key: {str(name): item.detach() for name, item in items.items() if is_plain(item)}
        for key, items in walk(content)
    }
    return {key: tensors for key, tensors in held.items() if tensors}


def _branches(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Split names at the first dot where they differ: several networks may share one state dict."""
    prefix = ""
    while True:
        heads: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            head, _, rest = name.partition(".")
            heads.setdefault(head, {})[rest] = tensor
        if len(heads) > 1:
            yield from ((prefix + head, part) for head, part in heads.items() if "" not in part)
            return
        ((head, tensors),) = heads.items()
        prefix += f"{head}."
        if "" in tensors:
            return


def choose(
    content: Any, path: Path | str, registry: Registry, key: str | None = None, only: str | None = None
) -> tuple[Found, list[str]]:
    """Return the generator of a torch file, that of ``key`` or else the best, and the keys of the others.

    ``only`` is the one converter to ask.

    Raises FileError where there is none, or several and none better than the others, and OptionError for a key that
    is not there.
    """
    found, problems = find_generators(content, registry, only)
    if key is not None:
        content = _at(content, key, [one.key for one in found])
        found = [one for one in found if one.key == key]
        problems = {at: problem for at, problem in problems.items() if at == key}
    if not found and problems:
        problem = next(iter(problems.values()))
        raise FileError(str(path), problem.given, problem.allowed, problem.hint) from problem
    if not found:
        raise _unknown(content, path, registry)
    best = [one for one in found if one.rank == found[0].rank]
    if len(best) > 1:
        keys = ", ".join(one.key or "the file itself" for one in best)
        hint = f"type: {typed('convert', path, 'OUT.safetensors', '--key', best[-1].key)}"
        raise FileError(str(path), f"holds several generators: {keys}", "one of them", hint)
    return found[0], [one.key or "the file itself" for one in found[1:]]


def _at(content: Any, key: str, generators: Sequence[str]) -> dict[str, Tensor]:
    """Return the state dict of a key. Raises OptionError where there is none."""
    held = _state_dicts(content)
    held |= {_join(outer, branch): part for outer in list(held) for branch, part in _branches(held[outer])}
    if key not in held:
        known = f"generators lie at: {', '.join(filter(None, generators)) or 'no key'}"
        raise OptionError("--key", f"{key!r} was given, and no tensors lie there", known, nearest(key, held))
    return held[key]


def _unknown(content: Any, path: Path | str, registry: Registry) -> FileError:
    """Say what a torch file without a generator holds instead."""
    if is_latents(content):
        given, needed = "holds latents that gantool saved, not a model", "a run folder, a checkpoint or a generator"
        return FileError(str(path), given, needed, f"type: {typed('inspect', path)}")
    held = _state_dicts(content)
    tensors = {_join(key, name): part for key in held for name, part in held[key].items()}
    needed = f"a generator of {' or '.join(registry.names('converter')) or 'a converter (none is installed)'}"
    critic = next((key for key, part in held.items() if _looks_like_critic(part)), None)
    if critic is not None:
        given = f"looks like a discriminator or a classifier{f' ({critic})' if critic else ''}"
        return FileError(str(path), f"{given}: its convolutions start at the picture", needed, "save netG.state_dict()")
    shown = [f"{name} {tuple(part.shape)}" for name, part in list(tensors.items())[:SHOWN]]
    what = ", ".join(shown) + (f", ... {len(tensors)} in all" if len(tensors) > SHOWN else "")
    given = f"is not a checkpoint but a file of tensors that no converter knows ({what or 'no tensors by name'})"
    return FileError(str(path), given, needed, f"type: {typed('inspect', path)}")


def _looks_like_critic(tensors: Mapping[str, Tensor]) -> bool:
    """A convolution's weight is [out, in, k, k], a transposed one's [in, out, k, k]."""
    convs = [tensor.shape for tensor in tensors.values() if tensor.dim() == 4]
    chained = all(first[0] == second[1] for first, second in pairwise(convs))
    return len(convs) > 1 and chained and convs[0][1] < convs[0][0]


def make_checkpoint(
    found: Found, path: Path | str, registry: Registry, names: Sequence[str] = (), prior: str | None = None
) -> Checkpoint:
    """Return a foreign generator as a checkpoint of step 0, without a discriminator.

    ``names`` name the classes whose one-hot code is the end of the input; ``prior`` is that of z, normal unless the
    converter knows better. Raises OptionError where the input has no room for the names.
    """
    network = found.network
    condition = _condition(network, names)
    width = network.latent_dim + network.classes - len(condition or ())
    config = _config(network, path, registry, condition, width, prior)
    drawn = config.training.latent_prior
    tensors = {NET + name: tensor for name, tensor in network.tensors.items()}
    meta = {
        "given": {section: dict(table) for section, table in config.given.items()},
        "resolved": config.tree(),
        "components": config.provided(),
        "prior": Prior((Slot("noise", drawn, width),)).describe(),
        "shape": list(network.shape),
        "condition": describe_condition(condition),
        "fingerprint": "",
        "step": 0,
        "images": 0,
        "torch": torch.__version__,
        "converted": {"from": Path(path).name, "key": found.key, "by": found.converter},
    }
    stored = Checkpoint(Path(path), meta, tensors)
    return Checkpoint(Path(path), {**meta, "model_hash": checkpoints.model_hash(stored.sampler())}, tensors)


def _condition(network: Foreign, names: Sequence[str]) -> Condition | None:
    whole = network.latent_dim + network.classes
    if network.classes and names and len(names) != network.classes:
        given = f"{len(names)} names were given, and the generator has {network.classes} classes"
        raise OptionError("--classes", given, "a name for each class")
    if len(names) >= whole:
        given = f"{len(names)} names were given, and the generator's input has {whole} numbers"
        raise OptionError("--classes", given, f"at most {whole - 1} names: the input is z and a number for each class")
    names = tuple(names) or tuple(str(index) for index in range(network.classes))
    return Condition("classes", tuple(names)) if names else None


def _config(
    network: Foreign, path: Path | str, registry: Registry, condition: Condition | None, width: int, prior: str | None
) -> RunConfig:
    training = {"latent_prior": "normal", **network.settings.get("training", {}), "latent_dim": width}
    tree = {
        **network.settings,
        **(network.with_classes if condition else {}),
        "training": {**training, **({"latent_prior": prior} if prior else {})},
    }
    return resolve(registry, [Tier(str(path), tree)])


def export(model: Model, registry: Registry, target: str | None = None) -> dict[str, Tensor]:
    """Return the tensors that a model samples with, by gantool's names or by those of a converter.

    Raises OptionError where the other tool has no network like it. What a converter wrote is read again, so that no
    file claims to be what it is not: a net that crops, for one, has tensors like those of one that does not.
    """
    own = {name: tensor.clone().contiguous() for name, tensor in model.G.state_dict().items()}
    if target is None:
        return own
    converter = registry.get("converter", target, "--as").create()
    net = {name.removeprefix("net."): tensor for name, tensor in own.items() if name.startswith("net.")}
    written = converter.write(model.config.tree(), net) if len(net) == len(own) else None
    again = None if written is None else converter.read(written)
    if written is None or again is None or (again.shape, set(again.tensors)) != (model.shape, set(net)):
        shape = " x ".join(map(str, model.shape))
        given = f"this generator ({model.config.name('arch')}, {shape}) has no counterpart there"
        raise OptionError(f"--as {target}", given, "the layers that the converter knows", "leave --as out")
    return dict(written)
