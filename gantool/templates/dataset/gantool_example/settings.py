"""Options, without torch: each is a flag, a line of TOML, and a row of `gantool components KIND example`."""

from __future__ import annotations

from typing import Annotated

from gantool import Meta, Options


class ExampleOptions(Options, frozen=True):
    size: Annotated[int, Meta(ge=8, le=512, description="height and width of the pictures")] = 32
    length: Annotated[int, Meta(ge=2, le=10**6, description="how many pictures there are")] = 2000
