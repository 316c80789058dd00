"""Options, without torch: each is a flag, a line of TOML, and a row of `gantool components KIND example`."""

from __future__ import annotations

from typing import Annotated

from gantool import Meta, Options


class ExampleOptions(Options, frozen=True):
    target: Annotated[float, Meta(gt=0, le=100, description="the score that D should give to real samples")] = 1.0
