"""The options of the built-in datasets: ``--data.NAME`` on the command line, ``[data]`` in a config."""

from __future__ import annotations

from typing import Annotated, Literal

from gantool import Meta, Options

__all__ = [
    "CelebaOptions",
    "Cifar10Options",
    "FolderOptions",
    "GaussiansOptions",
    "IdxOptions",
    "PackedOptions",
    "ShapesOptions",
]

Factor = Literal["x", "y", "size", "hue", "background"]
Length = Annotated[int, Meta(ge=1, le=10_000_000, description="examples of the train split; test has a tenth")]
Limit = Annotated[int, Meta(ge=1, le=10**9, description="use at most so many examples, spread over the data")]
Root = Annotated[str, Meta(description="where the data lies", extra={"path": True})]
Seed = Annotated[int, Meta(ge=0, le=2**63 - 1, description="the examples follow from it")]
Side = Annotated[int, Meta(ge=4, le=1024, description="side of the pictures in pixels")]
Halves = Annotated[Literal["train", "test"], Meta(description="which examples")]
Split = Annotated[Literal["train", "test", "all"], Meta(description="which examples")]
Parts = Annotated[Literal["train", "valid", "test", "all"], Meta(description="which examples")]
Duplicates = Annotated[
    Literal["keep", "drop"], Meta(description="what becomes of files with the bytes of an earlier one")
]
Download = Annotated[bool, Meta(description="fetch the data into root if it is not there", extra={"consent": True})]


class ShapesOptions(Options, frozen=True):
    """Options of ``shapes``."""

    size: Annotated[int, Meta(ge=8, le=1024, description="side of the pictures in pixels")] = 32
    length: Length = 20_000
    labels: Annotated[
        Literal["classes", "attributes", "none"], Meta(description="one of three classes, or 13 attributes")
    ] = "classes"
    correlation: Annotated[
        float, Meta(ge=-0.95, le=0.95, description="Pearson correlation of the two factors of correlate")
    ] = 0.0
    correlate: Annotated[tuple[Factor, Factor], Meta(description="two factors that vary together")] = (
        "size",
        "hue",
    )
    seed: Seed = 0
    split: Halves = "train"
    limit: Limit | None = None


class GaussiansOptions(Options, frozen=True):
    """Options of ``gaussians``."""

    layout: Annotated[
        Literal["ring", "grid", "two-gaussians"],
        Meta(description="8 modes on a circle of radius 1, 25 on a square of side 8, or 2 side by side"),
    ] = "ring"
    separation: Annotated[float, Meta(gt=0, le=1000, description="distance between the means of two-gaussians")] = 4.0
    sigma: (
        Annotated[
            float,
            Meta(gt=0, le=1000, description="a mode's standard deviation; none is the layout's own"),
        ]
        | None
    ) = None
    length: Length = 100_000
    seed: Seed = 0
    split: Halves = "train"
    limit: Limit | None = None


class FolderOptions(Options, frozen=True):
    """Options of ``folder``."""

    root: Root | None = None
    size: Side = 64
    height: Annotated[int, Meta(ge=4, le=1024, description="height, where it is not size")] | None = None
    width: Annotated[int, Meta(ge=4, le=1024, description="width, where it is not size")] | None = None
    fit: Annotated[
        Literal["crop", "pad", "stretch"],
        Meta(description="cut the centre out, add borders, or change the aspect"),
    ] = "crop"
    channels: Annotated[
        Literal["auto", "1", "3", "4"],
        Meta(description="grey, RGB or RGBA; auto is 1 where all are grey"),
    ] = "auto"
    background: Annotated[str, Meta(description="colour behind transparency and borders: a name or #rrggbb")] = "white"
    split: Split = "train"
    holdout: Annotated[
        float,
        Meta(ge=0, le=0.9, description="share of the pictures kept for the test split, by their names"),
    ] = 0.0
    duplicates: Duplicates = "keep"
    limit: Limit | None = None


class PackedOptions(Options, frozen=True):
    """Options of ``packed``."""

    root: Root | None = None
    split: Parts = "train"
    limit: Limit | None = None


class IdxOptions(Options, frozen=True):
    """Options of ``mnist`` and ``fashion-mnist``."""

    root: Root | None = None
    size: (
        Annotated[
            int,
            Meta(ge=4, le=1024, description="side in pixels; none is 28, 32 adds a border, else resized"),
        ]
        | None
    ) = None
    split: Split = "train"
    limit: Limit | None = None
    download: Download = False


class Cifar10Options(Options, frozen=True):
    """Options of ``cifar10``."""

    root: Root | None = None
    size: Annotated[int, Meta(ge=4, le=1024, description="side in pixels; none is 32")] | None = None
    split: Split = "train"
    limit: Limit | None = None
    download: Download = False


class CelebaOptions(Options, frozen=True):
    """Options of ``celeba``."""

    root: Root | None = None
    size: Side = 64
    split: Parts = "train"
    duplicates: Duplicates = "keep"
    limit: Limit | None = None
