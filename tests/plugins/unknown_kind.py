"""Has a component of a kind that does not exist."""

from gantool import Component, hookimpl

GANTOOL_API = 1


@hookimpl
def gantool_components():
    return [Component("losses", "hinge", "unknown_kind:Hinge", "Hinge.")]
