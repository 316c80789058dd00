"""The fixed-seed grid: the same latents, drawn again and again while the generator learns."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gantool.interfaces import Condition, Samples
from gantool.latent.prior import Prior
from gantool.render.grid import grid, scatter, to_uint8
from gantool.render.provenance import Provenance, carried, save_png
from gantool.training.state import TrainingState

__all__ = ["FixedGrid"]

SIDE = 8  # tiles in a row of the grid
POINTS = 1000  # in a scatter
PIXELS = 2**18  # of pictures in one pass: 64 of 64x64; with more, those of large pictures may not fit into the memory


class FixedGrid:
    """Seeds 0, 1, 2, ...; a model of few classes gets a row for each, others the labels of real data."""

    def __init__(self, prior: Prior, shape: tuple[int, ...], condition: Condition | None, samples: Samples) -> None:
        self.vectors: bool = len(shape) == 1
        self.real: np.ndarray[Any, Any] = samples.values
        count = POINTS if self.vectors else SIDE * SIDE
        if condition is not None and condition.kind == "classes" and not self.vectors:
            rows = min(len(condition), SIDE + 2)
            self.c: Tensor | None = torch.arange(rows).repeat_interleave(SIDE)
            count = rows * SIDE
        elif condition is not None and samples.labels is not None:
            self.c = torch.from_numpy(samples.labels[np.arange(count) % len(samples.labels)])
        else:
            self.c = None
        self.at_once: int = max(1, min(count, PIXELS // prod(shape[1:]))) if not self.vectors else count
        self.seeds: list[int] = list(range(count))
        self.z: Tensor = prior.latents(self.seeds)

    @torch.no_grad()
    def draw(self, state: TrainingState, device: torch.device) -> Image.Image:
        """Return the picture of the generator as it is now; its mode and its numbers are left as they were."""
        G = state.sampler
        was_training = G.training
        G.eval()
        c = None if self.c is None else self.c.to(device)
        z = self.z.to(device, state.dtype)
        parts = [slice(start, start + self.at_once) for start in range(0, len(z), self.at_once)]
        values = torch.cat([G(z[part], None if c is None else c[part]).float().cpu() for part in parts])
        G.train(was_training)
        if self.vectors:
            return scatter(values.numpy(), self.real[:2000])
        return grid(to_uint8(values), SIDE)

    def save(self, image: Image.Image, path: Path, model: str | None = None) -> None:
        """Write the picture; with the hash of its model it carries its latents."""
        provenance: Provenance | None = None
        if model and not self.vectors:
            provenance = carried(model, self.z, self.c, self.seeds)
        save_png(image, path, provenance)
