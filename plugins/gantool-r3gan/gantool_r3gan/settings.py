"""Options and the rule that joins them, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from gantool import Meta, Options

if TYPE_CHECKING:
    from gantool import RunConfig


class R1R2Options(Options, frozen=True):
    gamma: Annotated[float, Meta(ge=0, le=1e6, description="weight of the penalties, from the first critic step")] = 0.1
    gamma_end: (
        Annotated[float, Meta(ge=0, le=1e6, description="weight after --burn-in critic steps; none: it stays")] | None
    ) = None
    burn_in: (
        Annotated[int, Meta(ge=1, le=10**9, description="critic steps in which gamma goes to its end by a cosine")]
        | None
    ) = None
    every: Annotated[int, Meta(ge=1, le=1000, description="compute them every k critic steps, k times as heavy")] = 1
    r2: Annotated[bool, Meta(description="punish the slope at generated samples too; off, it is R1")] = True


def schedule_is_whole(config: RunConfig) -> str | None:
    """Refuse one end of gamma's schedule without the other."""
    options = config.options["lipschitz"]
    assert isinstance(options, R1R2Options)
    if (options.gamma_end is None) == (options.burn_in is None):
        return None
    if options.burn_in is None:
        given, hint = "gamma-end was given without burn-in", f"--lipschitz.burn-in {config.training.steps}"
    else:
        given, hint = "burn-in was given without gamma-end", f"--lipschitz.gamma-end {options.gamma / 10:g}"
    return f"{given}; a schedule of gamma needs both; type: {hint}"
