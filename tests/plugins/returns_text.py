"""Returns names where components are due."""

from gantool import hookimpl

GANTOOL_API = 1


@hookimpl
def gantool_components():
    return ["hinge"]
