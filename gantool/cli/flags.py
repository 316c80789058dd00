"""Flags of a run, made from the options of the components that were chosen.

Parsing has two phases: first which components, then their options; so help and messages show exactly what applies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from gantool.config import RunConfig, Tier, TrainingOptions, choose, resolve
from gantool.errors import UserError
from gantool.files.config import read_settings
from gantool.options import Option, Options, describe, parse
from gantool.recipes import read_recipe
from gantool.registry import SECTIONS, Component, Registry

__all__ = ["component_flags", "flag_tier", "option_flag", "peek", "selectors", "source_tiers", "training_flags"]


def selectors() -> list[click.Option]:
    """Return the flags that choose components and sources of settings."""
    chosen = [
        click.Option([f"--{section}"], metavar="NAME", help=f"{kind.summary[0].upper()}{kind.summary[1:]}.")
        for section, kind in SECTIONS.items()
    ]
    recipe = click.Option(["--recipe"], metavar="NAME", help="A whole run as published or measured.")
    config = click.Option(["--config"], metavar="FILE", help="A TOML file, a run folder or a checkpoint.")
    return [*chosen, recipe, config]


def peek(arguments: Sequence[str]) -> dict[str, str]:
    """Return the selectors and ``--resume`` that stand on a line, before it is parsed."""
    names = [*SECTIONS, "recipe", "config", "resume"]
    found: dict[str, str] = {}
    for index, argument in enumerate(arguments):
        flag, equals, value = argument.partition("=")
        name = flag.removeprefix("--")
        if flag.startswith("--") and name in names:
            following = arguments[index + 1] if index + 1 < len(arguments) else ""
            found[name] = value if equals else following
    return found


def source_tiers(registry: Registry, found: Mapping[str, str]) -> list[Tier]:
    """Return the tiers of ``--recipe`` and ``--config``, the weaker first."""
    tiers = []
    if name := found.get("recipe"):
        tiers.append(Tier(f"recipe {name}", read_recipe(registry, name)))
    if path := found.get("config"):
        tiers.append(Tier(f"config {path}", read_settings(path)))
    return tiers


def component_flags(registry: Registry, found: Mapping[str, str]) -> tuple[dict[str, Component], dict[str, Any]]:
    """Return the chosen components, and the values that stand where no flag is given, by ``section.option``."""
    names = {section: found[section] for section in SECTIONS if found.get(section)}
    tiers = [*source_tiers(registry, found), Tier("flags", names, place)]
    components = choose(registry, tiers)
    try:
        config = resolve(registry, tiers)
    except UserError:  # said when the command runs; a help text need not fail for it
        return components, {}
    return components, _plain(config)


def _plain(config: RunConfig) -> dict[str, Any]:
    return {f"{section}.{name}": value for section, table in config.tree().items() for name, value in table.items()}


def option_flag(option: Option, section: str = "", default: Any = None) -> click.Option:
    """Return the flag of one option; without a section it is a setting of training or of the run."""
    name = f"{section}.{option.flag}" if section else option.flag
    variable = f"{section or 'training'}__{option.name}"
    shown = "none" if default is None else ",".join(map(str, default)) if isinstance(default, list) else str(default)
    text = option.description[:1].upper() + option.description[1:]
    if option.kind == "bool":
        shown = "on" if default else "off"
        flags = [variable, f"--{name}/--no-{name}"]
        return click.Option(flags, default=None, help=text, show_default=shown)
    return click.Option([variable, f"--{name}"], metavar=option.metavar, help=text, show_default=shown)


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


def flag_tier(components: Mapping[str, Component], values: Mapping[str, Any]) -> Tier:
    """Turn the values that click parsed into the strongest tier; paths become absolute."""
    tree: dict[str, dict[str, Any]] = {
        section: {"name": values[section]} for section in SECTIONS if values.get(section) is not None
    }
    structs: dict[str, type[Options]] = {section: part.options for section, part in components.items()}
    for section, struct in {**structs, "training": TrainingOptions}.items():
        given = read_flags(describe(struct), section, values)
        if given:
            tree.setdefault(section, {}).update(given)
    return Tier("flags", tree, place)


def read_flags(options: Iterable[Option], section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a section that were given as flags."""
    given: dict[str, Any] = {}
    for option in options:
        value = values.get(f"{section}__{option.name}")
        if isinstance(value, str):
            value = parse(option, value)
            value = str(Path(value).expanduser().absolute()) if option.path and value else value
        if value is not None or values.get(f"{section}__{option.name}") is not None:
            given[option.name] = value
    return given


def place(section: str, option: str) -> str:
    """Return the flag that sets an option."""
    if section == "training":
        return f"--{option.replace('_', '-')}"
    return f"--{section}.{option.replace('_', '-')}" if option else f"--{section}"
