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
    layers: list[nn.Module] = [*_convolution(channels, width, (1, 1))]
    channels = width
    while max(sides) > COARSE:
        stride = tuple(2 if side > COARSE else 1 for side in sides)
        sides = [-(-side // step) for side, step in zip(sides, stride, strict=True)]
        layers += _convolution(channels, min(2 * channels, 4 * width), stride)
        channels = min(2 * channels, 4 * width)
    return layers, channels * sides[0] * sides[1]


def _convolution(inputs: int, outputs: int, stride: tuple[int, ...]) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, (stride[0], stride[1]), 1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(SLOPE)]


def _dense(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.LeakyReLU(SLOPE)]
