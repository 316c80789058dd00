"""Forgot to mark its hook."""

GANTOOL_API = 1


def gantool_components():
    raise AssertionError("no hook of a refused plugin is called")
