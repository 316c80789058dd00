"""The kind ``scores``: what a classifier says of pictures or of a model's samples, feature by feature.

Tensors: ``scores`` and ``probabilities`` ``[N, K]`` and, for a model's samples, ``z`` ``[N, D]`` and ``c``. Metadata:
``names`` and ``thresholds`` of the K features, ``model_hash`` or null, ``classifier`` (hash and label), ``sources``
(the pictures' files) or null, and ``seeds`` or null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.errors import FileError
from gantool.files import envelope

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["KIND", "Scores", "read", "write"]

KIND = "scores"


@dataclass(frozen=True)
class Scores:
    """Scores of N pictures by K features; a feature begins to be there at its threshold."""

    names: tuple[str, ...]
    thresholds: tuple[float, ...]
    scores: Tensor  # [N, K]
    probabilities: Tensor  # [N, K]
    classifier: Mapping[str, Any]
    z: Tensor | None = None
    c: Tensor | None = None
    model_hash: str | None = None
    sources: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None


def write(path: Path | str, scores: Scores) -> None:
    """Write scores, whole or not at all."""
    tensors = {"scores": scores.scores, "probabilities": scores.probabilities, "z": scores.z, "c": scores.c}
    meta = {
        "names": list(scores.names),
        "thresholds": list(scores.thresholds),
        "model_hash": scores.model_hash,
        "classifier": dict(scores.classifier),
        "sources": None if scores.sources is None else list(scores.sources),
        "seeds": None if scores.seeds is None else list(scores.seeds),
    }
    envelope.write(path, KIND, {name: tensor for name, tensor in tensors.items() if tensor is not None}, meta)


def read(path: Path | str) -> Scores:
    """Read a scores file. Raises FileError for anything else: metadata is not trusted."""
    header, tensors = envelope.read(path, KIND)
    meta = header.meta
    try:
        names, thresholds = _texts(meta["names"]), tuple(float(number) for number in meta["thresholds"])
        sources = None if meta["sources"] is None else _texts(meta["sources"])
        seeds = None if meta["seeds"] is None else tuple(int(seed) for seed in meta["seeds"])
        found = Scores(
            names,
            thresholds,
            tensors["scores"].float(),
            tensors["probabilities"].float(),
            dict(meta["classifier"]),
            tensors.get("z"),
            tensors.get("c"),
            meta["model_hash"] if meta["model_hash"] is None else str(meta["model_hash"]),
            sources,
            seeds,
        )
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise _malformed(path) from error
    if not _fits(found):
        raise _malformed(path)
    return found


def _fits(found: Scores) -> bool:
    rows, columns = found.scores.shape[:1], len(found.names)
    latents = [part for part in (found.z, found.c) if part is not None]
    return (
        found.scores.shape == (*rows, columns) == found.probabilities.shape
        and len(set(found.names)) == columns == len(found.thresholds) > 0
        and all(math.isfinite(threshold) for threshold in found.thresholds)
        and all(bool(part.isfinite().all()) for part in (found.scores, found.probabilities, *latents))
        and all(part.shape[:1] == rows for part in latents)
        and all(part is None or (len(part),) == rows for part in (found.sources, found.seeds))
        and (found.z is None or (found.z.dim() == 2 and found.z.is_floating_point()))
    )


def _texts(plain: Any) -> tuple[str, ...]:
    if not isinstance(plain, list) or not all(isinstance(text, str) for text in plain):
        raise ValueError("a list of texts")
    return tuple(plain)


def _malformed(path: Path | str) -> FileError:
    return FileError(str(path), "holds no scores [N, K] with their names", "a file that classifier label wrote")
