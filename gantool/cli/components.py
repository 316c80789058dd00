"""``gantool components``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import click

from gantool.cli.console import is_terminal, next_line, say, say_json, table
from gantool.errors import OptionError, nearest
from gantool.options import Options, describe
from gantool.plugins import PluginSet
from gantool.registry import KINDS, Component, Registry

COLUMNS = ("flag", "default", "allowed", "what it does")
EPILOG = """\b
Examples:
  gantool components
  gantool components loss
  gantool components architecture dcgan
"""


@click.command("components", epilog=EPILOG)
@click.argument("kind", required=False)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def command(found: PluginSet, kind: str | None, name: str | None, as_json: bool) -> None:
    """List what a GAN can be made of: all kinds, one KIND, or the options of one component by its NAME."""
    registry = found.registry
    kind = _kind(kind) if kind else None
    if kind and name:
        component = registry.get(kind, name, f"gantool components {kind}")
        say_json(_describe(component)) if as_json else _show(component)
        return
    shown = [component for each in ([kind] if kind else KINDS) for component in registry.all(each)]
    if as_json:
        say_json([_describe(component) for component in shown])
        return
    _list(shown)
    say(f"Next: {next_line('components', *_example(registry, kind))}")


def _list(shown: Sequence[Component]) -> None:
    """Draw a table for each kind on a terminal; in a pipe all is one, with the kind first."""
    if not is_terminal(sys.stdout):
        table((), [(part.kind, part.name, part.summary, part.provider.plugin) for part in shown])
        return
    for kind, parts in groupby(shown, key=lambda part: part.kind):
        rows = [(part.name, part.summary, part.provider.plugin) for part in parts]
        table(("name", "what it is", "plugin"), rows, title=kind)


def _example(registry: Registry, kind: str | None) -> list[str]:
    kind = kind or "architecture"
    names = registry.names(kind)
    return [kind, names[0]] if names else []


def _kind(text: str) -> str:
    """Return a kind by its name or by its flag's."""
    by_flag = {kind.section: kind.name for kind in KINDS.values()}
    name = by_flag.get(text.removeprefix("--"), text)
    if name not in KINDS:
        known = f"known: {', '.join(KINDS)}"
        raise OptionError("gantool components", f"there is no kind {text!r}", known, nearest(text, KINDS))
    return name


def _describe(component: Component) -> dict[str, Any]:
    options = [
        {
            "name": option.name,
            "type": option.kind,
            "default": option.default,
            "allowed": option.allowed,
            "description": option.description,
        }
        for option in describe(component.options)
    ]
    source = component.provider
    return {
        "kind": component.kind,
        "name": component.name,
        "summary": component.summary,
        "plugin": {"name": source.plugin, "dist": source.dist, "version": source.version},
        "recipe": dict(component.recipe),
        "options": options,
    }


def _show(component: Component) -> None:
    source = component.provider
    say(f"{component.kind} {component.name}: {component.summary}")
    say(f"from the plugin {source.plugin} ({source.dist} {source.version})" if source.dist else f"from {source.plugin}")
    kind = KINDS[component.kind]
    if rows := option_rows(component):
        table(COLUMNS, rows)
    else:
        say("It has no options.")
    if component.recipe:
        say(f"It brings its recipe: {component.recipe}")
    if component.kind == "recipe":
        say(f"Next: {next_line('train', '--recipe', component.name, '--dry-run')}")
    elif kind.use != "command":
        say(f"Next: {next_line('train', f'--{kind.section}', component.name, '--help')}")


def option_rows(component: Component) -> list[tuple[str, str, str, str]]:
    """Return what stands under ``COLUMNS`` for each option of a component."""
    kind = KINDS[component.kind]
    return flag_rows(component.options, f"{kind.section if kind.use == 'one' else component.name}.")


def flag_rows(options: type[Options], prefix: str = "") -> list[tuple[str, str, str, str]]:
    """Return what stands under ``COLUMNS`` for each of these options."""
    return [
        (f"--{prefix}{option.flag}", _text(option.default), option.allowed, option.description)
        for option in describe(options)
    ]


def _text(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return "none" if default is None else str(default)  # as it is typed
