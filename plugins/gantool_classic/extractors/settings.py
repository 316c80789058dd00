"""The options of the built-in extractors, without torch.

By convention the option of an extractor that names the file of its weights is called ``weights``: so
``--extractor FILE`` finds the extractor that the file is for.
"""

from __future__ import annotations

from typing import Annotated

from gantool import Meta, Options

__all__ = ["ClassifierOptions", "EfficientnetOptions", "InceptionOptions"]


class ClassifierOptions(Options, frozen=True):
    """Options of ``classifier``."""

    weights: Annotated[str, Meta(description="a file of gantool classifier train", extra={"path": True})] | None = None


class EfficientnetOptions(Options, frozen=True):
    """Options of ``efficientnet-lite0``."""

    weights: (
        Annotated[str, Meta(description="efficientnet-lite0-57934424.pth, if not installed", extra={"path": True})]
        | None
    ) = None


class InceptionOptions(Options, frozen=True):
    """Options of ``inception``."""

    weights: (
        Annotated[
            str,
            Meta(
                description="weights-inception-2015-12-05-6726825d.pth, if not in torch's cache", extra={"path": True}
            ),
        ]
        | None
    ) = None
    allow_download: Annotated[bool, Meta(description="fetch the weights, 91 MB, where there are none")] = False
