"""Options, without torch: each is a flag, a line of TOML, and a row of `gantool components KIND example`."""

from __future__ import annotations

from typing import Annotated

from gantool import Meta, Options


class ExampleOptions(Options, frozen=True):
    weight: Annotated[float, Meta(ge=0, le=1e6, description="gamma, the weight of the penalty")] = 10.0
