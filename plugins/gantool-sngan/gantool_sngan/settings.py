"""Options, without torch."""

from __future__ import annotations

from typing import Annotated

from gantool import Meta, Options


class SpectralNormOptions(Options, frozen=True):
    iterations: Annotated[int, Meta(ge=1, le=100, description="power iterations in each pass of D's own step")] = 1
