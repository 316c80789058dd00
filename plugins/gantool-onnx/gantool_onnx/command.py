"""``gantool onnx``."""

from __future__ import annotations

import json
import shlex
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gantool import Slot, UserError

if TYPE_CHECKING:
    from gantool import Model

EPILOG = """\b
Examples:
  gantool onnx runs/shapes-dcgan-wgan-gp shapes.onnx
  gantool onnx RUN small.onnx --opset 18 --batch 1
"""
DRAW = {  # of a slot of z, n rows, in numpy
    "normal": "np.random.randn({n}, {dim})",
    "uniform": "np.random.uniform(-1, 1, ({n}, {dim}))",
    "categorical": "np.eye({dim})[np.random.randint({dim}, size={n})]",
}


@click.command("onnx", epilog=EPILOG)
@click.argument("model", metavar="MODEL")
@click.argument("out", metavar="OUT")
@click.option("--opset", type=click.IntRange(min=1), metavar="N", help="Version of ONNX's operators. [torch's choice]")
@click.option("--batch", type=click.IntRange(1, 65536), metavar="N", help="Fix the batch size. [free]")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Leave remarks out.")
def command(model: str, out: str, opset: int | None, batch: int | None, as_json: bool, quiet: bool) -> None:
    """Export a generator to ONNX: MODEL is a run folder or a checkpoint, OUT an .onnx file.

    The file is run by onnxruntime and compared with torch; one that differs is not kept. Nothing is overwritten.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        _require(package)
    from gantool import open_model
    from gantool_onnx.export import check_place, export

    opened, place = open_model(model), check_place(out)
    if not quiet:
        click.echo("Exporting, then comparing with torch ...", err=True)
    made = export(opened, place, opset=opset, batch=batch)
    if as_json:
        facts = {"out": out, "bytes": made.size, "opset": made.opset, "difference": made.difference}
        click.echo(json.dumps({**facts, "model_hash": opened.hash}, indent=2, sort_keys=True))
    else:
        what = f"{_size(made.size)}, opset {made.opset}, differs from torch by {made.difference:.1e} at most"
        click.echo(f"{out}: {what}. Next: {_next(opened, place, batch or 4)}")


def _require(package: str) -> None:
    try:
        import_module(package)
    except ImportError as error:
        hint = f"type: pip install -U {package}"
        raise UserError("gantool onnx", f"cannot import {package} ({error})", "it is needed", hint) from error


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def _next(model: Model, path: Path, n: int) -> str:
    """Return a line to paste that runs the file."""
    feeds = [f'"z": {_draw(model.prior.slots, n)}.astype("float32")']
    if model.condition:
        names = len(model.condition)
        classes = model.condition.kind == "classes"
        feeds.append(f'"c": np.arange({n}) % {names}' if classes else f'"c": np.zeros(({n}, {names}), "float32")')
    session = f"ort.InferenceSession({json.dumps(str(path))})"
    code = f"import numpy as np, onnxruntime as ort; print({session}.run(None, {{{', '.join(feeds)}}})[0].shape)"
    return shlex.join(["python", "-c", code])


def _draw(slots: tuple[Slot, ...], n: int) -> str:
    parts = [DRAW[slot.distribution].format(n=n, dim=slot.dim) for slot in slots]
    return parts[0] if len(parts) == 1 else f"np.concatenate([{', '.join(parts)}], 1)"
