"""docs/reference/errors.md: each line that it quotes is made here by its command, and its table is the code's."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pickle
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gantool.files import checkpoint, classifier
from gantool.training.folder import RunFolder
from gantool.training.phases import Phases

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "errors.md"
FILES = ROOT / "tests" / "faults" / "files" / "format-1"
TEXT = PAGE.read_text(encoding="utf-8").replace("\\\n", "")
BLOCK = re.compile(r"^```text\n\$ ([^\n]*)\n(error: .*?)```\n+(.*?)(?=^```|^#|\Z)", re.DOTALL | re.MULTILINE)
QUOTED = {line: (said, after) for line, said, after in BLOCK.findall(TEXT)}
PLUGINS = {
    "misspelt.py": "from gantool import hookimpl\n\nGANTOOL_API = 1\n\n\n@hookimpl\ndef gantool_component(): ...\n",
    "old.py": "GANTOOL_API = 0\n",
    "upset.py": """
import click

from gantool import Command, hookimpl

GANTOOL_API = 1


@click.command("upset")
def upset():
    raise ValueError("nothing works")


@hookimpl
def gantool_commands():
    return [Command("upset", "Fail.", f"{__name__}:upset")]
""",
}
DISCRIMINATOR = {"0.weight": torch.zeros(8, 3, 4, 4), "2.weight": torch.zeros(16, 8, 4, 4)}


class Code:
    """A pickle of it would call a function."""

    def __reduce__(self):
        return os.getcwd, ()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The files that the page's lines name."""
    folder = tmp_path_factory.mktemp("errors")
    shutil.copytree(FILES / "run", folder / "RUN")
    shutil.copytree(FILES / "codes", folder / "OTHER")
    for name in ("latents.safetensors", "classifier.safetensors", "pack.safetensors"):
        shutil.copy(FILES / name, folder)
    for name in ("loss.png", "training.gif"):
        (folder / "RUN" / name).touch()
    with contextlib.chdir(folder):
        write_runs()
        write_files()
        write_data()
    return folder


def write_runs():
    """Write three runs: on data that has changed, one that another process trains, and one with a part of a plugin."""
    stored = checkpoint.read(checkpoint.find("RUN", resuming=True))
    hinge = {"name": "hinge", "dist": "gantool-sngan", "version": "0.1.0"}
    changes = {
        "CHANGED": {"fingerprint": "of other data"},
        "BUSY": {},
        "FOREIGN": {"components": {**stored.meta["components"], "loss": hinge}},
    }
    for name, meta in changes.items():
        folder = RunFolder(Path(name))
        path = folder.checkpoint(2)
        checkpoint.write(path, stored.tensors, {**stored.meta, **meta})
        folder.point("latest", path)


def write_files():
    """Write files that are cut, newer, of other tools or for other pictures."""
    whole = checkpoint.find("RUN").read_bytes()
    Path("cut.safetensors").write_bytes(whole[:-100])
    newer = whole.replace(rb"\"format\": 1", rb"\"format\": 2").replace(rb"\"gantool\": \"0.1", rb"\"gantool\": \"0.9")
    Path("newer.safetensors").write_bytes(newer)
    Path("bare.pkl").write_bytes(pickle.dumps({"weights": [1.0]}))
    torch.save({"w": torch.zeros(2)}, "weights.pt")
    torch.save({"w": Code()}, "code.pt")
    torch.save(DISCRIMINATOR, "netD.pt")
    small = classifier.read("classifier.safetensors")
    classifier.write("large.safetensors", replace(small, shape=(3, 32, 32)))
    results = json.loads((FILES / "evaluation.json").read_text())
    Path("a.json").write_text(json.dumps(results))
    results["protocol"]["data"]["count"] = 20
    Path("b.json").write_text(json.dumps(results))
    Path("mine.toml").write_text("[architecture]\nchannels = 32\n")
    Path("cut.toml").write_text("arch = \n")
    Path("notes.txt").write_text("notes")
    for name, text in PLUGINS.items():
        Path(name).write_text(text)


def write_data():
    """Write folders of pictures: one with two classes, one without a picture, one with a picture that is none."""
    random = np.random.default_rng(0)
    for number in range(6):
        path = Path("photos", ("cats", "dogs")[number % 2], f"{number // 2}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(path)
    Path("empty").mkdir()
    Path("broken").mkdir()
    Path("broken/a.png").write_text("no picture")


# What a line needs besides files, by its command.


@pytest.fixture
def prepare(monkeypatch, request) -> Iterator[Callable[[str], None]]:
    """Return a function that makes the machine, the packages or another process as a line has them."""
    busy = RunFolder(Path("BUSY"))

    def full(*given):
        raise OSError(28, "No space left on device")

    def starved(*given):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 12884901888 bytes.")

    def without(package):
        for name in [package, *(name for name in sys.modules if name.startswith(f"{package}."))]:
            monkeypatch.setitem(sys.modules, name, None)

    def call(line):
        if "cuda" in line and (torch.cuda.is_available() or torch.backends.mps.is_available()):
            pytest.skip("a GPU is there")
        if "BUSY" in line:
            busy.lock()
        if "full/" in line:
            monkeypatch.setattr("gantool.files.envelope.os.fsync", full)
        if line.endswith("--data.length 40"):
            monkeypatch.setattr(Phases, "step", starved)
        if "--metrics fid" in line:
            without("torch_fidelity")
        if "efficientnet" in line:
            monkeypatch.setattr("gantool_classic.classifiers.efficientnet.find_spec", lambda name: None)
        if ".mp4" in line:
            monkeypatch.setattr("gantool.render.animation.find_spec", lambda name: None)
        if "hinge" in line:
            request.getfixturevalue("install")("clash_left", "clash_right")

    yield call
    busy.unlock()


def test_the_page_quotes_many_lines():
    assert len(QUOTED) > 50
    assert QUOTED.keys() == set(re.findall(r"^\$ (.*)$", TEXT, re.MULTILINE))


@pytest.mark.parametrize("line", QUOTED)
def test_a_quoted_line_is_what_gantool_says(line, place, prepare, run_cli, monkeypatch):
    said, after = QUOTED[line]
    monkeypatch.chdir(place)
    words = shlex.split(line)
    while "=" in words[0]:
        monkeypatch.setenv(*words.pop(0).split("="))
    prepare(line)
    done = run_cli(*words[1:])
    pattern = re.escape(squeezed(said)).replace(re.escape("..."), ".*")
    assert re.fullmatch(pattern, squeezed(done.err.splitlines()[-1])), done.err
    assert done.code == (1 if "exit code 1" in squeezed(after) else 2)


def test_a_sound_line_is_not_refused_there(place, run_cli, monkeypatch):
    monkeypatch.chdir(place)
    assert run_cli("sample", "RUN", "-n", 1, "-o", "one.png").code == 0


def squeezed(text):
    return " ".join(text.split())


# The table of exceptions.


@pytest.fixture
def script():
    """Import the script that writes the table."""
    spec = importlib.util.spec_from_file_location("errors_script", ROOT / "scripts" / "errors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_what_the_code_says(script, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["errors.py", "--check"])
    script.main()
    assert "| `UnsafeFileError` | `FileError` | 2 |" in TEXT


def test_a_stale_table_is_said(script, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["errors.py", "--check"])
    monkeypatch.setattr(script, "table", lambda: "another")
    with pytest.raises(SystemExit, match=r"errors.md is stale; type: python scripts/errors.py"):
        script.main()
