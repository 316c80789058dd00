"""What a person sees on a terminal, narrow or wide, and what a pipe gets of the same."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from gantool.cli import console
from gantool.cli import progress as bar
from gantool.interfaces import Report, Start

ROWS = [("--lipschitz.one-sided", "punish only slopes above the target"), ("--lipschitz.weight", "lambda")]


@pytest.fixture
def terminal(monkeypatch):
    """Let stdout pass for a terminal of so many columns."""

    def set_width(columns):
        monkeypatch.setattr(console, "is_terminal", lambda stream: True)
        monkeypatch.setenv("COLUMNS", str(columns))

    return set_width


def test_a_pipe_gets_a_line_for_each_row(capsys):
    console.table(("flag", "what it does"), ROWS)
    assert capsys.readouterr().out.splitlines() == ["\t".join(row) for row in ROWS]


@pytest.mark.parametrize("columns", [44, 80, 120])
def test_a_table_fits_its_terminal_and_cuts_no_word(terminal, capsys, columns):
    terminal(columns)
    console.table(("flag", "what it does"), ROWS)
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= columns
    assert "┃" in said
    assert all(word in said for row in ROWS for word in " ".join(row).split())


def test_a_table_that_does_not_fit_is_printed_row_below_row(terminal, capsys):
    terminal(30)
    console.table(("flag", "what it does"), ROWS)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()[:3]] == [
        "--lipschitz.one-sided",
        "  what it does punish only",
        "               slopes above",
    ]


def test_a_long_value_goes_on_below_where_it_began(terminal, capsys):
    terminal(30)
    console.facts({"made of": "arch dcgan, loss wgan-gp, data shapes", "step": 7})
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "  made of      arch dcgan,",
        "               loss wgan-gp,",
        "               data shapes",
        "  step         7",
    ]


def test_facts_are_whole_lines_in_a_pipe(capsys):
    console.facts({"made of": "arch dcgan, loss wgan-gp, data shapes, condition onehot"})
    assert capsys.readouterr().out == "  made of      arch dcgan, loss wgan-gp, data shapes, condition onehot\n"


@pytest.mark.parametrize("columns", [80, 120])
def test_the_bar_of_a_training_shows_its_losses_and_time_left(monkeypatch, columns):
    from rich.console import Console

    out = io.StringIO()
    monkeypatch.setattr(
        bar, "console", lambda: Console(file=out, force_terminal=True, width=columns, color_system=None)
    )
    seen = bar.Progress()
    seen.on_start(Start(Path("run"), step=0, steps=100, minutes=None, device="cpu"))
    stats = {"loss_d": -1.32, "loss_g": 0.41, "penalty": 0.12}
    seen.on_interval(Report(step=50, images=3200, seconds=6.0, fraction=0.5, rate=510.0, stats=stats))
    seen.on_end(50)
    said = out.getvalue()
    assert "step 50  510 img/s  D -1.32  G 0.41  penalty 0.12" in said
    assert "…" not in said
