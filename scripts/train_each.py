"""Train two steps with each component of every installed plugin, chosen by its name on the command line.

python scripts/train_each.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from gantool import Component, load_plugins
from gantool.options import describe
from gantool.registry import KINDS

SMALL = "--batch-size 4 --latent-dim 8 --precision fp32 --steps 2 -q --json".split()
PARTNERS = {"data": ["--data", "shapes", "--data.size", "32", "--data.length", "64"], "arch": ["--arch", "dcgan"]}
TRAINED = ("architecture", "loss", "lipschitz", "dataset", "conditioning", "regularizer", "augmentation", "observer")


def main() -> None:
    """Train with each, and exit with 1 where one fails."""
    plugins = load_plugins().plugins
    broken = [f"{plugin.name}: {plugin.reason}" for plugin in plugins if plugin.status != "ok"]
    parts = [part for plugin in plugins if not plugin.builtin for part in plugin.components]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failed = [*broken, *filter(None, pool.map(attempt, parts))]
    print(f"{len(parts)} components of {len(plugins) - 1} plugins, {len(failed)} failed")
    sys.exit("\n".join(failed) if failed else 0)


def attempt(part: Component) -> str:
    """Train two steps with a component and return what went wrong; one that needs files is only asked to say so."""
    rooted = any(option.name == "root" and option.default is None for option in describe(part.options))
    if part.kind not in (*TRAINED, "recipe"):
        return ""
    section = KINDS[part.kind].section
    chosen = {**PARTNERS, section: [f"--{section}", part.name]}
    if part.kind == "recipe":
        chosen = {section: chosen[section]}
    with tempfile.TemporaryDirectory() as folder:
        line = [word for words in chosen.values() for word in words]
        done = subprocess.run(
            [sys.executable, "-m", "gantool", "train", *line, *SMALL, "-o", f"{folder}/run"],
            capture_output=True,
            text=True,
            check=False,
        )
    expected = 2 if rooted else 0
    said = done.stderr.strip().splitlines()[-1:] or [""]
    print(f"{'ok' if done.returncode == expected else 'FAILED'}  {part.kind} {part.name}")
    return "" if done.returncode == expected else f"{part.kind} {part.name}: {said[0]}"


if __name__ == "__main__":
    main()
