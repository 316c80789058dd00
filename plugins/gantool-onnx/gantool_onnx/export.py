"""From a model to a file that was checked, or to no file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import onnx

from gantool import GantoolError, Model, UserError
from gantool_onnx.check import TOLERANCE, largest_difference
from gantool_onnx.graph import opset_of, trace

__all__ = ["Exported", "check_place", "export", "keep"]


@dataclass(frozen=True)
class Exported:
    """What was written: ``size`` in bytes, and the largest ``difference`` from torch's samples that was measured."""

    path: Path
    size: int
    opset: int
    difference: float


def export(model: Model, out: Path | str, *, opset: int | None = None, batch: int | None = None) -> Exported:
    """Write the generator of ``gantool.open_model`` as an ONNX file and check it against torch.

    ``batch`` fixes the batch size, else it is free. Raises as ``check_place``, ``trace`` and ``keep`` do.
    """
    out = check_place(out)
    return keep(trace(model, opset=opset, batch=batch), model, out)


def check_place(out: Path | str) -> Path:
    """Return where to write, before any work is done.

    Raises UserError for another suffix than ``.onnx``, a name that is taken and a folder that cannot be written.
    """
    out = Path(out)
    if out.suffix.lower() != ".onnx":
        hint = "" if out.is_dir() else f"type: {out.with_suffix('.onnx')}"
        raise UserError("OUT", f"{out} was given", "a name with .onnx", hint)
    if os.path.lexists(out):
        raise UserError(str(out), "is there already", "a new name: nothing is overwritten")
    with _refused(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent):
            return out


def keep(graph: onnx.ModelProto, model: Model, out: Path) -> Exported:
    """Write a graph under a name once its file was checked; what fails is not left behind.

    Raises GantoolError where the file does not run, or differs from torch's samples by more than ``TOLERANCE``.
    """
    with _beside(out) as file:
        file.write_bytes(graph.SerializeToString())
        difference = largest_difference(file, model)
        if not difference <= TOLERANCE:  # nan too
            given = f"was not written: its samples differ from torch's by {difference:.2g}"
            hint = "a network that draws numbers of its own cannot be exported"
            raise GantoolError(str(out), given, f"{TOLERANCE:g} at most", hint)
        size = file.stat().st_size
    return Exported(out, size, opset_of(graph), difference)


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """Give a temporary name in the same folder; on success the file takes the name, on failure it is removed."""
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    with _refused(out):
        try:
            yield part
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def _refused(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        given, hint = f"cannot be written ({error.strerror})", "choose another place"
        raise UserError(str(out), given, "a folder with room", hint) from error
