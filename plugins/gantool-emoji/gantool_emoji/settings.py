"""Options, without torch."""

from __future__ import annotations

from typing import Annotated, Literal

from gantool import Meta, Options

Category = Literal["smileys", "people", "animals", "food", "travel", "activities", "objects", "symbols", "flags"]


class EmojiOptions(Options, frozen=True):
    root: Annotated[str, Meta(description="the folder where npm made node_modules", extra={"path": True})] | None = None
    size: Annotated[int, Meta(ge=16, le=64, description="side in pixels; the files have 64")] = 32
    background: Annotated[str, Meta(description="colour behind the emoji: a name or #rrggbb")] = "white"
    categories: Annotated[tuple[Category, ...], Meta(description="categories of Unicode; none given is all")] = ()
    skin_tones: Annotated[bool, Meta(description="also take people and hands in each of the five skin tones")] = True
    min_count: Annotated[
        int, Meta(ge=1, le=10_000, description="a keyword of so many emoji, tones apart, is an attribute")
    ] = 12
    holdout: Annotated[
        float, Meta(ge=0, le=0.9, description="share of the emoji kept for the test split, by their code points")
    ] = 0.1
    split: Annotated[Literal["train", "test", "all"], Meta(description="which examples")] = "train"
