"""``gantool interpolate``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantool.cli.console import note, say, say_json
from gantool.cli.film import check_out, counted, figures, is_strip, new_name, write_film
from gantool.cli.flags import registry_of
from gantool.errors import FileError, OptionError

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.files.directions import Directions
    from gantool.latent.frames import Film
    from gantool.latent.model import Model
    from gantool.latent.sources import Source
    from gantool.registry import Registry

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
HERE = "gantool interpolate"
MOST = 2000  # frames
WAYS = ("auto", "slerp", "lerp", "bezier", "cubic", "weights")


@click.command("interpolate", epilog=EPILOG)
@click.argument("sources", nargs=-1, metavar="A B [C ...]")
@click.option("--model", help="Run folder or checkpoint that the latents belong to. [found by its hash]")
@click.option("--path", type=click.Choice(WAYS), default="auto", help="[auto: slerp for normal z, weights for relatives]")
@click.option("--loop", type=click.Choice(["none", "closed", "pingpong"]), default="none", help="How it repeats. [none]")
@click.option("--ease", type=click.Choice(["linear", "smooth"]), default="linear", help="smooth rests at each keyframe.")
@click.option("--frames", type=click.IntRange(2, MOST), help="Frames from the first to the last, both counted. [10 or 60]")
@click.option("--class-path", type=click.Choice(["auto", "mix", "hold"]), default="auto", help="Between two classes: mix what the generator makes of them, or hold either one to the middle. [mix]")
@click.option("--seed", type=click.IntRange(0, 10**18 - 1), default=0, help="Noise of class:NAME. [0]")
@click.option("--seeds", metavar="LIST", help="Pictures to show of two checkpoints. [0-7]")
@click.option("--bn", type=click.Choice(["recalibrate", "keep"]), default="recalibrate", help="Batch-norm statistics of blended weights: measured anew, or blended. [recalibrate]")
@click.option("--arith", metavar="TEXT", help="A sum of latents and directions, instead of a path.")
@click.option("--directions", metavar="FILE", help="Directions that --arith names, in their standard deviations.")
@click.option("--fps", type=click.FloatRange(0.1, 120), default=25, help="Frames per second of a film. [25]")
@click.option("-o", "--out", metavar="PATH", help="A .png strip, a .gif, .webp or .mp4, or a folder of frames.")
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

    registry = registry_of(click.get_current_context())
    out = check_out(values["out"])
    found = [recognise(text) for text in sources]
    _refuse_unknown(found)
    models = [source for source in found if source.kind == "checkpoint"]
    keys = [source for source in found if source.kind != "checkpoint"]
    _check_numbers(models, keys, values)
    if values["arith"]:
        _arithmetic(models, out, values, registry)
    elif len(models) == 2:
        _between_models(models, out, values, registry)
    else:
        _between_latents(keys, models, out, values, registry)


def _refuse_unknown(found: Sequence[Source]) -> None:
    """Say what each argument is, where one cannot be used."""
    from gantool.latent.sources import NEEDED

    unknown = [source for source in found if source.kind == "unknown"]
    if not unknown:
        return
    for source in found:
        note(f"{source.text}: {source.what}")
    given = f"is {unknown[0].what}" if unknown[0].path else "was given, and no file has that name"
    hint = f"type: gantool inspect {unknown[0].path}" if unknown[0].path else ""
    raise OptionError(unknown[0].text, given, f"needed: {NEEDED}", hint)


def _check_numbers(models: Sequence[Source], keys: Sequence[Source], values: dict[str, Any]) -> None:
    """Refuse arguments that make no path, and flags that have nothing to say on it."""
    if values["arith"]:
        if keys or len(models) > 1:
            raise OptionError("--arith", "was given with other arguments", "a model alone beside it", "name latents in it")
    elif len(models) > 1 and (keys or len(models) > 2 or values["model"]):
        given = f"{len(models)} checkpoints were given with {len(keys)} latents"
        allowed = "two checkpoints, or one model with latents"
        raise OptionError(HERE, given, allowed, "show the seeds of two checkpoints with --seeds 1,2")
    elif not keys and len(models) < 2:
        name = models[0].text if models else "RUN"
        given = "one checkpoint was given" if models else "nothing was given"
        raise OptionError(HERE, given, "two or more to walk between", f"type: {HERE} {name} seed:1 seed:2")
    if values["directions"] and not values["arith"]:
        raise OptionError("--directions", "was given without --arith", "names for a sum", 'as in --arith "seed:1 + Smiling"')
    if len(models) == 2 and values["path"] not in ("auto", "weights"):
        raise OptionError("--path", f"{values['path']} was given with two checkpoints", "auto or weights")
    if len(models) == 2 and values["save_latents"]:
        raise OptionError("--save-latents", "was given with two checkpoints", "latents are those of the seeds")
    if len(models) < 2 and values["path"] == "weights":
        raise OptionError("--path", "weights was given with latents", "two checkpoints, or another path")
    if len(models) < 2 and values["seeds"]:
        raise OptionError("--seeds", "was given with latents", "two checkpoints", "type seed:1 seed:2 for a path between")


def _between_latents(
    keys: Sequence[Source], models: Sequence[Source], out: Path | None, values: dict[str, Any], registry: Registry
) -> None:
    from gantool.latent import paths
    from gantool.latent.frames import Track, conditions, shoot

    model = _model(keys, models, values, registry)
    z, c = _keyframes(keys, model, values["seed"])
    strip, closed = is_strip(out, values["loop"]), values["loop"] == "closed"
    frames = _frames(len(z), strip, values)
    u = paths.positions(len(z), frames, values["loop"], values["ease"])
    latents = paths.walk(z, u, model.prior.slots, values["path"], closed)
    here, after = u.long() % len(z), (u.long() + 1) % len(z)
    if c is None:
        track = Track(latents)
    else:
        after = after if closed else (u.long() + 1).clamp(max=len(z) - 1)
        track = Track(latents, **conditions(c[here], c[after], u - u.long(), values["class_path"]))
    if values["save_latents"]:
        _check_latents_file(track.other is None, values["save_latents"])
    notes = paths.remarks(z, model.prior.slots, closed)
    if len(model.shape) == 1:
        _points(model, track, out, values, notes)
        return
    rows = (row.unsqueeze(0) for batch in track.batches(model.G) for row in batch)
    film = shoot(counted(rows, len(latents), values["quiet"]), closed)
    carried = None if track.other is not None else _provenance(model, track.z, track.c)
    norms = [float(norm) for norm in latents.norm(dim=1)]
    done = _finish(film, out or new_name(model, ".png" if strip else ".gif"), values, carried, norms)
    if values["save_latents"]:
        _save_latents(model, track.z, track.c, Path(values["save_latents"]))
    _report({"kind": "latents", **done, "model_hash": model.hash, "notes": notes}, model, values)


def _model(keys: Sequence[Source], models: Sequence[Source], values: dict[str, Any], registry: Registry) -> Model:
    """Open the model that was given, or else find the one that made the latents."""
    from gantool.latent.locate import find_model, only_run
    from gantool.latent.model import open_model

    if models and values["model"]:
        raise OptionError("--model", f"was given, and {models[0].text} is a model too", "one of them")
    given = models[0].text if models else values["model"]
    made = next((source for source in keys if source.model_hash), None)
    if made is not None and made.model_hash and made.path:
        hint = made.meta.get("model")
        return find_model(made.model_hash, made.path, hint if isinstance(hint, str) else None, given, registry)
    model = open_model(given, registry) if given else only_run(registry)
    if model is None:
        hint = f"type: {shlex.join(['gantool', 'interpolate', 'RUN', *(source.text for source in keys)])}"
        raise OptionError("--model", "was not given, and nothing here names a model", "a run folder or a checkpoint", hint)
    return model


def _keyframes(keys: Sequence[Source], model: Model, seed: int) -> tuple[Tensor, Tensor | None]:
    import torch

    from gantool.latent.sources import latents_of

    parts = [latents_of(source, model, seed) for source in keys]
    z = torch.cat([z for z, _ in parts])
    labels = [c for _, c in parts if c is not None]
    if len(z) < 2:
        hint = f"type: {HERE} {keys[0].text} seed:1"
        raise OptionError(HERE, f"{keys[0].text} is one keyframe", "two or more to walk between", hint)
    return z, torch.cat(labels) if labels else None


def _frames(keys: int, strip: bool, values: dict[str, Any]) -> int:
    """Return how many frames there are: enough for each keyframe to have one, and for a film to be smooth."""
    frames: int = values["frames"] or (max(10, 3 * (keys - 1) + 1) if strip else max(60, 12 * (keys - 1) + 1))
    if not keys <= frames <= MOST:
        raise OptionError("--frames", f"{frames} for {keys} keyframes", f"{keys} to {MOST}, one for each at least")
    return frames


def _between_models(models: Sequence[Source], out: Path | None, values: dict[str, Any], registry: Registry) -> None:
    from gantool.cli.sample import parse_seeds
    from gantool.latent import paths, weights
    from gantool.latent.frames import shoot
    from gantool.latent.model import open_model

    a, b = (open_model(source.text, registry) for source in models)
    if 1 in (len(a.shape), len(b.shape)):
        raise OptionError(HERE, "a model of points was given", "models of pictures")
    kin = weights.kinship(a, b)
    forced = values["path"] == "weights"
    if forced:
        weights.check_fit(a, b)
    seeds = parse_seeds(values["seeds"] or "0-7")
    blended = forced or not kin.why
    notes = [remark for remark in (_verdict(kin.why, kin.distance, forced), kin.remark) if remark]
    strip, closed = is_strip(out, values["loop"]), values["loop"] == "closed"
    u = paths.positions(2, _frames(2, strip, values), values["loop"], values["ease"]).tolist()
    shares = [round(min(t, 2 - t), 12) for t in u]  # a closed path leads on from b to a
    pictures = weights.weight_path(a, b, seeds, shares, values["bn"]) if blended else weights.dissolve(a, b, seeds, shares)
    film = shoot(counted(pictures, len(shares), values["quiet"]), closed)
    done = _finish(film, out or new_name(b, ".png" if strip else ".gif"), values, None, None)
    kind = "weights" if blended else "dissolve"
    hashes = [a.hash, b.hash]
    _report({"kind": kind, "distance": kin.distance, **done, "model_hash": hashes, "notes": notes}, b, values)


def _verdict(why: str, distance: float | None, forced: bool) -> str:
    if not why:
        return ""
    if forced:
        return f"the blends may show little: {why}"
    return f"a dissolve of pictures, no blend of weights: {why}" + ("" if distance is None else "; force one with --path weights")
