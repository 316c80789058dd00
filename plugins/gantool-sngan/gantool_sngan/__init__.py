"""The plugin: spectral norm, hinge loss, projection conditioning; nothing here imports torch."""

from __future__ import annotations

from gantool import Component, hookimpl
from gantool_sngan.settings import SpectralNormOptions

GANTOOL_API = 1


@hookimpl
def gantool_components() -> list[Component]:
    return [
        Component(
            kind="lipschitz",
            name="spectral-norm",
            target="gantool_sngan.lipschitz:SpectralNorm",
            options=SpectralNormOptions,
            summary="Divides every weight of D by its largest singular value (Miyato et al. 2018).",
            critic_norms=("none",),
        ),
        Component(
            kind="loss",
            name="hinge",
            target="gantool_sngan.losses:Hinge",
            summary="Hinge loss (Lim & Ye 2017).",
            recipe={"lipschitz": "spectral-norm"},
        ),
        Component(
            kind="conditioning",
            name="projection",
            target="gantool_sngan.conditioning:Projection",
            summary="Adds the product of D's features and the class's vector to the score (Miyato & Koyama 2018).",
        ),
        Component(
            kind="recipe",
            name="sngan",
            target="gantool_sngan:recipes/sngan.toml",
            summary="DCGAN with spectral norm and hinge loss, one critic step.",
        ),
    ]
