"""The three things that ``gantool interpolate`` draws: a path of latents, one between two models, a sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.cli.console import next_line
from gantool.cli.ticks import counted
from gantool.errors import OptionError

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.latent.frames import Film, Track
    from gantool.latent.model import Model
    from gantool.latent.sources import Source
    from gantool.latent.weights import Kinship
    from gantool.registry import Registry

HERE = "gantool interpolate"
MOST = 2000  # frames
MOST_SEEDS = 100  # of two checkpoints
ODD_NORM = 1.25  # a sum whose norm is this many times too long or too short is remarked on


@dataclass(frozen=True)
class Drawn:
    """What was drawn: ``track`` holds the latents of the frames where these are of one model."""

    film: Film
    model: Model
    facts: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    track: Track | None = None


def draw_latents(
    keys: Sequence[Source], models: Sequence[Source], strip: bool, values: dict[str, Any], registry: Registry
) -> Drawn:
    """Draw a path through the latents of sources, all of one model."""
    from gantool.latent import frames, paths

    model = _model([source.origin for source in keys], keys, models, values, registry)
    z, c = _keyframes(keys, model, values["seed"])
    shape = {name: values[name] for name in ("path", "loop", "ease", "class_path")}
    track = frames.trace(z, c, model.prior.slots, _frames(len(z), strip, values), **shape)
    if values["save_latents"] and not track.labelled:
        given = "was given, and frames between two classes have no label of their own"
        raise OptionError("--save-latents", given, "latents with labels", "hold the classes: --class-path hold")
    notes = paths.remarks(z, model.prior.slots, values["loop"] == "closed", c)
    film = _shoot(model, track, strip, values)
    norms = track.z.norm(dim=1).tolist()
    facts = {"kind": "latents", "model_hash": model.hash, "keyframes": len(z), "norms": norms}
    return Drawn(film, model, facts, notes, track)


def _shoot(model: Model, track: Track, strip: bool, values: dict[str, Any]) -> Film:
    from gantool.latent.frames import shoot

    if len(model.shape) == 1 and not strip:
        raise OptionError("-o", "a film was asked for, and the model makes points", "a .png", "type: -o points.png")
    rows = (row.unsqueeze(0) for batch in track.batches(model.G) for row in batch)
    return shoot(counted(rows, "Drawing", len(track.z), values["quiet"]), values["loop"] == "closed")


def _model(
    origins: Sequence[tuple[str, Path, str | None] | None],
    keys: Sequence[Source],
    models: Sequence[Source],
    values: dict[str, Any],
    registry: Registry,
) -> Model:
    """Open the model that was given, or else find the one that the files come from."""
    from gantool.latent.locate import find_model, only_run
    from gantool.latent.model import open_model

    if models and values["model"]:
        raise OptionError("--model", f"was given, and {models[0].text} is a model too", "one of them")
    given = models[0].text if models else values["model"]
    if made := next(filter(None, origins), None):
        return find_model(*made, given, registry)
    model = open_model(given, registry) if given else only_run(registry)
    if model is None:
        rest = [source.text for source in keys] or ["--arith", values["arith"] or ""]
        hint = f"type: {next_line('interpolate', 'RUN', *rest)}"
        raise OptionError("--model", "was not given, and nothing here names a model", "a run or a checkpoint", hint)
    return model


def _keyframes(keys: Sequence[Source], model: Model, seed: int) -> tuple[Tensor, Tensor | None]:
    import torch

    from gantool.latent.sources import latents_of

    parts = [latents_of(source, model, seed) for source in keys]
    z = torch.cat([z for z, _ in parts])
    labels = [c for _, c in parts if c is not None]
    if len(z) < 2:
        second = "seed:2" if keys[0].text == "seed:1" else "seed:1"
        hint = f"type: {next_line('interpolate', model.path, keys[0].text, second)}"
        raise OptionError(HERE, f"{keys[0].text} is one keyframe", "two or more to walk between", hint)
    return z, torch.cat(labels) if labels else None


def _frames(keys: int, strip: bool, values: dict[str, Any]) -> int:
    """Return how many frames there are: enough for each keyframe to have one, and for a film to be smooth."""
    frames: int = values["frames"] or min(MOST, max(10, 3 * keys - 2) if strip else max(60, 12 * keys - 11))
    if not keys <= frames <= MOST:
        raise OptionError("--frames", f"{frames} for {keys} keyframes", f"{keys} to {MOST}: each keyframe has one")
    return frames


def draw_models(models: Sequence[Source], strip: bool, values: dict[str, Any], registry: Registry) -> Drawn:
    """Draw the seeds under blends of two related models, or a dissolve between two others."""
    from gantool.cli.sample import parse_seeds
    from gantool.latent import paths, weights
    from gantool.latent.frames import shoot
    from gantool.latent.model import open_model

    a, b = (open_model(source.text, registry) for source in models)
    if 1 in (len(a.shape), len(b.shape)):
        raise OptionError(HERE, "a model of points was given", "models of pictures")
    seeds = parse_seeds(values["seeds"] or "0-7")
    if len(seeds) > MOST_SEEDS:
        raise OptionError("--seeds", f"{len(seeds)} were given", f"at most {MOST_SEEDS} in one picture")
    kin = weights.kinship(a, b)
    if forced := values["path"] == "weights":
        weights.check_fit(a, b)
    u = paths.positions(2, _frames(2, strip, values), values["loop"], values["ease"]).tolist()
    shares = [round(min(t, 2 - t), 12) for t in u]  # a closed path leads on from b to a
    pictures: Iterator[Tensor]
    if forced or not kin.why:
        kind, pictures = "weights", weights.weight_path(a, b, seeds, shares, values["bn"])
    else:
        kind, pictures = "dissolve", weights.dissolve(a, b, seeds, shares)
    film = shoot(counted(pictures, "Drawing", len(shares), values["quiet"]), values["loop"] == "closed")
    notes = [remark for remark in (_verdict(kin, forced), kin.remark) if remark]
    facts = {"kind": kind, "model_hash": [a.hash, b.hash], "distance": kin.distance, "seeds": seeds, "norms": None}
    return Drawn(film, b, facts, notes)


def _verdict(kin: Kinship, forced: bool) -> str:
    if not kin.why or forced:
        return f"a blend may show little: {kin.why}" if kin.why else ""
    said = f"a dissolve between their pictures, not a blend of weights: {kin.why}"
    return said if kin.distance is None else f"{said}; to blend them all the same: --path weights"


def draw_sum(models: Sequence[Source], values: dict[str, Any], registry: Registry) -> Drawn:
    """Draw the latents of a sum, and last the sum itself."""
    import torch

    from gantool.files import directions as files
    from gantool.latent.arithmetic import combine, parse
    from gantool.latent.frames import Track
    from gantool.latent.sources import latents_of, recognise
    from gantool.latent.steering import check_directions

    terms = parse(values["arith"])
    known, meta = files.read(values["directions"]) if values["directions"] else (None, {})
    names = {term.name: None for term in terms if known is None or term.name not in known.names}  # before any file
    keys = [source for source in map(recognise, names) if source.kind != "unknown" or source.path]
    origins = [source.origin for source in keys]
    if known is not None:
        hint = meta.get("model")
        origins.append((known.model_hash, Path(values["directions"]), hint if isinstance(hint, str) else None))
    model = _model(origins, keys, models, values, registry)
    if known is not None:
        check_directions(known, model, values["directions"])
    latents = {source.text: latents_of(source, model, values["seed"]) for source in keys}
    for name, (z, _) in latents.items():
        if len(z) != 1:
            raise OptionError(
                "--arith", f"{name} holds {len(z)} latents", "one each", f"name one by its row: '{name}:0'"
            )
    z, c = combine(terms, latents, known)
    parts = [*latents.values(), (z, c)]
    track = Track(
        torch.cat([z for z, _ in parts]), None if c is None else torch.cat([c for _, c in parts if c is not None])
    )
    film = _shoot(model, track, True, values)
    norms = track.z.norm(dim=1).tolist()
    facts = {"kind": "sum", "model_hash": model.hash, "terms": [[term.coefficient, term.name] for term in terms]}
    return Drawn(film, model, {**facts, "norms": norms}, _odd_norm(norms), track)


def _odd_norm(norms: Sequence[float]) -> list[str]:
    *parts, whole = norms
    usual = sum(parts) / len(parts)
    if not usual or 1 / ODD_NORM < whole / usual < ODD_NORM:
        return []
    said = f"the sum is {whole / usual:.2f} times as long as its latents are, where the model has seen little"
    return [f"{said}; times {usual / whole:.2f} it is as long" if whole else said]
