"""What ``gantool direction audit`` found, as JSON: a row for each direction, the matrices, and strips of pictures.

A strip shows samples that walk along a direction, one in each row; it is a WebP in base64.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from gantool import __version__
from gantool.errors import FileError
from gantool.files import strict
from gantool.files.envelope import FORMAT, check_format, write_text

__all__ = ["KIND", "MOST_BYTES", "Interval", "Row", "StoredAudit", "read", "write"]

KIND = "audit"
MOST_BYTES = 2**26

Interval = tuple[float, float]
Matrix = list[list[float]]


@dataclass(frozen=True)
class Row:
    """What one direction does. ``matched``: the target was chosen as the feature that moves most.

    ``explained`` is the share of the target's variance that the position along the direction explains, ``aim`` the
    direction's cosine with the one that explains most. ``leak`` is
    signed, in the other feature's standard deviations for one of the target's; None where nothing but the target's own
    feature is measured. ``data_r`` and ``data_p`` are the correlation of the two in real data.
    """

    name: str
    target: str
    matched: bool
    effect: float
    effect_interval: Interval
    selectivity: float
    selectivity_interval: Interval
    monotonicity: float
    explained: float
    aim: float
    leak: float | None
    leak_name: str | None
    leak_interval: Interval | None
    data_r: float | None
    data_p: float | None
    verdict: str


@dataclass(frozen=True)
class StoredAudit:
    """The rows of an audit with the matrices of those ``features`` that are worth drawing.

    ``effects [K, M]`` are those of K directions on M features, ``cosines [K, K]``, ``generated`` and ``real`` are
    correlations ``[M, M]``. ``source`` says what was measured by what: names to text. ``strips`` are pictures by
    direction.
    """

    features: list[str]
    directions: list[Row]
    effects: Matrix
    cosines: Matrix
    generated: Matrix
    real: Matrix | None
    samples: int
    strength: float
    source: dict[str, str]
    strips: dict[str, str]
    format: Annotated[int, msgspec.Meta(ge=1)] = FORMAT
    gantool: str = __version__

    def strip(self, name: str) -> bytes:
        """Return the picture of a direction's strip. Raises ValueError where it is not base64."""
        return base64.b64decode(self.strips[name], validate=True)


def write(path: Path, audit: StoredAudit) -> None:
    """Write an audit as JSON, whole or not at all."""
    write_text(path, json.dumps({"kind": KIND, **asdict(audit)}, sort_keys=True) + "\n")


def read(path: Path | str) -> StoredAudit:
    """Read an audit. Raises FileError for anything else."""
    where, allowed = str(path), "a .json that gantool direction audit left"
    plain = strict.read_table(path, MOST_BYTES, allowed)
    if plain.get("kind") != KIND:
        raise FileError(where, "holds no audit", allowed)
    check_format(path, plain.get("format"), plain.get("gantool"))
    try:
        found = msgspec.convert(plain, StoredAudit)
        _check_shapes(found)
    except (msgspec.ValidationError, UnicodeEncodeError, ValueError) as error:
        raise FileError(where, f"is damaged ({error})", allowed) from error
    return found


def _check_shapes(audit: StoredAudit) -> None:
    """Raise ValueError where a matrix has not a row and a column for each of its names."""
    rows, columns = len(audit.directions), len(audit.features)
    wanted = {"effects": (rows, columns), "cosines": (rows, rows), "generated": (columns, columns)}
    for name, (height, width) in {**wanted, **({} if audit.real is None else {"real": (columns, columns)})}.items():
        matrix = getattr(audit, name)
        if len(matrix) != height or any(len(row) != width for row in matrix):
            raise ValueError(f"{name} is not {height} x {width}")
    for name in audit.strips:
        audit.strip(name)
