"""The plugin: a description of what it brings. It imports no torch; what it points to is imported on use."""

from __future__ import annotations

from gantool import Component, hookimpl
from gantool_example.settings import ExampleOptions

GANTOOL_API = 1


@hookimpl
def gantool_components() -> list[Component]:
    return [
        Component(
            kind="architecture",
            name="example",
            target="gantool_example.networks:Example",
            options=ExampleOptions,
            summary="Two hidden layers of one width, for pictures and points.",
        ),
    ]
