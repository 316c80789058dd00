"""What a shell offers where Tab is pressed."""

import pytest

SMALL = ["--data.size", 16, "--data.length", 40, "--arch.channels", 4, "--batch-size", 6, "--steps", 1, "-q"]
OFFERED = {
    "gantool tr": ["train"],
    "gantool train --loss wg": ["wgan", "wgan-clip", "wgan-gp"],
    "gantool train --arch mlp --arch.hid": ["--arch.hidden-g", "--arch.hidden-d"],
    "gantool train --arch no-such --lo": ["--loss", "--log-every"],  # a line is completed though it is wrong so far
    "gantool train --regularizer infogan,h": ["infogan,hessian"],
    "gantool train --recipe wgan-gp": ["wgan-gp-2017"],
    "gantool evaluate run --metrics fid,k": ["fid,kid"],
    "gantool direction find run --method p": ["pair", "pca"],
    "gantool sample run --class ": ["circle", "square", "triangle"],
    "gantool sample run --class s": ["square"],
    "gantool steer run --class t": ["triangle"],
    "gantool sample run --with ": [],  # a model of classes has no attributes
    "gantool sample nothing --class ": [],
}


@pytest.mark.parametrize("line", OFFERED)
def test_a_shell_is_offered_what_may_stand_there(line, run_cli, workdir, monkeypatch):
    monkeypatch.setenv("GANTOOL_PLUGINS", "")
    if " run " in line:
        assert run_cli("train", *SMALL, "--condition", "onehot", "-o", "run").code == 0
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    monkeypatch.setenv("_GANTOOL_COMPLETE", "bash_complete")
    found = run_cli()
    assert found.err == ""
    assert [row.removeprefix("plain,") for row in found.out.split()] == OFFERED[line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell, run_cli, monkeypatch):
    monkeypatch.setenv("_GANTOOL_COMPLETE", f"{shell}_source")
    assert "_GANTOOL_COMPLETE" in run_cli().out
