"""What must not import torch: a plugin, the rules on its components, and a dataset's description.

Run as ``python -m gantool.testing.light MODULE [DATASET OPTIONS]`` it exits with a message where one of them does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress

import msgspec

from gantool.config import Tier, resolve
from gantool.errors import UserError
from gantool.options import build, describe
from gantool.plugins import Plugin
from gantool.registry import SECTIONS
from gantool.testing.case import Case, load_plugin, require

__all__ = ["check_description_imports_no_torch", "check_imports_no_torch", "check_loads"]


def check_loads(plugin: Plugin) -> None:
    """Require that gantool takes the plugin up."""
    require(plugin.status == "ok", f"the plugin {plugin.module} is {plugin.status}: {plugin.reason}")
    require(bool(plugin.components or plugin.commands), f"{plugin.module} provides nothing: no hook returned a spec")


def check_imports_no_torch(plugin: Plugin) -> None:
    """Require that help texts and settings need no torch: the import, the hooks, options and rules."""
    _probe(plugin.module)


def check_description_imports_no_torch(case: Case) -> None:
    """Require that ``describe()`` of a dataset needs no torch."""
    _probe(case.module, case.component.name, msgspec.json.encode(case.own_options).decode())


def _probe(*arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "gantool.testing.light", *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    require(done.returncode == 0, done.stderr.strip() or f"{' '.join(command)} ended with {done.returncode}")


def main(module: str, dataset: str = "", options: str = "{}") -> None:
    """Load a plugin, resolve a run with each of its components, and describe one dataset."""
    plugin, registry = load_plugin(module)
    _stop_at_torch(f"importing {module} and calling its hooks")
    for part in plugin.components:
        describe(part.options)
        for section, kind in SECTIONS.items():
            if kind.name == part.kind:
                with suppress(UserError):  # a combination may be refused; that needs no torch either
                    resolve(registry, [Tier("the component", {section: part.name})])
                _stop_at_torch(f"resolving a run with the {part.kind} {part.name} (its requires or resolve)")
    if dataset:
        part = registry.get("dataset", dataset)
        part.create(build(part.options, json.loads(options))).describe()
        _stop_at_torch(f"describe() of the dataset {dataset}")


def _stop_at_torch(what: str) -> None:
    if "torch" in sys.modules:
        sys.exit(f"{what} imports torch; import it in the module that the target names")


if __name__ == "__main__":
    main(*sys.argv[1:])
