"""Checks of what a component says about itself: its description, its options, its command or its recipe."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import click
import tomli_w

from gantool.config import Tier, resolve, values
from gantool.errors import OptionError
from gantool.options import Option, build, describe, parse
from gantool.recipes import read_recipe
from gantool.registry import Command
from gantool.testing.case import Case, require

__all__ = [
    "check_command_loads",
    "check_defaults_are_valid",
    "check_flags_toml_and_json_agree",
    "check_no_option_is_called_name",
    "check_options_are_described",
    "check_recipe_resolves",
    "check_target_loads",
]


def check_target_loads(case: Case) -> None:
    """Require that the target can be imported and that there is a summary to list it by."""
    require(bool(case.component.summary.strip()), f"{case.component.name} has an empty summary")
    require(callable(case.component.load()), f"{case.component.target} is not callable; it is called with the options")


def check_no_option_is_called_name(case: Case) -> None:
    """Require that no option takes the key that names the component in a settings file."""
    names = [row.name for row in describe(case.component.options)]
    require("name" not in names, "an option is called 'name', which in TOML names the component: rename it")


def check_options_are_described(case: Case) -> None:
    """Require a description of each option, for help texts and tables."""
    for row in describe(case.component.options):
        require(bool(row.description.strip()), f"option {row.name!r} has no Meta(description=...)")


def check_defaults_are_valid(case: Case) -> None:
    """Require that the defaults pass the options' own bounds; constructing a struct does not look at them."""
    struct = case.component.options
    try:
        built = build(struct, values(struct()))
    except OptionError as error:
        raise AssertionError(f"a default is refused by its own declaration: {error}") from error
    require(built == struct(), f"the defaults change when they are checked: {struct()} became {built}")


def check_flags_toml_and_json_agree(case: Case) -> None:
    """Require that a value means the same as a flag's text, in TOML and in a checkpoint's JSON."""
    struct = case.component.options
    for row in describe(struct):
        for value in _examples(row):
            tree = {row.name: value}
            expected = build(struct, tree)
            flag = build(struct, {row.name: parse(row, flag_text(value))})
            require(flag == expected, f"--{row.flag} {flag_text(value)!r} gives {flag}, expected {expected}")
            stored = build(struct, json.loads(json.dumps(values(expected))))
            require(stored == expected, f"JSON of {row.name} gives {stored}, expected {expected}")
            if value is not None:  # TOML has no None: the option is left out
                table = build(struct, tomllib.loads(tomli_w.dumps(tree)))
                require(table == expected, f"TOML of {row.name} gives {table}, expected {expected}")


def flag_text(value: Any) -> str:
    """Write a value as a person types it behind a flag."""
    if isinstance(value, (list, tuple)):
        return ",".join(flag_text(item) for item in value)
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _examples(row: Option) -> Iterator[Any]:
    """Yield values of an option that its declaration allows: the default, each choice, the bounds."""
    yield list(row.default) if isinstance(row.default, tuple) else row.default
    yield from row.choices
    if row.optional:
        yield None
    if row.kind == "bool":
        yield from (True, False)
    if row.kind in ("int", "float"):
        kind = int if row.kind == "int" else float
        yield from (kind(bound) for bound in (row.lower, row.upper) if bound is not None and not row.above)


def check_recipe_resolves(case: Case) -> None:
    """Require that a recipe names components and options that exist, with values that they allow."""
    resolve(case.registry, [Tier(case.component.name, read_recipe(case.registry, case.component.name))])


def check_command_loads(command: Command) -> None:
    """Require that the target of a command is a ``click.Command``, with a summary to list it by."""
    module, _, attribute = command.target.partition(":")
    found = getattr(__import__(module, fromlist=[attribute]), attribute)
    require(isinstance(found, click.Command), f"{command.target} is a {type(found).__name__}, not a click.Command")
    require(bool(command.summary.strip()), f"the command {command.name} has an empty summary")
