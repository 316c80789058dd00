"""The plugin: a residual architecture and a recipe for it; nothing here imports torch."""

from __future__ import annotations

from gantool import Component, hookimpl
from gantool_resnet.settings import ResnetOptions, auto_norm, norm_is_allowed

GANTOOL_API = 1


@hookimpl
def gantool_components() -> list[Component]:
    return [
        Component(
            kind="architecture",
            name="resnet",
            target="gantool_resnet.architecture:Resnet",
            options=ResnetOptions,
            summary="Residual blocks, for pictures of any size (Gulrajani et al. 2017, Miyato et al. 2018).",
            resolve=auto_norm,
            requires=norm_is_allowed,
        ),
        Component(
            kind="recipe",
            name="resnet-wgan-gp",
            target="gantool_resnet:recipes/resnet-wgan-gp.toml",
            summary="The residual WGAN-GP for 32x32, narrow enough for a laptop (Gulrajani et al. 2017).",
        ),
    ]
