"""Whether an ONNX file computes what the model does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from gantool import GantoolError, Model

__all__ = ["TOLERANCE", "largest_difference"]

TOLERANCE = 1e-4  # of values in [-1, 1]: an eightieth of a grey level
SIZES = (1, 5)  # of the batches that are compared


def largest_difference(file: Path, model: Model) -> float:
    """Return the largest difference between what onnxruntime and torch make of the same latents, on the processor.

    Two batches are compared, of 1 and 5 where the size is free, each row from another seed. Raises GantoolError for a
    file that breaks the format's rules or that onnxruntime does not run.
    """
    try:
        onnx.checker.check_model(str(file), full_check=True)
        session = _open(file)
        size = session.get_inputs()[0].shape[0]
        sizes = (size, size) if isinstance(size, int) else SIZES
        seeds = (range(sizes[0]), range(sizes[0], sum(sizes)))
        return float(np.max([_difference(session, model, some) for some in seeds]))  # nan, if one is nan
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), "")
        given = f"its ONNX file is not accepted ({type(error).__name__}: {first})"
        hint = "try another --opset, or: pip install -U onnx onnxruntime"
        raise GantoolError(str(model.path), given, "", hint) from error


def _open(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors, which it raises as well
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _difference(session: onnxruntime.InferenceSession, model: Model, seeds: range) -> float:
    z, c = model.latents(seeds), model.labels(seeds)
    feeds = {"z": z.numpy()} if c is None else {"z": z.numpy(), "c": c.numpy()}
    (found,) = session.run(None, feeds)
    wanted = model.samples(z, c).numpy()
    return float(np.abs(found - wanted).max()) if found.shape == wanted.shape else float("inf")
