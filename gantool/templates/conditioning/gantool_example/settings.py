"""Options, without torch: each is a flag, a line of TOML, and a row of `gantool components KIND example`."""

from __future__ import annotations

from typing import Annotated

from gantool import Meta, Options


class ExampleOptions(Options, frozen=True):
    width: Annotated[int, Meta(ge=1, le=1024, description="numbers of the generator's code of a label")] = 8
