"""The page of a run: what ``gantool report RUN`` writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gantool.cli.console import next_line
from gantool.cli.flags import flag_words, place
from gantool.errors import FileError, typed
from gantool.files import checkpoint, envelope
from gantool.files.settings import read_tree
from gantool.render import report
from gantool.render.curves import Chart, charts, is_number
from gantool.render.embed import Embedded, embed, spread
from gantool.render.provenance import read_provenance
from gantool.render.report import Mark
from gantool.training.observers import read_log

__all__ = ["run_page"]

FRAMES = 60  # grids on the slider
FRAME_BYTES, GRID_BYTES = 5 * 2**20, 2**20  # of all of them, and of the last one
MOST_FINDINGS = 200
MOST_TOLD = 4  # figures at the top besides the run's length and findings
MOST_NAMES = 20
FRAME = re.compile(r"step-(\d{1,12})\.png")
READING = (
    "Over the steps of G. The numbers are those at the slider's step, or under the pointer; a click moves the slider."
)
CARRIES = "This picture carries its latents: saved as grid.png, gantool interpolate goes on from it."


@dataclass(frozen=True)
class _Settings:
    """What a run was given and ran with, and the metadata of its checkpoint; ``lacks`` says why there is none."""

    given: Mapping[str, Any]
    resolved: Mapping[str, Any]
    meta: Mapping[str, Any]
    lacks: str

    def name(self, section: str) -> str:
        return str(self.resolved.get(section, {}).get("name", "unknown"))

    @property
    def steps(self) -> int:
        """The length of the run; 0 where it is not known."""
        steps = self.resolved.get("training", {}).get("steps")
        return steps if isinstance(steps, int) else 0


def run_page(folder: Path) -> tuple[str, str]:
    """Return the page of a run, and what it holds in a few words. Raises FileError for a folder that is none."""
    rows, skipped = _rows(folder)
    settings = _settings(folder)
    marks = _marks(rows)
    curves, left_out = charts(rows)
    frames, notes = _frames(folder)
    notes += [f"Of the log {_count(skipped, 'line')} cannot be read and had to be left out."] if skipped else []
    notes += [f"Too many curves: {left_out} are not drawn."] if left_out else []
    final = _final(folder)
    page = report.page(
        kind="Training report",
        name=folder.absolute().name,
        lead=_lead(settings, rows),
        facts=report.tiles(_tiles(rows, curves, marks)),
        sections=[
            report.section("What was found", report.cards(marks), "Each is marked on the curves at its step."),
            report.section(
                "Samples",
                _pictures(frames, final, notes),
                "The same latents, drawn again and again while the generator learns.",
            ),
            report.section("Curves", report.charts(curves), READING),
            report.section("Settings", report.settings(settings.resolved, settings.given, _providers(settings.meta))),
            report.section("Repeat it", _repeat(folder, settings, rows[-1]["step"])),
            report.section("Where it comes from", report.table(_origin(folder, settings))),
        ],
        curves=curves,
        marks=marks,
    )
    return page, f"{_count(len(frames), 'grid')}, {_count(len(curves), 'chart')}, {_count(len(marks), 'finding')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _rows(folder: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the lines of a run's log, and how many cannot be read. Raises FileError where there is none."""
    log = folder / "log.jsonl"
    if not log.is_file():
        raise FileError(str(folder), "is a folder without log.jsonl", "a run folder", "type: ls runs")
    try:
        rows = read_log(log)
        lines = sum(1 for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip())
    except OSError as error:
        raise FileError(str(log), f"cannot be read ({error.strerror})", "a file that can be read") from error
    if not rows:
        given = "has no line that can be read" if lines else "is empty: the run has told nothing yet"
        raise FileError(str(log), given, "the log of a run", f"type: {next_line('inspect', folder)}")
    return sorted(rows, key=lambda row: int(row["step"])), lines - len(rows)


def _settings(folder: Path) -> _Settings:
    """Return the settings of the checkpoint that commands open, else those of ``config.toml``."""
    try:
        header = envelope.read_header(checkpoint.find(folder), checkpoint.KIND)
        given, resolved = (checkpoint.settings(header, key) for key in ("given", "resolved"))
        return _Settings(given, resolved, {**header.meta, "file": header.path.name}, "")
    except FileError as error:
        lacks = error.given
    try:
        tree = read_tree(folder)
    except FileError as error:
        return _Settings({}, {}, {}, f"{lacks}; {error.given}")
    given, resolved = (_tables(tree.get(key)) for key in ("given", "resolved"))
    return _Settings(given, resolved, {}, lacks)


def _tables(tree: Any) -> dict[str, dict[str, Any]]:
    return {name: table for name, table in tree.items() if isinstance(table, dict)} if isinstance(tree, dict) else {}


def _marks(rows: Iterable[Mapping[str, Any]]) -> list[Mark]:
    """Return what the diagnostics found."""
    found = [row for row in rows if isinstance(row.get("finding"), str)]
    parts = [(row["step"], *(str(row.get(key, "")) for key in ("finding", "seen", "try"))) for row in found]
    return [Mark(*part) for part in parts[:MOST_FINDINGS]]


def _frames(folder: Path) -> tuple[list[tuple[int, Embedded]], list[str]]:
    """Return the fixed-seed grids by their steps, and what of them was left out."""
    named = ((FRAME.fullmatch(path.name), path) for path in (folder / "samples").glob("step-*.png"))
    paths = sorted((int(name[1]), path) for name, path in named if name)
    chosen = [paths[index] for index in spread(len(paths), FRAMES)]
    frames: list[tuple[int, Embedded]] = []
    broken = 0
    for step, path in chosen:
        try:
            frames.append((step, embed(path, FRAME_BYTES // len(chosen))))
        except FileError:
            broken += 1
    notes = []
    if len(chosen) < len(paths):
        notes.append(f"{len(chosen)} of {len(paths)} grids are on the slider, evenly spread.")
    if broken:
        notes.append(f"{_count(broken, 'grid')} cannot be read and had to be left out.")
    if smaller := sum(picture.smaller for _, picture in frames):
        notes.append(f"Compressed to keep this file small: {_count(smaller, 'grid')}.")
    return frames, [*notes, f"All are in {folder / 'samples'}."] if notes else notes


def _final(folder: Path) -> tuple[Embedded, str] | None:
    """Return the grid of the run's end, and what can be done with it; None where none can be read."""
    try:
        picture = embed(folder / "grid.png", GRID_BYTES)
        carries = not picture.smaller and read_provenance(folder / "grid.png") is not None
    except FileError:
        return None
    return picture, CARRIES if carries else ""


def _pictures(frames: Sequence[tuple[int, Embedded]], final: tuple[Embedded, str] | None, notes: Iterable[str]) -> str:
    said = report.note(" ".join(notes))
    if not frames and final is None:
        return said
    last = "" if final is None else report.figure(*final, "Samples of the trained generator")
    return f'<div class="pair">{report.slider(frames, "Through training")}{last}</div>{said}'


def _lead(settings: _Settings, rows: Sequence[Mapping[str, Any]]) -> str:
    arch, data, loss = (settings.name(section) for section in ("arch", "data", "loss"))
    made = f"{arch} on {data} with the loss {loss}" if settings.resolved else "A run whose settings cannot be read"
    done = rows[-1]["step"]
    return f"{made}, {done:,} of {settings.steps:,} steps up to here." if done < settings.steps else f"{made}."


def _tiles(
    rows: Sequence[Mapping[str, Any]], curves: Sequence[Chart], marks: Sequence[Mark]
) -> list[tuple[str, object, str]]:
    """Return the figures at the top: how long the run was, how it ended and what was found."""
    last = {key: row[key] for row in rows for key in ("step", "images", "seconds") if is_number(row.get(key))}
    found: list[tuple[str, object, str]] = [("Steps of G", f"{last['step']:,}", "")]
    found += [("Real images seen", f"{last['images']:,}", "")] if "images" in last else []
    found += [("Time", _duration(last["seconds"]), "")] if "seconds" in last else []
    ends = [(chart.title, next(iter(chart.curves.values()))[-1][1]) for chart in curves if chart.telling]
    found += [(title, f"{value:.4g}", "") for title, value in ends[:MOST_TOLD]]
    if marks or any("vitals" in row for row in rows):
        found.append(("Findings", len(marks) or "none", "alarm" if marks else "good"))
    return found


def _duration(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min" if hours < 2 else f"{hours:.1f} h"


def _providers(meta: Mapping[str, Any]) -> dict[str, str]:
    """Say of each table of settings which package its component comes from."""
    found: dict[str, str] = {}
    for section, entry in _tables({"components": meta.get("components")}).get("components", {}).items():
        for part in entry if isinstance(entry, list) else [entry]:
            if isinstance(part, dict):
                found[str(part.get("name")) if isinstance(entry, list) else section] = _source(part)
    return found


def _source(part: Mapping[str, Any]) -> str:
    """Return where a component comes from; a local file is told by its digest."""
    source = part.get("dist") or part.get("plugin") or "unknown"
    digest = f", sha256 {part['sha256']}" if part.get("sha256") else ""
    return f"{part.get('name')} from {source} {part.get('version') or ''}".rstrip() + digest


def _repeat(folder: Path, settings: _Settings, done: int) -> str:
    """Return the commands that start the run anew, where its folder lies and anywhere, or that go on with it."""
    words = ["train"]
    for section, table in _tables(settings.given).items():
        for option, value in table.items():
            words += flag_words(place(section, option), value)
    commands = {
        "Where the folder of the run lies:": typed("train", "--config", folder),
        "Anywhere, with the packages named above:": typed(*words),
    }
    if done < settings.steps:
        commands["Or go on with it, where it was stopped:"] = typed("train", "--resume", folder)
    return "".join(f"<p>{report.text(said)}</p>{report.code(line)}" for said, line in commands.items())


def _origin(folder: Path, settings: _Settings) -> list[tuple[str, object]]:
    """Return what identifies the run and its model."""
    meta = settings.meta
    condition = meta.get("condition")
    rows: list[tuple[str, object]] = [("folder", folder)]
    if not meta:
        return [*rows, ("checkpoint", f"none that can be read: {settings.lacks}")]
    rows += [("checkpoint", f"{meta['file']}, step {meta.get('step')}"), ("model hash", meta.get("model_hash"))]
    rows += [("samples", " x ".join(map(str, meta["shape"])))] if isinstance(meta.get("shape"), list) else []
    if isinstance(condition, dict):
        names = condition.get("names")
        named = ", ".join(map(str, names[:MOST_NAMES])) if isinstance(names, list) else ""
        rows.append(("labels", f"{condition.get('kind')}: {named}"))
    rows += [("data", meta.get("fingerprint")), ("gantool", meta.get("gantool")), ("torch", meta.get("torch"))]
    return [(name, value) for name, value in rows if value is not None]
