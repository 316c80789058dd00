"""A small network that tells what is in a picture, and where: it keeps a coarse grid instead of averaging it away."""

from __future__ import annotations

from torch import nn

from gantool_classic.classifiers.settings import ConvnetOptions

__all__ = ["Convnet"]

COARSE = 4  # pixels: sides are halved until they are no longer than this
SLOPE = 0.1


class Convnet:
    """Kind ``classifier``: strided convolutions for pictures, hidden layers for vectors."""

    names = None

    def __init__(self, options: ConvnetOptions) -> None:
        self.options = options

    def network(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Return a network from ``x`` of any shape ``(C, H, W)`` or ``(D,)`` to ``[N, outputs]``."""
        width, hidden = self.options.width, self.options.hidden
        if len(shape) == 1:
            return nn.Sequential(*_dense(shape[0], hidden), *_dense(hidden, hidden), nn.Linear(hidden, outputs))
        layers, grid = _convolutions(shape, width)
        return nn.Sequential(*layers, nn.Flatten(), *_dense(grid, hidden), nn.Linear(hidden, outputs))


def _convolutions(shape: tuple[int, ...], width: int) -> tuple[list[nn.Module], int]:
    """Return layers that halve the longer sides, and how many numbers they leave of one picture."""
    channels, *sides = shape
    layers: list[nn.Module] = []
    for number in range(max(halvings(side) for side in sides) or 1):
        wide = width * min(2**number, 4)
        strides = [2 if side > COARSE else 1 for side in sides]
        kernel = 5 if number == 0 else 3
        convolution = nn.Conv2d(channels, wide, kernel, (strides[0], strides[1]), kernel // 2, bias=False)
        layers += [convolution, nn.BatchNorm2d(wide), nn.LeakyReLU(SLOPE)]
        channels, sides = wide, [-(-side // stride) for side, stride in zip(sides, strides, strict=True)]
    return layers, channels * sides[0] * sides[1]


def halvings(side: int) -> int:
    """Return how often a side is halved, rounding up, until it is coarse."""
    return 0 if side <= COARSE else 1 + halvings(-(-side // 2))


def _dense(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.LeakyReLU(SLOPE)]
