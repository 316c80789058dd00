"""Strips of an audit: the same samples walked along each direction."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gantool.latent.steering import along
from gantool.render.grid import to_uint8
from gantool.render.strip import strip

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.files.directions import Directions
    from gantool.latent.model import Model

__all__ = ["strips"]

SAMPLES, STEPS = 4, 5  # rows and columns
MOST = 24  # directions
QUALITY = 90


def strips(model: Model, directions: Directions, z: Tensor, c: Tensor | None, strength: float) -> dict[str, str]:
    """Draw the first samples of ``z [N, D]`` as they walk ``strength`` standard deviations both ways.

    Returns WebPs in base64 by the direction's name, of the first ``MOST``; none where the model makes points.
    """
    if len(model.shape) != 3:
        return {}
    strengths = [strength * (2 * step / (STEPS - 1) - 1) for step in range(STEPS)]
    named = zip(directions.names, directions.vectors, directions.std.tolist(), strict=True)
    first, labels = z[:SAMPLES], None if c is None else c[:SAMPLES]
    return {
        name: _draw(model, along(first, model.prior.slots, vector, std, strengths), labels, strengths)
        for name, vector, std in list(named)[:MOST]
    }


def _draw(model: Model, walked: Tensor, c: Tensor | None, strengths: Sequence[float]) -> str:
    """Return the picture of ``walked [T, N, D]``, a sample in each row."""
    columns, rows = walked.shape[:2]
    labels = None if c is None else c.repeat_interleave(columns, 0)
    pixels = to_uint8(model.samples(walked.transpose(0, 1).flatten(0, 1), labels))
    each = pixels.reshape(rows, columns, *pixels.shape[1:])
    sheet = strip(each, [f"{value:+g}" if value else "0" for value in strengths], [str(row + 1) for row in range(rows)])
    with io.BytesIO() as file:
        sheet.convert("RGB").save(file, "WEBP", quality=QUALITY)
        return base64.b64encode(file.getvalue()).decode()
