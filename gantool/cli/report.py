"""``gantool report``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gantool.cli.audit_page import audit_page
from gantool.cli.console import next_line, say
from gantool.cli.run_page import run_page
from gantool.errors import FileError
from gantool.files.envelope import write_text
from gantool.files.foreign import identify
from gantool.files.names import check_suffix, check_writable, free

EPILOG = """\b
Examples:
  gantool report runs/shapes-dcgan-wgan-gp
  gantool report RUN -o monday.html
  gantool report RUN/directions-ridge-audit.json
"""


@click.command("report", epilog=EPILOG)
@click.argument("path", metavar="RUN|AUDIT")
@click.option("-o", "--out", metavar="FILE", help="The .html to write; what exists is kept: the name gets -2.")
def command(path: str, out: str | None) -> None:
    """Put a run into one HTML file that can be sent to anybody: curves, pictures, findings, settings.

    The file needs no network and nothing beside it. A run that still goes on is reported as far as it is. AUDIT is the
    .json of gantool direction audit: its page has the figures, the matrices and samples walked along each direction.
    """
    given = Path(path)
    if not os.path.exists(path):  # a name that is too long is not there either
        allowed = "a run folder, or a .json that gantool direction audit left"
        raise FileError(path, "does not exist", allowed, "type: ls runs")
    if not given.is_dir() and identify(given) not in ("unknown", "empty"):
        allowed = "a run folder, or a .json that gantool direction audit left"
        raise FileError(path, "is neither a run folder nor an audit", allowed, f"type: {next_line('inspect', path)}")
    wanted = check_suffix(out, (".html",)) if out is not None else None
    page, held = run_page(given) if given.is_dir() else audit_page(given)
    target = check_writable(free(wanted or (given / "report.html" if given.is_dir() else given.with_suffix(".html"))))
    write_text(target, page)
    size = f"{target.stat().st_size / 1e6:.1f} MB"
    say(f"Report: {target} ({size}), {held}. Next: open it in a browser: {target.absolute().as_uri()}")
