"""A plugin whose command has the name of a built-in one."""

from gantool import Command, hookimpl

GANTOOL_API = 1


@hookimpl
def gantool_commands():
    return [Command("train", "Train otherwise.", "sound_commands:greet")]
