"""The plugin: a description of what it brings. It imports no torch; what it points to is imported on use."""

from __future__ import annotations

from gantool import Component, hookimpl
from gantool_example.settings import ExampleOptions

GANTOOL_API = 1


@hookimpl
def gantool_components() -> list[Component]:
    return [
        Component(
            kind="dataset",
            name="example",
            target="gantool_example.data:Example",
            options=ExampleOptions,
            summary="Bright squares on the left or on the right.",
        ),
    ]
