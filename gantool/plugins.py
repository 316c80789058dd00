"""Discovery of plugins, each kept apart from the others: one that is broken takes nothing else down."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pluggy

from gantool import hookspecs
from gantool.commands import COMMANDS
from gantool.errors import PluginError, nearest
from gantool.registry import NAME, Command, Component, Provider, Registry

__all__ = ["Plugin", "PluginSet", "load_local", "load_plugins"]

GROUP = "gantool"
HOST = "gantool"  # the distribution whose own plugins are built in and cannot be shadowed
HOOKS = ("gantool_components", "gantool_commands")


@dataclass
class Plugin:
    """One plugin and how it fared: ``ok``, ``disabled``, ``incompatible`` or ``failed``, with the reason."""

    name: str
    module: str
    provider: Provider
    status: str = "ok"
    reason: str = ""
    components: list[Component] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)

    @property
    def builtin(self) -> bool:
        """Whether the plugin comes with gantool itself."""
        return self.provider.dist == HOST


@dataclass
class PluginSet:
    """Every plugin that was found, and the registry of those that work; ``missing`` were asked for by name."""

    plugins: list[Plugin]
    registry: Registry
    missing: tuple[str, ...] = ()

    def author_of(self, error: BaseException) -> Plugin | None:
        """Return the plugin, not a built-in one, in whose code an error was raised or that called what raised it."""
        own = {plugin.module.partition(".")[0]: plugin for plugin in self.plugins if not plugin.builtin}
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        names = (frame.f_globals.get("__name__", "").partition(".")[0] for frame in reversed(frames))
        return next((own[name] for name in names if name in own), None)

    def broken(self) -> list[Plugin]:
        """Return the plugins that could not be used."""
        return [plugin for plugin in self.plugins if plugin.status in ("failed", "incompatible")]


class Refusal(Exception):  # noqa: N818  # not an error of ours: it becomes a status
    """Why a plugin is not used; the first argument is its status."""


@cache
def load_plugins(no_plugins: bool = False) -> PluginSet:
    """Discover and register all plugins.

    ``no_plugins`` keeps the built-in ones only; the environment variable ``GANTOOL_PLUGINS=a,b`` those and the built-in
    ones. Both apply before anything is imported. ``GANTOOL_STRICT=1`` re-raises what a plugin raised.
    """
    named = os.environ.get("GANTOOL_PLUGINS")
    wanted = None if named is None else {name.strip() for name in named.split(",") if name.strip()}
    return discover(entry_points(group=GROUP), wanted=set() if no_plugins else wanted)


def discover(points: Iterable[EntryPoint], wanted: set[str] | None = None) -> PluginSet:
    """Load the plugins of the given entry points, the built-in ones first; None wants them all."""
    found = PluginSet([], Registry())
    for point in sorted(set(points), key=lambda point: (_provider(point).dist != HOST, point.name)):
        plugin = Plugin(point.name, point.value, _provider(point))
        found.plugins.append(plugin)
        if wanted is not None and not plugin.builtin and plugin.name not in wanted:
            plugin.status, plugin.reason = (
                "disabled",
                "not named in GANTOOL_PLUGINS, or --no-plugins was given",
            )
        else:
            _admit(plugin, point.load, found.registry)
    found.missing = tuple(sorted((wanted or set()) - {plugin.name for plugin in found.plugins}))
    return found


def load_local(path: str, found: PluginSet) -> Plugin:
    """Load one local Python file as a plugin. Raises PluginError where it cannot be used."""
    source = Path(path)
    where = f"--plugin {path}"
    if not source.is_file():
        raise PluginError(where, "is not a file", "a Python file with gantool hooks", "type: gantool plugin list")
    code = source.read_bytes()
    digest = hashlib.sha256(code).hexdigest()
    name = f"gantool_local_{source.stem}_{digest[:8]}"
    plugin = Plugin(str(source), name, Provider(path, sha256=digest))
    if any(other.module == name for other in found.plugins):
        return next(other for other in found.plugins if other.module == name)
    _admit(plugin, lambda: _import_file(name, _LocalLoader(name, source, code)), found.registry)
    if plugin.status != "ok":
        raise PluginError(where, plugin.reason, "a plugin that loads", "mend the file and try again")
    found.plugins.append(plugin)
    return plugin


class _LocalLoader(SourceFileLoader):
    """Runs the very bytes whose sha256 is recorded, not a cached or later version of the file."""

    def __init__(self, name: str, source: Path, code: bytes) -> None:
        super().__init__(name, str(source))
        self.code = code

    def get_code(self, fullname: str) -> CodeType:
        """Compile the bytes."""
        compiled: CodeType = compile(self.code, self.path, "exec", dont_inherit=True)
        return compiled


def _import_file(name: str, loader: _LocalLoader) -> ModuleType:
    module = importlib.util.module_from_spec(ModuleSpec(name, loader, origin=loader.path))
    module.__file__ = loader.path
    sys.modules[name] = module  # so that the targets "name:attribute" can be found
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _provider(point: EntryPoint) -> Provider:
    dist = point.dist
    return Provider(point.name, dist.name, dist.version) if dist else Provider(point.name)


def _admit(plugin: Plugin, load: Callable[[], object], registry: Registry) -> None:
    """Import a plugin, check it, call its hooks and register what they return; or note why not."""
    try:
        module = load()
        _check_api(module)
        _check_hooks(module)
        returned = {hook: _call(module, hook) for hook in HOOKS}
        plugin.components = [_component(item, plugin, registry) for item in returned["gantool_components"]]
        plugin.commands = [_command(item, plugin, registry) for item in returned["gantool_commands"]]
        _check_duplicates(plugin)
    except KeyboardInterrupt:
        raise
    except Refusal as refusal:
        plugin.status, plugin.reason = refusal.args
    except BaseException as error:  # SystemExit too: a plugin may not end the tool
        if os.environ.get("GANTOOL_STRICT") == "1":
            raise
        plugin.status, plugin.reason = "failed", " ".join(f"{type(error).__name__}: {error}".split())
    if plugin.status != "ok":
        plugin.components, plugin.commands = [], []
        return
    registry.add(plugin.components)
    registry.commands.update({command.name: command for command in plugin.commands})


def _check_api(module: object) -> None:
    stated = getattr(module, "GANTOOL_API", None)
    if stated is None:
        raise Refusal("incompatible", f"states no GANTOOL_API; this gantool has {hookspecs.API}")
    if stated != hookspecs.API:
        raise Refusal("incompatible", f"was written for API {stated}; this gantool has {hookspecs.API}")


def _check_hooks(module: Any) -> None:
    """Refuse a misspelt hook or a wrong signature, before any hook is called."""
    for name, value in vars(module).items():
        marked = callable(value) and hasattr(value, "gantool_impl")
        if name.startswith("gantool_") and callable(value) and name not in HOOKS:
            raise Refusal("failed", f"{name} is not a hook; known: {', '.join(HOOKS)}; {nearest(name, HOOKS)}")
        if marked and name not in HOOKS:
            raise Refusal("failed", f"{name} is marked as a hook and is none; known: {', '.join(HOOKS)}")
        if name in HOOKS and not marked:
            raise Refusal("failed", f"{name} is not marked as a hook; write @gantool.hookimpl above it")
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise Refusal("failed", " ".join(str(error).split())) from error


def _call(module: object, hook: str) -> list[Any]:
    """Call one hook of one plugin, so that a failure has one owner; a generator is run to its end here."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    implementations = getattr(manager.hook, hook).get_hookimpls()
    return [item for implementation in implementations for item in implementation.function()]


def _component(item: Any, plugin: Plugin, registry: Registry) -> Component:
    if not isinstance(item, Component):
        raise Refusal("failed", f"gantool_components returned a {type(item).__name__}; return Component(...)")
    problem = item.problem()
    if problem:
        raise Refusal("failed", problem)
    if any(provider.dist == HOST for provider in registry.providers(item.kind, item.name)):
        raise Refusal("failed", f"the {item.kind} {item.name!r} is built in; choose another name")
    return replace(item, provider=plugin.provider)


def _command(item: Any, plugin: Plugin, registry: Registry) -> Command:
    if not isinstance(item, Command) or not NAME.fullmatch(item.name):
        raise Refusal("failed", "gantool_commands must return Command(name, summary, target), named a-z0-9-")
    if item.name in COMMANDS:
        raise Refusal("failed", f"the command {item.name!r} is built in; choose another name")
    taken = registry.commands.get(item.name)
    if taken:
        raise Refusal("failed", f"the command {item.name!r} is provided by {taken.provider.plugin}")
    return replace(item, provider=plugin.provider)


def _check_duplicates(plugin: Plugin) -> None:
    provided = [(part.kind, part.name) for part in plugin.components]
    provided += [("command", item.name) for item in plugin.commands]
    for (kind, name), count in Counter(provided).items():
        if count > 1:
            raise Refusal("failed", f"provides the {kind} {name!r} twice")
