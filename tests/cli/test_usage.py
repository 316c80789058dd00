"""A slip on the command line: the whole line that answers it, and what a bare group says."""

import pytest

from gantool.cli.main import hoist

LINES = {
    "trian": "gantool: there is no command 'trian'; did you mean train?; type: gantool --help",
    "train --stesp 5": "--stesp: there is no such option; did you mean --steps?; type: gantool train --help",
    "train --steps 1.5": "--steps: '1.5' was given; allowed: an integer from 1 to 1000000000; "
    "type: gantool train --help",
    "train --lr-g=inf": "--lr-g: inf was given; allowed: a finite number above 0, at most 10; "
    "type: gantool train --help",
    "train --arch dcgam": "--arch: there is no architecture 'dcgam'; known: dcgan, mlp; did you mean dcgan?",
    "train --arch.channels 0": "--arch.channels: 0 was given; allowed: an integer from 1 to 1024; "
    "type: gantool components architecture dcgan",
    "train --betas 0.5": "--betas: [0.5] was given; allowed: 2 comma-separated values, each a finite number from 0 to "
    "0.999999; type: gantool train --help",
    "train --steps 5 --images 64": "--steps --images: were given together; one of them sets the length; keep --steps",
    "sample": "gantool sample: missing argument 'MODEL'; type: gantool sample --help",
}


@pytest.mark.parametrize("line", LINES)
def test_a_slip_is_answered_by_one_line_that_says_what_to_type(line, workdir, run_cli, monkeypatch):
    monkeypatch.setenv("GANTOOL_PLUGINS", "")
    result = run_cli(*line.split())
    assert (result.code, result.out, result.err) == (2, "", f"error: {LINES[line]}\n")
    assert list(workdir.iterdir()) == []


def test_gantool_alone_says_what_to_type_first(run_cli):
    result = run_cli()
    assert (result.code, result.err) == (0, "")
    said = [line.split()[1] for line in result.out.splitlines() if line.startswith("  gantool ")]
    assert said == ["train", "sample", "interpolate", "evaluate"]


@pytest.mark.parametrize("line", ["data", "plugin"])
def test_a_group_without_a_command_shows_its_help(line, run_cli):
    result = run_cli(*line.split())
    assert result.code == 2
    assert result.err.startswith("Usage: gantool")
    assert "Examples:" in result.err
    assert "error:" not in result.err


@pytest.mark.parametrize(
    ("line", "hoisted"),
    [
        ("train --debug --steps 5", "--debug train --steps 5"),
        ("train --plugin a.py --no-plugins --plugin=b.py", "--plugin a.py --no-plugins --plugin=b.py train"),
        ("train -- --debug", "train -- --debug"),
        ("plugin list", "plugin list"),
    ],
)
def test_global_flags_may_stand_anywhere_on_the_line(line, hoisted):
    assert hoist(line.split()) == hoisted.split()
