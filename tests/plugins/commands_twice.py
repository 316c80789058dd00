"""Uses one name for two commands."""

from gantool import Command, hookimpl

GANTOOL_API = 1


@hookimpl
def gantool_commands():
    return [Command("twin", f"Number {number}.", "commands_twice:twin") for number in (1, 2)]
