"""The options of the built-in finders, without torch."""

from __future__ import annotations

from typing import Annotated, Literal

from gantool import Meta, Options

Needs = tuple[Literal["z", "scores", "score", "pair"], ...]
"""What a finder cannot do without."""

Count = Annotated[int, Meta(ge=1, le=512, description="how many directions, the strongest first")]


class RidgeOptions(Options, frozen=True):
    alpha: Annotated[float, Meta(gt=0, description="weight of the squared slopes beside the squared errors")] = 1.0


class BoundaryOptions(Options, frozen=True):
    share: Annotated[
        float, Meta(gt=0, le=0.5, description="share of the samples at either end of the scores that is told apart")
    ] = 0.2
    penalty: Annotated[float, Meta(gt=0, description="weight of the squared slopes beside the mean log loss")] = 0.001


class GradientOptions(Options, frozen=True):
    samples: Annotated[int, Meta(ge=1, le=100_000, description="how many latents the slope is taken at")] = 256


class PcaOptions(Options, frozen=True):
    count: Count = 8
    pool: Annotated[
        Annotated[int, Meta(ge=1, le=256)] | None,
        Meta(description="pictures are averaged down to this side first; none: they are not"),
    ] = 8


class SefaOptions(Options, frozen=True):
    count: Count = 8
    normalise: Annotated[
        bool, Meta(description="give every unit of the layer the same weight, as the authors' code does")
    ] = False
