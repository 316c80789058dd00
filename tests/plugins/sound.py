"""A plugin as it should be, with a command; two of its targets are broken, which shows when they are used."""

from gantool import Command, Component, hookimpl

GANTOOL_API = 1


@hookimpl
def gantool_components():
    return [
        Component("loss", "sound", "sound:Sound", "A loss."),
        Component("loss", "missing-target", "no_such_module:Loss", "A loss whose module is gone."),
        Component("loss", "exiting-target", "exits_at_import:Loss", "A loss whose module ends the process."),
    ]


@hookimpl
def gantool_commands():
    yield Command("greet", "Say hello.", "sound_commands:greet")
    yield Command("vanished", "Was moved.", "sound_commands:vanished")


class Sound:
    def __init__(self, options):
        self.options = options
