"""Was written for a gantool that does not exist yet."""

from gantool import hookimpl

GANTOOL_API = 2


@hookimpl
def gantool_components():
    raise AssertionError("no hook of a refused plugin is called")
