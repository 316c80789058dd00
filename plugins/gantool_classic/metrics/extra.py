"""What comes with the extra ``metrics``: torch-fidelity's formulas, and scipy's intervals."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gantool.errors import PluginError

__all__ = ["fidelity", "mean_interval", "scipy_stats", "share_interval"]

CONFIDENCE = 0.95


def fidelity(module: str, where: str) -> Any:
    """Import a module of torch-fidelity. Raises PluginError, with the line that installs it, where it is missing."""
    return _import(f"torch_fidelity.{module}", "torch-fidelity", where)


def scipy_stats(where: str) -> Any:
    """Import ``scipy.stats``. Raises PluginError, with the line that installs it, where it is missing."""
    return _import("scipy.stats", "scipy", where)


def _import(module: str, package: str, where: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        given = f"needs {package}, which is not installed"
        raise PluginError(where, given, "the extra 'metrics'", "type: pip install 'gantool[metrics]'") from error


def mean_interval(values: list[float], where: str) -> tuple[float, float, float]:
    """Return the mean of independent estimates and the bounds of its 95 % interval by Student's t."""
    stats = scipy_stats(where)
    mean, error = sum(values) / len(values), float(stats.sem(values))
    half = error * float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
    return mean, mean - half, mean + half


def share_interval(hits: int, count: int, where: str) -> tuple[float, float]:
    """Return the bounds of a share's 95 % interval (Wilson 1927)."""
    found = scipy_stats(where).binomtest(hits, count).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)
