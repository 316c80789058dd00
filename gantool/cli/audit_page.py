"""The page of an audit of directions: what ``gantool report AUDIT`` writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gantool.cli.audit import COLUMNS, cells, words
from gantool.errors import FileError
from gantool.files import audit as files
from gantool.files.audit import Row, StoredAudit
from gantool.render import report
from gantool.render.embed import shrink

__all__ = ["audit_page"]

STRIP_BYTES = 6 * 2**20  # of all strips
READING = (
    "Effects are in standard deviations of the feature, the leak is what another feature moves for one of its own, "
    "both with a 95 % bootstrap interval."
)


def audit_page(path: Path) -> tuple[str, str]:
    """Return the page of an audit, and what it holds in a few words. Raises FileError for a file that is none."""
    audit = files.read(path)
    rows = audit.directions
    clean = sum(row.verdict == "clean" for row in rows)
    facts = [
        ("Directions", len(rows), ""),
        ("Clean", f"{clean} of {len(rows)}", "good" if clean == len(rows) else ""),
        ("Samples", f"{audit.samples:,}", ""),
        ("Walked, in std", f"{audit.strength:g} each way", ""),
    ]
    source = audit.source
    origin = [(name, value) for name, value in source.items() if name != "again"] + [("gantool", audit.gantool)]
    page = report.page(
        kind="Audit of directions",
        name=Path(source.get("directions", path.name)).name,
        lead=f"What else changes along each direction, as {source.get('by', 'a classifier')} sees it.",
        facts=report.tiles(facts),
        sections=[
            report.section("Directions", _figures(rows), READING),
            report.section("Samples that walk", _strips(path, audit), _walk(audit)),
            report.section("Matrices", _matrices(audit), "Blue is below 0, red above."),
            report.section("Repeat it", report.code(source["again"]) if "again" in source else ""),
            report.section("Where it comes from", report.table(origin)),
        ],
    )
    return page, f"{len(rows)} directions, {len(audit.strips)} strips"


def _figures(rows: Sequence[Row]) -> str:
    """Return the table that the audit printed, and its verdicts in words."""
    said = "".join(report.note(line) for row in rows for line in _said(row))
    return f'<div class="card figures">{report.table([cells(row) for row in rows], COLUMNS)}{said}</div>'


def _said(row: Row) -> list[str]:
    matched = f"{row.name} is no feature's name: it is judged by {row.target}, which it moves most."
    return [said for said in (matched if row.matched else "", words(row)) if said]


def _walk(audit: StoredAudit) -> str:
    return f"The same samples from -{audit.strength:g} to +{audit.strength:g} standard deviations along each direction."


def _strips(path: Path, audit: StoredAudit) -> str:
    """Return the strips; raises FileError where one is no picture."""
    drawn = []
    for name in (row.name for row in audit.directions if row.name in audit.strips):
        try:
            picture = shrink(audit.strip(name), STRIP_BYTES // len(audit.strips))
        except ValueError as error:
            given = f"is damaged (the strip of {name}: {error})"
            raise FileError(str(path), given, "a .json that gantool direction audit left") from error
        alt = f"Samples that walk along {name}, one in each row"
        drawn.append(report.figure(picture, "", alt, name))
    return f'<div class="grid">{"".join(drawn)}</div>' if drawn else ""


def _matrices(audit: StoredAudit) -> str:
    names, features = [row.name for row in audit.directions], audit.features
    most = max((abs(value) for row in audit.effects for value in row), default=1.0)
    effects = "What each direction (row) does to each feature, in standard deviations."
    cosines = "Between the directions: those that share a part move each other's feature."
    whole = report.heat_map("Effects", effects, names, features, audit.effects, most)
    whole += report.heat_map("Cosines", cosines, names, names, audit.cosines, 1.0)
    square = [("Correlations of samples", audit.generated), ("Correlations of real data", audit.real)]
    captions = "How the features go together."
    for title, matrix in square:
        whole += "" if matrix is None else report.heat_map(title, captions, features, features, matrix, 1.0)
    return f'<div class="grid wide">{whole}</div>'
