"""A checkpoint opened for sampling: image number s is a function of the model, the seed s, condition and truncation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.overrides import TorchFunctionMode

from gantool.config import RunConfig, resolve, stored_tier
from gantool.errors import FileError
from gantool.files import checkpoint as checkpoints
from gantool.files import latents
from gantool.files.checkpoint import Checkpoint
from gantool.files.condition import read_condition
from gantool.files.foreign import identify
from gantool.files.sources import check_sources
from gantool.interfaces import Condition
from gantool.latent import seeds as seeding
from gantool.latent.blocks import in_turn, without_tf32
from gantool.latent.foreign import read_foreign
from gantool.latent.prior import Prior
from gantool.networks import ConditionedGenerator, build_generator, used_condition
from gantool.plugins import load_plugins
from gantool.registry import Registry

__all__ = ["Model", "Plan", "are_labels", "open_model", "read_model", "restore_config", "restore_model", "restore_plan"]

SIDE = 64  # frames of a film in one pass through the network
PIXELS = 2**17  # of samples in one pass: 32 of 64x64; with more, a processor's caches overflow (measured)
MOST_AT_ONCE = 256
LARGEST = 2**26  # numbers in one sample: 8192 x 8192 grey
NetworkType = TypeVar("NetworkType", bound=nn.Module)
Build: TypeAlias = Callable[[RunConfig, tuple[int, ...], Condition | None, int], NetworkType]


@dataclass(frozen=True)
class Model:
    """A generator in eval mode and fp32, with its prior and the names that it is conditioned on."""

    path: Path
    config: RunConfig
    G: ConditionedGenerator
    prior: Prior
    shape: tuple[int, ...]
    condition: Condition | None
    label_rows: Tensor | None  # rows of the data's labels: int64 [M] or float [M, A]
    hash: str
    step: int
    fingerprint: str = ""  # of the data that it was trained on, where that is known
    device: torch.device = torch.device("cpu")  # noqa: RUF009  # it never changes

    @property
    def at_once(self) -> int:
        """How many samples pass through the network together."""
        return max(1, min(MOST_AT_ONCE, PIXELS // prod(self.shape[1:])))

    def on(self, device: torch.device) -> Model:
        """Move G to a device, laid out for many samples; what goes in and comes out stays on the processor."""
        G = self.G.to(device).to(memory_format=torch.channels_last)  # a third less time where G upsamples (measured)
        return replace(self, G=G, device=device)

    def latents(self, seeds: Sequence[int], truncation: float | None = None) -> Tensor:
        """Return ``z [len(seeds), latent_dim]``, each row from its seed alone."""
        return self.prior.latents(seeds, truncation)

    def labels(self, seeds: Sequence[int]) -> Tensor | None:
        """Draw one row of the data's labels for each seed; None for an unconditional model."""
        return None if self.condition is None else self.draw_labels(seeds)

    def draw_labels(self, seeds: Sequence[int], rows: Tensor | None = None) -> Tensor:
        """Draw one row for each seed, from the given label rows or from all that the checkpoint holds."""
        rows = self.label_rows if rows is None else rows
        names = len(self.condition or ())
        count = names if rows is None else len(rows) or names
        picks = [int(torch.randint(count, (1,), generator=seeding.generator(seed, "label"))) for seed in seeds]
        if rows is not None and len(rows):
            return rows[picks]
        by_class = self.condition is not None and self.condition.kind == "classes"
        return torch.tensor(picks) if by_class else one_hot(torch.tensor(picks), names).float()

    def save_latents(
        self,
        path: Path,
        z: Tensor,
        c: Tensor | None,
        seeds: Sequence[int] | None = None,
        truncation: float | None = None,
    ) -> None:
        """Write latents of this model; the suffix ``.pt`` gives a file for torch.load."""
        meta = {"model_hash": self.hash, "seeds": None if seeds is None else list(seeds), "truncation": truncation}
        names = list(self.condition.names) if self.condition else None
        latents.write(path, z, c, self.path, {**meta, "names": names})

    @torch.inference_mode()
    def batches(self, z: Tensor, c: Tensor | None = None, size: int | None = None) -> Iterator[Tensor]:
        """Yield samples for ``z [N, latent_dim]`` and ``c`` in order, ``size`` at a time, on the processor."""
        size = size or self.at_once
        for start in range(0, len(z), size):
            part = slice(start, start + size)
            labels = None if c is None else c[part].to(self.device)
            with in_turn(self.device), without_tf32():
                x = self.G(z[part].to(self.device), labels).float().cpu()
            yield x

    def samples(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Return images ``[N, C, H, W]`` in [-1, 1], or vectors ``[N, D]``."""
        return torch.cat(list(self.batches(z, c)))


def open_model(path: Path | str, registry: Registry | None = None) -> Model:
    """Open a checkpoint file, a run folder or a foreign generator for sampling.

    Raises FileError for a file that is none of these or does not fit its own settings, and PluginError where a
    component's plugin is missing.
    """
    registry = registry or load_plugins().registry
    return restore_model(read_model(path, registry), registry)


def read_model(path: Path | str, registry: Registry) -> Checkpoint:
    """Read a checkpoint file, that of a run folder, or a foreign generator as one. Raises as ``open_model`` does."""
    file = checkpoints.find(path)
    is_foreign = identify(file).startswith("torch-")
    return read_foreign(file, registry) if is_foreign else checkpoints.read(file)


def restore_model(stored: Checkpoint, registry: Registry) -> Model:
    """Build a checkpoint's generator and give it its weights. Raises as ``open_model`` does."""
    plan = restore_plan(stored, registry)
    G = plan.network(build_generator, stored.sampler())
    rows = _label_rows(stored, plan.condition)
    hashed, step, fingerprint = stored.meta["model_hash"], stored.meta["step"], str(stored.meta.get("fingerprint", ""))
    return Model(stored.path, plan.config, G, plan.prior, plan.shape, plan.condition, rows, hashed, step, fingerprint)


@dataclass(frozen=True)
class Plan:
    """What a checkpoint's networks are built from."""

    path: Path
    config: RunConfig
    shape: tuple[int, ...]
    condition: Condition | None  # None where the conditioning uses no labels
    prior: Prior

    def network(self, build: Build[NetworkType], tensors: Mapping[str, Tensor]) -> NetworkType:
        """Build a network and give it its weights; it is in eval mode, fp32 and frozen.

        Raises FileError where they do not fit, before memory is taken: a small file must not ask for a huge network.
        """
        misfit = FileError(str(self.path), "its tensors do not fit its own settings", "a checkpoint that gantool wrote")
        parts = (self.config, self.shape, self.condition, self.prior.dim)
        with torch.device("meta"), _Unfilled():
            wanted = build(*parts).state_dict()
        if {name: part.shape for name, part in wanted.items()} != {name: part.shape for name, part in tensors.items()}:
            raise misfit
        network = build(*parts)
        try:
            network.load_state_dict(tensors, strict=True)
        except RuntimeError as error:
            raise misfit from error
        return network.eval().requires_grad_(False)


def restore_plan(stored: Checkpoint, registry: Registry) -> Plan:
    """Return what a checkpoint's networks are built from. Raises as ``open_model`` does."""
    where = str(stored.path)
    config = restore_config(stored, registry)
    shape = _shape(stored.meta["shape"], where)
    try:
        known = read_condition(stored.meta.get("condition"))
    except ValueError as error:
        raise FileError(where, f"is damaged: {error}", "a checkpoint that gantool wrote") from error
    return Plan(stored.path, config, shape, used_condition(config, known), Prior.restore(stored.meta["prior"], where))


class _Unfilled(TorchFunctionMode):
    """Leaves out the filling of new weights, which on the device ``meta`` only imports torch's compiler, in 2 s."""

    FILLS = frozenset(name for name in vars(nn.init) if name.endswith("_") and not name.startswith("_"))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in self.FILLS:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def _label_rows(stored: Checkpoint, condition: Condition | None) -> Tensor | None:
    rows = stored.tensors.get("data.labels")
    if rows is None or condition is None:
        return None
    rows = rows.float() if condition.kind == "attributes" else rows
    if not are_labels(rows, condition):
        raise FileError(str(stored.path), "its label rows do not fit its names", "a checkpoint that gantool wrote")
    return rows


def are_labels(c: Tensor, condition: Condition) -> bool:
    """Whether ``c`` is int64 ``[N]`` with classes of a condition, or finite floats ``[N, A]`` for its attributes."""
    if condition.kind == "classes":
        return c.dtype == torch.int64 and c.dim() == 1 and bool(((c >= 0) & (c < len(condition))).all())
    return c.is_floating_point() and c.shape[1:] == (len(condition),) and bool(c.isfinite().all())


def restore_config(stored: Checkpoint, registry: Registry) -> RunConfig:
    """Return the settings that a checkpoint was trained with; what they name is looked up, never imported by path.

    Raises PluginError, with the line that installs it, where a component is not there.
    """
    check_sources(stored.meta, registry, str(stored.path))
    return resolve(registry, [stored_tier(registry, stored.meta["resolved"], str(stored.path))])


def _shape(stored: Sequence[Any], where: str) -> tuple[int, ...]:
    whole = len(stored) in (1, 3) and all(type(side) is int and 0 < side <= LARGEST for side in stored)
    if not whole or prod(stored) > LARGEST or (len(stored) == 3 and stored[0] > 4):
        raise FileError(where, f"has samples of an impossible shape {list(stored[:8])}", "C, H, W or D")
    return tuple(stored)
