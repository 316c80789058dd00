"""Evaluation while training: metrics of a run's checkpoints, so that ``best`` names the peak and not the end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from gantool.config import RunConfig
from gantool.errors import FileError, OptionError, UserError
from gantool.evaluation.evaluate import Chosen, create_extractor, create_metrics, describe, measure, reason_of, refusals
from gantool.evaluation.subject import ModelSubject, RealData
from gantool.files import checkpoint as checkpoints
from gantool.interfaces import DataInfo, Evaluated, Extractor, Samples
from gantool.latent.model import restore_model
from gantool.options import build
from gantool.recipes import choose_tool
from gantool.registry import KINDS, Component, Registry
from gantool.training.folder import RunFolder
from gantool.training.observers import read_log
from gantool.training.options import RunOptions

__all__ = ["Appraisal"]


@dataclass
class Appraisal:
    """Measures checkpoints by metrics; ``best`` is the best value so far of the metric ``keep``, with its step."""

    data: RealData
    registry: Registry
    metrics: Sequence[Chosen]
    asked: str  # the flag that named these metrics, empty where none did
    extractor: tuple[Component, Extractor] | None
    lacks: str  # why there is no extractor
    count: int
    device: torch.device
    left_out: dict[str, str]  # why metrics cannot be measured, by name
    keep: Chosen | None = None
    best: tuple[float, int] | None = None
    by: str = ""  # a digest of the protocol

    @classmethod
    def of_run(
        cls,
        config: RunConfig,
        options: RunOptions,
        data: tuple[DataInfo, Samples],
        registry: Registry,
        device: torch.device,
    ) -> Appraisal | None:
        """Return what the options ask for, None where they ask for nothing.

        Raises UserError for a metric or an extractor that there is not, or that lacks something.
        """
        if options.evaluate_every is None and options.metrics is None and options.keep_best is None:
            _refuse_idle(options)
            return None
        wanted = options.keep_best if options.metrics is None else options.metrics
        parts = registry.all("metric") if wanted is None else registry.named("metric", wanted)
        names = [part.name for part in parts]
        if options.keep_best and options.keep_best not in names:
            registry.get("metric", options.keep_best, "--keep-best")
            hint = f"type: --metrics {','.join([*names, options.keep_best])}"
            raise OptionError("--keep-best", f"{options.keep_best} is not measured", f"one of {', '.join(names)}", hint)
        asked = "" if wanted is None else "--keep-best" if options.metrics is None else "--metrics"
        metrics, left_out = create_metrics([(part, build(part.options, {})) for part in parts], bool(asked))
        keep = next((one for one in metrics if one.name == options.keep_best), None)
        if keep is not None and keep.metric.better is None:
            raise OptionError("--keep-best", f"{keep.name} has no better and worse", "a metric that has")
        info, samples = data
        create = partial(_extractor, registry, options.extractor)
        given = bool(options.extractor)
        extractor, lacks = create_extractor(create, metrics, info.shape, given=given, asked=bool(asked))
        real = RealData(config, info, samples)
        return cls(real, registry, metrics, asked, extractor, lacks, options.evaluate_count, device, left_out, keep)

    def check(self, path: Path) -> None:
        """Leave out what cannot be measured of a checkpoint. Raises OptionError where it was asked for by name."""
        subject = self._subject(path)
        refused = refusals(subject, self.metrics, asked=self.asked)
        self.metrics = [one for one in self.metrics if one.name not in refused]
        self.left_out |= refused
        terms = {**describe(subject), "extractor": subject.describe_extractor()}
        self.by = hashlib.sha256(json.dumps(terms, sort_keys=True).encode()).hexdigest()[:16]

    def measure(self, path: Path, step: int) -> Evaluated:
        """Measure a checkpoint; a metric that fails is left out, with its reason."""
        try:
            results = measure(self._subject(path), self.metrics, asked=False)
        except UserError as error:  # none of them has a figure
            return Evaluated(step, {}, {"no metric": reason_of(error)}, self._kept, self.by)
        values = {name: float(figure["value"]) for name, figure in results.figures.items()}
        if self.keep and self.keep.name in values:
            self._weigh(values[self.keep.name], step)
        return Evaluated(step, values, dict(results.refused), self._kept, self.by)

    def recall(self, folder: RunFolder) -> None:
        """Take over the best checkpoint of a resumed run, where it was kept by the same metric and protocol."""
        if not (folder.path / "best").is_file() or not folder.log.exists():
            return
        step = checkpoints.find(folder.path).stem[5:]
        for row in read_log(folder.log):
            if (
                step.isdecimal()
                and row["step"] == int(step)
                and (row.get("keep"), row.get("by")) == (self._kept, self.by)
            ):
                evaluation = row.get("evaluation")
                value = evaluation.get(self._kept) if isinstance(evaluation, dict) else None
                if isinstance(value, (int, float)):
                    self.best = value, row["step"]

    @property
    def _kept(self) -> str | None:
        return self.keep.name if self.keep else None

    def _weigh(self, value: float, step: int) -> None:
        assert self.keep is not None  # else there is nothing to weigh
        lower = self.keep.metric.better == "lower"
        if self.best is None or (value < self.best[0] if lower else value > self.best[0]):
            self.best = value, step

    def _subject(self, path: Path) -> ModelSubject:
        model = restore_model(checkpoints.read(path), self.registry).on(self.device)
        return ModelSubject(model, self.data, self.count, self.registry, self.extractor, lacks=self.lacks)


def _refuse_idle(options: RunOptions) -> None:
    """Refuse what would do nothing in a run that evaluates nothing."""
    idle = {"--extractor": options.extractor, "--evaluate-count": options.evaluate_count != RunOptions().evaluate_count}
    for flag in (flag for flag, given in idle.items() if given):
        raise OptionError(flag, "was given, and nothing is evaluated", "with evaluations", "add --evaluate-every N")


def _extractor(registry: Registry, given: str | None) -> tuple[Component, Extractor]:
    """Make an extractor by its name or by the file of its weights."""
    component, options = choose_tool(registry, KINDS["extractor"], given)
    try:
        return component, component.create(build(component.options, options))
    except (OptionError, FileError) as error:
        if f"--{component.name}." not in f"{error.where} {error.hint}":
            raise
        where, hint = f"--extractor {component.name}", "give the file itself: --extractor FILE"  # for want of its flags
        raise OptionError(where, error.given, error.allowed, hint) from error
