"""ADA: pictures are changed with a probability that follows D's overfitting (Karras et al. 2020, arXiv 2006.06676)."""

from __future__ import annotations

import math
from functools import reduce

import torch
from torch import Tensor, nn

from gantool import Step
from gantool_diffaugment.affine import Affine, blit, geom
from gantool_diffaugment.colour import recolour
from gantool_diffaugment.pictures import on_colours, refuse_vectors, sample
from gantool_diffaugment.settings import AdaOptions


class Strength(nn.Module):
    """Keeps ``p``, the probability of each change."""

    p: Tensor

    def __init__(self, p: float) -> None:
        super().__init__()
        self.register_buffer("p", torch.tensor(p))


class Ada:
    """Make each change to a sample with probability p, and move p by what D makes of real pictures.

    The changes and the spread of each are those of appendix B there; p follows r_t = E[sign(D(x))], eq. 1.
    """

    def __init__(self, options: AdaOptions) -> None:
        self.options = options

    def module(self, shape: tuple[int, ...]) -> nn.Module:
        """Return the module that keeps p. Raises UserError for vectors."""
        refuse_vectors(shape, "ada")
        return Strength(self.options.p)

    def augment(self, x: Tensor, module: Strength, step: Step) -> Tensor:
        """``x [N, C, H, W]`` in [-1, 1] -> the same shape; brightness and contrast may leave that range."""
        policy = self.options.policy
        places = [draw(x, module.p, step) for name, draw in DRAWN.items() if name in policy]
        if places:
            place = reduce(Affine.of, places)
            x = sample(x, place.linear, place.offset)
        return recoloured(x, module.p, step) if "color" in policy else x

    def measure(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return the mean sign of the scores of real pictures, in [-1, 1]: the higher, the more D overfits."""
        return real_scores.sign().mean()

    def adapt(self, module: Strength, measured: Tensor, images: int) -> None:
        """Move p towards more changes where D overfits, else towards fewer, by ``images / speed``."""
        if self.options.speed:
            rate = images / self.options.speed
            module.p.add_((measured - self.options.target).sign(), alpha=rate).clamp_(0, 1)


def drawn_blit(x: Tensor, p: Tensor, step: Step) -> Affine:
    """Draw mirroring, quarter turns, and shifts of up to 1/8 of each side."""
    flips, turns, shifts = _chosen(step.rand("ada blit", len(x), 3), p)
    mirrored, quarters, right, down = step.rand("ada blit by", len(x), 4).unbind(1)
    by = _of_sides(right - 0.5, down - 0.5, x).mul(0.25).round()
    return blit(
        mirrored=flips * mirrored.mul(2).floor(), quarters=turns * quarters.mul(4).floor(), shift=shifts[:, None] * by
    )


def drawn_geom(x: Tensor, p: Tensor, step: Step) -> Affine:
    """Draw scale and stretch, with deviations of 0.2 octaves, rotations, and shifts with one of 1/8 of each side."""
    gates, values = step.rand("ada geom", len(x), 5), step.rand("ada geom by", len(x), 6)
    scales, stretches, shifts = _chosen(gates[:, :3], p)
    turns, later = _chosen(gates[:, 3:], 1 - (1 - p).sqrt())  # one of the two rotations at least: p
    scale, stretch, right, down = normal(values[:, :4]).unbind(1)
    before, after = values[:, 4:].sub(0.5).mul(2 * math.pi).unbind(1)
    return geom(
        scale=(0.2 * scales * scale).exp2(),
        before=turns * before,
        stretch=(0.2 * stretches * stretch).exp2(),
        after=later * after,
        shift=shifts[:, None] * 0.125 * _of_sides(right, down, x),
    )


def recoloured(x: Tensor, p: Tensor, step: Step) -> Tensor:
    """Draw brightness (deviation 0.2), contrast (0.5 octaves), luma's sign, hue, and saturation (1 octave)."""
    gates, values = step.rand("ada color", len(x), 5), step.rand("ada color by", len(x), 5)
    brightens, contrasts, flips, hues, saturates = _chosen(gates, p)
    brightness, contrast, saturation = normal(values[:, :3]).unbind(1)
    flipped, hue = values[:, 3:].unbind(1)

    def change(colours: Tensor) -> Tensor:
        return recolour(
            colours,
            brightness=0.2 * brightens * brightness,
            contrast=(0.5 * contrasts * contrast).exp2(),
            flipped=flips * flipped.mul(2).floor(),
            hue=hues * hue.sub(0.5).mul(2 * math.pi),
            saturation=(saturates * saturation).exp2(),
        )

    return on_colours(x, change)


DRAWN = {"blit": drawn_blit, "geom": drawn_geom}  # the earlier change first


def _chosen(gates: Tensor, p: Tensor) -> tuple[Tensor, ...]:
    """Return for each column of draws 1 with probability p, else 0."""
    return (gates < p).to(gates.dtype).unbind(1)


def normal(uniform: Tensor) -> Tensor:
    """Turn draws from U(0, 1) into draws from N(0, 1); torch's lie 2^-24 apart, and 0 may be one of them."""
    most = 1 - 2**-24
    return uniform.mul(2).sub(1).clamp(-most, most).erfinv().mul(math.sqrt(2))


def _of_sides(right: Tensor, down: Tensor, x: Tensor) -> Tensor:
    """Turn ``[N]`` widths and ``[N]`` heights of a picture into pixels ``[N, 2]``."""
    return torch.stack([right * x.shape[3], down * x.shape[2]], 1)
