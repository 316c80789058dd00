"""``gantool plugin``."""

from __future__ import annotations

import click

from gantool.cli.console import say, say_json, table
from gantool.errors import PluginError, nearest
from gantool.plugins import Plugin, PluginSet


@click.group("plugin", epilog="\b\nExamples:\n  gantool plugin list\n  gantool plugin show classic")
def command() -> None:
    """List plugins and say how each one fares."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def list_plugins(found: PluginSet, as_json: bool) -> None:
    """List every plugin with its status: ok, disabled, incompatible or failed."""
    if as_json:
        say_json([_describe(plugin) for plugin in found.plugins])
        return
    rows = [
        (plugin.name, plugin.status, _origin(plugin), f"{len(plugin.components)} components", plugin.reason)
        for plugin in found.plugins
    ]
    table(("plugin", "status", "from", "provides", "why"), rows)


@command.command("show")
@click.argument("name")
@click.pass_obj
def show(found: PluginSet, name: str) -> None:
    """Show one plugin: where it comes from, what it provides, and why it is not used."""
    names = [plugin.name for plugin in found.plugins]
    if name not in names:
        known = f"known: {', '.join(names)}"
        raise PluginError("gantool plugin show", f"there is no plugin {name!r}", known, nearest(name, names))
    plugin = found.plugins[names.index(name)]
    say(f"{plugin.name}: {plugin.status}" + (f" ({plugin.reason})" if plugin.reason else ""))
    say(f"from {_origin(plugin)}, module {plugin.module}")
    table(("kind", "name", "what it is"), [(part.kind, part.name, part.summary) for part in plugin.components])
    for item in plugin.commands:
        say(f"command {item.name}: {item.summary}")
    if plugin.status in ("failed", "incompatible"):
        say(f"Next: {plugin.provider.install.replace('install', 'install -U')}")


def _origin(plugin: Plugin) -> str:
    return f"{plugin.provider.dist} {plugin.provider.version}" if plugin.provider.dist else plugin.provider.plugin


def _describe(plugin: Plugin) -> dict[str, object]:
    return {
        "name": plugin.name,
        "status": plugin.status,
        "reason": plugin.reason,
        "dist": plugin.provider.dist,
        "version": plugin.provider.version,
        "components": [f"{part.kind} {part.name}" for part in plugin.components],
        "commands": [item.name for item in plugin.commands],
    }
