"""What a classifier learns: the heads that a dataset's labels and factors call for, and the numbers behind each.

A factor may be cut into buckets: K classes with equally many examples, or of equal width where the factor is circular;
a factor of at most K different values has a class for each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gantool.errors import DataError, OptionError, nearest
from gantool.files.classifier import Head
from gantool.interfaces import DataInfo, Samples

__all__ = ["Task", "choose_tasks"]

Array = np.ndarray[Any, Any]

QUANTILES = 101


@dataclass(frozen=True)
class Task:
    """A head and its targets: int64 ``[N]`` for classes, float32 ``[N, k]`` for the others."""

    head: Head
    targets: Tensor


def choose_tasks(
    data: Samples, info: DataInfo, wanted: Sequence[str] = (), buckets: int | None = None
) -> tuple[Task, ...]:
    """Return what to learn: ``classes``, attributes and factors by their names, or all that the data knows.

    Raises DataError where the data knows nothing or two features share a name, OptionError for an unknown target and
    for buckets where no factor is learnt.
    """
    labels = _labels(data, info)
    factors = {name: values for name, values in data.factors.items() if _varies(values, name in data.circular)}
    attributes = info.condition.names if labels is not None and labels.ndim == 2 and info.condition else ()
    known = [*(["classes"] if labels is not None and labels.ndim == 1 else []), *attributes, *factors]
    if not known:
        given = "it has no labels and no factors: there is nothing to learn"
        raise DataError("--data", given, "labelled data", "type: gantool data list")
    chosen = [_named(name, known) for name in wanted] or known
    if buckets is not None and not any(name in factors for name in chosen):
        has = f"the data has: {', '.join(factors)}" if factors else "the data has none"
        raise OptionError("--buckets", f"{buckets} was given, and no factor is learnt", has, "leave it out")
    tasks = []
    if labels is not None and "classes" in chosen and info.condition:
        tasks.append(_classes(labels, "classes", info.condition.names))
    if columns := [number for number, name in enumerate(attributes) if name in chosen]:
        names = tuple(attributes[number] for number in columns)
        having = torch.from_numpy((labels[:, columns] > 0.5).astype(np.float32))  # type: ignore[index]
        tasks.append(Task(Head("attributes", "attributes", names), having))
    for name in factors:
        if name in chosen:
            tasks.append(_factor(name, factors[name], name in data.circular, buckets))
    _check_names([name for task in tasks for name in task.head.names])
    return tuple(tasks)


def _labels(data: Samples, info: DataInfo) -> Array | None:
    """Return labels that tell examples apart; one class alone does not."""
    if data.labels is None or info.condition is None or (data.labels.ndim == 1 and len(info.condition) < 2):
        return None
    return data.labels


def _varies(values: Array, circular: bool) -> bool:
    """Whether a factor has two values; the deviation of equal float32 is not always 0."""
    return bool(np.isfinite(values).all()) and len(np.unique(values % 1 if circular else values)) > 1


def _named(name: str, known: Sequence[str]) -> str:
    lowered = {one.casefold(): one for one in reversed(known)}
    if name in known:
        return name
    if name.casefold() in lowered:
        return lowered[name.casefold()]
    allowed = f"known: {', '.join(known)}"
    raise OptionError("--targets", f"the data has no {name!r}", allowed, nearest(name, known))


def _check_names(names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError("--data", f"two features are called {twice!r}", "each a name of its own", "choose: --targets")


def _classes(labels: Array, name: str, names: Sequence[str]) -> Task:
    return Task(Head("classes", name, tuple(names)), torch.from_numpy(labels.astype(np.int64)))


def _factor(name: str, values: Array, circular: bool, buckets: int | None) -> Task:
    if buckets is not None:
        return _bucketed(name, values, circular, buckets)
    if circular:
        angle = 2 * math.pi * torch.from_numpy(values.astype(np.float32))
        head = Head("circle", name, (f"{name}.cos", f"{name}.sin"))
        return Task(head, torch.stack([angle.cos(), angle.sin()], 1))
    mean, std = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
    quantiles = np.quantile(values.astype(np.float64), np.linspace(0, 1, QUANTILES))
    head = Head("value", name, (name,), scale=(mean, std), quantiles=tuple(quantiles.tolist()))
    standardised = torch.from_numpy(((values - mean) / std).astype(np.float32))
    return Task(head, standardised[:, None])


def _bucketed(name: str, values: Array, circular: bool, count: int) -> Task:
    """Return classes named ``size 0.19-0.21``, or ``size 0.2`` where each value is one."""
    values = values.astype(np.float64) % 1 if circular else values.astype(np.float64)
    different = np.unique(values)
    if len(different) <= count:
        return _classes(np.searchsorted(different, values), name, [f"{name} {shown}" for shown in _shown(different)])
    shares = np.linspace(0, 1, count + 1)
    edges = shares if circular else np.unique(np.quantile(values, shares))
    if len(edges) < 3:
        given = f"{name} cannot be cut into {count} with equally many examples: too many have the same value"
        raise OptionError("--buckets", given, "more, or a number: without --buckets", "try: --buckets 10")
    labels = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return _classes(labels, name, [f"{name} {low}-{high}" for low, high in pairwise(_shown(edges))])


def _shown(numbers: Array) -> list[str]:
    """Write different numbers with as many digits as tell them apart."""
    digits = next((n for n in range(2, 17) if len({f"{number:.{n}g}" for number in numbers}) == len(numbers)), 17)
    return [f"{number:.{digits}g}" for number in numbers]
