"""The built-in finders of directions, listed without importing them."""

from __future__ import annotations

from gantool import Component
from gantool_classic.finders import settings

__all__ = ["COMPONENTS"]

HOME = "gantool_classic.finders"

COMPONENTS: list[Component] = [
    Component(
        kind="direction-finder",
        name="ridge",
        target=f"{HOME}.supervised:Ridge",
        summary="Regression of continuous scores on z, in closed form (Hoerl & Kennard 1970).",
        options=settings.RidgeOptions,
    ),
    Component(
        kind="direction-finder",
        name="boundary",
        target=f"{HOME}.supervised:Boundary",
        summary="The linear boundary between high and low scores, with its intercept (Shen et al. 2020).",
        options=settings.BoundaryOptions,
    ),
    Component(
        kind="direction-finder",
        name="mean-difference",
        target=f"{HOME}.supervised:MeanDifference",
        summary="The mean of the latents that have a feature minus that of those that lack it (White 2016).",
    ),
    Component(
        kind="direction-finder",
        name="gradient",
        target=f"{HOME}.supervised:Gradient",
        summary="The mean direction in which a classifier's score rises fastest.",
        options=settings.GradientOptions,
    ),
    Component(
        kind="direction-finder",
        name="pair",
        target=f"{HOME}.pair:Pair",
        summary="The difference of two latents: from the first picture to the second.",
    ),
    Component(
        kind="direction-finder",
        name="pca",
        target=f"{HOME}.unsupervised:Pca",
        summary="What varies most among the samples, traced back to z (GANSpace, Härkönen et al. 2020).",
        options=settings.PcaOptions,
    ),
    Component(
        kind="direction-finder",
        name="sefa",
        target=f"{HOME}.unsupervised:Sefa",
        summary="What the generator's first layer amplifies most (SeFa, Shen & Zhou 2021).",
        options=settings.SefaOptions,
    ),
    Component(
        kind="direction-finder",
        name="codes",
        target=f"{HOME}.unsupervised:Codes",
        summary="The codes beside the noise, as a model trained with them has: one direction each.",
    ),
]
