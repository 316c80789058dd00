"""The options of the built-in metrics, without torch."""

from __future__ import annotations

from typing import Annotated

from gantool import Meta, Options

__all__ = ["KidOptions", "LipschitzOptions", "ModesOptions", "NeighbourOptions", "ScoreOptions"]


class KidOptions(Options, frozen=True):
    """Options of ``kid``."""

    blocks: Annotated[
        int, Meta(ge=2, le=1000, description="disjoint blocks of samples, each an estimate of its own")
    ] = 10


class NeighbourOptions(Options, frozen=True):
    """Options of ``precision`` and ``recall``."""

    neighbours: Annotated[int, Meta(ge=1, le=100, description="k: the k-th neighbour bounds what is near")] = 3


class ScoreOptions(Options, frozen=True):
    """Options of ``is``."""

    splits: Annotated[int, Meta(ge=2, le=1000, description="parts of the samples, each a score of its own")] = 10


class LipschitzOptions(Options, frozen=True):
    """Options of ``lipschitz``."""

    count: Annotated[int, Meta(ge=2, le=10**6, description="samples of each kind whose gradient is taken, at most")] = (
        2000
    )
    iterations: Annotated[
        int, Meta(ge=1, le=10**5, description="steps of the power iteration for a convolution's norm")
    ] = 200


class ModesOptions(Options, frozen=True):
    """Options of ``modes``."""

    count: Annotated[int, Meta(ge=10, le=10**7, description="points to draw; pictures are those of -n")] = 2500
    sigmas: Annotated[
        float, Meta(gt=0, le=100, description="a point so many standard deviations from its mode is of high quality")
    ] = 3.0
    share: Annotated[
        float, Meta(gt=0, le=1, description="a class is covered by samples of this part of its share in the data")
    ] = 0.1
