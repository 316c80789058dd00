"""What people read: results go to stdout, notes, progress and errors to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

__all__ = ["complain", "note", "say", "say_json", "table"]


def say(text: str) -> None:
    """Print a result."""
    click.echo(text)


def note(text: str) -> None:
    """Print a remark that is not the result."""
    click.echo(text, err=True)


def complain(text: str) -> None:
    """Print an error, on one line."""
    click.echo(click.style("error: ", fg="red", bold=True) + text, err=True)


def say_json(value: Any) -> None:
    """Print a result for programs."""
    click.echo(json.dumps(value, indent=2, sort_keys=True))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print a table: drawn on a terminal, tab-separated in a pipe."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(str(cell) for cell in row))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    drawn = Table(*columns, title=title or None, title_justify="left")
    for row in rows:
        drawn.add_row(*(escape(str(cell)) for cell in row))
    Console().print(drawn)
