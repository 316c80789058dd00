"""gantool: train and use GANs from the command line, with plugins for every part.

The names below are public. They load on first use, so that ``import gantool`` does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gantool.config import RunConfig, Tier, resolve
    from gantool.errors import GantoolError, UserError
    from gantool.hookspecs import hookimpl
    from gantool.interfaces import Condition, DataInfo, Samples, Spec, Step
    from gantool.latent.model import Model, open_model
    from gantool.options import Meta, Options
    from gantool.plugins import load_plugins
    from gantool.registry import Command, Component, Registry
    from gantool.training.run import train

_HOMES = {
    "Command": "registry",
    "Component": "registry",
    "Condition": "interfaces",
    "DataInfo": "interfaces",
    "GantoolError": "errors",
    "Meta": "options",
    "Model": "latent.model",
    "Options": "options",
    "Registry": "registry",
    "RunConfig": "config",
    "Samples": "interfaces",
    "Spec": "interfaces",
    "Step": "interfaces",
    "Tier": "config",
    "UserError": "errors",
    "hookimpl": "hookspecs",
    "load_plugins": "plugins",
    "open_model": "latent.model",
    "resolve": "config",
    "train": "training.run",
}

__all__ = [*_HOMES, "__version__"]  # pyright: ignore


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'gantool' has no attribute {name!r}")
    return getattr(import_module(f"gantool.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
