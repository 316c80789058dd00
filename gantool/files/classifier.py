"""The kind ``classifier``: a trained network that tells what is in a picture, with the names of its outputs.

Tensors: ``network.*``. Metadata: ``component`` (its name, who provides it, its options), ``shape`` of the pictures,
``heads`` (one behind the other in the network's outputs), ``data`` (what it was trained on), ``seed`` and ``hash``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gantool.errors import FileError, typed
from gantool.files import envelope
from gantool.files.checkpoint import NOUNS, model_hash
from gantool.files.foreign import identify

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["KIND", "Head", "TrainedClassifier", "classifier_hash", "read", "write"]

KIND = "classifier"
PREFIX = "network."
OUTPUTS = {"classes": (2, 2**16), "attributes": (1, 2**16), "value": (1, 1), "circle": (2, 2)}  # least and most
LARGEST = 2**26  # numbers in one picture
HIGHEST = 3e38  # a number that float32 still holds


@dataclass(frozen=True)
class Head:
    """Some outputs of a network that belong together, with one name for each.

    ``classes``: logits of a softmax; ``attributes``: logits; ``value``: a factor, standardised by ``scale`` (mean and
    standard deviation); ``circle``: cosine and sine of a factor whose period is 1. Logits are divided by
    ``temperature``. ``quantiles`` are those of a factor in the real data, evenly spaced from 0 to 1.
    """

    kind: Literal["classes", "attributes", "value", "circle"]
    name: str
    names: tuple[str, ...]
    temperature: float = 1.0
    scale: tuple[float, float] = (0.0, 1.0)
    quantiles: tuple[float, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainedClassifier:
    """A classifier file in memory; ``component`` describes the part that builds its network."""

    component: Mapping[str, Any]
    shape: tuple[int, ...]
    heads: tuple[Head, ...]
    tensors: Mapping[str, Tensor]
    data: Mapping[str, Any]
    seed: int

    @property
    def hash(self) -> str:
        """The sha256 of all that its scores follow from."""
        return classifier_hash(self.tensors, self.heads)


def classifier_hash(tensors: Mapping[str, Tensor], heads: tuple[Head, ...]) -> str:
    """Return the sha256 over a network's tensors and the heads that read its outputs, without their figures."""
    said = [{**asdict(head), "figures": None} for head in heads]
    return hashlib.sha256((model_hash(tensors) + json.dumps(said)).encode()).hexdigest()


def write(path: Path | str, classifier: TrainedClassifier) -> None:
    """Write a classifier, whole or not at all."""
    meta = {
        "component": dict(classifier.component),
        "shape": list(classifier.shape),
        "heads": [asdict(head) for head in classifier.heads],
        "data": dict(classifier.data),
        "seed": classifier.seed,
        "hash": classifier.hash,
    }
    envelope.write(path, KIND, {PREFIX + name: tensor for name, tensor in classifier.tensors.items()}, meta)


def read(path: Path | str) -> TrainedClassifier:
    """Read a classifier file. Raises FileError for anything else, and says what it is: metadata is not trusted."""
    if (kind := identify(path)) in NOUNS:
        given, hint = f"is not a classifier but {NOUNS[kind]}", f"type: {typed('inspect', path)}"
        raise FileError(str(path), given, "a file that gantool classifier train wrote", hint)
    header, tensors = envelope.read(path, KIND)
    meta = header.meta
    network = {name.removeprefix(PREFIX): value for name, value in tensors.items() if name.startswith(PREFIX)}
    try:
        component = meta["component"]
        shape, heads = _shape(meta["shape"]), tuple(_head(plain) for plain in meta["heads"])
        names = [name for head in heads for name in head.names]
        if not names or len(set(names)) != len(names):
            raise ValueError("its names are not each its own")
        if not isinstance(component["name"], str) or not isinstance(component["options"], dict):
            raise ValueError("its component is malformed")
        return TrainedClassifier(component, shape, heads, network, dict(meta["data"]), int(meta["seed"]))
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        given = f"is damaged: its metadata is not that of a classifier ({error})"
        raise FileError(str(path), given, "a file that gantool classifier train wrote") from error


def _shape(sides: Any) -> tuple[int, ...]:
    whole = all(type(side) is int and 0 < side <= LARGEST for side in sides)
    if len(sides) not in (1, 3) or not whole or math.prod(sides) > LARGEST:
        raise ValueError(f"pictures of an impossible shape {sides}")
    return tuple(sides)


def _head(plain: Mapping[str, Any]) -> Head:
    """Return one head, every number finite and every count the one that its kind has."""
    names, figures = plain["names"], plain["figures"]
    least, most = OUTPUTS[plain["kind"]]
    scale, quantiles = [float(x) for x in plain["scale"]], [float(x) for x in plain["quantiles"]]
    numbers = [plain["temperature"], *scale, *quantiles, *figures.values()]
    sound = (
        all(isinstance(name, str) for name in (plain["name"], *names))
        and least <= len(names) <= most
        and all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers)
        and all(abs(number) <= HIGHEST for number in (plain["temperature"], *scale, *quantiles))
        and plain["temperature"] > 0
        and len(scale) == 2
        and scale[1] > 0
        and quantiles == sorted(quantiles)
        and (plain["kind"] != "value" or len(quantiles) >= 2)
    )
    if not sound:
        raise ValueError(f"the head {plain['name']!r} is malformed")
    return Head(
        plain["kind"],
        plain["name"],
        tuple(names),
        float(plain["temperature"]),
        (scale[0], scale[1]),
        tuple(quantiles),
        dict(figures),
    )
