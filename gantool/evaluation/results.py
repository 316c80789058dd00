"""The results of an evaluation: figures with the protocol that they were taken by, without which they mean nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from gantool.errors import FileError, OptionError
from gantool.files import strict
from gantool.files.envelope import FORMAT, check_format, write_text

__all__ = ["Results", "compare", "read", "write"]

MOST_BYTES = 2**24


@dataclass(frozen=True)
class Results:
    """``figures`` by metric: each a ``value``, ``low`` and ``high`` or None, ``details``, ``options`` and a ``note``.

    ``protocol`` is what must be equal for two results to be compared, with the options of the metrics that both have;
    ``refused`` says why a metric has no figure.
    """

    model: Mapping[str, Any]
    protocol: Mapping[str, Any]
    figures: Mapping[str, Mapping[str, Any]]
    refused: Mapping[str, str]
    versions: Mapping[str, str]
    seconds: float = 0.0

    def plain(self) -> dict[str, Any]:
        """Return the results as plain data."""
        parts = ("model", "protocol", "figures", "refused", "versions")
        plain = {name: dict(getattr(self, name)) for name in parts}
        return {"kind": "evaluation", "format": FORMAT, **plain, "seconds": round(self.seconds, 1)}


def write(path: Path, results: Results) -> None:
    """Write results as JSON, whole or not at all."""
    write_text(path, json.dumps(results.plain(), indent=2) + "\n")


def read(path: Path | str) -> Results:
    """Read results. Raises FileError for anything else."""
    where, allowed = str(path), "a .json that gantool evaluate wrote"
    plain = strict.read_table(path, MOST_BYTES, allowed)
    if plain.get("kind") != "evaluation":
        raise FileError(where, "holds no results", allowed)
    versions = plain.get("versions")
    check_format(path, plain.get("format"), versions.get("gantool") if isinstance(versions, dict) else None)
    try:
        stored = msgspec.convert(plain, _Stored)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:  # the latter of half a pair of surrogates
        raise FileError(where, f"is damaged ({error})", allowed) from error
    figures = {name: msgspec.structs.asdict(figure) for name, figure in stored.figures.items()}
    return Results(stored.model, stored.protocol, figures, stored.refused, stored.versions, stored.seconds)


class _Figure(msgspec.Struct):
    value: float
    low: float | None
    high: float | None
    details: dict[str, float]
    note: str
    options: dict[str, Any]


class _Stored(msgspec.Struct):
    format: Annotated[int, msgspec.Meta(ge=1)]
    model: dict[str, Any]
    protocol: dict[str, Any]
    figures: dict[str, _Figure]
    refused: dict[str, str]
    versions: dict[str, str]
    seconds: float = 0.0


def compare(names: tuple[str, str], results: tuple[Results, Results]) -> list[str]:
    """Return the metrics that both results have, taken by one protocol.

    Raises OptionError naming what differs, or where they share no metric.
    """
    shared = [name for name in results[0].figures if name in results[1].figures]
    if not shared:
        raise OptionError("--compare", "they have no metric in common", "results of the same metrics")
    judged = all(one.protocol.get("extractor") for one in results)  # else none of the shared metrics asked an extractor
    first, second = (_flat(_terms(one, shared, judged)) for one in results)
    differing = [key for key in {**first, **second} if first.get(key) != second.get(key)]
    if differing:
        key = differing[0]
        given = f"{key} is {first.get(key)} in {names[0]} and {second.get(key)} in {names[1]}"
        hint = f"evaluate one of them again; all that differs: {', '.join(differing)}"
        raise OptionError("--compare", given, "figures that were taken by one protocol", hint)
    return shared


def _terms(results: Results, shared: list[str], judged: bool) -> dict[str, Any]:
    """Return all that two results must agree in, the extractor only where both were ``judged`` by one."""
    protocol = {name: term for name, term in results.protocol.items() if judged or name != "extractor"}
    return {**protocol, **{name: results.figures[name]["options"] for name in shared}}


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
