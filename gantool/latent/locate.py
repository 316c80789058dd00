"""Find the model that latents, pictures or directions belong to. The hash decides; names and places are hints."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from gantool.errors import FileError, UserError
from gantool.files import checkpoint, envelope
from gantool.latent.model import Model, open_model
from gantool.registry import Registry

__all__ = ["find_model", "only_run"]

RUNS = Path("runs")
SUFFIX = "*.safetensors"
MOST = 2000  # headers read in one search


def find_model(
    model_hash: str,
    near: Path,
    hint: str | None = None,
    given: str | None = None,
    registry: Registry | None = None,
) -> Model:
    """Open the checkpoint whose model hash is ``model_hash``.

    ``given`` (the flag ``--model``) is the only place looked into where it is not None; else the path ``hint``,
    relative to the file ``near``, then the folder of that file and the runs around it, then ``runs/``. While searching
    only headers are read. Raises FileError where no model with that hash is there.
    """
    if given is not None:
        return _open_given(model_hash, given, registry)
    home = near.absolute().parent
    hinted = [Path(os.path.normpath(home / hint))] if hint else []
    for path in _first([*hinted, *_around(home), *_runs()]):
        if _hash(path) == model_hash:
            return open_model(_from_here(path), registry)
    for path in _first(hinted):
        if _hash(path) is None:  # a foreign file has no header to read
            model = open_model(_from_here(path), registry)
            if model.hash == model_hash:
                return model
    looked = f"looked for beside it and in {RUNS}/"
    said = f"belongs to the model {model_hash[:12]}, which is not found"
    raise FileError(str(near), said, looked, "give the run folder or checkpoint with --model")


def only_run(registry: Registry | None = None) -> Model | None:
    """Open the one run in ``runs/``; None where there is none, or where there are several."""
    folders = [path for path in sorted(RUNS.glob("*")) if path.is_dir()] if RUNS.is_dir() else []
    return open_model(folders[0], registry) if len(folders) == 1 else None


def _open_given(model_hash: str, given: str, registry: Registry | None) -> Model:
    """Open a file or a run; of a run's checkpoints, the one with the hash."""
    folder = Path(given)
    fitting = (path for path in _first(_checkpoints(folder)) if _hash(path) == model_hash) if folder.is_dir() else None
    model = open_model(next(fitting, folder) if fitting else folder, registry)
    if model.hash != model_hash:
        other = f"is the model {model.hash[:12]}, and what was given belongs to {model_hash[:12]}"
        raise FileError(given, other, "the model that made it", "leave --model out to have it looked for")
    return model


def _from_here(path: Path) -> Path:
    """Return a path as it is typed in the current folder, where it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _around(home: Path) -> Iterator[Path]:
    """List checkpoints in a folder, in the run that it is or lies in, and in the runs beside or below it."""
    for folder in (home, home.parent):
        yield from _checkpoints(folder)
    for folder in (home, home / RUNS):
        yield from (path for run in sorted(folder.glob("*")) for path in _checkpoints(run))


def _runs() -> Iterator[Path]:
    yield from (path for run in sorted(RUNS.glob("*")) for path in _checkpoints(run))


def _checkpoints(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob(SUFFIX))
    yield from sorted(folder.glob(f"checkpoints/{SUFFIX}"), reverse=True)


def _first(paths: Iterable[Path]) -> Iterator[Path]:
    """Pass on what is a file, each once, and not without end."""
    seen: set[Path] = set()
    for path in paths:
        if len(seen) >= MOST:
            return
        try:
            real, there = path.resolve(), path.is_file()
        except (OSError, ValueError):  # a hint may be no path at all
            continue
        if there and real not in seen:
            seen.add(real)
            yield path


def _hash(path: Path) -> str | None:
    """Return the model hash that a checkpoint's header states, or None for any other file."""
    try:
        found = envelope.read_header(path, checkpoint.KIND).meta.get("model_hash")
    except UserError:
        return None
    return found if isinstance(found, str) else None
