"""gantool's built-in plugin: every part of a classic GAN, registered through the hooks that any plugin uses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gantool import Component, Options, hookimpl
from gantool_classic import settings
from gantool_classic.classifiers import COMPONENTS as CLASSIFIERS
from gantool_classic.datasets import COMPONENTS as DATASETS
from gantool_classic.diagnostics import COMPONENTS as DIAGNOSTICS
from gantool_classic.extractors import COMPONENTS as EXTRACTORS
from gantool_classic.finders import COMPONENTS as FINDERS
from gantool_classic.measured import GAUSSIANS, GREY, SHAPES
from gantool_classic.metrics import COMPONENTS as METRICS
from gantool_classic.regularizers import COMPONENTS as REGULARIZERS

GANTOOL_API = 1

# Gulrajani et al. 2017, algorithm 1.
WGAN_GP: dict[str, Any] = {
    "lipschitz": "gp",
    "training": {"n_critic": 5, "lr_g": 1e-4, "lr_d": 1e-4, "betas": [0.0, 0.9]},
}
# Arjovsky et al. 2017, algorithm 1.
WGAN_CLIP: dict[str, Any] = {
    "lipschitz": "clip",
    "training": {"n_critic": 5, "optimizer": "rmsprop", "lr_g": 5e-5, "lr_d": 5e-5},
}
RECIPES = {
    "default": "What a bare `gantool train` uses.",
    "dcgan-2015": "DCGAN as published: BCE, 64x64, z uniform in 100 dimensions (Radford et al. 2015).",
    "wgan-2017": "WGAN as published: clipping, RMSprop, 5 critic steps (Arjovsky et al. 2017).",
    "wgan-gp-2017": "WGAN-GP as published: penalty 10, Adam 1e-4, layer norm (Gulrajani et al. 2017).",
    "gaussians": "All modes of the ring and the grid: BCE with a light penalty on slopes away from 0, as measured.",
    "faces128": "Faces at 128x128: WGAN-GP with instance norm, z 200, batch 128.",
}


def _architectures() -> list[Component]:
    return [
        Component(
            kind="architecture",
            name="mlp",
            target="gantool_classic.mlp:Mlp",
            options=settings.MlpOptions,
            summary="Fully connected networks, for pictures of any size and for points (Goodfellow et al. 2014).",
            resolve=settings.no_norm,
            requires=settings.mlp_rules,
        ),
        Component(
            kind="architecture",
            name="dcgan",
            target="gantool_classic.dcgan:Dcgan",
            options=settings.DcganOptions,
            summary="Strided convolutions, for pictures of any height and width (Radford et al. 2015).",
            resolve=settings.auto_norm,
            requires=settings.norm_is_allowed,
        ),
    ]


def _losses() -> list[Component]:
    wasserstein = "gantool_classic.losses:Wasserstein"
    return [
        Component(
            "loss",
            "bce",
            "gantool_classic.losses:Bce",
            "Cross-entropy, non-saturating (Goodfellow et al. 2014).",
        ),
        Component(
            "loss",
            "minimax",
            "gantool_classic.losses:Minimax",
            "Cross-entropy in its saturating minimax form.",
        ),
        Component(
            "loss",
            "wgan",
            wasserstein,
            "Wasserstein loss; choose the enforcer yourself.",
            requires=settings.needs_enforcer,
        ),
        Component(
            kind="loss",
            name="wgan-gp",
            target=wasserstein,
            summary="Wasserstein loss with the gradient penalty (Gulrajani et al. 2017).",
            recipe=WGAN_GP,
            requires=settings.needs_enforcer,
        ),
        Component(
            kind="loss",
            name="wgan-clip",
            target=wasserstein,
            summary="Wasserstein loss with weight clipping (Arjovsky et al. 2017).",
            recipe=WGAN_CLIP,
            requires=settings.needs_enforcer,
        ),
    ]


def _enforcers() -> list[Component]:
    return [
        Component("lipschitz", "none", "gantool_classic.lipschitz:Unbounded", "Nothing bounds the critic's slope."),
        Component(
            kind="lipschitz",
            name="clip",
            target="gantool_classic.lipschitz:Clip",
            options=settings.ClipOptions,
            summary="Every weight is clamped after each critic step (Arjovsky et al. 2017).",
        ),
        Component(
            kind="lipschitz",
            name="gp",
            target="gantool_classic.lipschitz:GradientPenalty",
            options=settings.PenaltyOptions,
            summary="Punishes slopes away from 1 between real and fake (Gulrajani et al. 2017).",
            critic_norms=("layer", "instance", "none"),
        ),
    ]


def _conditionings() -> list[Component]:
    return [
        Component("conditioning", "none", "gantool_classic.conditioning:Unconditional", "Labels are not used."),
        Component(
            kind="conditioning",
            name="onehot",
            target="gantool_classic.conditioning:OneHot",
            summary="A one-hot or multi-hot code joins z, and as constant planes the picture (Mirza & Osindero 2014).",
        ),
        Component(
            kind="conditioning",
            name="embedding",
            target="gantool_classic.conditioning:Embedding",
            options=settings.EmbeddingOptions,
            summary="A small learned code of the label on both sides, for many classes.",
        ),
        Component(
            kind="conditioning",
            name="slot",
            target="gantool_classic.conditioning:LabelSlot",
            summary="The label sits in fixed coordinates beside z and D does not see it: for --regularizer auxiliary.",
        ),
    ]


def _converters() -> list[Component]:
    return [
        Component(
            kind="converter",
            name="tutorial-dcgan",
            target="gantool_classic.tutorial:TutorialDcgan",
            summary="Generators of the DCGAN tutorial: 4x4 transposed convolutions, batch norm, ReLU and Tanh.",
        ),
    ]


def _recipes() -> list[Component]:
    return [
        Component("recipe", name, f"gantool_classic:recipes/{name}.toml", summary, Options)
        for name, summary in RECIPES.items()
    ]


@hookimpl
def gantool_components() -> list[Component]:
    measured = {"shapes": SHAPES, "gaussians": GAUSSIANS, "mnist": GREY, "fashion-mnist": GREY}
    datasets = [replace(part, recipe=measured.get(part.name, part.recipe)) for part in DATASETS]
    return [
        *_architectures(),
        *_losses(),
        *_enforcers(),
        *_conditionings(),
        *datasets,
        *REGULARIZERS,
        *CLASSIFIERS,
        *FINDERS,
        *DIAGNOSTICS,
        *EXTRACTORS,
        *METRICS,
        *_converters(),
        *_recipes(),
    ]
