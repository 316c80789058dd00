"""What people read: results go to stdout, notes, progress and errors to stderr.

Nobody may read the notes: a closed terminal or pipe behind stderr changes nothing of the work. A result that cannot be
printed is a failure, and so said.
"""

from __future__ import annotations

import errno
import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

import click

from gantool.errors import GantoolError, printable, typed
from gantool.files.progress import console, remark

__all__ = ["complain", "facts", "is_terminal", "next_line", "note", "say", "say_json", "table", "with_plugins"]


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person reads a stream; it is None where the process was started without."""
    return stream is not None and not stream.closed and stream.isatty()


def say(text: str) -> None:
    """Print a result; what files say in it moves no cursor and fits any encoding."""
    _print(printable(text, "\n\t"))


def note(text: str) -> None:
    """Print a remark that is not the result."""
    remark(printable(text, "\n\t"))


def complain(text: str) -> None:
    """Print an error, on one line."""
    from rich.text import Text

    console().print(Text.assemble(("error: ", "bold red"), text), soft_wrap=True)


def next_line(*words: object) -> str:
    """Write a command to type next, with the plugins' files of this one."""
    return with_plugins(typed(*words))


def with_plugins(line: str) -> str:
    """Add to a command the files that ``--plugin`` gave to this one: without them it may lack what it names."""
    context = click.get_current_context(silent=True)
    files = context.find_root().params.get("plugins") if context else None
    return " ".join([line, *(f"--plugin {shlex.quote(file)}" for file in files or ())])


def say_json(value: Any) -> None:
    """Print a result for programs."""
    _print(json.dumps(value, indent=2, sort_keys=True))


def facts(values: Mapping[str, object]) -> None:
    """Print names with their values, a line for each; on a terminal a long value goes on below where it began."""
    lines = [(name, printable(str(value), "\n\t")) for name, value in values.items()]
    if not is_terminal(sys.stdout):
        for name, value in lines:
            _print(f"  {name:<12} {value}")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table.grid(padding=(0, 1))
    drawn.add_column(min_width=14)
    for name, value in lines:
        drawn.add_row(f"  {name}", Text(value, overflow="fold"))
    Console(highlight=False).print(drawn)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print a table: drawn on a terminal, row below row where it is too wide for that; tab-separated in a pipe."""
    rows = list(rows)
    if not is_terminal(sys.stdout):
        for row in rows:
            _print("\t".join(printable(str(cell)) for cell in row))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    drawn = Table(title=title or None, title_justify="left")
    for number, column in enumerate(columns):
        whole = max(map(len, column.split()), default=0)  # no word of a head is broken
        drawn.add_column(column, overflow="fold" if number else "ellipsis", no_wrap=not number, min_width=whole)
    for row in rows:
        drawn.add_row(*(escape(printable(str(cell))) for cell in row))
    terminal = Console()
    if terminal.measure(drawn, options=terminal.options.update(width=10_000)).minimum <= terminal.width:
        terminal.print(drawn)
        return
    for first, *rest in rows:
        say(str(first))
        facts(dict(zip(columns[1:], rest, strict=True)))


def _print(text: str) -> None:
    try:
        click.echo(text)
    except OSError as error:
        if error.errno == errno.EPIPE:  # as of "| head": click ends the process without a word
            raise
        hint = "free some space, or send it elsewhere"
        raise GantoolError("stdout", f"cannot be written ({error.strerror})", "a place with room", hint) from error
