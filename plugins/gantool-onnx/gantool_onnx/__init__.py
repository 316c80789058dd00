"""The plugin: the command ``gantool onnx``; nothing here imports torch or onnx."""

from __future__ import annotations

from gantool import Command, hookimpl

GANTOOL_API = 1


@hookimpl
def gantool_commands() -> list[Command]:
    return [
        Command(
            name="onnx",
            summary="Export a generator to ONNX, checked against torch.",
            target="gantool_onnx.command:command",
        )
    ]
