"""``gantool plugin``."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from gantool.cli.console import next_line, note, say, say_json, table
from gantool.errors import FileError, OptionError, PluginError, nearest
from gantool.plugins import Plugin, PluginSet
from gantool.scaffold import kinds, scaffold

EPILOG = """\b
Examples:
  gantool plugin list
  gantool plugin show classic
  gantool plugin new hinge --kind loss
  gantool plugin check hinge
"""
CHECK_EPILOG = """\b
Examples:
  gantool plugin check sngan
  gantool plugin check ./my_loss.py -k hinge
  gantool plugin check resnet --config small.toml

\b
small.toml, where the defaults of a component are large or it needs particular partners:
  [options.resnet]
  channels = 8
  [settings.resnet]
  loss = "bce"
"""
NEW_EPILOG = """\b
Examples:
  gantool plugin new hinge --kind loss
  gantool plugin new r1 --kind lipschitz -o ~/code/gantool-r1
"""


@click.group("plugin", epilog=EPILOG)
def command() -> None:
    """List plugins and say how each one fares; write and check one of your own."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def list_plugins(found: PluginSet, as_json: bool) -> None:
    """List every plugin with its status: ok, disabled, incompatible or failed."""
    if as_json:
        say_json([_describe(plugin) for plugin in found.plugins])
        return
    rows = [
        (plugin.name, plugin.status, _origin(plugin), _provides(plugin), plugin.provider.install, plugin.reason)
        for plugin in found.plugins
    ]
    table(("plugin", "status", "from", "provides", "comes by", "why"), rows)


@command.command("show")
@click.argument("name")
@click.pass_obj
def show(found: PluginSet, name: str) -> None:
    """Show one plugin: where it comes from, what it provides, and why it is not used."""
    plugin = _named(found, name, "gantool plugin show")
    say(f"{plugin.name}: {plugin.status}" + (f" ({plugin.reason})" if plugin.reason else ""))
    say(f"from {_origin(plugin)}, module {plugin.module}; comes by: {plugin.provider.install}")
    table(("kind", "name", "what it is"), [(part.kind, part.name, part.summary) for part in plugin.components])
    for item in plugin.commands:
        say(f"command {item.name}: {item.summary}")
    if plugin.status in ("failed", "incompatible"):
        say(f"Next: {plugin.provider.install.replace('install', 'install -U')}")
    else:
        say(f"Next: {next_line('plugin', 'check', plugin.name)}")


@command.command("check", epilog=CHECK_EPILOG)
@click.argument("plugin")
@click.option("-k", "only", metavar="TEXT", default="", help="Only checks whose name has this in it.")
@click.option("--config", metavar="FILE", help="TOML with small options and settings, as contract_checks takes them.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def check(found: PluginSet, plugin: str, only: str, config: str | None, as_json: bool) -> int:
    """Run gantool's contract on a PLUGIN: its name, a module that can be imported, or a Python file."""
    from gantool.testing import find_checks

    module = _module(found, plugin)
    given = _tables(config) if config else {}
    every = find_checks(module, **given)
    names = [name for name in every if only in name] or _why_not_loaded(every)
    if not names:
        hint = f"type: {next_line('plugin', 'check', plugin)}"
        raise OptionError("-k", f"no check of {plugin} has {only!r} in its name", hint=hint)
    outcome: dict[str, str] = {}
    for name in names:
        outcome[name] = _reason(every[name])
        if not as_json:
            say(f"FAILED  {name}: {outcome[name]}" if outcome[name] else f"ok      {name}")
    failed = sum(map(bool, outcome.values()))
    if as_json:
        say_json({name: {"ok": not reason, "reason": reason} for name, reason in outcome.items()})
    elif failed:
        note(f"{failed} of {len(names)} checks of {plugin} failed")
    else:
        say(f"All {len(names)} checks of {plugin} passed.")
    return 1 if failed else 0


@command.command("new", epilog=NEW_EPILOG)
@click.argument("name")
@click.option("--kind", metavar="KIND", required=True, help=f"What its component is: {', '.join(kinds())}.")
@click.option("-o", "--out", metavar="FOLDER", help="Where the package lies. [gantool-NAME]")
@click.pass_obj
def new(found: PluginSet, name: str, kind: str, out: str | None) -> None:
    """Write a plugin package, gantool-NAME, with a component of a kind that works and is tested."""
    folder = scaffold(name, kind, found.registry, Path(out) if out else None)
    say(f"Your own {kind}: {folder}. Next: cd {folder} && pip install -e '.[test]' && pytest")


def _named(found: PluginSet, name: str, where: str) -> Plugin:
    names = [plugin.name for plugin in found.plugins]
    if name not in names:
        raise PluginError(where, f"there is no plugin {name!r}", f"known: {', '.join(names)}", nearest(name, names))
    return found.plugins[names.index(name)]


def _module(found: PluginSet, text: str) -> str:
    """Return the module that a plugin's name, a module's name or a file stands for, which can be found from now on."""
    path = Path(text)
    if path.suffix == ".py":
        if not path.is_file():
            raise FileError(text, "is not a file", "a Python file with gantool hooks")
        sys.path.insert(0, str(path.parent.absolute()))
        if not path.stem.isidentifier() or _origin_of(path.stem) != path.resolve():
            given, allowed = f"cannot be imported as {path.stem!r}", "a name for Python that no other module has"
            raise FileError(text, given, allowed, "rename the file")
        return path.stem
    known = {plugin.name: plugin.module for plugin in found.plugins}
    if text in known:
        return known[text]
    if _origin_of(text) is None:
        _named(found, text, "gantool plugin check")
    return text


def _origin_of(module: str) -> Path | None:
    """Return the file that a module's name stands for, or None where it cannot be imported."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).resolve() if spec and spec.origin else None


def _tables(path: str) -> dict[str, Any]:
    """Read ``[options.NAME]`` and ``[settings.NAME]``. Raises FileError for what is none of these."""
    try:
        found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(path, f"cannot be read ({error})", "TOML with [options.NAME] and [settings.NAME]") from error
    parts = [table for name in ("options", "settings") for table in [found.get(name, {})]]
    whole = all(isinstance(table, dict) and all(isinstance(own, dict) for own in table.values()) for table in parts)
    if not whole or set(found) - {"options", "settings"}:
        raise FileError(path, "has other tables", "[options.NAME] and [settings.NAME]", "gantool plugin check --help")
    return found


def _reason(check: Callable[[], None]) -> str:
    """Run a check and return why it fails, or nothing; it may fail in any way."""
    try:
        check()
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split())
        return said if isinstance(error, AssertionError) else f"{type(error).__name__}: {said}"
    return ""


def _why_not_loaded(checks: Mapping[str, Callable[[], None]]) -> list[str]:
    """Return the check that says why there are no others, of a plugin that gantool does not take up."""
    return [name for name in ("plugin-loads",) if _reason(checks[name])]


def _provides(plugin: Plugin) -> str:
    count, commands = len(plugin.components), len(plugin.commands)
    parts = [f"{count} component{'s' * (count != 1)}"] if count or not commands else []
    return ", ".join(parts + ([f"{commands} command{'s' * (commands != 1)}"] if commands else []))


def _origin(plugin: Plugin) -> str:
    return f"{plugin.provider.dist} {plugin.provider.version}" if plugin.provider.dist else plugin.provider.plugin


def _describe(plugin: Plugin) -> dict[str, object]:
    return {
        "name": plugin.name,
        "status": plugin.status,
        "reason": plugin.reason,
        "dist": plugin.provider.dist,
        "version": plugin.provider.version,
        "install": plugin.provider.install,
        "components": [f"{part.kind} {part.name}" for part in plugin.components],
        "commands": [item.name for item in plugin.commands],
    }
