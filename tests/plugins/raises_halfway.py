"""Yields one component and then fails."""

from gantool import Component, hookimpl

GANTOOL_API = 1


@hookimpl
def gantool_components():
    yield Component("loss", "half", "raises_halfway:Half", "The half that came through.")
    raise ValueError("half-way")
