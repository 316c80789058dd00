"""``gantool steer``."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantool.cli.completion import label_names
from gantool.cli.console import next_line, note, say, say_json
from gantool.cli.film import check_out, is_film
from gantool.cli.flags import registry_of
from gantool.cli.sample import parse_seeds
from gantool.cli.ticks import ticks
from gantool.errors import OptionError
from gantool.files.latents import SUFFIXES

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.latent.control import Order, Steered
    from gantool.latent.effects import Effect
    from gantool.latent.model import Model
    from gantool.latent.scorer import Scorer
    from gantool.registry import Registry

EPILOG = """\b
Examples:
  gantool steer runs/shapes-dcgan-wgan-gp --toward size --classifier shapes.safetensors
  gantool steer RUN --toward hue=0.33 --classifier shapes.safetensors --seeds 0-63 --until 0.95
  gantool steer RUN --toward Dress --start "T-shirt/top" --classifier a.safetensors --judge b.safetensors -n 64
  gantool steer RUN --toward smile --directions directions.safetensors --strength -3..3 -o smile.gif
  gantool steer RUN --toward smile --classifier faces.safetensors --keep age,glasses --from picked.png
"""
RANGE = re.compile(r"\s*([+-]?\d{1,9}(?:\.\d{1,9})?)\s*\.\.\s*([+-]?\d{1,9}(?:\.\d{1,9})?)\s*")
FARTHEST = 100.0
MOST = 4000  # pictures of one strip or film
UNTIL = 0.9
SEARCHED = range(4096)  # seeds that --start looks through
BY_GRADIENT = {
    "keep": "--keep",
    "keep_weight": "--keep-weight",
    "max_steps": "--max-steps",
    "smooth": "--smooth",
    "views": "--views",
}
OUT = "A .png, .gif, .webp or .mp4, or a folder of pictures; what exists is kept: the name gets -2."
NAMED = 3  # features that moved besides
FPS = 6


@dataclass(frozen=True)
class Starts:
    """Where the rows of a strip begin, and what stands beside them."""

    z: Tensor
    c: Tensor | None
    labels: list[str]


@click.command("steer", epilog=EPILOG)
@click.argument("model", metavar="MODEL")
@click.option("--toward", required=True, metavar="NAME", help="A feature, a point of a circle (hue=0.33), a direction.")
@click.option("--classifier", metavar="FILE|NAME", help="What tells the features; without --directions it also steers.")
@click.option("--directions", metavar="FILE", help="Walk along the direction NAME of this file.")
@click.option("--judge", metavar="FILE|NAME", help="Another classifier, which measures in place of the first.")
@click.option("--until", type=float, help="The probability that a sample is steered to. [0.9]")
@click.option("--keep", metavar="all|none|A,B", help="Features to hold back by the penalty. [all]")
@click.option("--keep-weight", type=click.FloatRange(0, 100), help="The penalty's weight. [0.3]")
@click.option("--max-steps", type=click.IntRange(1, 10_000), help="Steps after which a sample gives up. [40]")
@click.option("--smooth", type=click.FloatRange(0, 10), help="Width of the cloud around z to average over. [0.6]")
@click.option("--views", type=click.IntRange(2, 1024), help="Neighbours in the cloud; the time grows with them. [16]")
@click.option("--strength", metavar="A..B", help="From A to B standard deviations. [-3..3 with --directions]")
@click.option("--absolute", is_flag=True, help="Strength 0 is where the feature begins, not where the sample is.")
@click.option("--steps", type=click.IntRange(2, 1000), default=7, help="Columns of the strip. [7]")
@click.option("--seeds", help="Seeds and ranges to begin at. [0-7]")
@click.option("-n", "--count", type=click.IntRange(1, 100_000), help="How many samples. [8]")
@click.option(
    "--class",
    "name",
    metavar="NAME",
    help="The class, for a model of classes; it stays.",
    shell_complete=label_names("classes"),
)
@click.option("--start", metavar="NAME", help="Only seeds whose sample the classifier takes for this feature.")
@click.option("--from", "sources", multiple=True, metavar="FILE", help="Begin at pictures or latents. Repeatable.")
@click.option("-o", "--out", metavar="PATH", help=OUT)
@click.option("--save-latents", metavar="FILE", help="Also save the z of every picture; what exists is kept.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(model: str, **values: Any) -> None:
    """Turn a feature of MODEL's samples up or down, and measure what else changed.

    With a classifier each sample follows its own gradient, the mean over a cloud of neighbours, in steps of a quarter
    of a standard deviation on the prior's shell, until the classifier is sure enough; the other features are held back
    by a penalty. With --directions it is moved along a straight line. A row of the strip is a sample, a column a step;
    a film goes there and back. With --strength a sample is not steered until a probability but so many standard
    deviations far.
    """
    from gantool.files.names import free
    from gantool.latent.control import POPULATION, steer
    from gantool.latent.model import open_model

    span = _check(values)
    registry = registry_of(click.get_current_context())
    opened = open_model(model, registry)
    if len(opened.shape) == 1:
        raise OptionError(model, "makes points, of which no strip can be drawn", "a model of pictures")
    out = _destination(model, opened, values["out"])
    order = _order(opened, values, span, registry)
    _say_fixed(opened, model, values["toward"])
    _say_short(opened, order)
    starts = _starts(opened, order.scorer, values)
    _check_size(len(starts.z), order.columns, out)
    saved = free(Path(values["save_latents"])) if values["save_latents"] else None
    total = POPULATION * len({*filter(None, (order.scorer, order.judge))}) + len(starts.z) * (1 + order.columns)
    with ticks("Steering", total, values["quiet"]) as tick:
        steered = steer(opened, starts.z, starts.c, order, tick)
    _write(opened, starts, steered, out, saved)
    if values["as_json"]:
        places = {"out": str(out), "latents": str(saved) if saved else None}
        say_json({**places, "model_hash": opened.hash, **_plain(order, starts, steered)})
        return
    for line in _figures(order, steered):
        say(line)
    made = f"{len(starts.z)} {'row' if len(starts.z) == 1 else 'rows'} of {order.columns} steps: {out}"
    latents = f", latents: {saved}" if saved else ""
    say(f"{made}{latents}. Next: {_next(out, order, model, values)}")


def _say_fixed(model: Model, path: str, toward: str) -> None:
    """Say where the label decides what is asked for, which z can hardly change."""
    condition = model.condition
    own = next((name for name in condition.names if name.casefold() == toward.casefold()), None) if condition else None
    if condition and own:
        flag = "--class" if condition.kind == "classes" else "--with"
        again = next_line("sample", path, flag, own)
        said = f"{own} is what the model's label says; z can hardly change it, and each sample keeps its own"
        note(f"{said}. Try: {again}")


def _check(values: dict[str, Any]) -> tuple[float, float] | None:
    """Raise OptionError for flags that do not go together; return the span of ``--strength``."""
    from gantool.files.names import check_suffix

    if values["until"] is not None and not 0 < values["until"] < 1:
        raise OptionError("--until", f"{values['until']:g} was given", "a probability between 0 and 1", "try 0.9")
    if values["directions"]:
        if wrong := [flag for key, flag in BY_GRADIENT.items() if values[key] is not None]:
            raise OptionError(wrong[0], "was given with --directions", "it belongs to steering by --classifier alone")
        if values["until"] is not None and not values["classifier"]:
            raise OptionError("--until", "was given without --classifier", "a classifier to measure by")
    elif values["strength"] and (idle := [flag for flag in ("max_steps", "until") if values[flag] is not None]):
        flag = f"--{idle[0].replace('_', '-')}"
        raise OptionError(flag, "was given with --strength", "one of them: a probability to reach, or a way to go")
    elif values["absolute"]:
        raise OptionError("--absolute", "was given without --directions", "only a direction knows where it begins")
    if values["judge"] and not values["classifier"]:
        raise OptionError("--judge", "was given without --classifier", "one classifier alone is --classifier")
    if values["start"] and not values["classifier"]:
        raise OptionError("--start", "was given without --classifier", "a classifier to choose the seeds by")
    if values["sources"] and (other := [flag for flag in ("seeds", "count", "start") if values[flag]]):
        flag = {"count": "-n"}.get(other[0], f"--{other[0]}")
        raise OptionError("--from", f"was given with {flag}", "files or seeds to begin at")
    if values["save_latents"]:
        check_suffix(values["save_latents"], SUFFIXES, "--save-latents")
    return _span(values["strength"])


def _say_short(model: Model, order: Order) -> None:
    """Say where a walk along a direction is too short to turn a category."""
    from gantool.latent.control import SPAN
    from gantool.latent.steering import short_of

    if order.directions is None:
        return
    vector = order.directions.vectors[order.directions.index(order.toward)]
    if said := short_of(model.prior.slots, [order.toward], vector[None], max(map(abs, order.span or SPAN))):
        note(said)


def _span(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    match = RANGE.fullmatch(text)
    low, high = (float(match[1]), float(match[2])) if match else (1.0, 0.0)
    if not -FARTHEST <= low < high <= FARTHEST:
        allowed = f"two rising numbers of standard deviations, at most {FARTHEST:g} away"
        raise OptionError("--strength", f"{text!r} was given", allowed, "as in -3..3")
    return low, high


def _destination(path: str, model: Model, out: str | None) -> Path:
    """Return where to write; without -o a new name in the run folder, or beside the checkpoint."""
    from gantool.files.names import free

    return check_out(out) or free((Path(path) if Path(path).is_dir() else model.path.parent) / "steer.png")


def _check_size(rows: int, columns: int, out: Path) -> None:
    """Raise OptionError for more pictures than one strip or film can hold; a folder holds any number."""
    if out.suffix and not out.is_dir() and rows * columns > MOST:
        given = f"{rows} samples in {columns} steps are {rows * columns} pictures"
        raise OptionError("-n --steps", given, f"at most {MOST} in one file", "type: -o FOLDER")


def _order(model: Model, values: dict[str, Any], span: tuple[float, float] | None, registry: Registry) -> Order:
    """Open the tools that the flags name."""
    from gantool.files import directions as files
    from gantool.latent.control import Order
    from gantool.latent.scorer import open_scorer
    from gantool.latent.steering import check_directions

    directions = None
    if values["directions"]:
        directions, _ = files.read(values["directions"])
        check_directions(directions, model, values["directions"])
        directions.index(values["toward"])
    scorer, judge = (
        open_scorer(values[flag], registry, model.shape, f"--{flag}") if values[flag] else None
        for flag in ("classifier", "judge")
    )
    named = {"all": None, "none": ()}
    keep = values["keep"] or "all"
    kept = named[keep] if keep in named else tuple(part.strip() for part in keep.split(",") if part.strip())
    numbers = {name: values[name] for name in ("keep_weight", "smooth", "views")} | {"steps": values["max_steps"]}
    return Order(
        values["toward"],
        scorer,
        judge,
        directions,
        UNTIL if values["until"] is None else values["until"],
        span,
        values["absolute"],
        values["steps"],
        kept,
        **{name: number for name, number in numbers.items() if number is not None},
    )


def _starts(model: Model, scorer: Scorer | None, values: dict[str, Any]) -> Starts:
    """Return the latents to begin at, from files or from seeds."""
    import torch

    if values["sources"]:
        from gantool.latent.sources import latents_of

        found = [latents_of(text, model) for text in values["sources"]]
        z = torch.cat([z for z, _ in found])
        c = torch.cat([c for _, c in found if c is not None]) if model.condition else None
        return _of_class(model, Starts(z, c, [f"#{row}" for row in range(len(z))]), values["name"])
    seeds = parse_seeds(values["seeds"]) if values["seeds"] else None
    if seeds and values["count"] and not values["start"] and values["count"] != len(seeds):
        raise OptionError("-n", f"{values['count']} was given with {len(seeds)} seeds", "one of -n and --seeds")
    if scorer is None or not values["start"]:
        seeds = seeds or list(range(values["count"] or 8))
        starts = Starts(model.latents(seeds), model.labels(seeds), [str(seed) for seed in seeds])
        return _of_class(model, starts, values["name"])
    seeds = seeds or list(SEARCHED)
    starts = Starts(model.latents(seeds), model.labels(seeds), [str(seed) for seed in seeds])
    return _chosen(model, scorer, _of_class(model, starts, values["name"]), values["start"], values["count"] or 8)


def _of_class(model: Model, starts: Starts, name: str | None) -> Starts:
    from gantool.latent.labels import class_labels

    if name is None:
        return starts
    return Starts(starts.z, class_labels(model.condition, [(name, len(starts.z))]), starts.labels)


def _chosen(model: Model, scorer: Scorer, starts: Starts, name: str, count: int) -> Starts:
    """Keep the first samples that the classifier takes for a feature, and say which."""
    from gantool.latent.steering import find_starts

    rows = find_starts(model.G, scorer, scorer.target(name, "--start"), starts.z, starts.c, count)
    labels = [starts.labels[row] for row in rows.tolist()]
    few = "" if len(rows) == count else f"; {count} were asked for, {len(starts.z)} seeds hold no more"
    note(f"Seeds that {scorer.label} takes for {name}: {', '.join(labels)}{few}")
    return Starts(starts.z[rows], None if starts.c is None else starts.c[rows], labels)


def _write(model: Model, starts: Starts, steered: Steered, out: Path, saved: Path | None) -> None:
    """Write the strip, the film or the pictures, and the latents; row by row in all of them."""
    from gantool.render.animation import save_film
    from gantool.render.grid import grid, picture, to_uint8
    from gantool.render.provenance import carried, save_png
    from gantool.render.strip import strip

    columns, rows = steered.z.shape[:2]
    z = steered.z.transpose(0, 1).flatten(0, 1)
    c = None if starts.c is None else starts.c.repeat_interleave(columns, 0)
    pixels = to_uint8(model.samples(z, c))
    each = pixels.reshape(rows, columns, *pixels.shape[1:])
    if saved:
        model.save_latents(saved, z, c)
    if out.suffix.lower() == ".png":
        save_png(strip(each, steered.heads, starts.labels), out, carried(model.hash, z, c))
    elif is_film(out):
        frames = [grid(each[:, column]) for column in range(columns)]
        save_film([*frames, *frames[-2:0:-1]], out, FPS)
    else:
        for index, tile in enumerate(pixels):
            row, column = divmod(index, columns)
            one = slice(index, index + 1)
            whole = carried(model.hash, z[one], None if c is None else c[one])
            save_png(picture(tile), out / f"{row:04d}-{column:03d}.png", whole)


def _figures(order: Order, steered: Steered) -> list[str]:
    """Say what changed, line by line."""
    effect = steered.effect
    if effect is None or order.scorer is None:
        return ["Nothing was measured: give a classifier with --classifier FILE."]
    judge = order.judge or order.scorer
    lines = []
    if steered.reached is not None:
        never = effect.samples - steered.reached
        lines.append(
            f"Steered by {order.scorer.label}: {steered.reached} of {effect.samples} reached {order.until:g}, "
            f"{never} never did in {order.steps} steps"
        )
    same = order.directions is None and judge is order.scorer
    alone = ", which judges its own steering; another one can be given with --judge" if same else ""
    lines.append(f"Measured by {judge.label}{alone}")
    if steered.matched:
        lines.append(f"{order.toward} is the name of no feature: what it moved most is {effect.target}")
    first, last = effect.probability
    follows = "" if effect.follows is None else f", Spearman along the strip {effect.follows:+.2f}"
    lines.append(f"{effect.target}: {effect.change:+.2f} std, probability {first:.2f} to {last:.2f}{follows}")
    ends = f"{effect.reached} of {effect.samples} end at {order.until:g} or above, {effect.already} began there"
    lines.append(ends)
    if effect.others:
        lines.append(f"Moved most besides: {_most(effect.others)}")
    if effect.alike:
        lines.append(f"Of the same kind: {_most(effect.alike)}")
    lines.append(f"Length of z at the end: {effect.norm_ratio:.2f} of the start's")
    return lines


def _most(changes: Any) -> str:
    return ", ".join(f"{name} {change:+.2f} std" for name, change in list(changes.items())[:NAMED])


def _plain(order: Order, starts: Starts, steered: Steered) -> dict[str, Any]:
    """Return the figures for programs."""
    effect: Effect | None = steered.effect
    judge = order.judge or order.scorer
    return {
        "toward": order.toward,
        "rows": starts.labels,
        "columns": list(steered.heads),
        "until": order.until,
        "stopped": steered.reached,
        "measured_by": judge.label if judge else None,
        "own_judge": order.directions is None and order.judge is None,
        "effect": asdict(effect) if effect else None,
    }


def _next(out: Path, order: Order, model: str, values: dict[str, Any]) -> str:
    if out.suffix.lower() == ".png":
        return next_line("interpolate", model, f"{out}:0", f"{out}:{order.columns - 1}", "-o", "morph.gif")
    tools = [
        part for flag in ("classifier", "directions", "judge") if values[flag] for part in (f"--{flag}", values[flag])
    ]
    return next_line("steer", model, "--toward", order.toward, *tools, "-o", "strip.png")
