"""The options and rules of the built-in networks, losses, enforcers and conditionings, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from gantool import Meta, Options

if TYPE_CHECKING:
    from gantool import RunConfig

Norm = Literal["batch", "layer", "instance", "none"]
AutoNorm = Literal["auto", "batch", "layer", "instance", "none"]
Width = Annotated[int, Meta(ge=1, le=4096)]


class MlpOptions(Options, frozen=True):
    hidden_g: Annotated[
        tuple[Width, ...], Meta(max_length=32, description="widths of the generator's hidden layers")
    ] = (128, 256, 512, 1024)
    hidden_d: Annotated[
        tuple[Width, ...], Meta(max_length=32, description="widths of the discriminator's hidden layers")
    ] = (512, 256, 128)
    norm_g: Annotated[Literal["batch", "layer", "none"], Meta(description="norm in the generator")] = "batch"
    norm_d: Annotated[
        Literal["auto", "batch", "layer", "none"], Meta(description="norm in the discriminator; auto is none")
    ] = "auto"
    slope: Annotated[float, Meta(ge=0, le=1, description="LeakyReLU's slope in the discriminator")] = 0.2


class DcganOptions(Options, frozen=True):
    channels: Annotated[int, Meta(ge=1, le=1024, description="generator's channels before the last layer")] = 64
    channels_d: Annotated[
        Annotated[int, Meta(ge=1, le=1024)] | None,
        Meta(description="discriminator's channels after the first layer; none: the generator's"),
    ] = None
    max_channels: Annotated[int, Meta(ge=1, le=4096, description="no layer is wider than this")] = 512
    kernel: Annotated[int, Meta(ge=2, le=9, description="kernel of the layers that halve and double")] = 4
    upsample: Annotated[
        Literal["transposed", "nearest", "bilinear"],
        Meta(description="how the generator doubles: transposed convolution, or upsampling and convolution"),
    ] = "transposed"
    norm_g: Annotated[Norm, Meta(description="norm in the generator")] = "batch"
    norm_d: Annotated[AutoNorm, Meta(description="norm in the discriminator; auto follows the enforcer")] = "auto"
    norm_first: Annotated[bool, Meta(description="norm after the discriminator's first layer too")] = False
    affine: Annotated[bool, Meta(description="instance norms learn a scale and a shift")] = False
    bias: Annotated[bool, Meta(description="convolutions that a norm follows have a bias")] = False
    slope: Annotated[float, Meta(ge=0, le=1, description="LeakyReLU's slope in the discriminator")] = 0.2
    init: Annotated[
        Literal["normal", "torch"],
        Meta(description="first weights: N(0, 0.02) as published, or torch's default"),
    ] = "normal"


class ClipOptions(Options, frozen=True):
    bound: Annotated[float, Meta(gt=0, le=100, description="each weight is kept in [-bound, bound]")] = 0.01


class PenaltyOptions(Options, frozen=True):
    weight: Annotated[float, Meta(ge=0, le=1e6, description="lambda, the weight of the penalty")] = 10.0
    target: Annotated[float, Meta(ge=0, le=1e6, description="the slope that the penalty asks for")] = 1.0
    one_sided: Annotated[bool, Meta(description="punish only slopes above the target")] = False
    every: Annotated[int, Meta(ge=1, le=1000, description="compute it every k critic steps, k times as heavy")] = 1


class EmbeddingOptions(Options, frozen=True):
    width: Annotated[int, Meta(ge=1, le=1024, description="width of the learned code, on both sides")] = 8


def auto_norm(config: RunConfig) -> Mapping[str, Any]:
    """Resolve ``norm_d``: batch norm where the enforcer allows it, else what the enforcer prefers."""
    allowed = config.critic_norms
    return {"norm_d": "batch" if allowed is None or "batch" in allowed else allowed[0]}


def no_norm(config: RunConfig) -> Mapping[str, Any]:
    """Resolve ``norm_d`` of an mlp, whose discriminator has no norm by default."""
    return {"norm_d": "none"}


def norm_is_allowed(config: RunConfig) -> str | None:
    """Refuse a norm that the enforcer cannot work with: the penalty's slope is that of one sample alone."""
    norm = getattr(config.options["arch"], "norm_d")  # noqa: B009  # a rule shared by two structs
    allowed = config.critic_norms
    if allowed is None or norm in allowed:
        return None
    enforcer = config.name("lipschitz")
    return (
        f"norm-d {norm} was given with --lipschitz {enforcer}; allowed there: {', '.join(allowed)}; "
        f"type: --arch.norm-d {allowed[0]}"
    )


def mlp_rules(config: RunConfig) -> str | None:
    """Refuse what ``norm_is_allowed`` does, and a batch of one under a batch norm of vectors."""
    options = config.options["arch"]
    if config.training.batch_size == 1 and "batch" in (options.norm_g, options.norm_d):  # type: ignore[attr-defined]
        return "batch norm was given with --batch-size 1; it needs 2 or more; type: --arch.norm-g layer"
    return norm_is_allowed(config)


def needs_enforcer(config: RunConfig) -> str | None:
    """Refuse a Wasserstein critic whose slope nothing bounds."""
    if config.name("lipschitz") != "none":
        return None
    return (
        "a Wasserstein critic was given with --lipschitz none; its loss needs an enforcer of the Lipschitz condition; "
        "type: --loss wgan-gp or --loss wgan-clip, or add --lipschitz gp"
    )
