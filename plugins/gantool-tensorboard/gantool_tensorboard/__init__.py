"""The plugin: an observer that writes TensorBoard's event files; nothing here imports torch or tensorboard."""

from __future__ import annotations

from gantool import Component, hookimpl
from gantool_tensorboard.settings import TensorBoardOptions

GANTOOL_API = 1


@hookimpl
def gantool_components() -> list[Component]:
    return [
        Component(
            kind="observer",
            name="tensorboard",
            target="gantool_tensorboard.observer:TensorBoard",
            options=TensorBoardOptions,
            summary="Writes curves, pictures, findings and settings for: tensorboard --logdir runs.",
        ),
    ]
