"""Train two steps with each component of every installed plugin, chosen by its name on the command line.

    python scripts/train_each.py

All in one process, which imports torch once; a component that needs files is only asked to say so.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile

from gantool import Component, load_plugins
from gantool.cli.main import run
from gantool.options import describe
from gantool.registry import KINDS

SMALL = "--batch-size 4 --latent-dim 8 --precision fp32 --steps 2 --sample-every 2 -q --json".split()
PARTNERS = {"data": ["--data", "shapes", "--data.size", "32", "--data.length", "64"], "arch": ["--arch", "dcgan"]}
BY_A_FLAG_OF_TRAIN = ("observer", "recipe")  # beside what a run is made of


def main() -> None:
    """Train with each, and exit with 1 where one fails."""
    plugins = load_plugins().plugins
    broken = [f"{plugin.name}: {plugin.reason}" for plugin in plugins if plugin.status != "ok"]
    parts = [part for plugin in plugins if not plugin.builtin for part in plugin.components]
    chosen = [part for part in parts if KINDS[part.kind].use != "command" or part.kind in BY_A_FLAG_OF_TRAIN]
    failed = [*broken, *filter(None, map(attempt, chosen))]
    print(f"trained with {len(chosen)} components of {len(plugins) - 1} plugins, {len(failed)} failed")
    sys.exit("\n".join(failed) if failed else 0)


def attempt(part: Component) -> str:
    """Train two steps with a component and return what went wrong."""
    section = KINDS[part.kind].section
    partners = {} if part.kind == "recipe" else PARTNERS
    chosen = {**partners, section: [f"--{section}", part.name]}
    needs_root = any(option.name == "root" and option.default is None for option in describe(part.options))
    code, said = 0, io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            run(["train", *(word for words in chosen.values() for word in words), *SMALL, "-o", f"{folder}/run"])
        except SystemExit as stop:
            code = int(stop.code or 0)
    expected = 2 if needs_root else 0
    print(f"{'ok' if code == expected else 'FAILED'}  {part.kind} {part.name}")
    return "" if code == expected else f"{part.kind} {part.name}: {said.getvalue().strip()}"


if __name__ == "__main__":
    main()
