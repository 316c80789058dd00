"""Does not say which API it was written for."""

from gantool import hookimpl


@hookimpl
def gantool_components():
    raise AssertionError("no hook of a refused plugin is called")
