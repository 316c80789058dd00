"""``gantool inspect``."""

from __future__ import annotations

import os
from collections import Counter
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantool.cli.console import facts, next_line, say, say_json
from gantool.cli.flags import registry_of
from gantool.errors import FileError, UserError
from gantool.files import audit, checkpoint, envelope, foreign, strict

if TYPE_CHECKING:
    from gantool.registry import Registry

EPILOG = """\b
Examples:
  gantool inspect runs/shapes-dcgan-wgan-gp
  gantool inspect sample.png
  gantool inspect weights.pt
"""


@click.command("inspect", epilog=EPILOG)
@click.argument("path", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(path: str, as_json: bool) -> None:
    """Explain a file by its content: a run folder, any of gantool's files, a picture, a file of torch or numpy."""
    target = checkpoint.find(path) if os.path.isdir(path) else Path(path)
    found = explain(target, registry_of(click.get_current_context()))
    if as_json:
        say_json({"path": str(target), **found})
        return
    say(f"{target}: {found.pop('what')}")
    following = found.pop("next", None)
    facts(found)
    if following:
        say(f"Next: {following}")


def explain(path: Path, registry: Registry) -> dict[str, Any]:
    """Return what a file is, with its most telling facts. Raises FileError where it cannot be read at all."""
    kind = foreign.identify(path)
    if kind == "safetensors":
        return _safetensors(path, registry)
    if kind == "png":
        return _png(path)
    if kind in ("torch-zip", "torch-legacy"):
        return _torch(path, kind, registry)
    if kind == "pickle":
        what = "a bare pickle; it could run code when read, so gantool does not read it"
        return {"what": what, "next": foreign.TENSORS_ONLY}
    if kind == "npy":
        return {"what": "a numpy array"}
    if path.suffix == ".json":
        return _json(path)
    raise FileError(str(path), f"is {'empty' if kind == 'empty' else 'not a file that gantool knows'}", "see --help")


def _safetensors(path: Path, registry: Registry) -> dict[str, Any]:
    try:
        header = envelope.read_header(path)
    except FileError as error:
        if "not one of gantool's" not in error.given:
            raise
        what = "tensors in safetensors, not written by gantool"
        return {"what": what, **_holding(envelope.read_tensors(path), path, registry)}
    describers = {
        "checkpoint": _checkpoint,
        "latents": _latents,
        "dataset": _dataset,
        "directions": _directions,
        "classifier": _classifier,
        "scores": _scores,
        "features": _features,
    }
    made = f"written by gantool {header.meta.get('gantool')} in format {header.meta['format']}"
    size = f"{path.stat().st_size / 2**20:.1f} MiB in {len(header.tensors)} tensors"
    try:
        facts = describers[header.kind](header) if header.kind in describers else {}
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        given = f"its metadata is not that of a {header.kind} file"
        raise FileError(str(path), given, "a file that gantool wrote") from error
    article = "an" if header.kind[0] in "aeiou" else "a"
    return {"what": f"{article} {header.kind} file, {made}", "size": size, **facts}


def _checkpoint(header: envelope.Header) -> dict[str, Any]:
    meta = header.meta
    parts = {
        part: sum(prod(info.shape) for name, info in header.tensors.items() if name.startswith(part + "."))
        for part in ("generator", "generator_ema", "discriminator")
    }
    components = meta.get("components", {})
    condition = meta.get("condition") or {}
    return {
        "step": f"{meta.get('step')} ({meta.get('images')} real images seen)",
        **_converted(meta.get("converted")),
        "made of": ", ".join(
            f"{section} {_component(part)}"
            for section, found in components.items()
            for part in (found if isinstance(found, list) else [found])
        ),
        "samples": " x ".join(map(str, meta.get("shape", []))),
        "labels": f"{condition['kind']}: {', '.join(condition['names'][:20])}" if condition else "none",
        "parameters": ", ".join(f"{part} {count:,}" for part, count in parts.items() if count),
        "model hash": meta.get("model_hash"),
        "next": next_line("sample", header.path),
    }


def _converted(source: dict[str, Any] | None) -> dict[str, Any]:
    return {} if source is None else {"converted": f"from {source['from']} by {source['by']}"}


def _component(part: dict[str, Any]) -> str:
    return f"{part.get('name')} ({part.get('dist') or part.get('plugin')} {part.get('version', '')})".replace(" )", ")")


def _latents(header: envelope.Header) -> dict[str, Any]:
    shape = header.tensors["z"].shape if "z" in header.tensors else ()
    meta = header.meta
    return {
        "z": " x ".join(map(str, shape)),
        "seeds": meta.get("seeds"),
        "model hash": meta.get("model_hash"),
    }


def _dataset(header: envelope.Header) -> dict[str, Any]:
    condition = header.meta.get("condition") or {}
    return {
        "images": " x ".join(map(str, header.tensors["images"].shape)) if "images" in header.tensors else "none",
        "labels": f"{condition['kind']}: {', '.join(condition['names'][:20])}" if condition else "none",
        "next": next_line("train", "--data", "packed", "--data.root", header.path),
    }


def _directions(header: envelope.Header) -> dict[str, Any]:
    meta = header.meta
    names = [str(name) for name in meta["names"]]
    return {
        "directions": f"{len(names)} in {header.tensors['directions'].shape[-1]} dimensions",
        "names": ", ".join(names[:20]) + (", ..." if len(names) > 20 else ""),
        "method": meta.get("method"),
        "model hash": meta.get("model_hash"),
        "next": next_line("direction", "show", header.path),
    }


def _classifier(header: envelope.Header) -> dict[str, Any]:
    meta = header.meta
    heads = {f"head {head['name']}": _head(head) for head in meta["heads"]}
    follow = next_line("classifier", "label", "PICTURES", "--classifier", header.path)
    facts = {"pictures": " x ".join(map(str, meta["shape"])), "trained on": meta["data"]["name"], **heads}
    return {**facts, "seed": meta["seed"], "hash": meta["hash"], "next": follow}


def _head(head: dict[str, Any]) -> str:
    figures = ", ".join(f"{name} {value:.4g}" for name, value in sorted(head["figures"].items()))
    return f"{head['kind']} {', '.join(head['names'][:20])}: {figures or 'not measurable'}"


def _features(header: envelope.Header) -> dict[str, Any]:
    """Read the source as results have it, or as the cache of real pictures does."""
    source = header.meta["source"]
    extractor = source["extractor"]
    sides = {name.partition(".")[0]: info.shape for name, info in header.tensors.items() if name.endswith("features")}
    return {
        **{side: f"{shape[0]} pictures by {shape[1]} features" for side, shape in sorted(sides.items())},
        "by": f"{extractor['name']} ({extractor['weights'][:16]})",
    }


def _json(path: Path) -> dict[str, Any]:
    """Explain what gantool evaluate or gantool direction audit wrote. Raises FileError for any other JSON."""
    kind = strict.read_table(path, audit.MOST_BYTES, "a .json that gantool wrote").get("kind")
    return _audit(path) if kind == audit.KIND else _results(path)


def _results(path: Path) -> dict[str, Any]:
    from gantool.evaluation import results

    found = results.read(path)
    figures = ", ".join(f"{name} {figure['value']:.4g}" for name, figure in found.figures.items())
    return {
        "what": f"results of an evaluation by gantool {found.versions.get('gantool')}",
        "figures": figures,
        "model": f"{found.model.get('path')} at step {found.model.get('step')}",
        "model hash": found.model.get("hash"),
        "next": next_line("evaluate", "--compare", path, "OTHER.json"),
    }


def _audit(path: Path) -> dict[str, Any]:
    found = audit.read(path)
    return {
        "what": f"an audit of directions by gantool {found.gantool}",
        "directions": ", ".join(f"{row.name}: {row.verdict}" for row in found.directions[:20]),
        "samples": found.samples,
        "by": found.source.get("by"),
        "model hash": found.source.get("model hash"),
        "next": next_line("report", path),
    }


def _scores(header: envelope.Header) -> dict[str, Any]:
    meta = header.meta
    made = "a model's samples" if meta["sources"] is None else "pictures"
    return {
        "scores": f"{header.tensors['scores'].shape[0]} of {made}",
        "features": ", ".join(meta["names"][:20]),
        "by": f"{meta['classifier']['label']} ({meta['classifier']['hash'][:16]})",
        "model hash": meta["model_hash"],
    }


def _png(path: Path) -> dict[str, Any]:
    from gantool.render.provenance import read_provenance

    found = read_provenance(path)
    if found is None:
        return {"what": "a picture without a latent: gantool did not make it, or it was edited"}
    values = {"pictures": len(found["z"]), "seeds": found.get("seeds"), "truncation": found.get("truncation")}
    if found["c"] is not None:
        values["labels"] = found["c"].tolist() if found["c"].ndim == 1 else f"{found['c'].shape[1]} attributes"
    return {"what": "a picture that gantool made, with its latents", **values, "model hash": found["model"]}


def _torch(path: Path, kind: str, registry: Registry) -> dict[str, Any]:
    from gantool.latent.foreign import is_latents

    what = f"a torch file ({'zip' if kind == 'torch-zip' else 'legacy'} format)"
    try:
        content = foreign.read_torch(path)
    except UserError as error:
        return {"what": what, "problem": f"{error.given}; {error.allowed}", "next": error.hint}
    if is_latents(content):
        return {"what": what, **_listed(content), **_saved(path)}
    return {"what": what, **_holding(content, path, registry)}


def _holding(content: Any, path: Path, registry: Registry) -> dict[str, Any]:
    """Say which tensors somebody's file holds, and which generators."""
    return {**_listed(content), **_generator(content, path, registry)}


def _listed(content: Any) -> dict[str, str]:
    tensors = _tensors(content)
    shown = [f"{name} {tuple(shape)}" for name, shape in list(tensors.items())[:8]]
    counted = Counter(name.split(".")[0] for name in tensors)
    more = f", ... ({len(tensors)} in all)" if len(tensors) > len(shown) else ""
    top = ", ".join(f"{name} ({count})" for name, count in counted.items())
    return {"tensors": ", ".join(shown) + more, "top level": top}


def _saved(path: Path) -> dict[str, Any]:
    from gantool.files import latents

    _, _, meta = latents.read(path)
    return {"holds": "latents that gantool saved", "seeds": meta.get("seeds"), "model hash": meta.get("model_hash")}


def _generator(content: Any, path: Path, registry: Registry) -> dict[str, Any]:
    """Say which generators the converters recognise in a torch file."""
    from gantool.latent.foreign import find_generators

    found, problems = find_generators(content, registry)
    if found:
        places = "; ".join(one.what + (f" ({one.key})" if one.key else "") for one in found)
        out = f"{path.stem}.safetensors" if path.suffix != ".safetensors" else f"{path.stem}-gantool.safetensors"
        return {"holds": places, "next": next_line("convert", path, out)}
    said = "; ".join(f"{error.given}, allowed: {error.allowed}" for error in problems.values())
    return {"problem": said} if said else {}


def _tensors(content: Any) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors in nested dicts and lists by their dotted names."""
    import torch

    from gantool.latent.foreign import walk

    if isinstance(content, torch.Tensor):
        return {"tensor": tuple(content.shape)}
    return {
        f"{key}.{name}" if key else str(name): tuple(value.shape)
        for key, items in walk(content)
        for name, value in items.items()
        if isinstance(value, torch.Tensor)
    }
