"""The plugin: a description of what it brings. It imports no torch; what it points to is imported on use."""

from __future__ import annotations

from gantool import Component, hookimpl
from gantool_example.settings import ExampleOptions

GANTOOL_API = 1


@hookimpl
def gantool_components() -> list[Component]:
    return [
        Component(
            kind="conditioning",
            name="example",
            target="gantool_example.conditioning:Example",
            options=ExampleOptions,
            summary="A learned code of the label beside z, and its product with D's features.",
        ),
    ]
