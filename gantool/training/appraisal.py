"""Evaluation while training: metrics of a run's checkpoints, so that ``best`` names the peak and not the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from gantool.config import RunConfig
from gantool.errors import OptionError, nearest
from gantool.evaluation.evaluate import Chosen, create_metrics, evaluate, refusals
from gantool.evaluation.subject import ModelSubject, RealData
from gantool.files import checkpoint as checkpoints
from gantool.interfaces import DataInfo, Extractor, Samples
from gantool.latent.model import restore_model
from gantool.options import build
from gantool.recipes import default_tool
from gantool.registry import Registry
from gantool.training.observers import read_log
from gantool.training.options import RunOptions

__all__ = ["Appraisal"]

KIND = "extractor"


@dataclass
class Appraisal:
    """Measures checkpoints by metrics; ``best`` is the best value so far of the metric ``keep``, with its step."""

    data: RealData
    registry: Registry
    metrics: Sequence[Chosen]
    asked: bool  # for these metrics by name
    extractor: tuple[str, Extractor] | None
    count: int
    device: torch.device
    keep: Chosen | None = None
    best: tuple[float, int] | None = None

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
            return None
        wanted = options.metrics or options.keep_best
        names = _split(wanted) if wanted else registry.names("metric")
        if options.keep_best and options.keep_best not in names:
            hint = nearest(options.keep_best, names) or f"type: --metrics {','.join([*names, options.keep_best])}"
            raise OptionError("--keep-best", f"{options.keep_best} is not measured", f"one of {', '.join(names)}", hint)
        parts = [registry.get("metric", name) for name in names]
        metrics, _ = create_metrics([(part, build(part.options, {})) for part in parts], asked=wanted is not None)
        keep = next((one for one in metrics if one.name == options.keep_best), None)
        if keep is not None and keep.metric.better is None:
            raise OptionError("--keep-best", f"{keep.name} has no better and worse", "a metric that has", "type: fid")
        info, samples = data
        wants = options.extractor or any("extractor" in one.metric.needs for one in metrics)
        extractor = _extractor(registry, options.extractor) if wants and len(info.shape) == 3 else None
        real = RealData(config, info, samples)
        return cls(real, registry, metrics, wanted is not None, extractor, options.evaluate_count, device, keep)

    def check(self, path: Path) -> None:
        """Leave out what cannot be measured of a checkpoint. Raises OptionError where it was asked for by name."""
        refused = refusals(self._subject(path), self.metrics, asked=self.asked)
        self.metrics = [one for one in self.metrics if one.name not in refused]

    def measure(self, path: Path, step: int) -> dict[str, float]:
        """Return the value of each metric for a checkpoint; one that is not finite is left out."""
        results = evaluate(self._subject(path), self.metrics, asked=False)
        values = {name: float(figure["value"]) for name, figure in results.figures.items()}
        self._weigh(values, step)
        return values

    def recall(self, log: Path) -> None:
        """Take over what a resumed run's log knows."""
        for row in read_log(log) if log.exists() else ():
            if isinstance(row.get("evaluation"), dict):
                self._weigh(row["evaluation"], row["step"])

    def _weigh(self, values: dict[str, float], step: int) -> None:
        if self.keep is None or not isinstance(values.get(self.keep.name), (int, float)):
            return
        value = values[self.keep.name]
        lower = self.keep.metric.better == "lower"
        if self.best is None or (value < self.best[0] if lower else value > self.best[0]):
            self.best = value, step

    def _subject(self, path: Path) -> ModelSubject:
        model = restore_model(checkpoints.read(path), self.registry).on(self.device)
        return ModelSubject(model, self.data, self.count, self.registry, self.extractor)


def _extractor(registry: Registry, given: str | None) -> tuple[str, Extractor]:
    """Make an extractor by its name or by the file of its weights."""
    name = given or default_tool(registry, KIND)
    if name is None:
        known = f"known: {', '.join(registry.names(KIND)) or 'none is installed'}"
        raise OptionError(f"--{KIND}", "was not given", known, f"type: --{KIND} NAME")
    if Path(name).is_file() and not registry.providers(KIND, name):
        component = registry.of_weights(KIND, name)
        return component.name, component.create(build(component.options, {"weights": name}))
    component = registry.get(KIND, name)
    return name, component.create()


def _split(names: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
