"""The plugin: two augmentations for training from few pictures; nothing here imports torch."""

from __future__ import annotations

from gantool import Component, hookimpl
from gantool_diffaugment.settings import AdaOptions, DiffAugmentOptions, scores_have_a_zero

GANTOOL_API = 1


@hookimpl
def gantool_components() -> list[Component]:
    return [
        Component(
            kind="augmentation",
            name="diffaugment",
            target="gantool_diffaugment.diffaugment:DiffAugment",
            options=DiffAugmentOptions,
            summary="Colour, translation and cutout for every picture that D sees (Zhao et al. 2020).",
        ),
        Component(
            kind="augmentation",
            name="ada",
            target="gantool_diffaugment.ada:Ada",
            options=AdaOptions,
            summary="Moves, turns and recolours with a probability that D's overfitting sets (Karras et al. 2020).",
            requires=scores_have_a_zero,
        ),
    ]
