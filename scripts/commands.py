"""docs/reference/commands.md and components.md, made from the code.

python scripts/commands.py           # write them
python scripts/commands.py --check   # exit with 1 where one is stale
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from gantool.cli.components import COLUMNS, flag_rows, option_rows
from gantool.cli.main import cli
from gantool.config import TrainingOptions
from gantool.plugins import load_plugins
from gantool.registry import KINDS

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
WIDTH = 100  # of a help text
USES = {"one": "a run has one", "list": "a run has any number", "command": "chosen by the commands that use it"}
COMMANDS = """# Commands

Made from the code by `python scripts/commands.py`; `scripts/check` compares the two. `--debug`, `--no-plugins` and
`--plugin FILE` may stand anywhere on a line. Exit codes: 0 done; 1 failed; 2 wrong usage or input, and nothing was
changed; 130, 143 and 129 stopped by Ctrl-C, SIGTERM and a closed terminal, after saving.

{sections}
"""
TRAINING = """### Of every run

How any run trains. The defaults are those without a recipe; `gantool train --help` shows what the recipes of the data,
the loss and the architecture on the line make of them. The flags of the parts themselves are on the page of
[components](components.md).

{options}"""
COMPONENTS = """# Components

What the built-in plugin brings, and the options of each. Made from the code by `python scripts/commands.py`; a test
compares the two. `gantool components KIND NAME` says the same, of other plugins too.

{sections}
"""


def pages() -> dict[Path, str]:
    """Return what each page should say."""
    return {
        FOLDER / "commands.md": COMMANDS.format(sections="\n\n".join(commands())),
        FOLDER / "components.md": COMPONENTS.format(sections="\n\n".join(components())),
    }


def commands() -> Iterator[str]:
    """Yield a section for ``gantool`` and for each command, with its help text."""
    load_plugins(no_plugins=True)  # others that are installed do not belong to these pages
    context = cli.make_context("gantool", ["--no-plugins", "train"])
    yield f"## gantool\n\n```text\n{cli.get_help(short(cli, 'gantool', context))}\n```"
    for name, command in subcommands(cli, context):
        yield from sections(command, name, context)


def sections(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    """Yield the section of a command, then those of its own commands."""
    context = short(command, name, parent)
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```"
    if context.command_path == "gantool train":
        yield TRAINING.format(options=table(flag_rows(TrainingOptions)))
    if isinstance(command, click.Group):
        for inner, one in subcommands(command, context):
            yield from sections(one, inner, context)


def subcommands(group: click.Group, context: click.Context) -> Iterable[tuple[str, click.Command]]:
    """Return the commands of a group, in its order."""
    found = ((name, group.get_command(context, name)) for name in group.list_commands(context))
    return [(name, command) for name, command in found if command]


def short(command: click.Command, name: str, parent: click.Context) -> click.Context:
    """Return a context whose help texts have the width of a page."""
    above = None if command is cli else parent
    return click.Context(command, info_name=name, parent=above, obj=parent.obj, terminal_width=WIDTH)


def components() -> Iterator[str]:
    """Yield a section for each kind, with its components."""
    registry = load_plugins(no_plugins=True).registry
    for kind in KINDS.values():
        flag = f"`--{kind.section}`; " if kind.section else ""
        yield f"## {kind.name}\n\n{flag}{USES[kind.use]}."
        for part in registry.all(kind.name):
            options = table(option_rows(part))
            yield f"### {part.name}\n\n{part.summary}" + (f"\n\n{options}" if options else "")


def table(options: Iterable[Sequence[str]]) -> str:
    """Return options as a table; nothing where there are none."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *((f"`{flag}`", *rest) for flag, *rest in options)]
    lines = (f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    return "\n".join(lines) if len(rows) > 2 else ""


def main() -> None:
    """Write the pages, or compare them."""
    for path, made in pages().items():
        if "--check" not in sys.argv[1:]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != made:
            sys.exit(f"{path.relative_to(ROOT)} is stale; type: python scripts/commands.py")


if __name__ == "__main__":
    main()
