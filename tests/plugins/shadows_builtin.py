"""Brings one component of its own and one with the name of a built-in one."""

from gantool import Component, hookimpl

GANTOOL_API = 1


@hookimpl
def gantool_components():
    return [
        Component("loss", "shadow", "shadows_builtin:Shadow", "A name of its own."),
        Component("loss", "bce", "shadows_builtin:Shadow", "The name of a built-in loss."),
    ]
