"""``gantool convert``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantool.cli.console import next_line, note, say, say_json
from gantool.cli.flags import registry_of
from gantool.errors import FileError, OptionError
from gantool.files import checkpoint, envelope, foreign

if TYPE_CHECKING:
    from gantool.registry import Registry

EPILOG = """\b
Examples:
  gantool convert weights.pt faces.safetensors
  gantool convert cgan.pt digits.safetensors --classes zero,one,two,three
  gantool convert both.pt g.safetensors --key netG_state_dict --prior uniform
  gantool convert RUN weights.pt
  gantool convert RUN weights.pt --as tutorial-dcgan
"""
Facts = dict[str, Any]
OURS, TORCH = (".safetensors",), (".pt", ".pth")
# The flags that speak of one way alone.
READING, WRITING = {"maker": "--from", "key": "--key", "classes": "--classes", "prior": "--prior"}, {"target": "--as"}


@click.command("convert", epilog=EPILOG)
@click.argument("src", metavar="SRC")
@click.argument("out", metavar="OUT")
@click.option("--key", metavar="NAME", help="Which of several state dicts in SRC.")
@click.option("--classes", metavar="A,B,C", help="Names of the classes whose one-hot code is the end of the input.")
@click.option("--prior", type=click.Choice(["normal", "uniform"]), help="What z was drawn from. [normal]")
@click.option("--from", "maker", metavar="NAME", help="Ask one converter alone. [all]")
@click.option("--as", "target", metavar="NAME", help="Write the names of another tool's layers, by its converter.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Leave remarks out.")
def command(src: str, out: str, as_json: bool, quiet: bool, **values: Any) -> None:
    """Turn a foreign generator into a checkpoint, or a checkpoint into a state dict.

    SRC is another tool's file, of torch.save or safetensors, and OUT a .safetensors; or SRC is a run folder or a
    checkpoint, and OUT a .pt for torch.load. Nothing is overwritten.
    """
    if not os.path.lexists(src):
        raise FileError(src, "does not exist", "a file of torch.save or safetensors, a run or a checkpoint", "type: ls")
    source, place = checkpoint.find(src), Path(out)
    content = _content(source)
    reading = content is not None
    _check(src, place, reading, values)
    registry = registry_of(click.get_current_context())
    if reading:
        facts, remark = _read(content, source, place, registry, values)
        if not quiet:
            note(remark)
    else:
        facts = _write(source, place, registry, values["target"])
    if as_json:
        say_json({"out": out, **{name: value for name, value in facts.items() if name != "what"}})
    else:
        say(f"{out}: {facts['what']}")
        say(f"Next: {next_line('sample' if reading else 'inspect', out)}")


def _content(source: Path) -> Any:
    """Return what a file of another tool holds, or None for a checkpoint. Raises FileError for anything else."""
    if foreign.identify(source) != "safetensors":
        return foreign.read_torch(source)
    if not envelope.is_ours(source):
        return envelope.read_tensors(source)
    envelope.read_header(source, checkpoint.KIND)
    return None


def _check(src: str, out: Path, reading: bool, values: dict[str, Any]) -> None:
    """Refuse a place that is taken, a suffix that does not fit, and flags of the other way."""
    allowed = OURS if reading else TORCH
    if out.suffix.lower() not in allowed:
        what = "foreign file and becomes a checkpoint" if reading else "checkpoint and becomes a state dict"
        hint = f"type: {next_line('convert', src, f'NAME{allowed[0]}')}"
        raise OptionError("OUT", f"{out} was given, and {src} is a {what}", f"a name with {allowed[0]}", hint)
    if os.path.lexists(out):
        raise FileError(str(out), "is there already", "a new name: nothing is overwritten")
    for name, flag in (WRITING if reading else READING).items():
        if values[name] is not None:
            way = "a checkpoint to a state dict" if reading else "a foreign file to a checkpoint"
            raise OptionError(flag, "was given", f"it goes with the way from {way}", "leave it out")


def _read(content: Any, source: Path, out: Path, registry: Registry, values: dict[str, Any]) -> tuple[Facts, str]:
    """Write a foreign generator as a checkpoint; return facts about it and a remark."""
    from gantool.latent.foreign import choose, make_checkpoint
    from gantool.latent.model import restore_model

    found, others = choose(content, source, registry, values["key"], values["maker"])
    stored = make_checkpoint(found, source, registry, _names(values["classes"]), values["prior"])
    model = restore_model(stored, registry)
    checkpoint.write(out, stored.tensors, stored.meta)
    facts = {
        "what": found.what,
        "converter": found.converter,
        "key": found.key,
        "others": list(others),
        "left_out": list(found.beside),
        "shape": list(model.shape),
        "latent_dim": model.prior.dim,
        "prior": model.config.training.latent_prior,
        "classes": list(model.condition.names) if model.condition else [],
        "model_hash": model.hash,
    }
    remark = f"No state dict tells strides, paddings and activations: they are those of {found.converter}."
    remark += f" z is {facts['prior']}. If pictures look wrong, this is why."
    if found.beside:
        shown = f"{', '.join(found.beside[:3])}{', ...' if found.beside[3:] else ''}"
        remark += f" Not part of it and left out: {shown}."
    if others:
        remark += f" {source} also holds {', '.join(others)}: --key NAME chooses."
    return facts, remark


def _names(classes: str | None) -> list[str]:
    names = [name.strip() for name in classes.split(",")] if classes is not None else []
    if len(set(names)) < len(names) or "" in names:
        raise OptionError("--classes", f"{classes!r} was given", "names with commas between them, each once")
    return names


def _write(source: Path, out: Path, registry: Registry, target: str | None) -> Facts:
    """Write the generator that a checkpoint samples with as a state dict; return facts about it."""
    import torch

    from gantool.latent.foreign import export
    from gantool.latent.model import open_model

    model = open_model(source, registry)
    tensors = export(model, registry, target)
    with envelope.atomic(out) as file:
        torch.save(tensors, file)
    names = target or "gantool"
    what = f"{len(tensors)} tensors of the generator, by the names of {names}"
    return {"what": what, "names": names, "tensors": len(tensors), "model_hash": model.hash}
