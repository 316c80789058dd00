"""Has a hook whose name lacks a letter."""

from gantool import hookimpl

GANTOOL_API = 1


@hookimpl
def gantool_component():
    raise AssertionError("no hook of a refused plugin is called")
