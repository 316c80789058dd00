"""Metrics of a model: which of them can be had, and their figures."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from gantool import __version__
from gantool.config import Tier
from gantool.config import values as plain
from gantool.errors import OptionError, UserError
from gantool.evaluation.results import Results
from gantool.evaluation.subject import ModelSubject, real_data
from gantool.interfaces import Extractor, Figure, Metric
from gantool.latent.model import Model
from gantool.options import Options, build
from gantool.plugins import load_plugins
from gantool.recipes import choose_tool
from gantool.registry import KINDS, Component, Registry

__all__ = ["Chosen", "create_extractor", "create_metrics", "describe", "evaluate", "measure", "reason_of", "refusals"]


@dataclass(frozen=True)
class Chosen:
    """A metric with its options, by its component's name."""

    name: str
    metric: Metric
    options: Options


def create_metrics(parts: Sequence[tuple[Component, Options]], asked: bool) -> tuple[list[Chosen], dict[str, str]]:
    """Make metrics; return them, and why others could not be made.

    What one raises that was ``asked`` for by name is raised.
    """
    made, refused = [], {}
    for component, options in parts:
        try:
            made.append(Chosen(component.name, component.create(options), options))
        except Exception as error:
            if asked:
                raise
            refused[component.name] = reason_of(error)
    return made, refused


def create_extractor(
    create: Callable[[], tuple[Component, Extractor]],
    metrics: Sequence[Chosen],
    shape: Sequence[int],
    *,
    given: bool,
    asked: bool,
) -> tuple[tuple[Component, Extractor] | None, str]:
    """Make the extractor, with its component, where a metric needs it; return it, or None and why there is none.

    One that was ``given`` is made for any metrics, and must see examples of the ``shape``. For points there is none.
    Raises UserError for one that cannot be made, where it was ``given`` or the metrics were ``asked`` for by name.
    """
    if len(shape) != 3 or not (given or any("extractor" in one.metric.needs for one in metrics)):
        return None, ""
    try:
        component, extractor = create()
        if given:
            extractor.network((extractor.channels or shape[0], *shape[1:]))
        return (component, extractor), ""
    except UserError as error:
        if given or asked:
            raise
        return None, reason_of(error)


def evaluate(
    model: Model,
    metrics: Sequence[str] | None = None,
    *,
    extractor: str | None = None,
    settings: Mapping[str, Any] | None = None,
    count: int = 5000,
    seed: int = 0,
    registry: Registry | None = None,
) -> Results:
    """Measure a model as ``gantool evaluate`` does: by the ``metrics`` of these names, or all that can be had.

    ``extractor`` is one by its name, or a file of its weights. ``settings`` choose other data than the model was
    trained on: ``{"data": {"split": "test"}}``, or another ``name``. There are ``count`` samples and at most as many
    real examples, those that ``seed`` shuffles to the front. Raises UserError for what there is not or does not fit.
    """
    registry = registry or load_plugins().registry
    parts = registry.all("metric") if metrics is None else registry.named("metric", ",".join(metrics))
    chosen, missing = create_metrics([(part, build(part.options, {})) for part in parts], metrics is not None)
    data = real_data(model, registry, None if settings is None else Tier("settings", settings))

    def create() -> tuple[Component, Extractor]:
        component, options = choose_tool(registry, KINDS["extractor"], extractor)
        return component, component.create(build(component.options, options))

    made, lacks = create_extractor(create, chosen, model.shape, given=bool(extractor), asked=metrics is not None)
    subject = ModelSubject(model, data, count, registry, made, seed, lacks)
    results = measure(subject, chosen, asked=metrics is not None)
    return replace(results, refused={**missing, **results.refused})


def measure(
    subject: ModelSubject,
    metrics: Sequence[Chosen],
    *,
    asked: bool = True,
) -> Results:
    """Take figures of a subject.

    Raises OptionError for a metric that was ``asked`` for by name and refuses, and where none is left.
    """
    began = time.monotonic()
    refused = refusals(subject, metrics, asked="--metrics" if asked else "")
    figures: dict[str, Mapping[str, Any]] = {}
    for one in sorted(metrics, key=lambda one: "extractor" not in one.metric.needs):  # what has bars of its own first
        if one.name not in refused:
            figure = _measured(one, subject, refused)
            if figure is not None:
                figures[one.name] = {**asdict(figure), "options": plain(one.options)}
        subject.watch("metrics", 1, len(metrics))
    if not figures:
        raise _nothing(refused)
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


def _measured(one: Chosen, subject: ModelSubject, refused: dict[str, str]) -> Figure | None:
    """Return a metric's figure, or None with a reason: one that fails may not take the others with it."""
    try:
        figure = _plain(one.metric.measure(subject))
    except Exception as error:
        refused[one.name] = reason_of(error)
        return None
    numbers = (figure.value, figure.low or 0.0, figure.high or 0.0, *figure.details.values())
    if not all(map(math.isfinite, numbers)):
        refused[one.name] = "came out as a number that is not finite"
        return None
    return figure


def _plain(figure: Figure) -> Figure:
    """Return a figure in Python's own numbers, as they are written: those of numpy and torch are taken too."""
    low, high = (None if bound is None else float(bound) for bound in (figure.low, figure.high))
    details = {name: float(number) for name, number in figure.details.items()}
    return replace(figure, value=float(figure.value), low=low, high=high, details=details)


def reason_of(error: Exception) -> str:
    """Say on one line why something failed."""
    if isinstance(error, UserError):
        return "; ".join(part for part in (error.given, error.allowed, error.hint) if part)
    return " ".join(f"failed ({type(error).__name__}: {error})".split())


def refusals(subject: ModelSubject, metrics: Sequence[Chosen], *, asked: str = "") -> dict[str, str]:
    """Return why metrics cannot be measured, by name; ``asked`` is the flag that named them, if one did.

    Raises as ``measure`` does.
    """
    reasons = {one.name: _refusal(one.metric, subject) for one in metrics}
    refused = {name: reason for name, reason in reasons.items() if reason}
    if len(refused) == len(metrics) or (asked and refused):
        raise _nothing(refused, asked or "--metrics")
    return refused


def _nothing(refused: Mapping[str, str], flag: str = "--metrics") -> OptionError:
    """Return the error that names the first metric that was refused, and the flag that asked for it."""
    for name, reason in refused.items():
        return OptionError(f"{flag} {name}", reason)
    return OptionError("--metrics", "is left without any that can be measured", "type: gantool components metric")


def describe(subject: ModelSubject) -> dict[str, Any]:
    """Return the protocol: all but the model that a figure follows from."""
    return {
        "data": {**subject.data.describe(), "count": subject.real_count, "examples": subject.examples_hash},
        "samples": {"count": subject.count},
        "seed": subject.seed,
        "extractor": subject.describe_extractor() if subject.was_judged else None,
        "levels": "256" if len(subject.model.shape) == 3 else "exact",
    }


def _refusal(metric: Metric, subject: ModelSubject) -> str | None:
    if "extractor" in metric.needs:
        if len(subject.model.shape) != 3:
            return "compares pictures, and the model makes points"
        if subject.extractor is None:
            return subject.lacks or "needs an extractor; type: gantool components extractor"
    try:
        return metric.refuses(subject)
    except Exception as error:
        return reason_of(error)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
