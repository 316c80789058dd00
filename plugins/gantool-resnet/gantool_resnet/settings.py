"""Options and their rules, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from gantool import Meta, Options

if TYPE_CHECKING:
    from gantool import RunConfig

NORMS = ("batch", "layer", "none")  # the preferred first

Width = Annotated[int, Meta(ge=1, le=4096)]


class ResnetOptions(Options, frozen=True):
    channels: Annotated[
        Width, Meta(description="generator's channels after its last block; doubled inwards from there")
    ] = 32
    max_channels: Annotated[Width, Meta(description="no block of the generator is wider than this")] = 128
    channels_d: Annotated[
        Width | None, Meta(description="discriminator's channels after its first block; none: the generator's")
    ] = None
    max_channels_d: Annotated[
        Width | None, Meta(description="no block of the discriminator is wider than this; none: the generator's")
    ] = None
    flat_d: Annotated[
        int, Meta(ge=0, le=16, description="last blocks of the discriminator that keep the size; the first one halves")
    ] = 1
    pooling: Annotated[
        Literal["sum", "mean"], Meta(description="how the discriminator's features are taken from its last map")
    ] = "sum"
    norm_g: Annotated[Literal["batch", "layer", "none"], Meta(description="norm in the generator")] = "batch"
    norm_d: Annotated[
        Literal["auto", "batch", "layer", "none"],
        Meta(description="norm in the discriminator; auto follows the enforcer"),
    ] = "auto"


def preferred_norm(allowed: tuple[str, ...] | None) -> str | None:
    """Return the discriminator's norm where the enforcer allows some norms, or any; None where it has none of them."""
    found = NORMS if allowed is None or "batch" in allowed else [norm for norm in allowed if norm in NORMS]
    return found[0] if found else None


def auto_norm(config: RunConfig) -> Mapping[str, Any]:
    """Resolve ``norm_d``: batch norm where the enforcer allows it, else what the enforcer prefers."""
    return {"norm_d": preferred_norm(config.critic_norms) or "none"}


def norm_is_allowed(config: RunConfig) -> str | None:
    """Refuse a norm in the discriminator that the enforcer cannot work with."""
    norm, allowed = cast(ResnetOptions, config.options["arch"]).norm_d, config.critic_norms
    if allowed is None or norm in allowed:
        return None
    enforcer, better = config.name("lipschitz"), preferred_norm(allowed)
    return f"norm-d {norm} was given with --lipschitz {enforcer}; allowed there: {', '.join(allowed)}; " + (
        f"type: --arch.norm-d {better}" if better else "type: --arch dcgan"
    )
