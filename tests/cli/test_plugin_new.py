"""``gantool plugin new`` and ``check``: a generated plugin passes its own tests and trains, as generated."""

import json
import os
import subprocess
import sys

import pytest

from gantool import __version__
from gantool.scaffold import kinds

KINDS = ["architecture", "loss", "lipschitz", "dataset", "conditioning"]
MINE = """
from gantool import Component, hookimpl
GANTOOL_API = 1

@hookimpl
def gantool_components():
    return [Component("loss", "mine", "gantool_classic.losses:Bce", "Mine.")]
"""
TINY = "--steps 2 --batch-size 4 --latent-dim 4 --precision fp32 -q --json".split()


def test_there_is_a_template_for_each_of_the_first_five_kinds():
    assert kinds() == KINDS


@pytest.fixture
def generated(workdir, run_cli, monkeypatch, register):
    """Return a function that generates a plugin and installs it as an editable install does."""

    def make(name, kind):
        found = run_cli("plugin", "new", name, "--kind", kind)
        assert found.code == 0, found.err
        folder = workdir / f"gantool-{name}"
        register(folder, f"gantool-{name}", "0.1.0", {name: f"gantool_{name.replace('-', '_')}"})
        monkeypatch.setenv("PYTHONPATH", str(folder))
        return folder

    return make


@pytest.mark.slow  # scripts/check-plugins does it for every kind
def test_a_generated_plugin_passes_its_tests_and_trains_two_steps(generated, run_process, workdir):
    """One kind here; scripts/check-plugins installs and trains all of them."""
    name, kind = "my-conditioning", "conditioning"
    folder = generated(name, kind)
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(folder)]
    tested = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    small = ["--data.size", "16", "--data.length", "64", "--arch.channels", "4"]
    trained = run_process("train", "--condition", name, *small, *TINY, "-o", "run")
    assert (trained.code, json.loads(trained.out)["step"]) == (0, 2), trained.err
    assert f"gantool-{name} 0.1.0" in run_process("plugin", "list").out


def test_what_is_generated_bears_its_name_everywhere(run_cli, workdir):
    found = run_cli("plugin", "new", "gantool-soft-hinge", "--kind", "loss", "-o", "here")
    assert found.out.endswith("Next: cd here && pip install -e '.[test]' && pytest\n")
    files = [path for path in (workdir / "here").rglob("*") if path.is_file()]
    texts = {str(path.relative_to(workdir / "here")): path.read_text() for path in files}
    assert set(texts) == {
        ".github/workflows/publish.yml",
        ".github/workflows/test.yml",
        ".gitignore",
        "CHANGELOG.md",
        "README.md",
        "gantool_soft_hinge/__init__.py",
        "gantool_soft_hinge/losses.py",
        "gantool_soft_hinge/settings.py",
        "pyproject.toml",
        "tests/test_contract.py",
        "tests/test_soft-hinge.py",
    }
    whole = "".join([*texts, *texts.values()])
    for word in ("example", "Example", "KIND", "SECTION", "VERSION"):
        assert word not in whole
    assert "class SoftHinge:" in texts["gantool_soft_hinge/losses.py"]
    assert f'dependencies = ["gantool>={__version__}"]' in texts["pyproject.toml"]
    assert "id-token: write" in texts[".github/workflows/publish.yml"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            ["Hinge", "--kind", "loss"],
            "the name 'Hinge' was given; lower-case letters, digits and hyphens, a letter first",
        ),
        (["3d", "--kind", "loss"], "the name '3d' was given"),
        (["../up", "--kind", "loss"], "the name '../up' was given"),
        (["bce", "--kind", "loss"], "the loss 'bce' is provided by classic"),
        (["hinge", "--kind", "losss"], "--kind: 'losss' was given; known here: architecture, loss"),
        (["hinge", "--kind", "metric"], "--kind: 'metric' was given"),
        (["hinge"], "missing option '--kind'"),
        (["taken", "--kind", "loss"], "gantool-taken: is there already"),
    ],
)
def test_what_cannot_be_generated_is_one_line_and_leaves_nothing(line, said, run_cli, workdir):
    (workdir / "gantool-taken").mkdir()
    found = run_cli("plugin", "new", *line)
    assert found.code == 2
    assert said in found.err
    assert found.err.count("\n") == 1
    assert [path.name for path in workdir.rglob("*")] == ["gantool-taken"]


def test_check_runs_the_contract_of_a_file_and_of_a_module(run_cli, workdir):
    (workdir / "mine.py").write_text(MINE)
    found = run_cli("plugin", "check", "mine.py")
    assert found.code == 0, found.out + found.err
    lines = found.out.splitlines()
    assert lines[0] == "ok      plugin-loads"
    assert lines[-1] == f"All {len(lines) - 1} checks of mine.py passed."
    found = run_cli("plugin", "check", "mine", "-k", "finite", "--json")  # its folder is searched by now
    assert json.loads(found.out) == {"loss-mine-finite_scalars": {"ok": True, "reason": ""}}


def test_check_says_what_fails_and_exits_with_1(run_cli, plugin_modules):
    found = run_cli("plugin", "check", "fails_to_import")
    assert found.code == 1
    assert "FAILED  plugin-loads: the plugin fails_to_import is failed: RuntimeError: the sky fell" in found.out
    assert found.err.endswith("checks of fails_to_import failed\n")
    assert run_cli("plugin", "check", "fails_to_import", "-k", "finite").out == found.out.splitlines(keepends=True)[0]


def test_check_names_a_plugin_that_imports_torch(run_cli, workdir, monkeypatch):
    (workdir / "heavy.py").write_text(
        "import torch\nfrom gantool import Component, hookimpl\nGANTOOL_API = 1\n\n\n@hookimpl\n"
        "def gantool_components():\n    return [Component('loss', 'heavy', 'heavy:torch', 'Heavy.')]\n"
    )
    found = run_cli("plugin", "check", "heavy.py", "-k", "imports_no_torch")
    assert found.code == 1
    assert "importing heavy and calling its hooks imports torch" in found.out


def test_check_takes_small_options_from_a_file(run_cli, workdir, generated):
    generated("wide", "architecture")
    (workdir / "small.toml").write_text("[options.wide]\nwidth = 3\n")
    sys.path.insert(0, os.environ["PYTHONPATH"])
    try:
        found = run_cli("plugin", "check", "gantool_wide", "--config", "small.toml", "-k", "resume")
    finally:
        sys.path.remove(os.environ["PYTHONPATH"])
    assert found.code == 0, found.out
    (workdir / "small.toml").write_text("[option.wide]\nwidth = 3\n")
    found = run_cli("plugin", "check", "gantool_wide", "--config", "small.toml")
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert "small.toml: has other tables; [options.NAME] and [settings.NAME]" in found.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["clasic"], "there is no plugin 'clasic'; known: classic; did you mean classic"),
        (["./nothing.py"], "nothing.py: is not a file"),
        (["random.py"], "random.py: cannot be imported as 'random'"),
        (["my-loss.py"], "my-loss.py: cannot be imported as 'my-loss'"),
        (["classic", "-k", "no such"], "-k: no check of classic has 'no such' in its name"),
        (["classic", "--config", "nothing.toml"], "nothing.toml: cannot be read"),
    ],
)
def test_what_cannot_be_checked_is_one_line(line, said, run_cli, workdir):
    for name in ("random.py", "my-loss.py"):
        (workdir / name).write_text(MINE)
    found = run_cli("plugin", "check", *line)
    assert found.code == 2
    assert said in found.err
    assert found.err.count("\n") == 1
