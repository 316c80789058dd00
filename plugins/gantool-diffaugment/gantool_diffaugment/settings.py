"""Options and rules, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from gantool import Meta, Options

if TYPE_CHECKING:
    from gantool import RunConfig

NO_ZERO = ("wgan", "wgan-clip", "wgan-gp", "rpgan")  # any number could be added to D's scores


class DiffAugmentOptions(Options, frozen=True):
    policy: Annotated[
        tuple[Literal["color", "translation", "cutout"], ...], Meta(min_length=1, description="what may change")
    ] = ("color", "translation", "cutout")


class AdaOptions(Options, frozen=True):
    policy: Annotated[
        tuple[Literal["blit", "geom", "color"], ...],
        Meta(
            min_length=1,
            description="what may change: blit flips, turns and shifts by whole pixels, geom scales and rotates",
        ),
    ] = ("blit", "geom", "color")
    p: Annotated[float, Meta(ge=0, le=1, description="probability of each change at the first step")] = 0.0
    target: Annotated[
        float, Meta(ge=0, le=1, description="mean sign of D's scores of real pictures that p is moved to keep")
    ] = 0.6
    speed: Annotated[
        int, Meta(ge=0, le=1_000_000_000, description="real pictures that take p from 0 to 1; 0 keeps p as it is")
    ] = 500_000


def scores_have_a_zero(config: RunConfig) -> str | None:
    """Refuse to follow the sign of scores to which any number could be added, as in Wasserstein and paired losses."""
    loss = config.name("loss")
    if loss not in NO_ZERO or not getattr(config.options["ada"], "speed"):  # noqa: B009
        return None
    return (
        f"p follows the sign of D's scores, which says nothing with --loss {loss}; "
        "a loss with scores around 0, as bce, or a p that stays; type: --ada.speed 0 --ada.p 0.2"
    )
