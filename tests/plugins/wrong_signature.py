"""Has a hook that wants what no one gives."""

from gantool import hookimpl

GANTOOL_API = 1


@hookimpl
def gantool_components(registry):
    raise AssertionError("no hook of a refused plugin is called")
