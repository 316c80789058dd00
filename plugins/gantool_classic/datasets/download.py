"""Fetching a known dataset with torchvision, which knows where it lies and checks what arrives."""

from __future__ import annotations

import contextlib
import sys
from importlib import import_module
from pathlib import Path

from gantool.errors import DataError

__all__ = ["download"]


def download(name: str, root: Path) -> None:
    """Fetch torchvision's dataset ``name`` into ``root``. Raises DataError where that fails."""
    try:
        datasets = import_module("torchvision.datasets")
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            getattr(datasets, name)(str(root), download=True)
    except (OSError, RuntimeError, ImportError) as error:  # no network, a wrong checksum, no torchvision
        given = f"{name} could not be fetched into {root} ({error})"
        hint = "fetch it elsewhere and give its folder with --data.root"
        raise DataError("--data.download", given, "a network and a writable folder", hint) from error
