"""Losses that fail at a step: given to a run by ``--plugin``."""

import time
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from gantool import Component, Options, hookimpl
from gantool_classic.losses import Bce

GANTOOL_API = 1
HANGS = Path("hangs")  # appears when a step has begun that will not end


class Moment(Options, frozen=True, kw_only=True):
    """When it fails."""

    step: Annotated[int, Meta(description="the step that fails, from 1", ge=1)] = 4
    term: Annotated[Literal["d", "g"], Meta(description="whose loss")] = "d"


class Hanging(Bce):
    """Never ends a step."""

    def discriminator(self, real_scores, fake_scores):
        HANGS.touch()
        time.sleep(600)


class Broken(Bce):
    """Becomes infinite at one step."""

    def __init__(self, options):
        self.options = options
        self.calls = {"d": 0, "g": 0}

    def discriminator(self, real_scores, fake_scores):
        return super().discriminator(real_scores, fake_scores) * self.factor("d")

    def generator(self, fake_scores, real_scores=None):
        return super().generator(fake_scores) * self.factor("g")

    def factor(self, term):
        self.calls[term] += 1
        return float("inf") if (self.calls[term], term) == (self.options.step, self.options.term) else 1.0


@hookimpl
def gantool_components():
    target = f"{__name__}:"
    return [
        Component(kind="loss", name="hanging", target=target + "Hanging", options=Options, summary="Never ends."),
        Component(kind="loss", name="broken", target=target + "Broken", options=Moment, summary="Becomes infinite."),
    ]
