"""Procedural pictures of one coloured shape each, drawn in memory: the dataset that is always there.

Every picture has a shape (circle, square or triangle) and five continuous factors whose exact values are
known, so that what a model learnt about each can be measured. Shapes of one ``size`` have the same area;
``x`` and ``y`` are their centre of mass.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from gantool.errors import OptionError
from gantool.files.pack_writer import PackReport
from gantool.files.packing import pack_loaded
from gantool.files.progress import Tick
from gantool.interfaces import Condition, DataInfo, Samples
from gantool_classic.datasets.settings import ShapesOptions

__all__ = ["RANGES", "Shapes", "attributes", "render"]

Array = np.ndarray[Any, Any]

DRAWING = 1  # raised when the same options draw other pictures
CHUNK = 512  # pictures drawn at once: small enough for the processor's cache
SHAPES = ("circle", "square", "triangle")
HUES = ("red", "yellow", "green", "cyan", "blue", "magenta")  # a sixth of the colour circle each
SATURATION = 0.9  # with value 1 and any grey behind it, some channel differs by at least 0.45

RANGES: Mapping[str, tuple[float, float]] = {
    "x": (0.42, 0.58),  # centre in the picture's width: 0 is its left edge, 1 its right; no shape is ever cut
    "y": (0.42, 0.58),  # centre in the picture's height: 0 is its top
    "size": (0.19, 0.26),  # radius of the circle of the same area, in the picture's side
    "hue": (0.0, 1.0),  # circular: 0 is red, 1/3 green, 2/3 blue
    "background": (0.1, 0.9),  # grey level
}
"""The uniform range of each factor."""

ATTRIBUTES = (*SHAPES, *HUES, "large", "left", "top", "bright")
WORDS: Mapping[str, tuple[str, ...]] = {
    "circle": ("circle", "round", "disc", "disk", "ball"),
    "square": ("square", "box"),
    "triangle": ("triangle", "triangular"),
    "red": ("red",),
    "yellow": ("yellow",),
    "green": ("green",),
    "cyan": ("cyan", "turquoise"),
    "blue": ("blue",),
    "magenta": ("magenta", "pink", "purple"),
    "large": ("large", "big"),
    "left": ("left",),
    "top": ("top", "upper"),
    "bright": ("bright", "light"),
}


class Shapes:
    """Dataset ``shapes``: uint8 ``[N, 3, size, size]`` with three balanced classes or 13 attributes."""

    def __init__(self, options: ShapesOptions) -> None:
        if options.correlate[0] == options.correlate[1]:
            given = f"{','.join(options.correlate)} was given"
            raise OptionError("--data.correlate", given, f"two different factors of: {', '.join(RANGES)}")
        self.options = options

    def describe(self) -> DataInfo:
        """Say what the pictures are, without drawing them."""
        side = self.options.size
        text = msgspec.json.encode([DRAWING, self.options])
        fingerprint = hashlib.sha256(text).hexdigest()
        return DataInfo((3, side, side), self._length(self.options.split), self._condition(), fingerprint)

    def load(self, split: str | None = None) -> Samples:
        """Draw a split; ``factors`` holds x, y, size, hue and background in the units of ``RANGES``."""
        split = split or self.options.split
        n = self._length(split)
        shape = np.arange(n) % len(SHAPES)  # balanced in every prefix
        factors = self._factors(n, split)
        return Samples(render(shape, factors, self.options.size), self._labels(shape, factors), factors, ("hue",))

    def pack(self, path: Path, tick: Tick) -> PackReport:
        """Write both splits into a pack; the factors are not kept."""
        return pack_loaded(self, path, tick, ("train", "test"))

    def _length(self, split: str) -> int:
        n = {"train": self.options.length, "test": -(-self.options.length // 10)}.get(split)
        if n is None:
            raise OptionError("--data.split", f"{split} was given", "allowed: train, test")
        return min(n, self.options.limit or n)

    def _factors(self, n: int, split: str) -> dict[str, Array]:
        """Draw the factors; picture i is the same whatever the length; test has a stream of its own."""
        normal = np.random.default_rng([self.options.seed, int(split == "test")]).standard_normal((n, len(RANGES)))
        first, second = (list(RANGES).index(name) for name in self.options.correlate)
        # A Gaussian copula keeps both marginals uniform; Pearson's r of the two is then 6/pi asin(rho/2).
        rho = 2 * math.sin(math.pi * self.options.correlation / 6)
        normal[:, second] = rho * normal[:, first] + math.sqrt(1 - rho**2) * normal[:, second]
        uniform = _normal_cdf(normal)
        ranges = zip(RANGES.items(), uniform.T, strict=True)
        factors = {name: (low + u * (high - low)).astype(np.float32) for (name, (low, high)), u in ranges}
        factors["hue"] %= 1  # rounding to float32 can reach 1
        return factors

    def _condition(self) -> Condition | None:
        if self.options.labels == "classes":
            return Condition("classes", SHAPES, {name: WORDS[name] for name in SHAPES})
        return Condition("attributes", ATTRIBUTES, WORDS) if self.options.labels == "attributes" else None

    def _labels(self, shape: Array, factors: Mapping[str, Array]) -> Array | None:
        if self.options.labels == "classes":
            return shape.astype(np.int64)
        return attributes(shape, factors) if self.options.labels == "attributes" else None


def attributes(shape: Array, factors: Mapping[str, Array]) -> Array:
    """Return the binary attributes float32 ``[N, 13]``, in the order of ``ATTRIBUTES``."""
    hue = np.floor(factors["hue"] * len(HUES) + 0.5).astype(int) % len(HUES)
    middle = {name: (low + high) / 2 for name, (low, high) in RANGES.items()}
    columns = [shape == number for number in range(len(SHAPES))]
    columns += [hue == number for number in range(len(HUES))]
    columns += [factors["size"] > middle["size"], factors["x"] < middle["x"], factors["y"] < middle["y"]]
    columns += [factors["background"] > middle["background"]]
    return np.stack(columns, axis=1).astype(np.float32)


def render(shape: Array, factors: Mapping[str, Array], side: int) -> Array:
    """Draw shapes, ints 0 to 2 ``[N]``, with factors ``[N]``: uint8 ``[N, 3, side, side]``, anti-aliased."""
    pictures = np.empty((len(shape), 3, side, side), np.uint8)
    for start in range(0, len(shape), CHUNK):
        part = slice(start, start + CHUNK)
        _draw(shape[part], {name: values[part] for name, values in factors.items()}, pictures[part])
    return pictures


def _draw(shape: Array, factors: Mapping[str, Array], out: Array) -> None:
    side = out.shape[-1]
    cover = np.empty((len(shape), side, side), np.float32)  # the share of each pixel that the shape covers
    for number, coverage in enumerate((_circle, _square, _triangle)):
        rows = shape == number
        x, y, r = (factors[name][rows, None, None].astype(np.float32) * side for name in ("x", "y", "size"))
        pixels = np.arange(side, dtype=np.float32) + 0.5
        cover[rows] = coverage(pixels[None, None, :] - x, pixels[None, :, None] - y, r)
    grey = factors["background"].astype(np.float32)
    colour = _vivid(factors["hue"])
    for channel in range(3):
        blend = cover * (colour[:, channel] - grey)[:, None, None] + grey[:, None, None]
        out[:, channel] = blend * 255 + 0.5


def _edge(distance: Array) -> Array:
    """Turn the signed distance to an edge, in pixels and negative inside, into coverage of the pixel."""
    return np.clip(0.5 - distance, 0, 1)


def _circle(dx: Array, dy: Array, r: Array) -> Array:
    return _edge(np.sqrt(dx * dx + dy * dy) - r)


def _square(dx: Array, dy: Array, r: Array) -> Array:
    half = r * (math.sqrt(math.pi) / 2)
    return _edge(np.abs(dx) - half) * _edge(np.abs(dy) - half)


def _triangle(dx: Array, dy: Array, r: Array) -> Array:
    """Cover an equilateral triangle that points up: within each of its three sides."""
    inner = r * math.sqrt(math.pi / (3 * math.sqrt(3)))  # radius of its inscribed circle
    across = dx * (math.sqrt(3) / 2)
    lean = 0.5 * dy + inner
    return _edge(across - lean) * _edge(-across - lean) * _edge(dy - inner)


def _vivid(hue: Array) -> Array:
    """Return the RGB ``[N, 3]`` in [0, 1] of saturated colours, by Smith's HSV with value 1."""
    k = (np.array([5, 3, 1], np.float32) + hue[:, None] * 6) % 6
    colour: Array = 1 - SATURATION * np.clip(np.minimum(k, 4 - k), 0, 1)
    return colour


def _normal_cdf(z: Array) -> Array:
    """Apply the standard normal's distribution function; numpy has no erf."""
    erf = np.fromiter(map(math.erf, (z * math.sqrt(0.5)).ravel().tolist()), np.float64, z.size)
    uniform: Array = (0.5 + 0.5 * erf).reshape(z.shape)
    return uniform
