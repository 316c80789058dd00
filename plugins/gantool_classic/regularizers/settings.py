"""The options and rules of the built-in regularizers, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from gantool import Meta, Options

if TYPE_CHECKING:
    from gantool import RunConfig

Weight = Annotated[float, Meta(ge=0, le=1e6, description="weight of the term")]
Every = Annotated[int, Meta(ge=1, le=1000, description="compute it every k steps, k times as heavy")]
Draws = Annotated[int, Meta(ge=2, le=64, description="random directions that the variance is taken over")]
Epsilon = Annotated[float, Meta(gt=0, le=10, description="length of the finite difference")]
Width = Annotated[int, Meta(ge=1, le=4096, description="width of the head's hidden layer")]

FEWEST = 4  # samples of a part: of two any correlation is 1 or -1


class InfoGanOptions(Options, frozen=True):
    """Options of ``infogan``."""

    weight: Weight = 1.0
    continuous: Annotated[int, Meta(ge=0, le=256, description="codes from U(-1, 1)")] = 2
    categories: Annotated[
        tuple[Annotated[int, Meta(ge=2, le=10_000)], ...],
        Meta(max_length=16, description="one-hot codes, each with so many categories"),
    ] = ()
    continuous_weight: Annotated[
        float, Meta(ge=0, le=1e6, description="weight of the continuous codes beside the categories")
    ] = 0.1
    hidden: Width = 128


class HessianOptions(Options, frozen=True):
    """Options of ``hessian``; the published weight of 0.1 kept small DCGANs on shapes from learning."""

    weight: Weight = 0.001
    draws: Draws = 2
    epsilon: Epsilon = 0.1
    reduce: Annotated[Literal["max", "mean"], Meta(description="over the numbers of a sample")] = "max"
    every: Every = 4


class OroJarOptions(Options, frozen=True):
    """Options of ``orojar``."""

    weight: Weight = 1.0
    draws: Draws = 2
    epsilon: Epsilon = 0.1
    every: Every = 4


class ClassifierSlotsOptions(Options, frozen=True):
    """Options of regularizer ``classifier``."""

    file: Annotated[str, Meta(description="what gantool classifier train wrote", extra={"path": True})] | None = None
    features: Annotated[
        tuple[str, ...], Meta(max_length=256, description="the features to tie to a slot each: its names")
    ] = ()
    weight: Weight = 1.0
    leak_weight: Annotated[
        float, Meta(ge=0, le=1e6, description="weight of what a slot says about the other features")
    ] = 1.0


class AuxiliaryOptions(Options, frozen=True):
    """Options of ``auxiliary``."""

    weight: Weight = 1.0
    hidden: Width = 128


def needs_codes(config: RunConfig) -> str | None:
    """Refuse InfoGAN without a code."""
    options = config.options["infogan"]
    if getattr(options, "continuous") or getattr(options, "categories"):  # noqa: B009  # any struct, to mypy
        return None
    return "has no code; type: --infogan.continuous 2 or --infogan.categories 10"


def needs_classifier_file(config: RunConfig) -> str | None:
    """Refuse slots without a classifier and without features, and batches in parts too small to correlate."""
    options = config.options["classifier"]
    if not getattr(options, "file") or not getattr(options, "features"):  # noqa: B009  # any struct, to mypy
        return (
            "needs a classifier and the features to tie; "
            "type: --classifier.file FILE --classifier.features size,hue (gantool classifier train makes one)"
        )
    training = config.training
    if training.batch_size < FEWEST * training.accumulate:
        given = f"correlates the samples of a part, and has {training.batch_size} in {training.accumulate} of them"
        return f"{given}; parts of {FEWEST} or more; type: --accumulate {max(1, training.batch_size // FEWEST)}"
    return None


def needs_labels(config: RunConfig) -> str | None:
    """Refuse a generator that is not told the label, and a discriminator that is: its features hold it already."""
    name = config.name("condition")
    if name == "none":
        return "asks the sample to show a label that G was never told (--condition none); type: --condition slot"
    if name in ("onehot", "embedding"):
        return (
            f"would read the label off what D is shown (--condition {name}), not off the sample; type: --condition slot"
        )
    return None
