"""Recipes: named sets of settings that plugins ship as TOML inside their packages."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from gantool.errors import PluginError
from gantool.registry import Registry

__all__ = ["read_recipe"]


def read_recipe(registry: Registry, name: str) -> dict[str, Any]:
    """Return the settings of a recipe. Raises PluginError where it is unknown or cannot be read."""
    component = registry.get("recipe", name)
    package, _, path = component.target.partition(":")
    try:
        return tomllib.loads(files(package).joinpath(path).read_text())
    except (OSError, ImportError, TypeError, ValueError) as error:
        problem = f"cannot be read ({error})"
        raise PluginError(f"--recipe {name}", problem, hint=f"try: {component.provider.install}") from error
