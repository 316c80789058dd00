"""``gantool sample``."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantool.cli.console import note, say, say_json
from gantool.cli.ticks import counted
from gantool.errors import DataError, OptionError
from gantool.files.latents import SUFFIXES
from gantool.files.names import check_suffix, free

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.latent.model import Model

EPILOG = """\b
Examples:
  gantool sample runs/shapes-dcgan-wgan-gp
  gantool sample RUN --seeds 3,8,20-29 --truncation 0.8 -o some.png
  gantool sample RUN --class Sandal=8 --class Bag=8 -o bags.png
  gantool sample RUN --with Smiling --without Eyeglasses -n 16
  gantool sample RUN --keywords "large red circle" -n 16
  gantool sample RUN -n 500 -o folder/ --save-latents z.safetensors
"""
MOST = 10**6  # pictures of one call


@dataclass(frozen=True)
class Request:
    """What to draw: a seed for each picture, and the labels that were asked for."""

    seeds: list[int]
    c: Tensor | None
    columns: int | None = None


@click.command("sample", epilog=EPILOG)
@click.argument("model", metavar="MODEL")
@click.option("-n", "--count", type=click.IntRange(1, MOST), help="How many pictures; 64 if nothing else tells.")
@click.option("--seeds", help="Seeds and ranges: 0-15 or 3,8,20-29. Image s is always the same.")
@click.option("--class", "classes", multiple=True, metavar="NAME[=COUNT]", help="A class, and how many of it.")
@click.option("--with", "having", multiple=True, metavar="ATTRIBUTE", help="An attribute to have.")
@click.option("--without", "lacking", multiple=True, metavar="ATTRIBUTE", help="An attribute to lack.")
@click.option("--keywords", metavar="TEXT", help="Free words, matched to the names of classes or attributes.")
@click.option("--truncation", type=float, metavar="T", help="Keep z within T standard deviations: safer, less varied.")
@click.option("--columns", type=click.IntRange(1, 1000), help="Pictures in a row of the grid.")
@click.option(
    "-o",
    "--out",
    metavar="PATH",
    help="A .png for a grid, or a folder for single pictures. What exists is kept: the name gets -2.",
)
@click.option("--save-latents", metavar="FILE", help="Also save z; the suffix .pt gives a file for torch.load.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(model: str, **values: Any) -> None:
    """Make pictures with a trained model: MODEL is a run folder or a checkpoint.

    A grid is one PNG, a folder gets one PNG for each picture; both carry the latents they were made from.
    """
    from gantool.latent.model import open_model
    from gantool.plugins import PluginSet

    found = click.get_current_context().find_object(PluginSet)
    opened = open_model(model, found.registry if found else None)
    request = _request(opened, values)
    if values["columns"]:
        request = Request(request.seeds, request.c, values["columns"])
    z = opened.latents(request.seeds, values["truncation"])
    out = _destination(model, opened, values["out"])
    saved = check_suffix(values["save_latents"], SUFFIXES, "--save-latents") if values["save_latents"] else None
    if out.suffix.lower() == ".png":
        _grid(opened, request, z, out, values["truncation"])
    else:
        _folder(opened, request, z, out, values)
    if saved:
        saved = free(saved)
        opened.save_latents(saved, z, request.c, request.seeds, values["truncation"])
        note(f"Latents: {saved}")
    if values["as_json"]:
        say_json({"out": str(out), "count": len(z), "seeds": request.seeds, "model_hash": opened.hash})
    else:
        say(f"{len(z)} {'picture' if len(z) == 1 else 'pictures'}: {out}. {_next(opened, model)}")


def _next(model: Model, path: str) -> str:
    if model.condition and model.condition.kind == "classes":
        more = ["--class", f"{model.condition.names[0]}=8"]
    elif model.condition:
        more = ["--with", model.condition.names[0]]
    else:
        more = ["--seeds", "0-15", "--truncation", "0.7"]
    return f"Next: {shlex.join(['gantool', 'sample', path, *more])}"


def _request(model: Model, values: dict[str, Any]) -> Request:
    """Turn the flags into seeds and labels."""
    from gantool.latent import labels

    having, lacking, classes = list(values["having"]), list(values["lacking"]), list(values["classes"])
    if values["keywords"]:
        words = labels.match_keywords(model.condition, values["keywords"])
        unknown = f"; not known: {', '.join(words.unknown)}" if words.unknown else ""
        note(f"Keywords: {', '.join(words.names)}{unknown}")
        classes_known = model.condition is not None and model.condition.kind == "classes"
        (classes if classes_known else having).extend(words.names)
    if classes and (having or lacking):
        raise OptionError("--class", "was given with --with or --without", "a model knows classes or attributes")
    if classes:
        asked = _counts(classes, values)
        c = labels.class_labels(model.condition, asked)
        seeds = _seeds(values, len(c))
        most = max(count for _, count in asked)
        return Request(seeds, c, most if most <= 16 else None)
    seeds = _seeds(values, values["count"] or 64)
    if having or lacking:
        chosen, fitted = labels.attribute_labels(model, seeds, having, lacking)
        if not fitted:
            note("No real example has these attributes together: the model never saw them so.")
        return Request(seeds, chosen)
    return Request(seeds, model.labels(seeds))


def _counts(classes: list[str], values: dict[str, Any]) -> list[tuple[str, int]]:
    """Read NAME=COUNT; a class without a count shares what -n or the seeds leave it, 8 if nothing tells."""
    asked = []
    for text in classes:
        name, equals, count = text.rpartition("=")
        if equals and not (re.fullmatch(r"[0-9]{1,9}", count) and 0 < int(count) <= MOST):
            raise OptionError("--class", f"{text!r} was given", "NAME or NAME=COUNT, a count of at least 1", "Bag=8")
        asked.append((name, int(count)) if equals else (text, 0))
    total = values["count"] or (len(parse_seeds(values["seeds"])) if values["seeds"] else None)
    open_ones = sum(1 for _, count in asked if not count)
    if open_ones:
        rest = 8 * open_ones if total is None else total - sum(count for _, count in asked)
        share, more = divmod(max(rest, open_ones), open_ones)
        spread = iter([share + 1] * more + [share] * (open_ones - more))
        asked = [(name, count or next(spread)) for name, count in asked]
    made = sum(count for _, count in asked)
    if total is not None and made != total:
        raise OptionError(
            "--class",
            f"asks for {made} pictures, -n or --seeds for {total}",
            "the same number",
            "leave -n out",
        )
    return asked


def _seeds(values: dict[str, Any], count: int) -> list[int]:
    if not values["seeds"]:
        return list(range(count))
    seeds = parse_seeds(values["seeds"])
    if values["count"] and values["count"] != len(seeds):
        raise OptionError("-n", f"{values['count']} was given with {len(seeds)} seeds", "one of -n and --seeds")
    return seeds


def parse_seeds(text: str) -> list[int]:
    """Return the numbers of ``3,8,20-29``."""
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,18})(?:-(\d{1,18}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first or last - first >= MOST:
            raise OptionError("--seeds", f"{text!r} was given", "numbers and rising ranges, as in 3,8,20-29")
        seeds += range(first, last + 1)
    return seeds


def _destination(path: str, model: Model, out: str | None) -> Path:
    """Return where to write, which is free; without -o it is in the run folder, or beside the checkpoint."""
    if out is not None:
        chosen = Path(out)
        if chosen.suffix and chosen.suffix.lower() != ".png" and not chosen.is_dir():
            raise OptionError(
                "-o", f"{out} was given", "a .png for a grid, or a folder", f"type: -o {chosen.with_suffix('.png')}"
            )
        return free(chosen)
    home = Path(path) if Path(path).is_dir() else model.path.parent
    return free(home / "sample.png")


def _grid(model: Model, request: Request, z: Tensor, out: Path, truncation: float | None) -> None:
    from gantool.render.grid import grid, scatter, to_uint8
    from gantool.render.provenance import carried, save_png

    values = model.samples(z, request.c)
    if len(model.shape) == 1:
        save_png(scatter(values.numpy(), real_points(model, values.numpy())), out)
        return
    whole = carried(model.hash, z, request.c, request.seeds, truncation)
    save_png(grid(to_uint8(values), request.columns), out, whole)


def real_points(model: Model, values: Any) -> Any:
    """Return real points to draw behind the generated ones: the data's, where they can be had."""
    try:
        return model.config.create("data").load().values[:2000]
    except DataError:
        return values


def _folder(model: Model, request: Request, z: Tensor, out: Path, values: dict[str, Any]) -> None:
    from gantool.render.grid import picture, to_uint8
    from gantool.render.provenance import carried, save_png

    if len(model.shape) == 1:
        raise OptionError("-o", f"{out} was given, and the model makes points", "a .png", "type: -o points.png")
    batches = (to_uint8(batch) for batch in model.batches(z, request.c))
    tiles = (tile for batch in batches for tile in batch)
    for index, tile in enumerate(counted(tiles, "Drawing", len(z), values["quiet"])):
        row = slice(index, index + 1)
        c = None if request.c is None else request.c[row]
        one = carried(model.hash, z[row], c, request.seeds[row], values["truncation"])
        save_png(picture(tile), out / f"{index:06d}.png", one)
