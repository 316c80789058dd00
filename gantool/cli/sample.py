"""``gantool sample``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantool.cli.completion import label_names
from gantool.cli.console import next_line, note, say, say_json
from gantool.cli.flags import attribute_flags, refuse_idle
from gantool.errors import DataError, OptionError
from gantool.files.latents import SUFFIXES
from gantool.files.names import check_suffix, free
from gantool.files.progress import progress
from gantool.processes import rank, world_size
from gantool.training.signals import Stop

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.latent.bulk import Order
    from gantool.latent.model import Model

EPILOG = """\b
Examples:
  gantool sample runs/shapes-dcgan-wgan-gp
  gantool sample RUN --seeds 3,8,20-29 --truncation 0.8 -o some.png
  gantool sample RUN --class Sandal=8 --class Bag=8 -o bags.png
  gantool sample RUN --with Smiling --without Eyeglasses -n 16
  gantool sample RUN --keywords "large red circle" -n 16
  gantool sample RUN -n 50000 -o folder/
  gantool sample RUN -n 50000 -o samples.safetensors
  torchrun --nproc-per-node 2 -m gantool sample RUN -n 50000 -o folder/
"""
MOST = 10**6  # pictures of one call
FORMS = "a .png for a grid, a .safetensors for one packed file, or a folder for single pictures"


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
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="NAME[=COUNT]",
    help="A class, and how many of it.",
    shell_complete=label_names("classes"),
)
@attribute_flags("An attribute to have.", "An attribute to lack.")
@click.option("--keywords", metavar="TEXT", help="Free words, matched to the names of classes or attributes.")
@click.option("--truncation", type=float, metavar="T", help="Keep z within T standard deviations: safer, less varied.")
@click.option("--columns", type=click.IntRange(1, 1000), help="Pictures in a row of the grid.")
@click.option(
    "-o",
    "--out",
    metavar="PATH",
    help=f"{FORMS[0].upper()}{FORMS[1:]}. What exists is kept: the name gets -2; a folder that this command began is "
    "gone on with.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where to compute.",
)
@click.option("--save-latents", metavar="FILE", help="Also save z; the suffix .pt gives a file for torch.load.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(model: str, **values: Any) -> None:
    """Make pictures with a trained model: MODEL is a run folder or a checkpoint.

    A grid is one PNG, a folder gets one PNG for each picture; both carry the latents they were made from. A pack is a
    dataset: --data packed --data.root FILE. Under torchrun each process makes its share of a folder.
    """
    from gantool.latent.bulk import Order
    from gantool.latent.device import pick_device
    from gantool.latent.model import open_model
    from gantool.plugins import PluginSet

    ctx = click.get_current_context()
    found = ctx.find_object(PluginSet)
    device, leads = pick_device(values["device"]), rank() == 0
    opened = open_model(model, found.registry if found else None).on(device)
    request = _request(opened, values)
    order = Order(opened, request.seeds, request.c, values["truncation"])
    out = _destination(model, opened, values["out"])
    if out.suffix.lower() != ".png" or len(opened.shape) == 1:
        refuse_idle(f"-o {out}", "a grid of pictures has columns", "leave it out", "columns")
    saved = check_suffix(values["save_latents"], SUFFIXES, "--save-latents") if values["save_latents"] else None
    made = _make(order, out, values["columns"] or request.columns, values["quiet"] or not leads)
    if leads:
        if saved and not made.signal:
            _save_latents(order, free(saved))
        _report(order, made, values["as_json"], _next(order, out, model, bool(values["classes"])))
    if made.signal:
        ctx.exit(128 + made.signal)


@dataclass(frozen=True)
class Made:
    """What became of an order: where its pictures are, how many, the signal that stopped it or 0, if any were made."""

    out: Path
    there: int
    signal: int = 0
    some: bool = True


def _make(order: Order, out: Path, columns: int | None, quiet: bool) -> Made:
    suffix = out.suffix.lower()
    if suffix == ".png":
        _grid(order, out, columns)
        return Made(out, len(order.seeds))
    if len(order.model.shape) == 1:
        raise OptionError("-o", f"{out} was given, and the model makes points", "a .png", "type: -o points.png")
    return _pack(order, out, quiet) if suffix == ".safetensors" else _folder(order, out, quiet)


def _report(order: Order, made: Made, as_json: bool, hint: str) -> None:
    """Say where the pictures are, and what to type next."""
    count = len(order.seeds)
    if made.signal:
        note(f"Stopped at {made.there:,} of {count:,} pictures: {made.out}. The same command goes on with the rest.")
    elif as_json:
        said = {"out": str(made.out), "count": count, "there": made.there, "seeds": list(order.seeds)}
        say_json({**said, "model_hash": order.model.hash})
    else:
        some = f"{count:,} {'picture' if count == 1 else 'pictures'}"
        if made.there < count:
            some = f"This process is done: {made.there:,} of {some} are there"
        elif not made.some:
            some = f"All {some} were there"
        say(f"{some}: {made.out}. {hint}")


def _next(order: Order, out: Path, path: str, by_class: bool) -> str:
    """Name a next step: classes where none were asked for, else a morph from a grid's first picture to its last."""
    condition, last = order.model.condition, len(order.seeds) - 1
    if condition and condition.kind == "attributes":
        line = ["sample", path, "--with", condition.names[0]]
    elif condition and not by_class:
        line = ["sample", path, "--class", f"{condition.names[0]}=8"]
    elif condition and len(order.model.shape) == 1:
        line = ["interpolate", path, "seed:0", "seed:1", "-o", "path.png"]
    elif condition and out.suffix.lower() == ".png" and last:
        line = ["interpolate", f"{out}:0", f"{out}:{last}", "--model", path, "-o", "morph.gif"]
    else:
        line = ["sample", path, "--seeds", "0-15", "--truncation", "0.7"]
    return f"Next: {next_line(*line)}"


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
            f"type: --class NAME={total}, or leave -n and --seeds out",
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
    """Return where to write: a free file, or a folder; without -o it is in the run folder, or beside the checkpoint."""
    if out is None:
        home = Path(path) if Path(path).is_dir() else model.path.parent
        chosen = home / "sample.png"
    else:
        chosen = Path(out)
    is_file = chosen.suffix.lower() in (".png", ".safetensors")
    if chosen.suffix and not is_file and not chosen.is_dir():
        raise OptionError("-o", f"{out} was given", FORMS, f"type: -o {chosen.with_suffix('.png')}")
    if is_file and world_size() > 1:
        given = f"{chosen} is one file, and there are {world_size()} processes"
        raise OptionError("-o", given, "a folder, of which each makes a share", "type: -o folder/")
    return free(chosen) if is_file else chosen


def _grid(order: Order, out: Path, columns: int | None) -> None:
    from gantool.render.grid import grid, scatter, to_uint8
    from gantool.render.provenance import carried, save_png

    model = order.model
    z = model.latents(order.seeds, order.truncation)
    values = model.samples(z, order.c)
    if len(model.shape) == 1:
        save_png(scatter(values.numpy(), real_points(model, values.numpy())), out)
        return
    whole = carried(model.hash, z, order.c, order.seeds, order.truncation)
    save_png(grid(to_uint8(values), columns), out, whole)


def real_points(model: Model, values: Any) -> Any:
    """Return real points to draw behind the generated ones: the data's, where they can be had."""
    try:
        return model.config.create("data").load().values[:2000]
    except DataError:
        return values


def _folder(order: Order, out: Path, quiet: bool) -> Made:
    from gantool.latent.bulk import claim, fill, present

    share, count = claim(order, out), len(order.seeds)
    if 0 < share.there < count and rank() == 0:
        note(f"{share.there:,} of {count:,} are there: {share.folder}")
    with Stop(repeats=world_size() == 1) as stop, progress("Drawing", quiet=quiet) as tick:
        fill(share, tick=tick, stopped=lambda: bool(stop.signal))
    there = len(present(share.folder, count))
    return Made(share.folder, there, stop.signal if there < count else 0, bool(share.missing))


def _pack(order: Order, out: Path, quiet: bool) -> Made:
    from gantool.latent.bulk import pack

    with Stop() as stop, progress("Drawing", quiet=quiet) as tick:
        there = pack(order, out, tick=tick, stopped=lambda: bool(stop.signal))
    return Made(out, there, stop.signal if there < len(order.seeds) else 0)


def _save_latents(order: Order, path: Path) -> None:
    z = order.model.latents(order.seeds, order.truncation)
    order.model.save_latents(path, z, order.c, order.seeds, order.truncation)
    note(f"Latents: {path}")
