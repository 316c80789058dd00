"""The plugin: relativistic pairing loss, R1 and R2 penalties; nothing here imports torch."""

from __future__ import annotations

from gantool import Component, hookimpl
from gantool_r3gan.settings import R1R2Options, schedule_is_whole

GANTOOL_API = 1


@hookimpl
def gantool_components() -> list[Component]:
    return [
        Component(
            kind="loss",
            name="rpgan",
            target="gantool_r3gan.losses:RpGan",
            summary="Relativistic pairing loss: each real against one fake (Jolicoeur-Martineau 2018).",
            recipe={"lipschitz": "r1r2"},
        ),
        Component(
            kind="lipschitz",
            name="r1r2",
            target="gantool_r3gan.lipschitz:R1R2",
            options=R1R2Options,
            summary="Punishes D's slope at real and at generated samples (Mescheder et al. 2018, Huang et al. 2024).",
            critic_norms=("none", "layer", "instance"),
            requires=schedule_is_whole,
        ),
        Component(
            kind="recipe",
            name="r3gan",
            target="gantool_r3gan:recipes/r3gan.toml",
            summary="DCGAN with the loss and the penalties of R3GAN at the scale of a laptop, as measured.",
        ),
    ]
