"""``gantool direction``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantool.cli import flags
from gantool.cli.audit import audit
from gantool.cli.completion import component_names
from gantool.cli.console import next_line, say, say_json, table
from gantool.cli.ticks import ticks
from gantool.errors import OptionError
from gantool.files import checkpoint, envelope
from gantool.files.names import way

if TYPE_CHECKING:
    from gantool.files.directions import Directions
    from gantool.latent.evidence import Ask
    from gantool.latent.model import Model
    from gantool.registry import Registry

EPILOG = """\b
Examples:
  gantool direction find RUN --method ridge --classifier shapes.safetensors
  gantool direction show RUN/directions-ridge.safetensors
  gantool direction orthogonalize RUN/directions-ridge.safetensors size --off x,y
  gantool direction audit RUN/directions-ridge.safetensors --classifier shapes.safetensors
"""
FIND_EPILOG = """\b
Examples:
  gantool direction find RUN --classifier shapes.safetensors --toward size --toward hue=0.33
  gantool direction find RUN --method boundary --scores scores.safetensors --boundary.share 0.1
  gantool direction find RUN --method pca --pca.count 12
  gantool direction find RUN --method pair --pair seed:3 picked.png --toward smile
"""
ORTHOGONALIZE_EPILOG = """\b
Examples:
  gantool direction orthogonalize RUN/directions-ridge.safetensors smile --off age,glasses
  gantool direction orthogonalize RUN/directions-ridge.safetensors size --off rest -o clean.safetensors
"""
SHOW_EPILOG = """\b
Examples:
  gantool direction show RUN/directions-ridge.safetensors
  gantool direction show RUN/directions-ridge.safetensors --json
"""
IMPORT_EPILOG = """\b
Examples:
  gantool direction import stylegan_smile_boundary.npy RUN --name smile
"""
OUT = "The .safetensors to write; what exists is kept: the name gets -2."
MIG_EPILOG = """\b
Examples:
  gantool direction mig RUN --classifier shapes.safetensors
  gantool direction mig RUN --classifier shapes.safetensors --slots code -n 5000 --json
"""


SUFFIX = ".safetensors"


@click.group("direction", epilog=EPILOG)
def command() -> None:
    """Find, clean, audit and show directions in the latent space."""


command.add_command(audit)


def _find(ctx: click.Context, model: str, **values: Any) -> None:
    """Find directions in the latent space of MODEL, a run folder or a checkpoint.

    `ridge`, `boundary`, `mean-difference` and `gradient` find one direction for each feature that a classifier tells,
    or for those that --toward names. `pca`, `sefa` and `codes` need no classifier; `pair` takes two latents.
    """
    from gantool.files import directions as files
    from gantool.latent.directions import find_directions
    from gantool.latent.evidence import check, size
    from gantool.latent.model import open_model

    _check_out(values["out"])
    component, options = flags.chosen_tool(ctx, values)
    finder, method = component.create(options), component.name
    registry = flags.registry_of(ctx)
    opened = open_model(model, registry)
    ask = _ask(opened, values, registry)
    check(finder, method, ask)
    with ticks("Scoring", size(finder, ask), values["quiet"] or ask.scorer is None) as tick:
        found = find_directions(opened, finder, method, ask, tick)
    out = _place(values["out"], _home(model, opened), f"directions-{method}")
    files.write(out, found, opened.path)
    if values["as_json"]:
        say_json({"out": str(out), **_plain(found)})
        return
    _figures(found)
    count = f"{len(found.names)} direction{'s' if len(found.names) > 1 else ''}"
    tools = ["--classifier", values["classifier"]] if values["classifier"] else []
    say(f"{count}: {out}. Next: {_walk(opened, model, out, found.names[0], tools)}")


def _ask(model: Model, values: dict[str, Any], registry: Registry) -> Ask:
    """Read the flags that say what to find directions from."""
    from gantool.files import scores
    from gantool.latent.evidence import Ask
    from gantool.latent.scorer import open_scorer
    from gantool.latent.sources import latents_of

    given = {flag: values[flag] for flag in ("classifier", "scores", "pair") if values[flag]}
    if len(given) > 1:
        raise OptionError(" ".join(f"--{flag}" for flag in given), "were given together", "one of them")
    if values["scores"] and values["count"]:
        raise OptionError("-n", "was given with --scores", "all of its samples are used", "leave -n out")
    scorer = open_scorer(values["classifier"], registry, model.shape) if values["classifier"] else None
    stored = scores.read(values["scores"]) if values["scores"] else None
    ends = [latents_of(text, model)[0] for text in values["pair"] or ()]
    for text, z in zip(values["pair"] or (), ends, strict=True):
        if len(z) != 1:
            raise OptionError(f"--pair {text}", f"holds {len(z)} latents", "one", f"name one of them: {text}:0")
    source = {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}
    if scorer:
        source["classifier"] = {"label": scorer.label, "hash": scorer.hash}
    elif stored:
        source["classifier"] = dict(stored.classifier)
    pair = (ends[0][0], ends[1][0]) if ends else None
    return Ask(values["count"], tuple(values["toward"]), scorer, stored, pair, source)


command.add_command(
    flags.ComponentCommand(
        "find",
        tool="method",
        callback=click.pass_context(_find),
        help=_find.__doc__,
        epilog=FIND_EPILOG,
        params=[
            click.Argument(["model"], metavar="MODEL"),
            click.Option(
                ["--method"],
                metavar="NAME",
                help="How directions are found; see components method. [ridge]",
                shell_complete=component_names("direction-finder"),
            ),
            click.Option(["--classifier"], metavar="FILE|NAME", help="What scores the model's samples."),
            click.Option(["--scores"], metavar="FILE", help="Scores of the model's samples, by classifier label."),
            click.Option(["--toward"], multiple=True, metavar="NAME", help="A feature; repeatable. [all]"),
            click.Option(["--pair"], nargs=2, metavar="A B", help="Latents to go from and to, for --method pair."),
            click.Option(["-n", "--count"], type=click.IntRange(10, 10**6), help="How many samples. [2000]"),
            click.Option(["-o", "--out"], metavar="FILE", help=OUT),
            click.Option(["--json", "as_json"], is_flag=True, help="Print what was found as JSON."),
            click.Option(["-q", "--quiet"], is_flag=True, help="Show no progress."),
        ],
    )
)


@command.command("orthogonalize", epilog=ORTHOGONALIZE_EPILOG)
@click.argument("path", metavar="FILE")
@click.argument("name")
@click.option("--off", required=True, metavar="A,B", help="The directions to take off, or rest for all others.")
@click.option("-o", "--out", metavar="FILE", help=OUT)
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def orthogonalize_command(path: str, name: str, off: str, out: str | None, as_json: bool) -> None:
    """Make the direction NAME of FILE orthogonal to others, so that it moves them less.

    The new file has all directions of FILE, NAME replaced. It is refused where less than 0.1 of the direction is kept:
    what is left would be chance.
    """
    from gantool.files import directions as files
    from gantool.latent.directions import orthogonalize

    _check_out(out)
    directions, meta = files.read(path)
    cleaned = orthogonalize(directions, name, [part.strip() for part in off.split(",") if part.strip()])
    row = cleaned.index(name)
    target = _place(out, Path(path).parent, f"{Path(path).stem}-orthogonal")
    files.write(target, cleaned, _model(path, meta))
    kept, others = cleaned.figures[row]["kept_norm"], cleaned.figures[row]["orthogonal_to"]
    if as_json:
        say_json({"out": str(target), "name": cleaned.names[row], "kept_norm": kept, "orthogonal_to": others})
        return
    say(f"{cleaned.names[row]} keeps {kept:.3f} of its length, orthogonal to {', '.join(others)}")
    say(f"Directions: {target}. Next: {_show(target)}")


@command.command("show", epilog=SHOW_EPILOG)
@click.argument("path", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(path: str, as_json: bool) -> None:
    """List the directions of FILE, how well each fits, and the cosines between them."""
    from gantool.files import directions as files

    found, meta = files.read(path)
    cosines = (found.vectors @ found.vectors.T).tolist()
    if as_json:
        say_json({"path": path, "model": meta.get("model"), **_plain(found), "cosines": cosines})
        return
    say(f"{path}: found by {found.method or 'an unknown method'} in the model {found.model_hash[:16]}")
    _figures(found)
    if len(found.names) > 1:
        say("Cosines:")
        rows = zip(found.names, cosines, strict=True)
        table(("", *found.names), [(name, *(f"{value:+.2f}" for value in row)) for name, row in rows])
    known = _model(path, meta)
    steered = known and known.exists() and len(envelope.read_header(checkpoint.find(known)).meta.get("shape", ())) == 3
    say(f"Next: {_steer(str(known), path, found.names[0]) if steered else next_line('inspect', path)}")


@command.command("import", epilog=IMPORT_EPILOG)
@click.argument("path", metavar="FILE.npy")
@click.argument("model", metavar="MODEL")
@click.option("--name", "names", multiple=True, required=True, help="What the direction is called; one for each row.")
@click.option("-o", "--out", metavar="FILE", help=OUT)
@click.pass_context
def import_command(ctx: click.Context, path: str, model: str, names: tuple[str, ...], out: str | None) -> None:
    """Turn an InterFaceGAN boundary, a numpy array, into directions of MODEL.

    Such a file holds no intercept: the direction can be walked along, but not to an absolute place.
    """
    from gantool.files import directions as files
    from gantool.latent.directions import import_boundary
    from gantool.latent.model import open_model

    _check_out(out)
    opened = open_model(model, flags.registry_of(ctx))
    found = import_boundary(Path(path), opened, names)
    target = _place(out, _home(model, opened), f"directions-{Path(path).stem}")
    files.write(target, found, opened.path)
    say(f"Directions: {target}. Next: {_walk(opened, model, target, names[0])}")


@command.command("mig", epilog=MIG_EPILOG)
@click.argument("model", metavar="MODEL")
@click.option("--classifier", required=True, metavar="FILE|NAME", help="What tells the factors of a sample.")
@click.option("--slots", metavar="A,B", help="The parts of z to look at. [all]")
@click.option("-n", "--count", type=click.IntRange(100, 10**6), default=10_000, help="How many samples. [10000]")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def mig(ctx: click.Context, /, model: str, classifier: str, **values: Any) -> None:
    """Measure how far each factor is told by one coordinate of z alone: the Mutual Information Gap.

    1 is a factor with a coordinate of its own, 0 one that is told by two alike (Chen et al. 2018).
    """
    from gantool.latent.disentanglement import measure_mig
    from gantool.latent.model import open_model
    from gantool.latent.scorer import open_scorer

    registry = flags.registry_of(ctx)
    opened = open_model(model, registry)
    scorer = open_scorer(classifier, registry, opened.shape)
    slots = [part.strip() for part in (values["slots"] or "").split(",") if part.strip()]
    with ticks("Scoring", values["count"], values["quiet"]) as tick:
        gaps = measure_mig(opened, scorer, values["count"], slots, tick)
    mean = sum(gap.gap for gap in gaps) / len(gaps)
    if values["as_json"]:
        say_json({"mig": mean, "samples": values["count"], "factors": [vars(gap) for gap in gaps]})
        return
    columns = ("factor", "gap", "told best by", "then by", "share of it told")
    table(columns, [(g.factor, f"{g.gap:.3f}", g.best, g.second, f"{g.information:.3f}") for g in gaps])
    following = next_line("direction", "find", model, "--classifier", classifier)
    say(f"MIG {mean:.3f} over {values['count']} samples. Next: {following}")


def _home(given: str, model: Model) -> Path:
    return Path(given) if Path(given).is_dir() else model.path.parent


def _check_out(out: str | None) -> None:
    from gantool.files.names import check_suffix

    if out is not None:
        check_suffix(out, (SUFFIX,))


def _place(out: str | None, folder: Path, stem: str) -> Path:
    """Return a name that nothing has yet: the one that was given, or one of its own."""
    from gantool.files.names import free

    return free(Path(out) if out else folder / f"{stem}{SUFFIX}")


def _model(path: str, meta: Mapping[str, Any]) -> Path | None:
    """Return where a file of directions says that its model is, seen from here."""
    hint = meta.get("model")
    return Path(way(Path(path).parent / hint, Path())) if isinstance(hint, str) else None


def _walk(opened: Model, model: str, path: Path, name: str, tools: Sequence[str] = ()) -> str:
    """Name the line that walks along a direction; of points no strip can be drawn."""
    return _steer(model, path, name, tools) if len(opened.shape) == 3 else _show(path)


def _show(path: Path) -> str:
    return next_line("direction", "show", path)


def _steer(model: str, path: Path | str, name: str, tools: Sequence[str] = ()) -> str:
    return next_line("steer", model, "--directions", path, "--toward", name, *tools)


def _plain(found: Directions) -> dict[str, Any]:
    rows = zip(found.names, found.intercept.tolist(), found.std.tolist(), found.figures, strict=True)
    directions = [
        {"name": name, "intercept": None if math.isnan(offset) else offset, "std": std, "figures": dict(figures)}
        for name, offset, std, figures in rows
    ]
    return {"method": found.method, "model_hash": found.model_hash, "directions": directions}


def _figures(found: Directions) -> None:
    """Print a row for each direction."""
    columns = sorted({key for row in found.figures for key in row})
    cells = [[_cell(row.get(key)) for key in columns] for row in found.figures]
    offsets = ["none" if math.isnan(value) else f"{value:+.2f}" for value in found.intercept.tolist()]
    rows = zip(found.names, offsets, cells, strict=True)
    table(("name", "intercept", *columns), [(name, offset, *row) for name, offset, row in rows])


def _cell(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return f"{value:.3f}" if isinstance(value, float) else "" if value is None else str(value)
