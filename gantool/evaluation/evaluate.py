"""Metrics of a model: which of them can be had, and their figures."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from gantool import __version__
from gantool.config import values as plain
from gantool.errors import OptionError, UserError
from gantool.evaluation.results import Results
from gantool.evaluation.subject import ModelSubject
from gantool.interfaces import Metric
from gantool.options import Options
from gantool.registry import Component

__all__ = ["Chosen", "create_metrics", "evaluate", "refusals"]


@dataclass(frozen=True)
class Chosen:
    """A metric with its options, by its component's name."""

    name: str
    metric: Metric
    options: Options


def create_metrics(parts: Sequence[tuple[Component, Options]], asked: bool) -> tuple[list[Chosen], dict[str, str]]:
    """Make metrics; return them, and why others could not be made.

    Raises UserError for one that was ``asked`` for by name.
    """
    made, refused = [], {}
    for component, options in parts:
        try:
            made.append(Chosen(component.name, component.create(options), options))
        except UserError as error:
            if asked:
                raise
            refused[component.name] = "; ".join(part for part in (error.given, error.allowed, error.hint) if part)
    return made, refused


def evaluate(
    subject: ModelSubject,
    metrics: Sequence[Chosen],
    *,
    asked: bool = True,
) -> Results:
    """Measure a model.

    Raises OptionError for a metric that was ``asked`` for by name and refuses, and where none is left.
    """
    began = time.monotonic()
    refused = refusals(subject, metrics, asked=asked)
    if any("extractor" in one.metric.needs for one in metrics if one.name not in refused):
        _ = subject.fake, subject.real  # first, so that what takes long shows how far it is
    figures: dict[str, Mapping[str, Any]] = {}
    for one in metrics:
        subject.watch("metrics", 1, len(metrics))
        if one.name not in refused:
            figure = one.metric.measure(subject)
            if math.isfinite(figure.value):
                figures[one.name] = {**asdict(figure), "options": plain(one.options)}
            else:
                refused[one.name] = f"came out as {figure.value}: the model's samples may hold no finite numbers"
    versions = {"gantool": __version__, "torch": str(torch.__version__)}
    for package in sorted({name for one in metrics if one.name in figures for name in one.metric.packages}):
        versions[package] = _version(package)
    return Results(
        {
            "path": str(subject.model.path),
            "hash": subject.model.hash,
            "step": subject.model.step,
            "labels": "none" if subject.labels is None else "as in the data",
        },
        describe(subject),
        figures,
        refused,
        versions,
        time.monotonic() - began,
    )


def refusals(subject: ModelSubject, metrics: Sequence[Chosen], *, asked: bool) -> dict[str, str]:
    """Return why metrics cannot be measured, by name. Raises as ``evaluate`` does."""
    reasons = {one.name: _refusal(one.metric, subject) for one in metrics}
    refused = {name: reason for name, reason in reasons.items() if reason}
    if refused and (asked or len(refused) == len(metrics)):
        name, reason = next(iter(refused.items()))
        raise OptionError(f"--metrics {name}", reason)
    return refused


def describe(subject: ModelSubject) -> dict[str, Any]:
    """Return the protocol: all but the model that a figure follows from."""
    return {
        "data": {**subject.data.describe(), "count": len(subject.rows)},
        "samples": {"count": subject.count},
        "seed": subject.seed,
        "extractor": subject.describe_extractor(),
        "levels": "256" if len(subject.model.shape) == 3 else "exact",
    }


def _refusal(metric: Metric, subject: ModelSubject) -> str | None:
    if "extractor" in metric.needs:
        if len(subject.model.shape) != 3:
            return "compares pictures, and the model makes points"
        if subject.extractor is None:
            return "needs an extractor; type: gantool components extractor"
    return metric.refuses(subject)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
