"""Checks of kind ``diagnostic``: what it says of the vitals of a healthy run and of many ill ones."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import combinations
from typing import Any

from gantool.config import RunConfig, Tier, TrainingOptions, resolve
from gantool.errors import UserError
from gantool.interfaces import Finding, Vitals
from gantool.options import describe, parse
from gantool.recipes import read_recipe
from gantool.registry import LISTS, SECTIONS, Registry
from gantool.testing.case import Case, require

__all__ = [
    "check_copes_with_broken_numbers",
    "check_flags_start_a_run",
    "check_same_vitals_give_the_same_answer",
    "check_silent_on_a_healthy_run",
    "check_silent_without_readings",
]

READINGS = 60
BEGINNING = {"coverage": 0.1, "distance": 0.8}
HEALTHY = {
    "loss_d": 1.2,
    "loss_g": 0.8,
    "slope_d": 0.4,
    "slope_g": 0.5,
    "gradient_g": 1.0,
    "separation": 0.75,
    "coverage": 0.95,
    "distance": 0.15,
    "noise": 0.1,
    "steepness": 1.0,
    "bound": 1.0,
}
BROKEN = (math.nan, math.inf, -math.inf)


def run_of(numbers: Mapping[str, float]) -> tuple[Vitals, ...]:
    """Return the vitals of a run that begins like any other and has these numbers from a tenth of its length on."""
    young = {**numbers, **{name: value for name, value in BEGINNING.items() if name in numbers}}
    fractions = [step / READINGS for step in range(1, READINGS + 1)]
    return tuple(Vitals(10 * n, done, young if done <= 0.1 else numbers) for n, done in enumerate(fractions, 1))


def ill_runs() -> Iterator[tuple[Vitals, ...]]:
    """Yield runs in which one or two of a healthy run's numbers are 0, 1 or very large."""
    extremes = [(name, value) for name in HEALTHY for value in (0.0, 1.0, 1e6)]
    for changes in [*combinations(extremes, 1), *combinations(extremes, 2)]:
        yield run_of({**HEALTHY, **dict(changes)})


def configs(case: Case) -> list[RunConfig]:
    """Return the settings of a run with each loss, those left out that need more to be given."""
    found = []
    for name in case.registry.names("loss"):
        with suppress(UserError):
            found.append(resolve(case.registry, [Tier("the contract checks", {"loss": name, **case.settings})]))
    require(bool(found), "no loss can be used without further settings")
    return found


def check_silent_without_readings(case: Case) -> None:
    """Require nothing to be found before the first reading, and in readings without a number."""
    part = case.create()
    for run in ((), run_of({})):
        for config in configs(case):
            found = part.check(run, config)
            require(found is None, f"finds {found} in {len(run)} readings without a number")


def check_silent_on_a_healthy_run(case: Case) -> None:
    """Require nothing to be found at any reading of a healthy run, its beginning included."""
    part, run = case.create(), run_of(HEALTHY)
    for config in configs(case):
        for count in range(1, READINGS + 1):
            found = part.check(run[:count], config)
            require(found is None, f"finds {found} at reading {count} of a healthy run")


def check_copes_with_broken_numbers(case: Case) -> None:
    """Require an answer where any number is missing or not finite."""
    part, config = case.create(), configs(case)[0]
    for name in HEALTHY:
        rest = {other: value for other, value in HEALTHY.items() if other != name}
        for numbers in (rest, {name: HEALTHY[name]}, *({**HEALTHY, name: value} for value in BROKEN)):
            for run in (run_of(numbers), run_of(HEALTHY)[:-1] + run_of(numbers)[-1:]):
                found = part.check(run, config)
                require(found is None or isinstance(found, Finding), f"check() returns {found!r}, no Finding")


def check_same_vitals_give_the_same_answer(case: Case) -> None:
    """Require that an answer depends on the vitals alone, not on what was asked before."""
    part, config = case.create(), configs(case)[0]
    runs = list(ill_runs())
    first = [part.check(run, config) for run in runs]
    second = [part.check(run, config) for run in reversed(runs)][::-1]
    require(first == second, "the same vitals give another answer the second time")


def check_flags_start_a_run(case: Case) -> None:
    """Require that each finding is one line, and that ``gantool train --config RUN`` takes its flags."""
    part = case.create()
    for config in configs(case):
        for found in {found for run in ill_runs() if (found := part.check(run, config))}:
            require(bool(found.seen.strip()) and "\n" not in found.seen, f"says {found.seen!r}; say it in one line")
            require(bool(found.flags.strip()), f"gives no flags to try where {found.seen}")
            try:
                resolve(case.registry, [Tier("the run", config.given), *flag_tiers(found.flags, config, case.registry)])
            except UserError as error:
                where = f"a run with --loss {config.name('loss')}"
                raise AssertionError(f"gives {where} the flags {found.flags!r}: {error}") from error


def flag_tiers(flags: str, config: RunConfig, registry: Registry) -> list[Tier]:
    """Read flags as ``gantool train`` does: a recipe, and settings in its table for each."""
    tiers: list[Tier] = []
    tree: dict[str, dict[str, Any]] = {}
    for flag, text in pairs(shlex.split(flags)):
        section, dot, option = flag.partition(".")
        if flag == "recipe":
            tiers.append(Tier(f"recipe {text}", read_recipe(registry, text)))
        elif flag in LISTS:
            tree.setdefault(flag, {"names": []})["names"] += text.split(",")
        elif flag in SECTIONS:
            tree.setdefault(flag, {})["name"] = text
        else:
            table, name = (section, option) if dot else ("training", flag)
            tree.setdefault(table, {})[name.replace("-", "_")] = text
    for table, values in tree.items():
        for row in describe(options_of(table, values, config, registry)):
            if isinstance(values.get(row.name), str):
                values[row.name] = parse(row, values[row.name])
    return [*tiers, Tier("the finding", tree, lambda table, option: f"--{table}.{option}")]


def pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield flags without their hyphens, each with its value; a switch has ``true`` or ``false``."""
    for word, following in zip(words, [*words[1:], "--"], strict=True):
        name = word.removeprefix("--")
        if name != word and following.startswith("--"):
            yield name.removeprefix("no-"), str(not name.startswith("no-")).lower()
        elif name != word:
            yield name, following


def options_of(table: str, values: Mapping[str, Any], config: RunConfig, registry: Registry) -> Any:
    """Return the options struct of a table of settings."""
    if table in SECTIONS:
        return registry.get(SECTIONS[table].name, values.get("name", config.name(table))).options
    parts = {part.name: part.options for kind in LISTS.values() for part in registry.all(kind.name)}
    return parts.get(table, TrainingOptions)
