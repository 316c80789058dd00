"""DiffAugment: every picture that D sees is changed, by draws of its own (Zhao et al. 2020, arXiv 2006.10738)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantool import Step
from gantool_diffaugment.pictures import on_colours, refuse_vectors, translate
from gantool_diffaugment.settings import DiffAugmentOptions


class DiffAugment:
    """Change colours, translate by up to 1/8 of each side, and cut out half of each side: section 3 there."""

    def __init__(self, options: DiffAugmentOptions) -> None:
        self.policy = options.policy

    def module(self, shape: tuple[int, ...]) -> nn.Module | None:
        """Return None: nothing changes as training goes. Raises UserError for vectors."""
        refuse_vectors(shape, "diffaugment")
        return None

    def augment(self, x: Tensor, module: nn.Module | None, step: Step) -> Tensor:
        """``x [N, C, H, W]`` in [-1, 1] -> the same shape; brightness and contrast may leave that range."""
        if "color" in self.policy:
            draws = step.rand("diffaugment color", len(x), 3)
            x = on_colours(x, lambda colours: recolour(colours, draws))
        if "translation" in self.policy:
            x = translate(x, whole_pixels(step.rand("diffaugment translation", len(x), 2), x))
        if "cutout" in self.policy:
            x = cut_out(x, step.rand("diffaugment cutout", len(x), 2))
        return x

    def measure(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor | None:
        """Return None: there is nothing to go by."""
        return None

    def adapt(self, module: nn.Module | None, measured: Tensor, images: int) -> None:
        """Leave everything as it is."""


def recolour(x: Tensor, draws: Tensor) -> Tensor:
    """Add up to 0.5 to the brightness, then multiply saturation by up to 2 and contrast by 0.5 to 1.5.

    ``draws [N, 3]`` in [0, 1) are in that order.
    """
    brightness, saturation, contrast = (draw[:, None, None, None] for draw in draws.unbind(1))
    x = x + (brightness - 0.5)
    x = _scaled(x, 2 * saturation, (1,))
    return _scaled(x, contrast + 0.5, (1, 2, 3))


def _scaled(x: Tensor, factor: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Scale what differs from the mean over some axes."""
    mean = x.mean(axes, keepdim=True)
    return mean + (x - mean) * factor


def whole_pixels(draws: Tensor, x: Tensor) -> Tensor:
    """``draws [N, 2]`` in [0, 1) -> shifts of up to 1/8 of the width and of the height, to the nearest pixel."""
    sides = (x.shape[3], x.shape[2])
    return torch.stack([_shift(draw, (side + 4) // 8) for draw, side in zip(draws.unbind(1), sides, strict=True)], 1)


def _shift(draw: Tensor, most: int) -> Tensor:
    return (draw * (2 * most + 1)).floor() - most


def cut_out(x: Tensor, draws: Tensor) -> Tensor:
    """Set a rectangle of half of each side to 0; its centre, of ``draws [N, 2]``, is anywhere in the picture."""
    rows, columns = (_covered(draw, side) for draw, side in zip(draws.unbind(1), x.shape[2:], strict=True))
    kept = ~(rows[:, :, None] & columns[:, None, :])
    return x * kept[:, None]


def _covered(draw: Tensor, side: int) -> Tensor:
    """Return which places of a side ``[N, side]`` half of it covers."""
    length = (side + 1) // 2
    centres = side + 1 - length % 2  # of an even length they lie between two places
    first = (draw * centres).floor() - length // 2
    places = torch.arange(side, device=draw.device) - first[:, None]
    return (places >= 0) & (places < length)
