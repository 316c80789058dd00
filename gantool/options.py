"""One declaration of options: flags, TOML, tables and checkpoint metadata all come from it.

A component declares a frozen ``msgspec.Struct``::

    class PenaltyOptions(Options, frozen=True):
        weight: Annotated[float, Meta(ge=0, description="weight of the penalty")] = 10.0

``describe`` turns it into rows, ``parse`` reads a flag's text, ``build`` checks values and makes the struct.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import Meta
from msgspec import inspect as mi

from gantool.errors import OptionError, nearest

__all__ = ["Meta", "Option", "Options", "build", "describe", "parse"]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every component's options; a component without options uses it as it is."""


OptionsType = TypeVar("OptionsType", bound=Options)


@dataclass(frozen=True)
class Option:
    """One setting: what it is called, what it takes and what it means."""

    name: str
    kind: str  # "int", "float", "bool", "str", "choice" or "list"
    default: Any
    description: str
    lower: float | None = None
    upper: float | None = None
    above: bool = False  # the lower bound itself is not allowed
    below: bool = False  # nor is the upper one
    choices: tuple[Any, ...] = ()
    optional: bool = False
    path: bool = False
    consent: bool = False  # a person gives it, no checkpoint does: a download
    item: Option | None = None  # what a list holds
    length: tuple[int | None, int | None] = (None, None)

    @property
    def flag(self) -> str:
        """The option's name as a flag spells it: ``norm_g`` is ``norm-g``."""
        return self.name.replace("_", "-")

    @property
    def metavar(self) -> str:
        """What stands for the value in a help text."""
        if self.kind == "choice":
            return "|".join(str(choice) for choice in self.choices)
        if self.kind == "list" and self.item:
            return ",".join([self.item.metavar] * 2) + ",..."
        return "PATH" if self.path else {"str": "TEXT"}.get(self.kind, self.kind.upper())

    @property
    def allowed(self) -> str:
        """Say in words which values are allowed: ``an integer from 1 to 8``."""
        if self.kind == "choice":
            return "one of: " + ", ".join(str(choice) for choice in self.choices)
        if self.kind == "list" and self.item:
            return f"{self._count()}comma-separated values, each {self.item.allowed}"
        nouns = {"int": "an integer", "float": "a finite number", "bool": "true or false", "str": "text"}
        return ("a path" if self.path else nouns[self.kind]) + self._range()

    def _count(self) -> str:
        low, high = self.length
        if high is None:
            return f"at least {low} " if low else ""
        return f"{high} " if low == high else f"{low or 0} to {high} "

    def _range(self) -> str:
        low, high = _number(self.lower), _number(self.upper)
        if low and high and not self.above and not self.below:
            return f" from {low} to {high}"
        lower = f"{'above' if self.above else 'of at least'} {low}" if low else ""
        upper = f"{'below' if self.below else 'at most' if low else 'of at most'} {high}" if high else ""
        said = ", ".join(part for part in (lower, upper) if part)
        return f" {said}" if said else ""


def _number(bound: float | None) -> str:
    return "" if bound is None else str(bound) if isinstance(bound, int) else f"{bound:.10g}"


@cache
def describe(options: type[Options]) -> tuple[Option, ...]:
    """Return one row for each field of an options struct, in the order of its declaration."""
    info = mi.type_info(options)
    assert isinstance(info, mi.StructType)
    return tuple(_option(field.name, field.type, _default(field)) for field in info.fields)


def _default(field: mi.Field) -> Any:
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default


def _option(name: str, kind: mi.Type, default: Any = None, description: str = "") -> Option:
    path = consent = False
    while isinstance(kind, mi.Metadata):
        description = (kind.extra_json_schema or {}).get("description", description)
        path = path or bool((kind.extra or {}).get("path"))
        consent = consent or bool((kind.extra or {}).get("consent"))
        kind = kind.type
    row: dict[str, Any] = {"name": name, "default": default, "description": description}
    row |= {"path": path, "consent": consent}
    if isinstance(kind, mi.UnionType):  # the one union an option may be: X | None
        inner = next(member for member in kind.types if not isinstance(member, mi.NoneType))
        option = _option(name, inner, default, description)
        marks = {"path": option.path or path, "consent": option.consent or consent}
        return Option(**{**vars(option), "optional": True, **marks})
    if isinstance(kind, mi.LiteralType):
        return Option(kind="choice", choices=tuple(kind.values), **row)
    if isinstance(kind, mi.VarTupleType):
        length = (kind.min_length, kind.max_length)
        return Option(kind="list", item=_option(name, kind.item_type), length=length, **row)
    if isinstance(kind, mi.TupleType):
        size = len(kind.item_types)
        return Option(kind="list", item=_option(name, kind.item_types[0]), length=(size, size), **row)
    if isinstance(kind, (mi.IntType, mi.FloatType)):
        row |= {"lower": kind.ge if kind.ge is not None else kind.gt, "above": kind.gt is not None}
        row |= {"upper": kind.le if kind.le is not None else kind.lt, "below": kind.lt is not None}
        return Option(kind="int" if isinstance(kind, mi.IntType) else "float", **row)
    if isinstance(kind, mi.BoolType):
        return Option(kind="bool", **row)
    if isinstance(kind, mi.StrType):
        return Option(kind="str", **row)
    raise TypeError(f"option {name!r}: a field may be int, float, bool, str, Literal, tuple or one of them | None")


def parse(option: Option, text: str) -> Any:
    """Read a flag's text as the option's type; text that does not fit is returned for ``build`` to refuse."""
    if option.optional and text.lower() == "none":
        return None
    if option.kind == "list" and option.item:
        return [parse(option.item, part.strip()) for part in text.split(",")] if text.strip() else []
    if option.kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    if option.kind == "choice":  # a choice may be a number
        return next((choice for choice in option.choices if str(choice) == text), text)
    readers: dict[str, Callable[[str], Any]] = {"int": _integer, "float": float}
    try:
        return readers[option.kind](text) if option.kind in readers else text
    except ValueError:
        return text


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # 1e5 is an integer to a person
        value = float(text)
        if not value.is_integer():
            raise
        return int(value)


def build(
    options: type[OptionsType],
    values: Mapping[str, Any],
    where: Callable[[str], str] = str,
    hint: str = "",
) -> OptionsType:
    """Check ``values`` and make the struct.

    ``where`` names the place that an option came from, for messages. Raises OptionError for an unknown name,
    a value of another type or out of range, and for inf and nan.
    """
    rows = {option.name: option for option in describe(options)}
    for name, value in values.items():
        if name not in rows:
            known = ", ".join(rows) or "no options here"
            raise OptionError(where(name), "is not an option", f"known: {known}", nearest(name, rows) or hint)
        if not _is_finite(value):
            raise OptionError(where(name), f"{value} was given", f"allowed: {rows[name].allowed}", hint)
    for name, value in values.items():
        try:
            msgspec.convert({name: value}, _single(options, name))
        except (msgspec.ValidationError, UnicodeEncodeError):  # the latter of half a pair of surrogates
            given = f"{value!r} was given"
            raise OptionError(where(name), given, f"allowed: {rows[name].allowed}", hint) from None
    try:
        return msgspec.convert(dict(values), options)
    except msgspec.ValidationError as error:  # an option without a default, or the struct's own __post_init__
        place = where(next(iter(values))) if values else options.__name__
        raise OptionError(place, str(error), hint=hint) from None


@cache
def _single(options: type[Options], name: str) -> type[msgspec.Struct]:
    """A struct of one field, so that a value that is refused is refused by name."""
    annotations = msgspec.structs.fields(options)
    kind = next(field.type for field in annotations if field.name == name)
    return msgspec.defstruct("Single", [(name, kind)])


def _is_finite(value: Any) -> bool:
    waiting = [value]
    while waiting:  # a hostile file nests lists deeper than calls may be
        item = waiting.pop()
        if isinstance(item, (list, tuple)):
            waiting += item
        elif isinstance(item, float) and not math.isfinite(item):
            return False
    return True
