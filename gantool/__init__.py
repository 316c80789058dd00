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
    from gantool.evaluation.evaluate import evaluate
    from gantool.evaluation.results import Results
    from gantool.hookspecs import hookimpl
    from gantool.interfaces import (
        Condition,
        DataInfo,
        Direction,
        Evaluated,
        Evidence,
        Figure,
        Finding,
        Foreign,
        Generated,
        Judged,
        Modes,
        Observer,
        Real,
        Report,
        Samples,
        Slot,
        Spec,
        Start,
        Step,
        Subject,
        Vitals,
    )
    from gantool.latent.model import Model, open_model
    from gantool.latent.paths import lerp, slerp
    from gantool.latent.scorer import Scorer, open_scorer
    from gantool.options import Meta, Options
    from gantool.plugins import load_plugins
    from gantool.registry import Command, Component, Registry
    from gantool.training.options import RunOptions
    from gantool.training.run import train

__all__ = [
    "Command",
    "Component",
    "Condition",
    "DataInfo",
    "Direction",
    "Evaluated",
    "Evidence",
    "Figure",
    "Finding",
    "Foreign",
    "GantoolError",
    "Generated",
    "Judged",
    "Meta",
    "Model",
    "Modes",
    "Observer",
    "Options",
    "Real",
    "Registry",
    "Report",
    "Results",
    "RunConfig",
    "RunOptions",
    "Samples",
    "Scorer",
    "Slot",
    "Spec",
    "Start",
    "Step",
    "Subject",
    "Tier",
    "UserError",
    "Vitals",
    "evaluate",
    "hookimpl",
    "lerp",
    "load_plugins",
    "open_model",
    "open_scorer",
    "resolve",
    "slerp",
    "train",
]

_NAMES = {
    "config": ("RunConfig", "Tier", "resolve"),
    "errors": ("GantoolError", "UserError"),
    "evaluation.evaluate": ("evaluate",),
    "evaluation.results": ("Results",),
    "hookspecs": ("hookimpl",),
    "interfaces": (
        "Condition",
        "DataInfo",
        "Direction",
        "Evaluated",
        "Evidence",
        "Figure",
        "Finding",
        "Foreign",
        "Generated",
        "Judged",
        "Modes",
        "Observer",
        "Real",
        "Report",
        "Samples",
        "Slot",
        "Spec",
        "Start",
        "Step",
        "Subject",
        "Vitals",
    ),
    "latent.model": ("Model", "open_model"),
    "latent.paths": ("lerp", "slerp"),
    "latent.scorer": ("Scorer", "open_scorer"),
    "options": ("Meta", "Options"),
    "plugins": ("load_plugins",),
    "registry": ("Command", "Component", "Registry"),
    "training.options": ("RunOptions",),
    "training.run": ("train",),
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'gantool' has no attribute {name!r}")
    return getattr(import_module(f"gantool.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
