"""A model under evaluation: its samples, real examples, and what an extractor says of both."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gantool import __version__
from gantool.config import RunConfig, Tier, component_tree, resolve, stored_tier
from gantool.errors import FileError, OptionError
from gantool.evaluation.critic import restore_critic
from gantool.evaluation.extraction import cached, channel_rule, floats, judge, rounded
from gantool.files import checkpoint as checkpoints
from gantool.interfaces import Condition, DataInfo, Extractor, Judged, Modes, Samples
from gantool.latent import seeds as seeding
from gantool.latent.model import Model
from gantool.registry import Component, Registry

__all__ = ["ModelSubject", "RealData", "real_data"]

BLOCK = 1024  # examples that are read at once
Watch = Callable[[str, int, int], object]  # told what is being done, how much more of it is, and of how much


@dataclass(frozen=True)
class RealData:
    """The examples that a model is held against: what they are, and where they came from."""

    config: RunConfig  # names the dataset and its options
    info: DataInfo
    samples: Samples

    def describe(self) -> dict[str, Any]:
        """Say what the examples are, so that equal words are equal examples."""
        options = self.config.tree()["data"]
        return {"name": options["name"], "split": options.get("split"), "fingerprint": self.info.fingerprint}


def real_data(model: Model, registry: Registry, settings: Tier | None = None) -> RealData:
    """Open the data that a model was trained on; ``settings`` may choose others of them, or name another dataset.

    Raises OptionError for a model that does not know what it was trained on, and DataError as the dataset does.
    """
    tiers = [] if settings is None else [settings]
    if settings is None or "name" not in settings.tree.get("data", {}):
        if not model.fingerprint:
            said = f"{model.path} does not know what it was trained on"
            raise OptionError("--data", said, "data to hold it against", "type: --data NAME, as for gantool train")
        tiers = [stored_tier(registry, model.config.tree(), str(model.path)), *tiers]
    config = resolve(registry, tiers)
    dataset = config.create("data")
    return RealData(config, dataset.describe(), dataset.load())


@dataclass(eq=False)  # one subject is like no other, and can be a key
class ModelSubject:
    """Implements ``gantool.interfaces.Subject``; ``extractor`` is with its component, None where no metric needs one.

    Real examples are the first ``count`` of a shuffle by the seed, samples those of the seeds 0 to ``count`` - 1, with
    conditions drawn from the data's where the model has any. Raises OptionError where data and model do not fit.
    """

    model: Model
    data: RealData
    count: int
    registry: Registry
    extractor: tuple[Component, Extractor] | None = None
    seed: int = 0
    lacks: str = ""  # why there is no extractor
    watch: Watch = lambda what, done, total: None

    def __post_init__(self) -> None:
        if tuple(self.data.info.shape) != self.model.shape:
            sides = [" x ".join(map(str, shape)) for shape in (self.data.info.shape, self.model.shape)]
            given = f"its examples are {sides[0]}, the model makes {sides[1]}"
            name = self.data.config.name("data")
            raise OptionError(f"--data {name}", given, "data of one shape", f"see: gantool components dataset {name}")

    @property
    def config(self) -> RunConfig:
        """The model's settings."""
        return self.model.config

    @property
    def condition(self) -> Condition | None:
        """What the model is conditioned on, else what the data's labels are."""
        return self.model.condition or self.data.info.condition

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names of the extractor's logits."""
        return self.extractor[1].names if self.extractor else None

    @property
    def modes(self) -> Modes | None:
        """Where the data gather."""
        return self.data.samples.modes

    @cached_property
    def rows(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The rows of the real examples: int64 ``[M]``, at most ``count``, shuffled."""
        order = torch.randperm(len(self.data.samples.values), generator=seeding.generator(self.seed, "real examples"))
        return order[: self.count].numpy()

    @property
    def seeds(self) -> range:
        """The seeds of the samples."""
        return range(self.count)

    @cached_property
    def labels(self) -> Tensor | None:
        """The condition that each sample was asked for."""
        return self.model.labels(self.seeds)

    @property
    def real_count(self) -> int:
        """How many real examples there are: ``count``, or all that the data has."""
        return len(self.rows)

    @cached_property
    def examples_hash(self) -> str:
        """The sha256 of the real examples: a dataset's fingerprint need not change with every pixel."""
        digest = hashlib.sha256()
        for start in range(0, len(self.rows), BLOCK):
            digest.update(np.ascontiguousarray(self.data.samples.values[self.rows[start : start + BLOCK]]).tobytes())
        return digest.hexdigest()

    @cached_property
    def real_labels(self) -> Tensor | None:
        """The labels of the real examples."""
        labels = self.data.samples.labels
        return None if labels is None else torch.from_numpy(np.ascontiguousarray(labels[self.rows]))

    @cached_property
    def critic(self) -> nn.Module:
        """The trained discriminator, in eval mode. Raises FileError where the model has none."""
        return restore_critic(checkpoints.read(self.model.path), self.registry).to(self.model.device)

    def samples(self, count: int, c: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Return the first samples and their conditions; more of them than were asked for elsewhere are made too.

        Raises FileError where a sample is not finite.
        """
        c = self.model.labels(range(count)) if c is None else c
        return self._sampled(range(count), c), c

    def examples(self, count: int) -> tuple[Tensor, Tensor | None]:
        """Return the first real examples and, where the model has a condition, theirs.

        Raises OptionError where the data's labels are not the model's.
        """
        x, own, known = self._read(self.rows[:count]), self.model.condition, self.data.info.condition
        if own is None:
            return x, None
        if not own.is_like(known) or self.real_labels is None:
            where = f"--data {self.data.config.name('data')}"
            raise OptionError(
                where, "does not have the labels that the model knows", f"the {own.kind} {own.names[0]}, ..."
            )
        return x, self.real_labels[:count]

    @cached_property
    def fake(self) -> Judged:
        """What the extractor says of the samples."""
        return self._judge(self._draw, self.count, "samples")

    @cached_property
    def real(self) -> Judged:
        """What the extractor says of the real examples; it is kept for the next model."""
        source = {
            "examples": self.examples_hash,
            "shape": list(self.model.shape),
            "extractor": self.describe_extractor(),
            "provider": component_tree(self.extractor[0]) if self.extractor else None,
            "versions": {"gantool": __version__, "torch": str(torch.__version__)},
        }
        return cached(source, lambda: self._judge(self._pick, len(self.rows), "real"))

    @property
    def was_judged(self) -> bool:
        """Whether a metric has asked the extractor."""
        return bool({"fake", "real"} & vars(self).keys())

    def describe_extractor(self) -> Mapping[str, Any] | None:
        """Say by what pictures are compared."""
        if self.extractor is None:
            return None
        component, part = self.extractor
        source = component.provider
        file = {"sha256": source.sha256} if source.sha256 else {}  # of a plugin in a file, which anyone may change
        told = {"name": component.name, "dist": source.dist or source.plugin, **file, **part.describe()}
        return {**told, "channels": channel_rule(self.model.shape[0], part.channels)}

    def _judge(self, draw: Callable[[Sequence[int]], Tensor], count: int, what: str) -> Judged:
        assert self.extractor is not None  # a metric that asks for it says so in ``needs``
        part = self.extractor[1]
        shape = (part.channels or self.model.shape[0], *self.model.shape[1:])
        network = part.network(shape)
        return judge(network, draw, count, part.channels, self.model.device, lambda done: self.watch(what, done, count))

    def _draw(self, rows: Sequence[int]) -> Tensor:
        return self._sampled(rows, None if self.labels is None else self.labels[list(rows)])

    def _sampled(self, seeds: Sequence[int], c: Tensor | None) -> Tensor:
        x = self.model.samples(self.model.latents(seeds), c)
        if not x.isfinite().all():
            hint = "an earlier checkpoint may be sound"
            raise FileError(
                str(self.model.path), "makes samples that are not finite", "a model that has not failed", hint
            )
        return rounded(x) if x.dim() == 4 else x

    def _pick(self, places: Sequence[int]) -> Tensor:
        return self._read(self.rows[list(places)])

    def _read(self, rows: np.ndarray[Any, Any]) -> Tensor:
        return floats(torch.from_numpy(np.ascontiguousarray(self.data.samples.values[rows])))
