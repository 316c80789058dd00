"""``gantool interpolate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantool.cli.console import next_line, note, say, say_json
from gantool.cli.film import check_out, is_film, new_name, write_film
from gantool.cli.flags import flag_of, refuse_idle, registry_of, typed_ones
from gantool.cli.morph import HERE, MOST, Drawn, draw_latents, draw_models, draw_sum
from gantool.errors import OptionError
from gantool.files.latents import SUFFIXES
from gantool.files.names import check_suffix, free

if TYPE_CHECKING:
    from gantool.latent.sources import Source
    from gantool.render.provenance import Provenance

EPILOG = """\b
Examples:
  gantool interpolate one.png two.png
  gantool interpolate a.pt b.pt --loop closed -o loop.gif
  gantool interpolate RUN seed:1 seed:2 seed:3 --path cubic --loop closed -o loop.webp
  gantool interpolate RUN class:all --loop pingpong -o classes.gif
  gantool interpolate RUN grid.png:3 grid.png:12 seed:7 --frames 20 -o frames/
  gantool interpolate RUN/checkpoints/step-00000500.safetensors RUN --seeds 0-15 -o training.gif
  gantool interpolate RUN --arith "seed:3 + seed:2 - seed:1"
  gantool interpolate RUN --directions faces.safetensors --arith "seed:1 + 1.5*Smiling - Eyeglasses"
"""
KEPT = ("path", "class_path", "ease", "seed", "seeds", "bn")  # flags of the path itself, which a next line has too
WAYS = ("auto", "slerp", "lerp", "bezier", "cubic", "weights")


@click.command("interpolate", epilog=EPILOG)
@click.argument("sources", nargs=-1, metavar="A B [C ...]")
@click.option("--model", help="Run folder or checkpoint that the latents belong to. [found by its hash]")
@click.option(
    "--path", type=click.Choice(WAYS), default="auto", help="[auto: slerp for normal z, weights for relatives]"
)
@click.option(
    "--loop", type=click.Choice(["none", "closed", "pingpong"]), default="none", help="How it repeats. [none]"
)
@click.option(
    "--ease", type=click.Choice(["linear", "smooth"]), default="linear", help="smooth rests at each keyframe."
)
@click.option(
    "--frames", type=click.IntRange(2, MOST), help="Frames from the first to the last, both counted. [10 or 60]"
)
@click.option(
    "--class-path",
    type=click.Choice(["mix", "hold"]),
    default="mix",
    help="Between two classes: mix what the generator makes of them, or hold either one to the middle. [mix]",
)
@click.option("--seed", type=click.IntRange(0, 10**18 - 1), default=0, help="Noise of class:NAME. [0]")
@click.option("--seeds", metavar="LIST", help="Pictures to show of two checkpoints. [0-7]")
@click.option(
    "--bn",
    type=click.Choice(["recalibrate", "keep"]),
    default="recalibrate",
    help="Batch-norm statistics of blended weights: measured anew, or blended. [recalibrate]",
)
@click.option("--arith", metavar="TEXT", help="A sum of latents and directions, instead of a path.")
@click.option("--directions", metavar="FILE", help="Directions that --arith names, in their standard deviations.")
@click.option("--fps", type=click.FloatRange(0.1, 120), default=25, help="Frames per second of a film. [25]")
@click.option(
    "-o",
    "--out",
    metavar="PATH",
    help="A .png strip, a .gif, .webp or .mp4, or a folder of frames. What exists is kept: the name gets -2.",
)
@click.option("--save-latents", metavar="FILE", help="Also save the latent of each frame.")
@click.option("--json", "as_json", is_flag=True, help="Print norms, steps, seam and smoothness as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(sources: tuple[str, ...], **values: Any) -> None:
    """Morph between latents, pictures, seeds, classes or two checkpoints.

    Each argument is known by its content: a latents file, a PNG that gantool made (grid.png:12 is its picture 12,
    counted from 0), seed:7, class:NAME, class:all, a run folder or a checkpoint. Two checkpoints are blended by their
    weights if one descends from the other, else dissolved; one checkpoint is the model of the others.
    """
    from gantool.latent.sources import recognise

    _check_flags(values)
    registry = registry_of(click.get_current_context())
    out = check_out(values["out"])
    found = [recognise(text) for text in sources]
    _refuse_unknown(found)
    models = [source for source in found if source.kind == "checkpoint"]
    keys = [source for source in found if source.kind != "checkpoint"]
    _check_numbers(models, keys, values)
    strip = out.suffix.lower() == ".png" if out else values["loop"] == "none"
    if values["arith"]:
        drawn = draw_sum(models, values, registry)
    elif len(models) == 2:
        drawn = draw_models(models, strip, values, registry)
    else:
        drawn = draw_latents(keys, models, strip, values, registry)
    out = out or new_name(drawn.model, ".png" if strip or values["arith"] else ".gif")
    _write(drawn, out, values)
    if not models:  # the next line need not look for it again
        values["model"] = values["model"] or str(drawn.model.path)
    _report(drawn, out, sources, values)


def _check_flags(values: dict[str, Any]) -> None:
    """Refuse flags that have nothing to say beside others."""
    film = values["out"] and is_film(Path(values["out"]))
    if not values["arith"] and not film and (values["out"] or values["loop"] == "none"):
        refuse_idle("no film", "a .gif, .webp or .mp4", "leave it out, or give -o film.gif", "fps")
    if values["path"] == "bezier" and values["loop"] == "closed":
        given = "was given with --loop closed, and has a corner where it closes"
        raise OptionError("--path bezier", given, "a path without one", "type: --path cubic")
    if values["arith"] and (film or values["loop"] != "none"):
        raise OptionError("--arith", "was given with a film or a loop", "a .png or a folder", "type: -o sum.png")
    if values["directions"] and not values["arith"]:
        hint = 'as in --arith "seed:1 + Smiling"'
        raise OptionError("--directions", "was given without --arith", "a sum that names them", hint)
    if values["save_latents"]:
        check_suffix(values["save_latents"], SUFFIXES, "--save-latents")


def _refuse_unknown(found: Sequence[Source]) -> None:
    """Say what each argument is, where one cannot be used."""
    from gantool.latent.sources import NEEDED

    unknown = [source for source in found if source.kind == "unknown"]
    if not unknown:
        return
    for source in found:
        note(f"{source.text}: {source.what}")
    given = f"is {unknown[0].what}" if unknown[0].path else "was given, and no file has that name"
    hint = f"type: {next_line('inspect', unknown[0].path)}" if unknown[0].path else ""
    raise OptionError(unknown[0].text, given, f"needed: {NEEDED}", hint)


def _check_numbers(models: Sequence[Source], keys: Sequence[Source], values: dict[str, Any]) -> None:
    """Refuse arguments that make no path, and paths that do not go with them."""
    if values["arith"]:
        if keys or len(models) > 1:
            raise OptionError(
                "--arith", "was given with other arguments", "a model at most", "name latents in the text"
            )
        refuse_idle("--arith", "a path", "leave it out", "frames", "fps", *(name for name in KEPT if name != "seed"))
        return
    if len(models) > 1 and (keys or len(models) > 2 or values["model"]):
        given = f"{len(models)} checkpoints were given" + (f" with {keys[0].text}" if keys else "")
        raise OptionError(HERE, given, "two checkpoints alone, or one with latents", "two show --seeds 1,2")
    if not keys and len(models) < 2:
        name = models[0].text if models else "RUN"
        given = f"{name} alone was given" if models else "nothing was given"
        raise OptionError(HERE, given, "two or more to walk between", f"type: {HERE} {name} seed:1 seed:2")
    allowed = WAYS[:-1] if keys else ("auto", "weights")
    if values["path"] not in allowed:
        what = "latents" if keys else "two checkpoints"
        raise OptionError("--path", f"{values['path']} was given with {what}", f"allowed: {', '.join(allowed)}")
    if keys:
        refuse_idle("latents", "two checkpoints", "a path leads from seed:1 to seed:2", "seeds", "bn")
    else:
        refuse_idle("two checkpoints", "a path of latents", "", "save_latents", "class_path", "seed")


def _write(drawn: Drawn, out: Path, values: dict[str, Any]) -> None:
    """Write the pictures and, where they were asked for, the latents."""
    from gantool.cli.sample import real_points
    from gantool.render.grid import scatter
    from gantool.render.provenance import save_png

    model, track = drawn.model, drawn.track
    if len(model.shape) == 1:
        points = drawn.film.pixels[:, 0]
        save_png(scatter(points, real_points(model, points)), out)
    else:
        write_film(drawn.film, out, values["fps"], _carried(drawn))
    if values["save_latents"] and track is not None:
        saved = free(Path(values["save_latents"]))
        model.save_latents(saved, track.z, track.c)
        note(f"Latents: {saved}")


def _carried(drawn: Drawn) -> list[Provenance] | None:
    """Return what each frame's PNG carries; nothing where z and c do not say all of it."""
    from gantool.render.provenance import carried

    track = drawn.track
    if track is None or not track.labelled:
        return None
    rows = [slice(index, index + 1) for index in range(len(track.z))]
    c = track.c
    return [carried(drawn.model.hash, track.z[row], None if c is None else c[row]) for row in rows]


def _report(drawn: Drawn, out: Path, sources: Sequence[str], values: dict[str, Any]) -> None:
    film = drawn.film
    for remark in drawn.notes:
        note(f"Note: {remark}.")
    if values["as_json"]:
        measured = {"steps": list(film.steps), "seam_ratio": film.seam, "smoothness": film.smoothness}
        whole = {**drawn.facts, **measured, "notes": drawn.notes, "frames": len(film.pixels), "out": str(out)}
        say_json(whole)
        return
    say(f"{len(film.pixels)} frames: {out}. Next: {_next(drawn, out, sources, values)}")


def _next(drawn: Drawn, out: Path, sources: Sequence[str], values: dict[str, Any]) -> str:
    """Name a next step: the film of a strip, the loop of a film, or a look at the file."""
    if values["arith"] or len(drawn.model.shape) == 1:
        shown = out if out.is_file() else out / f"{len(drawn.film.pixels) - 1:06d}.png"
        return next_line("inspect", shown)
    more = [
        part for name in ("model", *typed_ones(*KEPT)) if values[name] for part in (flag_of(name), str(values[name]))
    ]
    if not is_film(out):
        more += [*(["--loop", values["loop"]] if values["loop"] != "none" else []), "-o", "film.gif"]
    else:
        more += ["--loop", "pingpong", "-o", "loop.gif"] if values["loop"] == "none" else ["-o", "strip.png"]
    return next_line("interpolate", *sources, *more)
