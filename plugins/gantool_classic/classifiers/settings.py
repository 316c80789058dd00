"""The options of the built-in classifiers, without torch."""

from __future__ import annotations

from typing import Annotated

from gantool import Meta, Options

__all__ = ["ConvnetOptions", "EfficientnetOptions"]


class ConvnetOptions(Options, frozen=True):
    """Options of ``convnet``."""

    width: Annotated[int, Meta(ge=1, le=1024, description="channels of the first layer; the last has 4 times")] = 32
    hidden: Annotated[int, Meta(ge=1, le=65536, description="width of the hidden layer behind them")] = 128


class EfficientnetOptions(Options, frozen=True):
    """Options of ``efficientnet-lite0``."""

    weights: (
        Annotated[str, Meta(description="efficientnet-lite0-57934424.pth, if not installed", extra={"path": True})]
        | None
    ) = None
