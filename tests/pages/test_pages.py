"""Every command block of README, docs and examples runs, page by page in an empty folder; lengths alone are cut.

Beside the commands, blocks of Python run and blocks of TOML are read. What a page takes as given is in stage.py. Lines
that are looked at and not run: those of pip, git and pytest, the benchmarks under tests/ (their flags are parsed), and
a shell's own. The pages for plugin authors have tests of their own, in test_plugin_docs.py.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import re
import runpy
import sys
import tomllib
from pathlib import Path

import pytest
from blocks import blocks_of, commands_of, cut
from stage import Stage

ROOT = Path(__file__).parents[2]
MADE = {"commands.md", "components.md"}  # from the code, by scripts/commands.py
PAGES = [
    ROOT / "README.md",
    *(path for path in sorted(ROOT.glob("docs/**/*.md")) if path.name not in MADE and path.parent.name != "plugins"),
    *sorted(ROOT.glob("examples/*.md")),
    *sorted(ROOT.glob("examples/*.sh")),
]
NOT_RUN = {"git", "eval", "cd", "set"}
SCRIPTS = {"steps": 4, "count": 24, "batch_size": 8, "channels": 4}  # lengths of the examples' own options
GIVEN = {"fashion.sh": "DIR", "own_folder.sh": "photos", "faces.sh": "WEIGHTS", "celeba.sh": "CELEBA"}  # as "$1"
PACKAGED = "efficientnet-lite0"  # whose weights are a package of their own: lines of its blocks are parsed alone


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("stage")


@pytest.fixture
def gantool(run_cli):
    """Call ``gantool`` in this process and return what it printed; it must end well."""

    def call(*words):
        done = run_cli(*words)
        assert done.code == 0, f"gantool {' '.join(words)}: {done.err}"
        return done.out

    return call


@pytest.fixture
def install(tmp_path_factory, monkeypatch, register):
    """Install a package of plugins, as ``pip install -e`` does."""

    def call(folder):
        site = tmp_path_factory.mktemp("site")
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        register(site, project["name"], "0.1.0", project["entry-points"]["gantool"])
        monkeypatch.syspath_prepend(str(folder.resolve()))
        monkeypatch.syspath_prepend(str(site))

    return call


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_runs(page, workdir, store, gantool, install, monkeypatch):
    stage = Stage(store, gantool)
    for folder in sorted((ROOT / "plugins").glob("gantool-*")):
        install(folder)
    names = {"__name__": "page"}
    for block in blocks_of(page):
        where = f"{page.name}:{block.line}"
        if block.language == "":
            for line, words in commands_of(block):
                words = [GIVEN[page.name] if word == "$1" else word for word in words]
                if PACKAGED in block.text:
                    words.append("--help")
                run_line(f"{page.name}:{line}", words, stage, install, monkeypatch)
        elif block.language == "python":
            exec(compile(block.text, where, "exec"), names)
        elif block.language == "toml":
            tomllib.loads(block.text)
        else:
            assert block.language in ("text", "bash", "json", "{toctree}"), where


def run_line(where, words, stage, install, monkeypatch):
    """Run one command of a page."""
    name, *rest = words
    if name == "torchrun":
        name, *rest = ["python", *rest[rest.index("-m") :]]
    if name == "python" and rest[:2] == ["-m", "gantool"]:
        name, rest = "gantool", rest[2:]
    if name == "gantool":
        for word in sources(rest):
            stage.lay(word)
        stage.gantool(*cut(rest))
    elif name == "python" and rest[0] == "-c":
        compile(rest[1], where, "exec")  # it asks for a package that is not here
    elif name == "python":
        for word in rest:
            stage.lay(word)
        run_script(rest, monkeypatch)
    elif name == "pip":
        look_at_pip(where, rest)
        if "-e" in rest and (made := Path(rest[rest.index("-e") + 1]) / "pyproject.toml").is_file():
            install(made.parent)
    elif name == "pytest":
        for path in [word for word in rest if word.startswith("tests")]:
            assert (ROOT / path).exists(), where
    else:
        assert name in NOT_RUN or "=" in name, f"{where}: nobody runs {name}"


def sources(words):
    """Return the words that do not name what a line of gantool writes."""
    written = {word for flag, word in itertools.pairwise(words) if flag in ("-o", "--out", "--save-latents")}
    if words[0] == "convert":
        written.add(words[2])
    return [word for word in words if word not in written]


def look_at_pip(where, words):
    """See that the extras and the packages of this project that a line installs exist."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert words[0] == "install", where
    for word in words[1:]:
        for extra in re.findall(r"(?:\.|gantool)\[([\w,]+)\]", word):
            assert set(extra.split(",")) <= set(extras), where
        if word.startswith("./plugins/"):
            assert (ROOT / word).is_dir(), where


class ParsedError(Exception):
    """The flags of a benchmark were understood."""


def run_script(words, monkeypatch):
    """Run an example with its lengths cut; of a benchmark, parse the flags."""
    path = ROOT / words[0]
    parse = argparse.ArgumentParser.parse_args
    benchmark = words[0].startswith("tests/benchmarks/")

    def parsed(self, args=None, namespace=None):
        found = parse(self, args, namespace)
        if benchmark:
            raise ParsedError
        for name, most in SCRIPTS.items():
            if hasattr(found, name):
                setattr(found, name, min(getattr(found, name) or most, most))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", [str(path), *words[1:]])
        patch.setattr(argparse.ArgumentParser, "parse_args", parsed)
        patch.syspath_prepend(str(path.parent))
        with contextlib.suppress(ParsedError):
            runpy.run_path(str(path), run_name="__main__")
