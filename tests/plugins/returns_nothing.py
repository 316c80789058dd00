"""Forgot its return."""

from gantool import hookimpl

GANTOOL_API = 1


@hookimpl
def gantool_components():
    pass
