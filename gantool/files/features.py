"""The kind ``features``: what an extractor says of pictures, so that it need not look at them again.

Tensors: ``real.features`` and ``fake.features`` ``[N, F]``, ``real.logits`` and ``fake.logits`` ``[N, K]``; a side that
was not looked at and logits that there are none of are missing. Metadata: ``source``, what they were made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gantool.errors import FileError
from gantool.files import envelope
from gantool.interfaces import Judged

__all__ = ["KIND", "read", "write"]

KIND = "features"


def write(path: Path | str, sides: Mapping[str, Judged], source: Mapping[str, Any]) -> None:
    """Write what an extractor says of ``real`` and ``fake`` pictures, or of one of them."""
    tensors = {f"{side}.features": judged.features for side, judged in sides.items()}
    tensors |= {f"{side}.logits": judged.logits for side, judged in sides.items() if judged.logits is not None}
    envelope.write(path, KIND, tensors, {"source": dict(source)})


def read(path: Path | str) -> tuple[dict[str, Judged], Mapping[str, Any]]:
    """Return the sides of a file by name, and its source. Raises FileError for anything else."""
    header, tensors = envelope.read(path, KIND)
    sides = {name.partition(".")[0] for name in tensors}
    found: dict[str, Judged] = {}
    for side in sorted(sides):
        features, logits = tensors.get(f"{side}.features"), tensors.get(f"{side}.logits")
        parts = [part for part in (features, logits) if part is not None]
        sound = features is not None and all(
            part.dim() == 2 and part.is_floating_point() and len(part) == len(features) for part in parts
        )
        if features is None or not sound:
            raise FileError(str(path), "holds no features [N, F]", "a file that gantool evaluate wrote")
        found[side] = Judged(features, logits)
    source = header.meta.get("source")
    if not found or not isinstance(source, dict):
        raise FileError(str(path), "holds no features [N, F]", "a file that gantool evaluate wrote")
    return found, source
