"""Recipes: named sets of settings that plugins ship as TOML inside their packages.

The recipe named ``default`` lies under all others. Its table ``tools`` names what commands use where a flag of theirs
is not given; it is no part of a run's settings.
"""

from __future__ import annotations

import os
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from gantool.errors import FileError, OptionError, PluginError
from gantool.registry import Component, Kind, Registry

__all__ = ["BASE", "choose_tool", "read_base", "read_recipe"]

BASE = "default"
TOOLS = "tools"


def read_recipe(registry: Registry, name: str) -> dict[str, Any]:
    """Return the settings of a recipe. Raises PluginError where it is unknown or cannot be read."""
    return {section: table for section, table in _read(registry, name).items() if section != TOOLS}


def read_base(registry: Registry) -> dict[str, Any]:
    """Return the settings under all others; empty where no plugin ships them."""
    return read_recipe(registry, BASE) if BASE in registry.names("recipe") else {}


def choose_tool(registry: Registry, kind: Kind, given: str | None) -> tuple[Component, dict[str, Any]]:
    """Return the component that a command uses, by its name or by a file of its weights, with the options of the file.

    Where none is ``given`` it is the recipe's. Raises PluginError, FileError and OptionError where there is none.
    """
    tools = _read(registry, BASE).get(TOOLS, {}) if BASE in registry.names("recipe") else {}
    name = given or tools.get(kind.section)
    if name is None:
        known = f"known: {', '.join(registry.names(kind.name)) or 'none is installed'}"
        raise OptionError(f"--{kind.section}", "was not given", known, f"type: --{kind.section} NAME")
    if registry.providers(kind.name, name):
        return registry.get(kind.name, name), {}
    if os.path.isfile(name):
        return registry.of_weights(kind.name, name), {"weights": name}
    if Path(name).suffix or Path(name).parent.name:
        known = f"a file of weights, or one of {', '.join(registry.names(kind.name))}"
        raise FileError(f"--{kind.section} {name}", "is not there", known, f"type: gantool components {kind.name}")
    return registry.get(kind.name, name), {}


def _read(registry: Registry, name: str) -> dict[str, Any]:
    component = registry.get("recipe", name)
    package, _, path = component.target.partition(":")
    try:
        return tomllib.loads(files(package).joinpath(path).read_text(encoding="utf-8"))
    except (OSError, ImportError, TypeError, ValueError) as error:
        problem = f"cannot be read ({error})"
        raise PluginError(f"--recipe {name}", problem, hint=f"try: {component.provider.install}") from error
