"""A classifier as the latent tools see it: one differentiable score for each feature, and names to ask for them.

The score of a class is its log-odds, of an attribute its logit, of a factor its value in the data's units; a circular
factor has two, its cosine and sine. Logits are calibrated by their head's temperature (Guo et al. 2017), so that the
sigmoid of a log-odds is the probability.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gantool.errors import FileError, OptionError, PluginError, nearest, typed
from gantool.files import classifier as files
from gantool.files.classifier import Head, TrainedClassifier
from gantool.files.foreign import identify
from gantool.files.sources import way_back
from gantool.options import build, describe
from gantool.registry import Registry

__all__ = ["Scorer", "Target", "head_scores", "open_scorer"]

KIND = "classifier"
ANY = (3, 224, 224)  # the shape for a network that takes pictures of any size: what ImageNet's are trained on
SHORTEST = 0.1  # a shorter (cos, sin) is not stretched to length 1: it says that the picture has no clear angle


@dataclass(frozen=True)
class Target:
    """One feature to steer: a linear combination of score columns.

    ``group`` are the columns of the same feature: all classes of its softmax, both parts of its angle. They follow it
    by construction and are no side effects. ``probability(scores [N, K]) -> [N]`` is in [0, 1].
    """

    name: str
    weights: Tensor  # [K]
    group: tuple[int, ...]
    probability: Callable[[Tensor], Tensor]

    def score(self, scores: Tensor) -> Tensor:
        """Return ``[N]`` from scores ``[N, K]``."""
        return scores @ self.weights.to(scores)


class Scorer:
    """A frozen network in eval mode with the heads that read its outputs."""

    def __init__(self, network: nn.Module, heads: Sequence[Head], *, label: str, shape: tuple[int, ...]) -> None:
        self.network: nn.Module = network.eval().requires_grad_(False)
        self.heads: tuple[Head, ...] = tuple(heads)
        self.label = label
        self.shape = shape
        self.names: tuple[str, ...] = tuple(name for head in heads for name in head.names)
        self.thresholds: Tensor = torch.tensor([_median(head) for head in heads for _ in head.names])
        self.hash: str = files.classifier_hash(network.state_dict(), self.heads)

    def scores(self, x: Tensor) -> Tensor:
        """Return ``[N, K]`` for pictures ``[N, C, H, W]`` in [-1, 1] or vectors ``[N, D]``, with a path to x."""
        return torch.cat([head_scores(head, part) for head, part in self.parts(self.network(x))], 1)

    def probability(self, scores: Tensor) -> Tensor:
        """Return ``[N, K]`` in [0, 1] from scores ``[N, K]``.

        A class's or an attribute's calibrated probability; of a factor the share of the real data with a lower value;
        of a cosine or sine ``(1 + v) / 2``.
        """
        return torch.cat([_probability(head, part) for head, part in self.parts(scores)], 1)

    def target(self, text: str, flag: str = "--toward") -> Target:
        """Return a feature by its name, whatever its case, or a point of a circular one: ``hue=0.33``.

        Raises OptionError where there is none.
        """
        column = _position(text, self.names)
        if column is not None:
            weights = torch.zeros(len(self.names))
            weights[column] = 1.0
            return Target(self.names[column], weights, self._group(column), lambda s: self.probability(s)[:, column])
        name, equals, point = text.partition("=")
        circles = [head for head in self.heads if head.kind == "circle"]
        position = _position(name, [head.name for head in circles])
        if position is not None:
            return self._point(circles[position], point if equals else "", text, flag)
        names = [*self.names, *(f"{head.name}=0.5" for head in circles)]
        shown = ", ".join(names[:40]) + (f", ... ({len(names)} in all)" if len(names) > 40 else "")
        raise OptionError(flag, f"{self.label} knows no {text!r}", f"known: {shown}", nearest(text, names))

    def _point(self, head: Head, point: str, text: str, flag: str) -> Target:
        try:
            angle = 2 * math.pi * float(point)
        except ValueError:
            angle = math.nan
        if not math.isfinite(angle):
            allowed = f"{head.name} is circular: name a value from 0 to 1"
            raise OptionError(flag, f"{text!r} was given", allowed, f"type: {flag} {head.name}=0.33")
        first = self.names.index(head.names[0])
        weights = torch.zeros(len(self.names))
        weights[first], weights[first + 1] = math.cos(angle), math.sin(angle)
        chance: Callable[[Tensor], Tensor] = lambda s: ((1 + s @ weights.to(s)) / 2).clamp(0, 1)  # noqa: E731
        return Target(f"{head.name}={float(point):g}", weights, (first, first + 1), chance)

    def _group(self, column: int) -> tuple[int, ...]:
        start = 0
        for head in self.heads:
            stop = start + len(head.names)
            if column < stop:
                return tuple(range(start, stop)) if head.kind in ("classes", "circle") else (column,)
            start = stop
        raise IndexError(column)

    def parts(self, columns: Tensor) -> list[tuple[Head, Tensor]]:
        """Cut scores or outputs ``[N, K]`` into the columns of each head."""
        parts = torch.split(columns, [len(head.names) for head in self.heads], 1)
        return list(zip(self.heads, parts, strict=True))


def head_scores(head: Head, outputs: Tensor) -> Tensor:
    """Return the scores ``[N, k]`` of one head from its outputs ``[N, k]``."""
    if head.kind == "classes":
        return _log_odds(outputs / head.temperature)
    if head.kind == "attributes":
        return outputs / head.temperature
    if head.kind == "value":
        mean, std = head.scale
        return outputs * std + mean
    return nn.functional.normalize(outputs, dim=1, eps=SHORTEST)


def _log_odds(logits: Tensor) -> Tensor:
    """Return ``log p / (1 - p)`` of each softmax probability: a logit minus the logsumexp of all others.

    Only the largest p can be near 1, so only there the others are summed; elsewhere p is at most 1/2.
    """
    top = nn.functional.one_hot(logits.argmax(1), logits.shape[1]).bool()
    rest = logits.masked_fill(top, -math.inf).logsumexp(1, keepdim=True)
    log_p = logits.log_softmax(1).masked_fill(top, -math.inf)
    return torch.where(top, logits - rest, log_p - torch.log1p(-log_p.exp()))


def _probability(head: Head, scores: Tensor) -> Tensor:
    if head.kind in ("classes", "attributes"):
        return scores.sigmoid()
    if head.kind == "circle":
        return ((1 + scores) / 2).clamp(0, 1)
    known = torch.tensor(head.quantiles).to(scores)
    upper = torch.searchsorted(known, scores.detach().contiguous()).clamp(1, len(known) - 1)
    low, high = known[upper - 1], known[upper]
    within = ((scores - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
    return (upper - 1 + within) / (len(known) - 1)


def _median(head: Head) -> float:
    """Return where a feature begins to be there: for a factor, above half of the real data."""
    if head.kind != "value":
        return 0.0
    middle = len(head.quantiles) // 2
    return (head.quantiles[middle] + head.quantiles[-1 - middle]) / 2


def _position(name: str, names: Sequence[str]) -> int | None:
    if name in names:
        return names.index(name)
    lowered = [known.casefold() for known in names]
    return lowered.index(name.casefold()) if name.casefold() in lowered else None


def open_scorer(given: str, registry: Registry, shape: tuple[int, ...] | None, flag: str = "--classifier") -> Scorer:
    """Open a classifier for pictures of a shape: a file, or a component that comes trained by its name or its weights.

    Without a shape the classifier's own is taken, 3 x 224 x 224 for a component. Raises FileError and OptionError where
    there is no such classifier, or where it is for other pictures.
    """
    if os.path.isfile(given):  # pathlib raises for a name that is too long
        return _from_weights(given, registry, shape) or _from_file(given, registry, shape)
    if not registry.providers(KIND, given):
        what = "is a folder" if os.path.isdir(given) else "is neither a file nor the name of a classifier"
        hint = nearest(given, registry.names(KIND)) or "type: gantool components classifier"
        raise OptionError(
            flag, f"{given} {what}", "a file of gantool classifier train, or one that comes trained", hint
        )
    part = registry.get(KIND, given, flag).create()
    if part.names is None:
        hint = f"type: {typed('classifier', 'train', '--classifier', given, '--data', 'NAME')}"
        raise OptionError(flag, f"{given} is not trained yet", "a classifier file", hint)
    return _trained(part, given, shape)


def _trained(part: Any, label: str, shape: tuple[int, ...] | None) -> Scorer:
    names = tuple(part.names)
    network = part.network(shape or ANY, len(names))
    return Scorer(network, [Head("classes", label, names)], label=label, shape=shape or ANY)


def _from_weights(given: str, registry: Registry, shape: tuple[int, ...] | None) -> Scorer | None:
    """Open a file of torch as the weights of the component that knows it; None where none does.

    The convention for a component that comes trained: an option that is called ``weights`` and is a path stands for the
    file of its weights, and ``network`` raises FileError for a file that is not the one it knows. A component whose
    ``names`` are None is trained by gantool and is never asked.
    """
    if identify(given) not in ("torch-zip", "torch-legacy"):
        return None
    for component in registry.all(KIND):
        if any(option.name == "weights" and option.path for option in describe(component.options)):
            part = component.create(build(component.options, {"weights": given}))
            if part.names is not None:
                with contextlib.suppress(FileError):
                    return _trained(part, Path(given).name, shape)
    return None


def _from_file(given: str, registry: Registry, shape: tuple[int, ...] | None) -> Scorer:
    stored = files.read(given)
    if shape is not None and stored.shape != shape:
        sides = [" x ".join(map(str, sides)) for sides in (stored.shape, shape)]
        hint = "type: gantool classifier train --help"
        raise FileError(given, f"was trained on pictures of {sides[0]}", f"pictures of {sides[1]} are given", hint)
    network = _network(stored, registry, given)
    return Scorer(network, stored.heads, label=Path(given).name, shape=stored.shape)


def _network(stored: TrainedClassifier, registry: Registry, where: str) -> nn.Module:
    """Build the network that a file describes. Raises PluginError where its component's plugin is missing."""
    name, source = stored.component["name"], stored.component
    if not registry.providers(KIND, name):
        raise PluginError(where, f"needs the classifier {name!r}", "a plugin that provides it", way_back(source))
    described = registry.get(KIND, name)
    part = described.create(build(described.options, source["options"], lambda option: f"{where}: {option}"))
    if part.names is not None:
        raise FileError(where, f"names {name}, which comes trained", "a network that gantool trains", f"type: {name}")
    outputs = sum(len(head.names) for head in stored.heads)
    with torch.device("meta"):  # a small file must not ask for a huge network
        wanted = part.network(stored.shape, outputs).state_dict()
    if {key: value.shape for key, value in wanted.items()} != {key: t.shape for key, t in stored.tensors.items()}:
        raise FileError(where, "its tensors do not fit its own settings", "a file that gantool classifier train wrote")
    network: nn.Module = part.network(stored.shape, outputs)
    network.load_state_dict(dict(stored.tensors), strict=True)
    return network
