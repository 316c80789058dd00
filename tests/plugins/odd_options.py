"""Has an option that no flag could give."""

from gantool import Component, Options, hookimpl

GANTOOL_API = 1


class OddOptions(Options, frozen=True):
    table: dict[str, int] = {}  # noqa: RUF012  # msgspec copies it


@hookimpl
def gantool_components():
    return [Component("loss", "odd", "odd_options:Odd", "Odd.", OddOptions)]
