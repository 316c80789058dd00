"""Marks something as a hook that is none."""

from gantool import hookimpl

GANTOOL_API = 1


@hookimpl
def components():
    raise AssertionError("no hook of a refused plugin is called")
