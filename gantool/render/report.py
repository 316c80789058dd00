"""A report: one HTML file that asks for nothing from elsewhere. What comes from files is shown, never obeyed.

The page forbids every request, and any script or style but its own, which it names by their digests.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Any

from gantool import __version__
from gantool.errors import printable
from gantool.render.curves import Chart
from gantool.render.embed import Embedded

__all__ = [
    "Mark",
    "cards",
    "charts",
    "code",
    "figure",
    "heat_map",
    "note",
    "page",
    "section",
    "settings",
    "slider",
    "table",
    "tiles",
]

LONGEST = 2000  # letters of one text
MOST_ROWS = 500  # of a table
CHOOSING = ("name", "names")  # the settings that choose components


@dataclass(frozen=True)
class Mark:
    """A finding: the curves are marked with its number at its step."""

    step: int
    name: str
    seen: str
    command: str


def page(
    *,
    kind: str,
    name: str,
    lead: str,
    facts: str,
    sections: Iterable[str],
    curves: Sequence[Chart] = (),
    marks: Sequence[Mark] = (),
) -> str:
    """Return a whole page; ``facts`` and ``sections`` are HTML, all else is text."""
    css, js = _part("page.css"), _part("page.js")
    return Template(_part("page.html")).substitute(
        title=f"{text(name)}: {text(kind)}",
        kind=text(kind),
        name=text(name),
        lead=text(lead),
        tiles=facts,
        sections="\n".join(sections),
        data=_data(curves, marks),
        version=text(__version__),
        css=css,
        js=js,
        css_hash=_digest(css),
        js_hash=_digest(js),
    )


def _part(name: str) -> str:
    return (files("gantool.render") / "page" / name).read_text(encoding="utf-8")


def _digest(part: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}"


def _data(curves: Sequence[Chart], marks: Sequence[Mark]) -> str:
    """Return what the script draws, as JSON that cannot end its element."""
    drawn = [
        {
            "around": chart.around,
            "curves": [{"label": printable(label), "points": points} for label, points in chart.curves.items()],
        }
        for chart in curves
    ]
    ends = [points[-1][0] for chart in curves for points in chart.curves.values()]
    numbered = [{"number": number, "step": mark.step} for number, mark in enumerate(marks, 1)]
    plain = {"charts": drawn, "marks": numbered, "last": max([*ends, *(mark.step for mark in marks)], default=0)}
    return json.dumps(plain, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def text(value: object) -> str:
    """Return a value as HTML that shows it: no markup, no letter that turns the line around, not too long."""
    said = str(value)
    return html.escape(printable(said if len(said) <= LONGEST else f"{said[:LONGEST]}...", "\n"))


def code(line: str) -> str:
    """Return a command, which one click selects."""
    return f'<code class="line">{text(line)}</code>'


def tiles(facts: Iterable[tuple[str, object, str]]) -> str:
    """Return a row of figures: what it is, its value, and how it is shown (``good``, ``alarm`` or nothing)."""
    rows = (f'<div class="{tone}"><dt>{text(name)}</dt><dd>{text(value)}</dd></div>' for name, value, tone in facts)
    return f'<dl class="tiles">{"".join(rows)}</dl>'


def section(title: str, body: str, lead: str = "") -> str:
    """Return a part of the page under its own heading; nothing where it is empty."""
    return f"<section><h2>{text(title)}</h2>{note(lead)}{body}</section>" if body else ""


def note(said: str) -> str:
    """Return a remark; nothing where there is none."""
    return f'<p class="note">{text(said)}</p>' if said else ""


def cards(marks: Sequence[Mark]) -> str:
    """Return the findings in words, each with what to try."""
    whole = "".join(
        f'<article class="card finding"><div class="number">{number}</div>'
        f"<h3>{text(mark.name)} <span>at step {mark.step:,}</span></h3>"
        f"<p>{text(mark.seen)}</p><p>Try:</p>{code(mark.command)}</article>"
        for number, mark in enumerate(marks, 1)
    )
    return f'<div class="cards">{whole}</div>' if whole else ""


def charts(curves: Sequence[Chart]) -> str:
    """Return the places that the script draws curves in."""
    whole = "".join(
        f'<figure data-chart="{index}"><figcaption><div class="head"><h3>{text(chart.title)}</h3>'
        f'<label class="log" hidden><input type="checkbox"> log</label></div><p>{text(chart.caption)}</p></figcaption>'
        f'<div class="legend"></div><svg class="plot" role="img" aria-label="{text(chart.summary())}"></svg></figure>'
        for index, chart in enumerate(curves)
    )
    return f'<div class="grid">{whole}</div>' if whole else ""


def slider(frames: Sequence[tuple[int, Embedded]], title: str) -> str:
    """Return the pictures of several steps, of which the slider shows one; without a script it is the last."""
    if not frames:
        return ""
    last = len(frames) - 1
    controls = (
        '<div class="controls"><button type="button" id="play">Play</button>'
        f'<input type="range" id="slider" min="0" max="{last}" value="{last}" step="1" aria-label="Step of training">'
        f'<output id="at" for="slider">Step {frames[-1][0]:,}</output></div>'
    )
    pictures = "".join(
        _picture(one, f"Samples at step {step:,}", f' data-step="{step}"' + ("" if index == last else " hidden"))
        for index, (step, one) in enumerate(frames)
    )
    return f"<figure><figcaption><h3>{text(title)}</h3></figcaption>{controls if last else ''}{pictures}</figure>"


def figure(picture: Embedded, caption: str, alt: str, title: str = "At the end") -> str:
    """Return a picture with its title; ``alt`` says what it shows."""
    below = f"<p>{text(caption)}</p>" if caption else ""
    return f"<figure><figcaption><h3>{text(title)}</h3></figcaption>{_picture(picture, alt)}{below}</figure>"


def _picture(picture: Embedded, alt: str, more: str = "") -> str:
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img src="{picture.address}" alt="{text(alt)}" {size} decoding="sync"{more}>'


def table(rows: Sequence[Sequence[object]], head: Sequence[str] = (), given: Iterable[int] = ()) -> str:
    """Return a table whose first column names its rows; the rows ``given`` are marked so."""
    marked = set(given)
    top = "".join(f'<th scope="col">{text(name)}</th>' for name in head)
    top = f"<thead><tr>{top}</tr></thead>" if head else ""
    body = "".join(_row(row, index in marked) for index, row in enumerate(rows[:MOST_ROWS]))
    left_out = note(f"{len(rows) - MOST_ROWS} further rows are left out.") if len(rows) > MOST_ROWS else ""
    return f'<div class="scroll"><table>{top}<tbody>{body}</tbody></table></div>{left_out}'


def _row(cells: Sequence[object], marked: bool) -> str:
    more = "".join(f"<td>{text(cell)}</td>" for cell in cells[1:])
    kind = ' class="given"' if marked else ""
    return f'<tr{kind}><th scope="row">{text(cells[0])}</th>{more}</tr>'


def heat_map(
    title: str,
    caption: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    most: float,
) -> str:
    """Return a matrix in colours: blue below 0 and red above, full at ``most``."""
    most = most or 1.0
    top = "".join(f'<th scope="col">{text(name)}</th>' for name in columns)
    body = "".join(
        f'<tr><th scope="row">{text(name)}</th>{"".join(f"<td>{value:+.2f}</td>" for value in row)}</tr>'
        for name, row in zip(rows, values, strict=True)
    )
    head = f"<figcaption><h3>{text(title)}</h3><p>{text(caption)}</p></figcaption>"
    whole = f'<table class="heat" data-most="{most:g}"><thead><tr><td></td>{top}</tr></thead>{body}</table>'
    return f'<figure>{head}<div class="scroll">{whole}</div></figure>'


def settings(resolved: Mapping[str, Any], given: Mapping[str, Any], by: Mapping[str, str]) -> str:
    """Return a card for each table of settings: its component, who provides it, its options, and which were given."""
    whole = []
    for name, options in resolved.items():
        own = given.get(name, {})
        rows = [(option, _shown(value)) for option, value in options.items() if option not in CHOOSING]
        marked = [index for index, (option, _) in enumerate(rows) if option in own]
        chosen = by.get(name) or "".join(_shown(options[option]) for option in CHOOSING if option in options)
        kind = "source given" if own.keys() & set(CHOOSING) else "source"
        head = f"<h3>{text(name)}</h3>" + (f'<p class="{kind}">{text(chosen)}</p>' if chosen else "")
        whole.append(f'<div class="card">{head}{table(rows, given=marked) if rows else ""}</div>')
    return f'<div class="columns">{"".join(whole[:MOST_ROWS])}</div>' if whole else ""


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None else str(value)
