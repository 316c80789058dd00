"""A generator as an ONNX graph, made by torch's exporter."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import onnx
import torch
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from torch import Tensor

from gantool import GantoolError, Model, UserError, __version__

__all__ = ["BATCH", "KEY", "opset_of", "trace"]

BATCH = "batch"  # the name of the free axis
KEY = "gantool"  # of the metadata: one JSON string, as in gantool's own files
LARGEST = 2**31 - 2**20  # bytes of weights: a file of protobuf ends at 2 GiB


def trace(model: Model, *, opset: int | None = None, batch: int | None = None) -> onnx.ModelProto:
    """Return the graph from ``z [N, latent_dim]`` and, with a condition, ``c`` to ``images`` or ``points``.

    N is free, or ``batch``; ``opset`` is torch's choice where None is given. Raises UserError for an opset that cannot
    be written and for more weights than one file holds, and GantoolError for a network that cannot be traced.
    """
    newest = onnx.defs.onnx_opset_version()
    if opset is not None and opset > newest:
        raise UserError("--opset", f"{opset} was given", f"at most {newest}, the newest of onnx {onnx.__version__}")
    if sum(part.nbytes for part in model.G.state_dict().values()) > LARGEST:
        raise UserError(str(model.path), "has more than 2 GiB of weights", "an ONNX file holds less")
    seeds = range(batch or 2)  # torch takes a size of 1 for a constant
    inputs = {"z": model.latents(seeds)}
    if (c := model.labels(seeds)) is not None:
        inputs["c"] = c
    with _quiet(), torch.no_grad():
        program = _capture(model, tuple(inputs.values()), free=batch is None)
        graph = _convert(model, program, list(inputs), opset)
    _name_batch(graph)
    onnx.helper.set_model_props(graph, {KEY: json.dumps(_describe(model), sort_keys=True)})
    return graph


def opset_of(graph: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operators that a graph is written in."""
    return int(next(entry.version for entry in graph.opset_import if entry.domain in ("", "ai.onnx")))


def _capture(model: Model, inputs: tuple[Tensor, ...], *, free: bool) -> torch.export.ExportedProgram:
    """Trace G. ``torch.onnx.export`` would do it, but fixes N without a word where it cannot be free.

    First by Python's bytecode, where alone ``len(z)`` stays free; then by a run, for what torch cannot read.
    """
    shapes = tuple({0: torch.export.Dim(BATCH)} for _ in inputs) if free else None
    for strict in (True, False):
        try:
            return torch.export.export(model.G, inputs, dynamic_shapes=shapes, strict=strict)
        except Exception as error:
            failure = error
    raise _failed(model, failure, "--batch 1 may do: the size of the batch is free" if free else "") from failure


def _convert(
    model: Model, program: torch.export.ExportedProgram, names: list[str], opset: int | None
) -> onnx.ModelProto:
    outputs = ["images" if len(model.shape) == 3 else "points"]
    try:
        made: Any = torch.onnx.export(
            program, input_names=names, output_names=outputs, opset_version=opset, dynamo=True, verbose=False
        )
        ClearMetadataAndDocStringPass()(made.model)  # in place: they quote the source, with its paths
        graph: onnx.ModelProto = made.model_proto
    except Exception as error:
        raise _failed(model, error) from error
    if opset is not None and opset != (written := opset_of(graph)):  # torch keeps its own where it cannot convert
        given = f"{opset} was given, and torch cannot write this network so"
        raise UserError("--opset", given, f"it writes {written}", f"type: --opset {written}")
    return graph


def _failed(model: Model, error: Exception, hint: str = "") -> GantoolError:
    first = next(iter(str(error).strip().splitlines()), "")
    given = f"torch cannot export this network ({type(error).__name__}: {first})"
    return GantoolError(str(model.path), given, hint, "the same command with --debug shows where")


def _name_batch(graph: onnx.ModelProto) -> None:
    """Call the free axis by its name, where torch calls it ``s27``, in expressions of it too."""
    axis = graph.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in (*graph.graph.input, *graph.graph.output, *graph.graph.value_info) if axis else ():
        for dim in value.type.tensor_type.shape.dim:
            if dim.HasField("dim_param"):
                dim.dim_param = re.sub(rf"\b{re.escape(axis)}\b", BATCH, dim.dim_param)


def _describe(model: Model) -> dict[str, Any]:
    condition = model.condition
    return {
        "gantool": __version__,
        "model_hash": model.hash,
        "step": model.step,
        "shape": list(model.shape),
        "prior": [asdict(slot) for slot in model.prior.slots],
        "condition": condition and {"kind": condition.kind, "names": list(condition.names)},
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter warns of, logs and prints off the terminal, and leave all as it was."""
    before, nowhere = logging.root.manager.disable, io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
