"""Components by kind and name. A kind is one row of ``KINDS``; what it must do is a Protocol in ``interfaces``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from gantool.errors import FileError, OptionError, PluginError, nearest, typed
from gantool.options import Options, build, describe

if TYPE_CHECKING:
    from gantool.config import RunConfig

__all__ = ["KINDS", "LISTS", "SECTIONS", "Command", "Component", "Kind", "Registry"]


@dataclass(frozen=True)
class Kind:
    """A kind of component; ``section`` is its flag and its table in TOML.

    ``use``: a run has ``one`` of it, or a ``list``, or a ``command`` takes one by its flag. The options of the last two
    go by the component's own name: ``--infogan.weight 1``.
    """

    name: str
    section: str
    summary: str
    use: Literal["one", "list", "command"] = "one"


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("architecture", "arch", "the generator's and the discriminator's networks"),
        Kind("loss", "loss", "what the two networks minimise"),
        Kind("lipschitz", "lipschitz", "what bounds the critic's slope"),
        Kind("dataset", "data", "where real examples come from"),
        Kind("conditioning", "condition", "how classes or attributes reach the networks"),
        Kind("regularizer", "regularizer", "what is added to the generator's loss", "list"),
        Kind("augmentation", "augmentation", "what D sees the pictures through", "list"),
        Kind("observer", "observer", "who is told how a run goes", "command"),
        Kind("classifier", "classifier", "what tells the features of a picture", "command"),
        Kind("direction-finder", "method", "how a direction in z is found", "command"),
        Kind("converter", "from", "whose generators can be read and written", "command"),
        Kind("extractor", "extractor", "by whose features pictures are compared", "command"),
        Kind("metric", "metrics", "what is measured of a model", "command"),
        Kind("diagnostic", "diagnostic", "what recognises a run that fails", "command"),
        Kind("recipe", "recipe", "a named set of settings", "command"),
    )
}
SECTIONS: Mapping[str, Kind] = {kind.section: kind for kind in KINDS.values() if kind.use == "one"}
"""The kinds of which a run has exactly one component, by flag."""
LISTS: Mapping[str, Kind] = {kind.section: kind for kind in KINDS.values() if kind.use == "list"}
"""The kinds of which a run has any number of components, by flag."""

RESERVED = ("training", "run", "tools", "given", "resolved", "none")  # mean something else in files and flags
TAKEN: Mapping[str, tuple[str, ...]] = {  # by the tables and flags that stand beside a component's own
    "one": (),
    "list": (*SECTIONS, *LISTS, *RESERVED),
    "command": ("data", *RESERVED),
}
NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True)
class Provider:
    """The plugin that a component or command came with; stamped by gantool."""

    plugin: str
    dist: str = ""
    version: str = ""
    sha256: str = ""  # of a local file

    @property
    def install(self) -> str:
        """The line that brings the plugin back."""
        return f"pip install {self.dist}" if self.dist else f"--plugin {self.plugin}"


@dataclass(frozen=True)
class Component:
    """A light description of one component; ``target`` is imported on use.

    ``recipe``: settings that come with it. ``requires(config)`` returns what is wrong with a combination, or None;
    ``resolve(config)`` returns values for options left at ``auto``. ``critic_norms`` (kind lipschitz): the norms
    allowed in D, the preferred first.
    """

    kind: str
    name: str
    target: str  # "package.module:attribute"; for a recipe "package:path/in/package.toml"
    summary: str
    options: type[Options] = Options
    recipe: Mapping[str, Any] = field(default_factory=dict)
    requires: Callable[[RunConfig], str | None] | None = None
    resolve: Callable[[RunConfig], Mapping[str, Any]] | None = None
    critic_norms: tuple[str, ...] | None = None
    provider: Provider = Provider("unknown")

    def problem(self) -> str | None:
        """Say what is wrong with the description itself, or return None."""
        if self.kind not in KINDS:
            return f"unknown kind {self.kind!r}; known: {', '.join(KINDS)}"
        if not NAME.fullmatch(self.name):
            return f"the name {self.name!r} must be lower-case letters, digits and hyphens"
        if self.name in TAKEN[KINDS[self.kind].use]:
            return f"the name {self.name!r} is that of a table of settings"
        if KINDS[self.kind].use != "one" and self.recipe:
            return f"a {self.kind} brings no recipe"
        if ":" not in self.target:
            return f"the target {self.target!r} of {self.name!r} must be 'module:attribute'"
        if Options not in self.options.__mro__:  # who wrote the plugin may not have run mypy
            return f"the options of {self.name!r} must be a struct derived from gantool.Options"
        describe(self.options)  # raises for a field that could be no flag
        return None

    def load(self) -> Any:
        """Import the target. Raises PluginError where that fails."""
        return _load(self, f"{self.kind} {self.name}")

    def create(self, options: Options | None = None) -> Any:
        """Make the component with its options, its defaults where None is given."""
        return self.load()(build(self.options, {}) if options is None else options)


@dataclass(frozen=True)
class Command:
    """A command that a plugin adds; it is listed without importing its target, a ``click.Command``."""

    name: str
    summary: str
    target: str
    provider: Provider = Provider("unknown")

    def load(self) -> Any:
        """Import the target. Raises PluginError where that fails."""
        return _load(self, f"gantool {self.name}")


def _load(item: Component | Command, where: str) -> Any:
    module, _, attribute = item.target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (Exception, SystemExit) as error:  # a target may not end the tool
        raise PluginError(
            where,
            f"cannot import {item.target} ({type(error).__name__}: {error})",
            f"it belongs to the plugin {item.provider.plugin}",
            f"try: {item.provider.install}",
        ) from error


class Registry:
    """All components and commands of the plugins that are in use."""

    def __init__(self) -> None:
        self._components: dict[tuple[str, str], list[Component]] = {}
        self.commands: dict[str, Command] = {}

    def add(self, components: Iterable[Component]) -> None:
        """Register components; two plugins may claim one name, which shows when the name is used."""
        for component in components:
            self._components.setdefault((component.kind, component.name), []).append(component)

    def providers(self, kind: str, name: str) -> list[Provider]:
        """Return who provides a name, nobody being an empty list."""
        return [component.provider for component in self._components.get((kind, name), [])]

    def all(self, kind: str) -> list[Component]:
        """Return the components of a kind, sorted by name."""
        found = [parts[0] for (of, _), parts in self._components.items() if of == kind]
        return sorted(found, key=lambda component: component.name)

    def names(self, kind: str) -> list[str]:
        """Return the names of a kind's components, sorted."""
        return [component.name for component in self.all(kind)]

    def named(self, kind: str, text: str) -> list[Component]:
        """Return the components that a text names, separated by commas, each once. Raises as ``get`` does."""
        names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
        if not names:
            raise OptionError(
                f"--{KINDS[kind].section}", f"{text!r} was given", f"known: {', '.join(self.names(kind))}"
            )
        return [self.get(kind, name) for name in names]

    def get(self, kind: str, name: str, where: str = "") -> Component:
        """Return a component; raises PluginError where it is unknown or where two plugins claim its name."""
        where = where or f"--{KINDS[kind].section}"
        found = self._components.get((kind, name), [])
        if not found:
            names = self.names(kind)
            known = f"known: {', '.join(names) or 'none'}"
            hint = nearest(name, names) or self._by_root(kind, name) or f"type: gantool components {kind}"
            raise PluginError(where, f"there is no {kind} {name!r}", known, hint)
        if len(found) > 1:
            rivals = " and ".join(component.provider.plugin for component in found)
            allowed = "one plugin may provide a name"
            hint = f"keep one: GANTOOL_PLUGINS={found[0].provider.plugin}"
            raise PluginError(where, f"the {kind} {name!r} is provided by {rivals}", allowed, hint)
        return found[0]

    def _by_root(self, kind: str, path: str) -> str:
        """Name the components that read files of one's own, where a path stands in the place of a name."""
        section = KINDS[kind].section
        readers = [part.name for part in self.all(kind) if any(row.name == "root" for row in describe(part.options))]
        given = f"--{section} {' or '.join(readers)}, with --{section}.root {path}"
        return f"for files of your own: {given}" if readers and os.path.exists(path) else ""

    def of_weights(self, kind: str, path: str) -> Component:
        """Return the component that a file of weights is for. Raises OptionError where it is for none.

        The convention: such a component has an option ``weights``, a path, and raises FileError for another file.
        """
        lacking: PluginError | None = None
        for component in self.all(kind):
            if any(option.name == "weights" and option.path for option in describe(component.options)):
                try:
                    component.create(build(component.options, {"weights": path}))
                except FileError:
                    continue
                except PluginError as error:  # it may be for the one whose package is missing
                    lacking = error
                else:
                    return component
        if lacking:
            raise lacking
        known = f"known: {', '.join(self.names(kind))}, or a file of weights of theirs"
        where, hint = f"--{KINDS[kind].section}", f"type: {typed('inspect', path)}"
        raise OptionError(where, f"{path} is for none of them", known, hint)
