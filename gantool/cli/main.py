"""``gantool``: the group of commands. A command's module is imported when it is used, a help text needs none."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module

import click

from gantool import __version__
from gantool.cli.console import complain, note, say
from gantool.commands import COMMANDS
from gantool.errors import GantoolError, is_out_of_memory, nearest
from gantool.plugins import PluginSet, load_local, load_plugins
from gantool.registry import Command

GLOBAL_FLAGS = ("--debug", "--no-plugins")  # accepted anywhere on the line
EPILOG = """\b
Examples:
  gantool train --loss wgan-gp --arch dcgan
  gantool sample runs/shapes-dcgan-wgan-gp
  gantool interpolate one.png two.png
  gantool steer RUN --toward size --classifier shapes-classifier.safetensors
  gantool components loss
"""
START = """gantool trains GANs and uses them. The usual steps:

  gantool train --loss wgan-gp                       minutes, no GPU, no files
  gantool sample RUN -n 64 -o samples.png            train says where RUN is
  gantool interpolate RUN seed:1 seed:2 -o film.gif  from picture to picture
  gantool evaluate RUN                               how good, how varied?

All commands: gantool --help. What a GAN can be made of: gantool components."""


class Gantool(click.Group):
    """The built-in commands by table, and those of plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the built-in commands in their order, then the plugins'."""
        return [*COMMANDS, *sorted(_plugin_commands(ctx))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name in COMMANDS:
            command: click.Command = import_module(f"gantool.cli.{cmd_name}").command
            return command
        if cmd_name in _plugin_commands(ctx):
            loaded: click.Command = _plugin_commands(ctx)[cmd_name].load()
            return loaded
        near = nearest(cmd_name, [*self.list_commands(ctx), "--help", "--version"])
        return ctx.fail(f"there is no command {cmd_name!r}" + (f"; {near}" if near else ""))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands with their summaries, without importing any."""
        rows = list(COMMANDS.items())
        rows += [(name, item.summary) for name, item in sorted(_plugin_commands(ctx).items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _plugins(ctx: click.Context) -> PluginSet:
    """Load what the global flags ask for; commands are looked up before ``cli`` itself is called."""
    found = load_plugins(True) if ctx.params.get("no_plugins") else load_plugins()  # the same call, the same set
    for path in ctx.params.get("plugins") or ():
        load_local(path, found)
    return found


def _plugin_commands(ctx: click.Context) -> Mapping[str, Command]:
    return _plugins(ctx).registry.commands


@click.command(
    cls=Gantool,
    epilog=EPILOG,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="gantool %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--no-plugins", is_flag=True, is_eager=True, help="Use the built-in plugin only.")
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    is_eager=True,  # as --help is: the help text lists what they add
    metavar="FILE",
    help="Load a local Python file with gantool hooks.",
)
@click.pass_context
def cli(ctx: click.Context, debug: bool, no_plugins: bool, plugins: tuple[str, ...]) -> None:
    """Train and use GANs. Every part is a plugin; checkpoints are safetensors."""
    found = _plugins(ctx)
    ctx.obj = found
    for plugin in found.broken() if ctx.invoked_subcommand != "plugin" else ():
        note(f"plugin {plugin.name} is not used ({plugin.status}); type: gantool plugin show {plugin.name}")
    for name in found.missing:
        note(f"GANTOOL_PLUGINS names {name!r}, which is not installed; type: gantool plugin list")
    if ctx.invoked_subcommand is None:
        say(START)


def hoist(arguments: Sequence[str]) -> list[str]:
    """Move the global flags to the front, so that they may stand anywhere on the line."""
    front: list[str] = []
    rest: list[str] = []
    pending = iter(arguments)
    for argument in pending:
        if argument == "--":
            rest += [argument, *pending]
        elif argument in GLOBAL_FLAGS or argument.startswith("--plugin="):
            front.append(argument)
        elif argument == "--plugin":
            front += [argument, *([following] if (following := next(pending, None)) else [])]
        else:
            rest.append(argument)
    return [*front, *rest]


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage or input, 130 and 143 stopped after saving."""
    line = hoist(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a letter that a pipe's encoding lacks, as on Windows
    try:
        code = cli.main(line, prog_name="gantool", standalone_mode=False)
    except GantoolError as error:
        code = _fail(str(error), error.exit_code, "--debug" in line)
    except click.UsageError as error:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            note(error.format_message())
            sys.exit(2)
        code = _fail(_usage(error, line), 2, "--debug" in line)
    except click.ClickException as error:  # of a plugin's command
        code = _fail(f"gantool: {error.format_message()}", error.exit_code, "--debug" in line)
    except click.Abort:
        code = _fail("gantool: was interrupted", 130, False)
    except Exception as error:
        found = load_plugins(True) if "--no-plugins" in line else load_plugins()  # those that were loaded
        code = _fail(_unforeseen(error, found), 1, "--debug" in line)
    sys.exit(code if isinstance(code, int) else 0)


def _unforeseen(error: Exception, found: PluginSet) -> str:
    """Say what to do of an error that is no command's."""
    what = " ".join(f"{type(error).__name__}: {error}".split())
    if is_out_of_memory(error):
        return f"gantool: memory ran out ({what}); ask for less: a smaller --batch-size, fewer or smaller pictures"
    if isinstance(error, ImportError):
        return f"gantool: a library cannot be imported ({what}); type: pip install --force-reinstall gantool"
    author = found.author_of(error)
    if author:
        whose = " ".join(filter(None, (f"the plugin {author.name}", author.provider.dist, author.provider.version)))
        return f"{whose}: failed ({what}); tell its author the output of the same command and --debug"
    return f"gantool: failed unexpectedly ({what}); please report it with the output of the same command and --debug"


def _fail(message: str, code: int, debug: bool) -> int:
    """Say what went wrong; what every process on a machine would say of the same line, one of them says."""
    if debug:
        traceback.print_exc()
    if code != 2 or os.environ.get("LOCAL_RANK", "0") == "0":
        complain(message)
    return code


def _usage(error: click.UsageError, line: Sequence[str]) -> str:
    """Give click's complaint the shape of ours."""
    unknown = " ".join(["gantool", *(word for word in line[:1] if word in COMMANDS)])
    where = error.ctx.command_path if error.ctx else unknown
    if isinstance(error, click.NoSuchOption):
        near = f"did you mean {error.possibilities[0]}?; " if error.possibilities else ""
        return f"{error.option_name}: there is no such option; {near}type: {where} --help"
    said = error.format_message().rstrip(".")
    return f"{where}: {said[:1].lower() + said[1:]}; type: {where} --help"
