"""The other of two plugins with the same name for a loss."""

from gantool import Component, hookimpl

GANTOOL_API = 1


@hookimpl
def gantool_components():
    return [
        Component("loss", "hinge", "clash_right:Hinge", "Right."),
        Component("loss", "right", "clash_right:Hinge", "Right."),
    ]
