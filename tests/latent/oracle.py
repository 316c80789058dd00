"""A generator whose latent space is known exactly: what a finder finds can be compared with the truth.

A 32x32 grey picture of an anti-aliased disc has five factors, ``factor = lo + Phi(A z + b) (hi - lo)`` with z ~ N(0, I)
in R^16. The rows of A are orthonormal, but for cos(size, colour) = 0.6; b is 0, but 1 for the background, so that 84 %
of the pictures lie above the middle of its range.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from gantool.files.classifier import Head
from gantool.interfaces import Slot
from gantool.latent.model import Model
from gantool.latent.prior import Prior
from gantool.latent.scorer import Scorer

SIDE, DIM = 32, 16
NAMES = ("x", "y", "size", "colour", "background")
RANGES = ((0.35, 0.65), (0.35, 0.65), (0.12, 0.26), (0.55, 1.0), (0.0, 0.45))  # in the picture's side; grey in [0, 1]
X, Y, SIZE, COLOUR, BACKGROUND = range(5)
ENTANGLED = 0.6  # cos(size, colour)


def true_directions():
    """Return A ``[5, 16]``, the unit direction in z of each factor."""
    basis, _ = torch.linalg.qr(torch.randn(DIM, 5, generator=torch.Generator().manual_seed(0)))
    rows = basis.T.clone()
    rows[COLOUR] = ENTANGLED * rows[SIZE] + (1 - ENTANGLED**2) ** 0.5 * rows[COLOUR]
    return rows


class Oracle(nn.Module):
    """G: ``z [N, 16]`` -> pictures ``[N, 1, 32, 32]`` in [-1, 1], differentiable."""

    def __init__(self):
        super().__init__()
        self.register_buffer("A", true_directions())
        self.register_buffer("b", torch.tensor([0.0, 0, 0, 0, 1]))

    def factors(self, z):
        """Return the true factors ``[N, 5]``."""
        low, high = torch.tensor(RANGES).T
        return low + torch.special.ndtr(z @ self.A.T + self.b) * (high - low)

    def forward(self, z, c=None):
        return draw(self.factors(z))


def draw(factors):
    """Draw factors ``[N, 5]`` as pictures: a pixel is covered by its distance to the disc's edge."""
    x, y, size, colour, background = (part[:, None, None] for part in factors.T)
    centre = (torch.arange(SIDE) + 0.5) / SIDE
    distance = ((centre[None, None, :] - x) ** 2 + (centre[None, :, None] - y) ** 2 + 1e-12).sqrt()
    cover = ((size - distance) * SIDE + 0.5).clamp(0, 1)
    grey = background + cover * (colour - background)
    return grey[:, None] * 2 - 1


def measure(pictures):
    """Measure the factors ``[N, 5]`` in pictures ``[N, 1, 32, 32]``, differentiable.

    The corners show the background and the brightest pixel the disc's colour; its mass gives the rest.
    """
    grey = (pictures[:, 0] + 1) / 2
    background = grey[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(1)
    colour = grey.amax((1, 2))
    cover = (grey - background[:, None, None]) / (colour - background)[:, None, None]
    area = cover.sum((1, 2))
    centre = (torch.arange(SIDE) + 0.5) / SIDE
    x = (cover.sum(1) * centre).sum(1) / area
    y = (cover.sum(2) * centre).sum(1) / area
    size = (area / torch.pi).sqrt() / SIDE
    return torch.stack([x, y, size, colour, background], 1)


class Measure(nn.Module):
    """A network that tells the factors of a picture, as a classifier's would."""

    def forward(self, x):
        return measure(x)


def oracle_scorer():
    """Return the measurement as ``open_scorer`` opens a classifier; a factor is there above the middle of its range."""
    heads = [Head("value", name, (name,), quantiles=ends) for name, ends in zip(NAMES, RANGES, strict=True)]
    return Scorer(Measure(), heads, label="the measurement", shape=(1, SIDE, SIDE))


def oracle_model():
    """Return the oracle opened for sampling, as ``open_model`` opens a checkpoint."""
    return Model(
        path=Path("oracle.safetensors"),
        config=None,
        G=Oracle().eval().requires_grad_(False),
        prior=Prior((Slot("z", "normal", DIM),)),
        shape=(1, SIDE, SIDE),
        condition=None,
        label_rows=None,
        hash="oracle",
        step=0,
    )
