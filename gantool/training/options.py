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
    evaluate_every: (
        Annotated[int, Meta(ge=1, description="generator steps between two evaluations; 10 in a run if others tell")]
        | None
    ) = None
    metrics: Annotated[str, Meta(description="what is evaluated, separated by commas; all that can be had")] | None = (
        None
    )
    keep_best: Annotated[str, Meta(description="the metric whose best checkpoint becomes the run's")] | None = None
    extractor: Annotated[str, Meta(description="by whose features pictures are compared, a name or a file")] | None = (
        None
    )
    evaluate_count: Annotated[int, Meta(ge=10, le=10**6, description="samples in an evaluation")] = 2000
    keep: Annotated[int, Meta(ge=1, le=10**6, description="checkpoints to keep, the newest")] = 3
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], Meta(description="where to compute")] = "auto"
    threads: Annotated[int, Meta(ge=1, le=1024, description="processor threads; torch decides if not given")] | None = (
        None
    )
    diagnose: Annotated[bool, Meta(description="watch the run for known failures")] = True
