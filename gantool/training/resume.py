"""Going on with a run: only its length, what it logs, and where and in how many parts it computes may change."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from gantool.config import RunConfig, Tier, merge_trees, normalise, resolve
from gantool.errors import FileError, RunError, typed
from gantool.files import checkpoint as checkpoints
from gantool.files.checkpoint import Checkpoint
from gantool.latent.model import restore_config
from gantool.options import describe
from gantool.registry import Registry
from gantool.training.folder import RunFolder

__all__ = ["open_run"]

LENGTH, PARTS = ("training", "steps"), ("training", "accumulate")


def open_run(folder: Path | str, asked: Sequence[Tier], registry: Registry) -> tuple[RunConfig, Checkpoint]:
    """Return the settings and the newest checkpoint of a run, with the new length where one is asked for.

    Raises RunError naming any other setting that was given and differs from the run's.
    """
    if not Path(folder).is_dir():
        raise RunError(f"--resume {folder}", "is not a folder", "a run folder that gantool train left", "type: ls runs")
    stored = _read(Path(folder))
    asked = [replace(tier, tree=normalise(registry, tier.tree, tier.name)) for tier in asked]
    config = restore_config(stored, registry)
    own, changeable = config.tree(), {LENGTH, PARTS, *_places(config)}
    for tier in asked:
        for section, table in tier.tree.items():
            for option, value in table.items():
                old = own.get(section, {}).get(option)
                if (section, option) not in changeable and value != old:
                    allowed = (
                        "on resume only the length, --accumulate, logging, the device and where files lie may change"
                    )
                    hint = f"start a new run: {typed('train', '--config', folder)} ..."
                    raise RunError(tier.place(section, option), f"{value} was given, the run has {old}", allowed, hint)
    changed = resolve(registry, [Tier(str(stored.path), own), *asked])
    given = merge_trees([stored.meta["given"], *(tier.tree for tier in asked)])
    return replace(changed, given=given), stored


def _read(folder: Path) -> Checkpoint:
    """Read a run's newest checkpoint. Raises FileError where it is damaged, with the way back to one that is whole."""
    path = checkpoints.find(folder, resuming=True)
    try:
        return checkpoints.read(path)
    except FileError as error:
        whole = _whole_before(path)
        if whole is None:
            raise
        back = f"echo {whole.relative_to(folder).as_posix()} > {shlex.quote(str(folder / 'latest'))}"
        hint = f"to go on from an earlier one, type: {back}"
        raise FileError(error.where, error.given, error.allowed, hint) from error


def _whole_before(path: Path) -> Path | None:
    """Return the newest checkpoint before one that can be read."""
    older_ones = takewhile(lambda one: one != path, RunFolder(path.parent.parent).checkpoints())
    for older in reversed(list(older_ones)):
        with contextlib.suppress(FileError):
            checkpoints.read(older)
            return older
    return None


def _places(config: RunConfig) -> set[tuple[str, str]]:
    """Return the options of where data comes from: files may move, and what is in them is checked by its content."""
    rows = [(table, option) for table, part in config.parts().items() for option in describe(part.options)]
    return {(table, option.name) for table, option in rows if option.path or option.consent}
