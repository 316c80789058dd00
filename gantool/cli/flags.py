"""Flags of a run, made from the options of the components that were chosen.

Parsing has two phases: first which components, then their options; so help and messages show exactly what applies.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from gantool.cli.completion import component_names, label_names
from gantool.config import Tier, TrainingOptions, choose, choose_lists, resolve
from gantool.errors import FileError, OptionError, PluginError, UserError
from gantool.files import checkpoint, envelope
from gantool.files.settings import read_owners, read_settings, read_tree
from gantool.files.sources import check_sources
from gantool.options import Option, Options, build, describe, parse
from gantool.plugins import PluginSet, load_plugins
from gantool.recipes import choose_tool, read_recipe
from gantool.registry import KINDS, LISTS, SECTIONS, Component, Registry

__all__ = [
    "ComponentCommand",
    "attribute_flags",
    "chosen",
    "chosen_tool",
    "chosen_tools",
    "flag_tier",
    "listed",
    "peek",
    "read_flags",
    "registry_of",
    "selectors",
]


Decorated = TypeVar("Decorated", bound=Callable[..., Any])
SELECTORS = (*SECTIONS, *LISTS, "recipe", "config", "resume")


class ComponentCommand(click.Command):
    """A command whose flags are those of the components that its line chooses.

    ``only`` names the sections whose flags it has; ``training`` adds those of the training. ``tool`` is the flag of
    the one component that the command itself uses (``classifier``, ``method``), ``tools`` that of any number of them
    (``metrics``), by default ``all_tools`` or none. ``of_model``: where the line names a model, its settings stand
    under the flags.
    """

    components: Mapping[str, Component]
    listed: Sequence[Component] = ()  # of the kinds that a run may have any number of
    tool_component: Component | None = None
    tool_given: Mapping[str, Any] = MappingProxyType({})  # by a file that stands where its name would
    tool_components: Sequence[Component] = ()

    def __init__(
        self,
        name: str,
        *,
        only: Sequence[str] = (),
        training: bool = False,
        tool: str = "",
        tools: str = "",
        all_tools: bool = True,
        of_model: bool = False,
        **rest: Any,
    ) -> None:
        super().__init__(name, **rest)
        self.only = only
        self.training = training
        self.of_model = of_model
        self.tool = tool
        self.tools = tools
        self.all_tools = all_tools
        self.groups: dict[str, list[click.Option]] = {}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the components first, then parse with their flags."""
        try:
            self._find_groups(ctx, args)
        except UserError:
            if not ctx.resilient_parsing:  # a line that a shell completes is not whole
                raise
        return super().parse_args(ctx, args)

    def _find_groups(self, ctx: click.Context, args: list[str]) -> None:
        registry = registry_of(ctx)
        found = peek(args)
        if "resume" in found:
            found = _resumed(found["resume"], registry)
        if self.of_model and (model := _model(args)):
            found["config"] = model
        self.components, listed, defaults = component_flags(registry, found)
        self.groups = {"Training": training_flags(defaults)} if self.training else {}
        for section in self.only:
            component = self.components[section]
            if describe(component.options):
                title = f"{component.kind.capitalize()} {component.name}"
                self.groups[title] = options_flags(component.options, section, defaults)
        self.listed = listed if self.training else ()
        for component in self.listed:
            title = f"{component.kind.capitalize()} {component.name}"
            self.groups[title] = options_flags(component.options, component.name, defaults)
        if self.tool:
            self.tool_component, self.tool_given = _tool(registry, self.tool, args)
        if self.tools:
            self.tool_components = _tools(registry, self.tools, args, self.all_tools)
        for component in filter(None, (self.tool_component, *self.tool_components)):
            if describe(component.options):
                title = f"{component.kind.capitalize()} {component.name}"
                self.groups[title] = options_flags(component.options, component.name, {})

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the fixed flags and those of the chosen components."""
        return [*super().get_params(ctx), *(flag for group in self.groups.values() for flag in group)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the flags in groups."""
        fixed: list[click.Parameter] = super().get_params(ctx)
        choosing = [param for param in fixed if param.name in (*SECTIONS, *LISTS, "recipe", "config")]
        others = [param for param in fixed if param not in choosing]
        groups: dict[str, Sequence[click.Parameter]] = {"Choose": choosing, "Options": others, **self.groups}
        for title, group in groups.items():
            rows = [row for param in group if (row := param.get_help_record(ctx)) is not None]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def chosen(ctx: click.Context) -> Mapping[str, Component]:
    """Return the components that the line of a ``ComponentCommand`` chose."""
    return ctx.command.components if isinstance(ctx.command, ComponentCommand) else {}


def listed(ctx: click.Context) -> Sequence[Component]:
    """Return the components of lists that the line of a ``ComponentCommand`` chose."""
    return ctx.command.listed if isinstance(ctx.command, ComponentCommand) else ()


def _list_tree(found: Mapping[str, str]) -> dict[str, list[str]]:
    return {section: _split(found[section]) for section in LISTS if section in found}


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def chosen_tool(ctx: click.Context, values: Mapping[str, Any]) -> tuple[Component, Options]:
    """Return the component that the command itself uses, with the options that the line gave."""
    command = ctx.command
    assert isinstance(command, ComponentCommand)  # it declares a tool
    assert command.tool_component is not None
    return command.tool_component, _options_of(command.tool_component, values, command.tool_given)


def chosen_tools(ctx: click.Context, values: Mapping[str, Any]) -> list[tuple[Component, Options]]:
    """Return the components that the command itself uses, each with the options that the line gave."""
    components = ctx.command.tool_components if isinstance(ctx.command, ComponentCommand) else ()
    return [(component, _options_of(component, values)) for component in components]


def _options_of(component: Component, values: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> Options:
    given = {**(more or {}), **read_flags(describe(component.options), component.name, values)}
    where = f"type: gantool components {component.kind} {component.name}"
    return build(component.options, given, lambda option: place(component.name, option), where)


def _tools(registry: Registry, section: str, arguments: Sequence[str], every: bool) -> list[Component]:
    """Return the components that a line names, separated by commas; without the flag every one of the kind, or none."""
    kind = next(kind for kind in KINDS.values() if kind.section == section)
    asked = peek(arguments, [section]).get(section)
    if asked is None:
        return registry.all(kind.name) if every else []
    return registry.named(kind.name, asked)


def _model(arguments: Sequence[str]) -> str | None:
    """Return the model that stands on a line: the first word that is a run folder or a checkpoint."""
    for word in arguments:
        if not word.startswith("-") and os.path.exists(word):
            with contextlib.suppress(FileError):
                envelope.read_header(checkpoint.find(word), checkpoint.KIND)
                return word
    return None


def _tool(registry: Registry, section: str, arguments: Sequence[str]) -> tuple[Component, Mapping[str, Any]]:
    """Return the component that a line names, and the options that a file in its place stands for."""
    kind = next(kind for kind in KINDS.values() if kind.section == section)
    return choose_tool(registry, kind, peek(arguments, [section]).get(section))


def registry_of(ctx: click.Context) -> Registry:
    """Return the registry that the group of commands set up."""
    found = ctx.find_object(PluginSet)
    return (found or load_plugins()).registry


def _resumed(folder: str, registry: Registry) -> dict[str, str]:
    """Return the components of a run that is resumed. Raises PluginError where a plugin of theirs is missing."""
    header = envelope.read_header(checkpoint.find(folder, resuming=True), checkpoint.KIND)
    check_sources(header.meta, registry, f"--resume {folder}")
    resolved = checkpoint.settings(header, "resolved")
    found = {section: str(resolved.get(section, {}).get("name")) for section in SECTIONS}
    lists = {section: resolved.get(section, {}).get("names") for section in LISTS}
    return found | {
        section: ",".join(map(str, names)) for section, names in lists.items() if names and isinstance(names, list)
    }


def selectors() -> list[click.Option]:
    """Return the flags that choose components and sources of settings."""
    chosen = [
        click.Option(
            [f"--{section}"],
            metavar="NAME",
            help=f"{kind.summary[0].upper()}{kind.summary[1:]}.",
            shell_complete=component_names(kind.name),
        )
        for section, kind in SECTIONS.items()
    ]
    recipe = click.Option(
        ["--recipe"],
        metavar="NAME",
        help="A whole run as published or measured.",
        shell_complete=component_names("recipe"),
    )
    config = click.Option(["--config"], metavar="FILE", help="A TOML file, a run folder or a checkpoint.")
    lists = [
        click.Option(
            [f"--{section}"],
            multiple=True,
            metavar="NAME",
            help=f"{kind.summary[0].upper()}{kind.summary[1:]}; repeatable.",
            shell_complete=component_names(kind.name),
        )
        for section, kind in LISTS.items()
    ]
    return [*chosen, *lists, recipe, config]


def attribute_flags(having: str, lacking: str) -> Callable[[Decorated], Decorated]:
    """Return what adds ``--with`` and ``--without`` to a command that names a model of attributes."""
    attributes = label_names("attributes")
    rows = (("--without", "lacking", lacking), ("--with", "having", having))  # the last that is added stands first

    def add(command: Decorated) -> Decorated:
        for flag, name, said in rows:
            option = click.option(flag, name, multiple=True, metavar="ATTRIBUTE", help=said, shell_complete=attributes)
            command = option(command)
        return command

    return add


def peek(arguments: Sequence[str], names: Sequence[str] = SELECTORS) -> dict[str, str]:
    """Return the selectors and ``--resume`` that stand on a line, before it is parsed."""
    found: dict[str, str] = {}
    for index, argument in enumerate(arguments):
        flag, equals, value = argument.partition("=")
        name = flag.removeprefix("--")
        if flag.startswith("--") and name in names:
            following = arguments[index + 1] if index + 1 < len(arguments) else ""
            value = value if equals else following
            found[name] = f"{found[name]},{value}" if name in LISTS and name in found else value
    return found


def source_tiers(registry: Registry, found: Mapping[str, str]) -> list[Tier]:
    """Return the tiers of ``--recipe`` and ``--config``, the weaker first."""
    tiers = []
    if name := found.get("recipe"):
        tiers.append(Tier(f"recipe {name}", read_recipe(registry, name)))
    if path := found.get("config"):
        tiers.append(Tier(f"config {path}", read_settings(path), owners=read_owners(path)))
    return tiers


def component_flags(
    registry: Registry, found: Mapping[str, str]
) -> tuple[dict[str, Component], list[Component], dict[str, Any]]:
    """Return the chosen components, those of lists, and the values that stand where no flag is given."""
    names: dict[str, Any] = {section: found[section] for section in SECTIONS if found.get(section)}
    tiers = [*source_tiers(registry, found), Tier("flags", names | _list_tree(found), place)]
    try:
        components = choose(registry, tiers)
    except PluginError:
        if path := found.get("config"):  # of a run whose plugin is not here?
            check_sources(read_tree(path), registry, f"--config {path}")
        raise
    try:
        config = resolve(registry, tiers)
    except UserError:  # said when the command runs; a help text need not fail for it
        return components, _flat(choose_lists(registry, tiers)), {}
    return components, _flat(config.lists), config.flat()


def _flat(lists: Mapping[str, Sequence[Component]]) -> list[Component]:
    return [part for section in LISTS for part in lists[section]]


def option_flag(option: Option, section: str = "", default: Any = None) -> click.Option:
    """Return the flag of one option; without a section it is a setting of training or of the run."""
    name = f"{section}.{option.flag}" if section else option.flag
    variable = _variable(section or "training", option)
    shown = "none" if default is None else ",".join(map(str, default)) if isinstance(default, list) else str(default)
    if option.kind == "bool":
        shown = "on" if default else "off"
        return click.Option([variable, f"--{name}/--no-{name}"], default=None, help=_help(option, shown))
    return click.Option([variable, f"--{name}"], metavar=option.metavar, help=_help(option, shown))


def _variable(section: str, option: Option) -> str:
    """Return the name that click hands a flag's value on by; a component's own name may have hyphens."""
    return f"{section.replace('-', '_')}__{option.name}"


def _help(option: Option, shown: str) -> str:
    return f"{option.description[:1].upper()}{option.description[1:]}. [{shown}]"


def flag_words(flag: str, value: Any) -> list[str]:
    """Return a setting as the words of a command line."""
    if value is None:
        return []
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag.removeprefix('--')}"]
    said = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return [f"{flag}={said}"] if said.startswith("-") else [flag, said]


def training_flags(defaults: Mapping[str, Any]) -> list[click.Option]:
    """Return the flags of ``[training]``."""
    return [
        option_flag(option, default=defaults.get(f"training.{option.name}", option.default))
        for option in describe(TrainingOptions)
    ]


def options_flags(options: type[Options], section: str, defaults: Mapping[str, Any]) -> list[click.Option]:
    """Return the flags of one component's options."""
    return [
        option_flag(option, section, defaults.get(f"{section}.{option.name}", option.default))
        for option in describe(options)
    ]


def flag_tier(components: Mapping[str, Component], values: Mapping[str, Any], listed: Sequence[Component] = ()) -> Tier:
    """Turn the values that click parsed into the strongest tier; paths become absolute."""
    tree: dict[str, dict[str, Any]] = {
        section: {"name": values[section]} for section in SECTIONS if values.get(section) is not None
    }
    for section in LISTS:
        if values.get(section):
            tree[section] = {"names": _split(",".join(values[section]))}
    structs: dict[str, type[Options]] = {section: part.options for section, part in components.items()}
    structs |= {part.name: part.options for part in listed}
    for section, struct in {**structs, "training": TrainingOptions}.items():
        given = read_flags(describe(struct), section, values)
        if given:
            tree.setdefault(section, {}).update(given)
    return Tier("flags", tree, place)


def read_flags(options: Iterable[Option], section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a section that were given as flags."""
    given: dict[str, Any] = {}
    for option in options:
        text = value = values.get(_variable(section, option))
        if isinstance(value, str):
            value = parse(option, value)
            value = _absolute(value, place(section, option.name)) if option.path and value else value
        if text is not None:
            given[option.name] = value
    return given


def _absolute(text: Any, where: str) -> str:
    try:
        return str(Path(text).expanduser().absolute())
    except RuntimeError as error:  # ~nobody
        raise OptionError(where, f"{text} was given", "a path", "check the name behind ~") from error


def typed_ones(*names: str) -> list[str]:
    """Return which of these options were typed, whatever their values are."""
    context = click.get_current_context()
    return [name for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]


def refuse_idle(beside: str, allowed: str, hint: str, *names: str) -> None:
    """Refuse options that would do nothing."""
    if idle := typed_ones(*names):
        raise OptionError(flag_of(idle[0]), f"was given with {beside}", allowed, hint)


def flag_of(name: str) -> str:
    """Return the flag of an option by its variable."""
    return f"--{name.replace('_', '-')}"


def place(section: str, option: str) -> str:
    """Return the flag that sets an option."""
    if section == "training":
        return flag_of(option)
    return f"--{section}.{option.replace('_', '-')}" if option not in ("", "name", "names") else f"--{section}"
