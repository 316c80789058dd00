"""What a run is told besides its settings; light, so that a help text needs no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from gantool.options import Meta, Options

__all__ = ["RunOptions"]


class RunOptions(Options, frozen=True):
    """What is not part of a run's settings: where it goes, where and how long it computes, what it tells."""

    out: (
        Annotated[str, Meta(extra={"path": True}, description="run folder; runs/DATA-ARCH-LOSS if not given")] | None
    ) = None
    minutes: Annotated[float, Meta(gt=0, le=1e6, description="train for this long, instead of to --steps")] | None = (
        None
    )
    log_every: Annotated[int, Meta(ge=1, description="generator steps between two lines of the log")] | None = None
    sample_every: Annotated[int, Meta(ge=1, description="generator steps between two sample grids")] | None = None
    checkpoint_every: Annotated[int, Meta(ge=1, description="generator steps between two checkpoints")] | None = None
    keep: Annotated[int, Meta(ge=1, le=10**6, description="checkpoints to keep, the newest")] = 3
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], Meta(description="where to compute")] = "auto"
    threads: Annotated[int, Meta(ge=1, le=1024, description="processor threads; torch decides if not given")] | None = (
        None
    )
    diagnose: Annotated[bool, Meta(description="watch the run for known failures")] = True
