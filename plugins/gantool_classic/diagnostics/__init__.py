"""The built-in diagnostics, listed without importing them."""

from __future__ import annotations

from gantool import Component

__all__ = ["COMPONENTS"]

HOME = "gantool_classic.diagnostics.checks"

COMPONENTS: list[Component] = [
    Component(
        kind="diagnostic",
        name="mode-collapse",
        target=f"{HOME}:ModeCollapse",
        summary="Samples show less than 0.5 of the data's variety.",
    ),
    Component(
        kind="diagnostic",
        name="vanishing-gradient",
        target=f"{HOME}:VanishingGradient",
        summary="D wins, and the slope of G's loss is below 0.02 or its gradient below 1e-8.",
    ),
    Component(
        kind="diagnostic",
        name="saturated-discriminator",
        target=f"{HOME}:SaturatedDiscriminator",
        summary="The slope of D's loss stays below 0.01: it has nothing more to learn or to teach.",
    ),
    Component(
        kind="diagnostic",
        name="superior-generator",
        target=f"{HOME}:SuperiorGenerator",
        summary="D ranks less than 60 % of pairs rightly, and samples are over 0.75 of the data's spread away.",
    ),
    Component(
        kind="diagnostic",
        name="lipschitz-violation",
        target=f"{HOME}:LipschitzViolation",
        summary="D's slope between real and fake is over 4 times what its enforcer holds it to.",
    ),
    Component(
        kind="diagnostic",
        name="divergence",
        target=f"{HOME}:Divergence",
        summary="Samples move away from the data: 3 times as far as at their best, or 5 times its spread.",
    ),
]
