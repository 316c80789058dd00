"""Uses one name for two components."""

from gantool import Component, hookimpl

GANTOOL_API = 1


@hookimpl
def gantool_components():
    return [Component("loss", "twin", "provides_twice:Twin", f"Number {number}.") for number in (1, 2)]
