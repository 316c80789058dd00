"""A whole run: data and networks, then folder, loop, checkpoints, and the pictures at its end."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import tomli_w
import torch
from PIL import Image

from gantool import __version__
from gantool.config import RunConfig
from gantool.errors import (
    DataError,
    FileError,
    OptionError,
    RunError,
    TrainingError,
    is_out_of_memory,
    printable,
    typed,
)
from gantool.files import checkpoint as checkpoints
from gantool.files.checkpoint import Checkpoint
from gantool.files.condition import describe_condition
from gantool.files.envelope import write_text
from gantool.interfaces import Condition, DataInfo, Dataset, Observer, Samples, Start
from gantool.latent import seeds
from gantool.latent.device import pick_device
from gantool.networks import used_condition
from gantool.plugins import load_plugins
from gantool.registry import Component, Registry
from gantool.render.animation import save_gif
from gantool.render.plot import save_losses
from gantool.training.appraisal import Appraisal
from gantool.training.batches import Batches
from gantool.training.folder import RunFolder
from gantool.training.grids import FixedGrid
from gantool.training.group import Group, joined
from gantool.training.loop import Actions, Interval, Length, fit
from gantool.training.observers import Found, JsonLog, read_log
from gantool.training.options import RunOptions
from gantool.training.phases import Phases
from gantool.training.signals import Stop
from gantool.training.state import TrainingState, build_state
from gantool.training.statistics import not_finite
from gantool.training.vitals import Probe
from gantool.training.watch import Watch

__all__ = ["Outcome", "Prepared", "check_data", "default_name", "prepare", "train"]

FRAMES = 200  # the most in the film
GRIDS, CHECKPOINTS = 24, 10  # in a run, where no interval is given
READINGS = 60  # of its vitals
EVALUATIONS = 10
NEVER = Interval(None, 0)
AMPERE = (8, 0)  # the first generation of NVIDIA's GPUs that multiplies bfloat16
FRAME_SIDE = 1100  # pixels of a frame of the film: a grid of 128x128 is whole, larger ones would fill the memory
CHECKPOINT_SECONDS = 600.0  # the most work that a crash may cost, unless --checkpoint-every says otherwise
LABEL_ROWS = 4096  # kept in a checkpoint, so that labels can be drawn without the data


@dataclass
class Prepared:
    """A run that is built and has touched no file."""

    config: RunConfig
    options: RunOptions
    device: torch.device
    info: DataInfo
    samples: Samples
    condition: Condition | None
    state: TrainingState
    phases: Phases

    def meta(self) -> dict[str, Any]:
        """Return a checkpoint's metadata for the state as it is now."""
        training = self.config.training
        resolved, given = self.config.tree(), {key: dict(table) for key, table in self.config.given.items()}
        if self.options.minutes is not None and self.state.step:  # a run by the clock is replayed by its last step
            resolved["training"]["steps"] = self.state.step
            given["training"] = {**given.get("training", {}), "steps": self.state.step}
        return {
            "given": given,
            "resolved": resolved,
            "components": self.config.provided(),
            "prior": self.state.prior.describe(),
            "shape": list(self.info.shape),
            "condition": describe_condition(self.info.condition),
            "fingerprint": self.info.fingerprint,
            "step": self.state.step,
            "images": self.state.step * training.n_critic * training.batch_size,
            "torch": torch.__version__,
        }


@dataclass(frozen=True)
class Outcome:
    """How a run ended; ``signal`` is 0, or the number of the signal that stopped it.

    ``findings`` are what its diagnostics found, in the order of its steps.
    """

    folder: Path
    step: int
    model_hash: str
    signal: int = 0
    findings: tuple[Found, ...] = ()
    best: tuple[str, float, int] | None = None  # the metric, its best value and that one's step


def prepare(config: RunConfig, options: RunOptions, group: Group | None = None) -> Prepared:
    """Read the data and build networks, optimizers and phases. Raises UserError for what does not fit together."""
    if options.minutes is not None and config.training.lr_schedule != "constant":
        allowed = "a run by the clock is replayed by its steps, so its rates must not follow the clock"
        hint = "give --steps instead, or --lr-schedule constant"
        raise OptionError("--minutes", "was given with --lr-schedule linear", allowed, hint)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    device = pick_device(options.device)
    config = _at_precision(config, device)
    dataset: Dataset = config.create("data")
    info, samples = dataset.describe(), dataset.load()
    if not len(samples.values) or tuple(samples.values.shape[1:]) != tuple(info.shape):
        raise DataError(f"--data {config.name('data')}", f"holds {len(samples.values)} examples of {info.shape}")
    condition = used_condition(config, info.condition)
    state = build_state(config, tuple(info.shape), condition, device)
    seen = samples if condition is not None else Samples(samples.values)
    batches = Batches(seen, config.training.batch_size, config.training.seed)
    phases = Phases(config, state, batches, device, group)
    return Prepared(config, options, device, info, samples, condition, state, phases)


def _at_precision(config: RunConfig, device: torch.device) -> RunConfig:
    """Return the settings with the precision of ``auto``, which was settled for the processor, as fits the device."""
    if device.type == "cpu" or config.origins.get("training.precision") != "auto":
        return config
    native = device.type == "cuda" and torch.cuda.get_device_capability(device) >= AMPERE
    training = msgspec.structs.replace(config.training, precision="bf16" if native else "fp32")
    return replace(config, training=training)


def train(
    config: RunConfig,
    options: RunOptions | None = None,
    observers: Sequence[Observer] = (),
    resume: Checkpoint | None = None,
    *,
    registry: Registry | None = None,
) -> Outcome:
    """Train and leave a run folder; with ``resume`` go on from a checkpoint, in the folder it lies in.

    The diagnostics of ``registry``, of all plugins where None is given, watch the run unless ``options`` say otherwise.
    Under ``torchrun`` all processes train one model, and the first one writes. Raises UserError before anything is
    written, and TrainingError for a loss that is not finite or a process of the group that is gone.
    """
    options = options or RunOptions()
    registry = registry or load_plugins().registry
    with joined(pick_device(options.device)) as group:
        run = prepare(config, options, group)
        if resume is not None:
            check_data(run, resume)
            run.state.restore(resume)
        if not group.leads:
            return _follow(run)
        appraisal = _appraisal(run, registry)
        if resume is None:
            folder = RunFolder.create(Path(options.out or Path("runs") / default_name(config)))
        else:
            folder = RunFolder(resume.path.parent.parent)
        folder.lock()
        try:
            if resume is not None:
                _check_newest(folder, resume)
            if appraisal:
                appraisal.recall(folder)
            return _train(run, folder, observers, registry.all("diagnostic"), appraisal)
        finally:
            folder.unlock()


def _appraisal(run: Prepared, registry: Registry) -> Appraisal | None:
    """Return what evaluates the run, after a trial with its first weights. Raises UserError before a folder is made."""
    appraisal = Appraisal.of_run(run.config, run.options, (run.info, run.samples), registry, run.device)
    if appraisal:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "trial.safetensors"
            checkpoints.write(path, run.state.tensors() | _label_rows(run), run.meta())
            appraisal.check(path)
    return appraisal


def _check_newest(folder: RunFolder, resume: Checkpoint) -> None:
    """Another process may have trained on between reading the checkpoint and taking the lock."""
    newest = checkpoints.find(folder.path, resuming=True)
    if newest.resolve() != resume.path.resolve():
        given = f"went on to {newest.name} while {resume.path.name} was read"
        raise RunError(f"--resume {folder.path}", given, "the newest checkpoint", "type the same command again")


def check_data(run: Prepared, resume: Checkpoint) -> None:
    """Raise RunError where the data is not what the run of a checkpoint was trained on."""
    if run.info.fingerprint != resume.meta.get("fingerprint"):
        given = "the data differs from what the run was trained on"
        hint = f"bring the data back, or start anew: {typed('train', '--config', resume.path.parent.parent)}"
        raise RunError(f"--resume {resume.path.parent.parent}", given, "the same data", hint)


def default_name(config: RunConfig) -> str:
    """Return the name of a run's folder: data, architecture and loss."""
    return "-".join(config.name(section) for section in ("data", "arch", "loss"))


def _follow(run: Prepared) -> Outcome:
    """Train along with the process that leads, which alone writes: this one makes its steps and keeps its intervals."""
    group, state, options = run.phases.group, run.state, run.options
    folder = Path(group.share(None))
    length = Length(run.config.training.steps, options.minutes)
    with Stop(repeats=False) as stop:
        fit(run.phases, length, Actions(options.log_every, _nothing, NEVER, _nothing, NEVER, None, NEVER), [], stop)
    return Outcome(folder, state.step, "", group.signal)


def _nothing(step: int) -> None:
    """Leave pictures and checkpoints to the process that leads."""


def _train(
    run: Prepared,
    folder: RunFolder,
    observers: Sequence[Observer],
    diagnostics: Sequence[Component],
    appraisal: Appraisal | None,
) -> Outcome:
    state, options, group = run.state, run.options, run.phases.group
    group.share(str(folder.path))
    grid = FixedGrid(state.prior, tuple(run.info.shape), run.condition, run.samples)
    told = [JsonLog(folder.log), *observers]
    watch = Watch(run.config, diagnostics if options.diagnose else [], told)
    watching = [*told, watch]
    labels = _label_rows(run)
    digest = ""

    def sample(step: int) -> None:
        path = folder.samples / f"step-{step:08d}.png"
        grid.save(grid.draw(state, run.device), path)
        for observer in watching:
            observer.on_samples(path, step)

    def save(step: int) -> None:
        nonlocal digest
        digest = _save(run, folder, labels)
        folder.prune(options.keep)
        for observer in watching:
            observer.on_checkpoint(folder.checkpoint(step), step)

    def in_folder(write: Callable[[int], None]) -> Callable[[int], None]:
        """End the run, its state saved elsewhere, where the folder is gone before or while something is written."""

        def checked(step: int) -> None:
            try:
                if folder.is_held():
                    write(step)
            except (OSError, FileError):
                if folder.is_held():
                    raise
            if not folder.is_held():
                raise _rescue(run, folder, labels)

        return checked

    def appraise(step: int) -> None:
        assert appraisal is not None  # else nobody calls
        evaluated = appraisal.measure(folder.checkpoint(step), step)
        if appraisal.best and appraisal.best[1] == step:
            folder.point("best", folder.checkpoint(step))
        for observer in told:
            observer.on_evaluation(evaluated)

    by_clock = options.minutes is not None
    start = Start(
        folder.path,
        state.step,
        None if by_clock else run.config.training.steps,
        options.minutes,
        str(run.device),
    )
    length = Length(run.config.training.steps, options.minutes)
    begun = length.fraction(state.step, 0.0)
    actions = Actions(
        options.log_every,
        in_folder(sample),
        Interval(options.sample_every, GRIDS, begun=begun),
        in_folder(save),
        Interval(options.checkpoint_every, CHECKPOINTS, CHECKPOINT_SECONDS, begun),
        Probe(run.phases) if options.diagnose else None,
        Interval(None, READINGS, begun=begun),
        in_folder(appraise) if appraisal else None,
        Interval(options.evaluate_every, EVALUATIONS, begun=begun) if appraisal else NEVER,
    )
    with Stop(repeats=group.size == 1) as stop:
        try:
            _write_config(run, folder)
            for observer in watching:
                observer.on_start(start)
                for name, reason in appraisal.left_out.items() if appraisal else ():
                    observer.on_note(f"{name} is not measured: {reason}")
            if state.step == 0:
                sample(0)
            complete = fit(run.phases, length, actions, watching, stop)
        except Exception as error:
            if is_out_of_memory(error):
                raise _out_of_memory(run, folder, error) from error
            raise
        finally:
            for observer in watching:
                observer.on_end(state.step)
        if complete:  # also where a signal came during the last step: nothing is left to go on with
            _finish(run, folder, grid, digest)
        else:
            with contextlib.suppress(OSError, FileError):  # the state is saved, which matters
                _draw(run, folder, grid, digest)
    best = (appraisal.keep.name, *appraisal.best) if appraisal and appraisal.keep and appraisal.best else None
    return Outcome(folder.path, state.step, digest, 0 if complete else group.signal, tuple(watch.found), best)


def _save(run: Prepared, folder: RunFolder, labels: dict[str, torch.Tensor]) -> str:
    """Write the checkpoint of the state as it is now, which ``latest`` names, and return its model hash."""
    path, tensors = folder.checkpoint(run.state.step), run.state.tensors()
    broken = next((name for name, part in tensors.items() if not part.isfinite().all()), None)
    if broken:  # by a gradient, behind a loss that was finite
        raise not_finite(run.state.step, f"{broken} is not finite", "weights")
    digest = checkpoints.write(path, tensors | labels, run.meta())
    folder.point("latest", path)
    _write_config(run, folder)
    return digest


def _rescue(run: Prepared, gone: RunFolder, labels: dict[str, torch.Tensor]) -> TrainingError:
    """Save the state where the run's folder was, or beside what is there now, and return the error that says so."""
    folder = RunFolder.create(gone.path)
    _save(run, folder, labels)
    saved = f"its last step, {run.state.step}, is saved in {folder.path}"
    hint = f"type: {_again(run, folder, '--resume')}"
    return TrainingError(str(gone.path), "was removed or renamed while the run went on", saved, hint)


def _again(run: Prepared, folder: RunFolder, way: str) -> str:
    """Return the line that goes on with a run, or starts it again; one by the clock needs its minutes."""
    minutes = run.options.minutes
    return typed("train", way, folder.path, *(["--minutes", f"{minutes:g}"] if minutes is not None else []))


def _out_of_memory(run: Prepared, folder: RunFolder, error: Exception) -> TrainingError:
    """Return the error that says how to compute a batch in more parts."""
    training, size = run.config.training, run.phases.group.size
    more = range(training.accumulate + 1, training.batch_size // (2 * size) + 1)
    parts = next((parts for parts in more if training.batch_size % (parts * size) == 0), None)
    again = _again(run, folder, "--resume" if (folder.path / "latest").is_file() else "--config")
    hint = f"type: {again} --accumulate {parts}" if parts else "give a smaller --batch-size"
    given = f"memory ran out in step {run.state.step + 1} ({str(error)[:200]})"
    allowed = f"a smaller --batch-size than {training.batch_size}, or its parts one after the other"
    return TrainingError(str(folder.path), given, allowed, hint)


def _label_rows(run: Prepared) -> dict[str, torch.Tensor]:
    if run.condition is None or run.samples.labels is None:
        return {}
    labels = run.samples.labels
    order = torch.randperm(len(labels), generator=seeds.generator(run.config.training.seed, "label rows"))
    return {"data.labels": torch.from_numpy(np.ascontiguousarray(labels[order[:LABEL_ROWS].numpy()]))}


def _write_config(run: Prepared, folder: RunFolder) -> None:
    meta = run.meta()
    again = printable(typed("train", "--config", folder.path))  # a name may hold a line's end, or odd bytes
    head = f"# Written by gantool {__version__}. `{again}` starts again from [given];\n"
    head += "# [resolved] is what ran, every default included; [components] says who provides each.\n\n"
    trees = {"given": _without_none(meta["given"]), "resolved": _without_none(meta["resolved"])}
    trees["components"] = meta["components"]
    write_text(folder.path / "config.toml", head + tomli_w.dumps(trees))


def _without_none(tree: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {key: value for key, value in table.items() if value is not None} for name, table in tree.items()}


def _draw(run: Prepared, folder: RunFolder, grid: FixedGrid, digest: str) -> None:
    """Write the grid of the state as it is now, with its latents, and the loss curves so far."""
    grid.save(grid.draw(run.state, run.device), folder.path / "grid.png", digest)
    save_losses(read_log(folder.log), folder.path / "loss.png")


def _finish(run: Prepared, folder: RunFolder, grid: FixedGrid, digest: str) -> None:
    """Write the last pictures, and the film of the grid over training."""
    _draw(run, folder, grid, digest)
    paths = sorted(folder.samples.glob("step-*.png"))
    every = -(-len(paths) // FRAMES) or 1
    frames = []
    for path in paths[::-every][::-1]:  # the last one always
        with Image.open(path) as frame:
            frame.thumbnail((FRAME_SIDE, FRAME_SIDE))
            frames.append(frame.convert("RGB"))
    if frames:
        save_gif(frames, folder.path / "training.gif")
