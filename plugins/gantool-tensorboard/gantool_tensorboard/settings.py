"""Options, without torch."""

from __future__ import annotations

from typing import Annotated

from gantool import Meta, Options


class TensorBoardOptions(Options, frozen=True):
    folder: (
        Annotated[
            str,
            Meta(extra={"path": True}, description="write into PATH/NAME-OF-THE-RUN; RUN/tensorboard if not given"),
        ]
        | None
    ) = None
