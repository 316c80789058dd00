"""What one system has and another lacks: encodings, signals, calls of POSIX, drives, files that are kept open."""

from __future__ import annotations

import ast
import errno
import mmap
import os
import runpy
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import gantool
import gantool_classic
from gantool.errors import FileError
from gantool.files import dataset, directions, envelope, latents
from gantool.files.pack_writer import write_pack
from gantool.files.settings import read_settings
from gantool.training import signals
from gantool.training.folder import RunFolder

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "gantool").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")])
NOT_FILES = ("Image", "av", "os")  # whose ``open`` opens no text
POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "termios"}
POSIX_NAMES = {
    "os": {"chown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getloadavg", "getuid", "killpg", "mkfifo"}
    | {"nice", "pread", "pwrite", "sched_getaffinity", "setsid", "statvfs", "sync", "sysconf", "uname"},
    "signal": {"SIGALRM", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2", "alarm", "setitimer"},
    "time": {"tzset"},
}
GUARDED = {("dataset.py", "os.sysconf"), ("packing.py", "os.sched_getaffinity")}  # each has a way without it


@cache
def nodes():
    """Return what all sources are made of, each part with the name of its file."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
    return [(path.name, node) for path, tree in trees.items() for node in ast.walk(tree)]


def is_text_without_encoding(call):
    """Say whether a call opens a text file, or reads a process, in the encoding that the system happens to have."""
    method = isinstance(call.func, ast.Attribute)
    name = call.func.attr if method else getattr(call.func, "id", "")
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in keywords:
        return False
    if name in ("read_text", "write_text"):
        return method and len(call.args) < (1 if name == "read_text" else 2)
    if name == "open" and not (method and getattr(call.func.value, "id", "") in NOT_FILES):
        modes = [*call.args[0 if method else 1 :][:1], keywords.get("mode")]
        return not any("b" in getattr(mode, "value", "") for mode in modes if mode is not None)
    return name in ("run", "Popen", "check_output") and ("text" in keywords or "universal_newlines" in keywords)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("path.read_text()", True),
        ("path.read_text(errors='replace')", True),
        ("path.write_text(text)", True),
        ("path.open()", True),
        ("path.open('a')", True),
        ("open(path, 'w')", True),
        ("subprocess.run(line, text=True)", True),
        ("path.read_text(encoding='utf-8')", False),
        ("path.write_text(text, 'utf-8')", False),
        ("path.open('rb')", False),
        ("open(path, mode='wb')", False),
        ("Image.open(path)", False),
    ],
)
def test_a_text_file_without_an_encoding_is_seen(line, found):
    assert is_text_without_encoding(ast.parse(line, mode="eval").body) is found


def test_every_text_file_is_opened_in_an_encoding():
    assert len(SOURCES) > 200
    calls = [(name, node) for name, node in nodes() if isinstance(node, ast.Call)]
    assert not [f"{name}:{call.lineno}" for name, call in calls if is_text_without_encoding(call)]


def test_what_only_posix_has_is_used_nowhere_but_where_there_is_another_way():
    used = set()
    for file, node in nodes():
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [getattr(node, "module", None), *(alias.name for alias in node.names)]
            used |= {(file, name) for name in names if name in POSIX_MODULES}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module, name = node.value.id, node.attr
            used |= {(file, f"{module}.{name}")} if name in POSIX_NAMES.get(module, ()) else set()
    assert used == GUARDED


def test_both_packages_say_that_they_are_typed():
    for package in (gantool, gantool_classic):
        assert (Path(package.__file__).parent / "py.typed").is_file()


# Memory and maps


@pytest.fixture
def pack(tmp_path):
    pictures = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 1, 4, 4)
    with write_pack(tmp_path / "pack.safetensors", 3, (1, 4, 4)) as writer:
        writer.add(pictures)
    return tmp_path / "pack.safetensors", pictures


def refuse(error):
    def call(*arguments, **keywords):
        raise error

    return call


@pytest.mark.parametrize("lack", ["no sysconf", "an unknown name", "no advice"])
def test_a_pack_is_read_where_the_system_does_not_tell_its_memory(monkeypatch, pack, lack):
    path, pictures = pack
    if lack == "no sysconf":
        monkeypatch.delattr(os, "sysconf")
    elif lack == "an unknown name":
        monkeypatch.setattr(os, "sysconf", refuse(ValueError("unrecognized configuration name")))
    else:
        monkeypatch.delattr(mmap, "MADV_RANDOM", raising=False)
    assert np.array_equal(dataset.read_pack(path)[1].values, pictures)


def test_a_processor_count_is_found_without_affinity(monkeypatch):
    from gantool_classic.datasets import packing

    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert packing._workers() >= 1


def test_signals_that_a_system_lacks_are_left_out(monkeypatch):
    monkeypatch.delattr(signal, "SIGHUP", raising=False)
    assert runpy.run_path(signals.__file__)["SIGNALS"] == (signal.SIGINT, signal.SIGTERM)


# Files that others have open, as Windows keeps them


@pytest.fixture
def windows(monkeypatch):
    monkeypatch.setattr(envelope, "WINDOWS", True)
    monkeypatch.setattr(envelope, "PATIENCE", (0.0, 0.0))
    monkeypatch.setattr(os, "open", refuse(PermissionError(errno.EACCES, "a folder cannot be opened")))


def test_a_file_that_is_being_read_is_replaced_once_it_is_closed(monkeypatch, tmp_path, windows):
    (tmp_path / "best").write_text("old", encoding="utf-8")
    tries = []
    replace = Path.replace

    def busy(self, target):
        tries.append(target)
        if len(tries) < 3:
            raise PermissionError(errno.EACCES, "the file is open")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", busy)
    envelope.write_text(tmp_path / "best", "new")
    assert ((tmp_path / "best").read_text(encoding="utf-8"), len(tries)) == ("new", 3)


def test_a_file_that_stays_open_is_kept_and_said(monkeypatch, tmp_path, windows):
    (tmp_path / "best").write_text("old", encoding="utf-8")
    monkeypatch.setattr(Path, "replace", refuse(PermissionError(errno.EACCES, "the file is open")))
    with pytest.raises(FileError, match="cannot be written"):
        envelope.write_text(tmp_path / "best", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["best"]
    assert (tmp_path / "best").read_text(encoding="utf-8") == "old"


def test_an_old_checkpoint_that_is_open_is_left_for_another_time(monkeypatch, tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    (folder.path / "checkpoints").mkdir()
    for step in (1, 2, 3):
        folder.checkpoint(step).touch()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse(PermissionError(errno.EACCES, "the file is open")))
        folder.prune(1)
    assert len(folder.checkpoints()) == 3
    folder.prune(1)
    assert folder.checkpoints() == [folder.checkpoint(3)]


@pytest.mark.parametrize("call", ["open", "fsync"])
def test_a_folder_that_cannot_be_synced_does_not_undo_a_file(monkeypatch, tmp_path, call):
    """It may be written and not read; network file systems have no sync of folders."""
    if call == "open":
        monkeypatch.setattr(os, "open", refuse(PermissionError(errno.EACCES, "permission denied")))
    else:
        monkeypatch.setattr(os, "fsync", refuse(OSError(errno.EINVAL, "invalid argument")))
    envelope.sync_folder(tmp_path)


def test_a_disk_that_fails_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "fsync", refuse(OSError(errno.EIO, "input/output error")))
    with pytest.raises(OSError, match="input/output"):
        envelope.sync_folder(tmp_path)


# Paths and words


def test_latents_and_directions_of_a_model_on_another_drive_name_it_whole(monkeypatch, tmp_path):
    monkeypatch.setattr(os.path, "relpath", refuse(ValueError("path is on mount 'D:', start on mount 'C:'")))
    model = tmp_path / "model.safetensors"
    z, k = torch.ones(1, 2), torch.ones(1)
    latents.write(tmp_path / "z.safetensors", z, None, model, {"model_hash": "ab"})
    assert latents.read(tmp_path / "z.safetensors")[2]["model"] == model.as_posix()
    slots = [{"name": "noise", "distribution": "normal", "dim": 2}]
    directions.write(tmp_path / "d.safetensors", directions.Directions(("a",), z, k, k, k, "ab", slots), model)
    assert directions.read(tmp_path / "d.safetensors")[1]["model"] == model.as_posix()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
@pytest.mark.parametrize("name", ["two\nlines = 3", b"not-\xff-utf8"])
def test_a_run_folder_of_any_name_is_read_again(tmp_path, run_cli, name):
    folder = tmp_path / os.fsdecode(name)
    small = ("--arch.hidden-g", 4, "--arch.hidden-d", 4, "--steps", 1, "-q", "--no-diagnose")
    done = run_cli("train", "--data", "gaussians", "--arch", "mlp", *small, "-o", folder)
    assert done.code == 0, done.err
    assert read_settings(folder / "config.toml")["data"] == {"name": "gaussians"}


def test_settings_may_begin_with_the_mark_that_editors_write(tmp_path):
    (tmp_path / "own.toml").write_text('[loss]\nname = "bce"\n', encoding="utf-8-sig")
    assert read_settings(tmp_path / "own.toml") == {"loss": {"name": "bce"}}


def test_a_letter_that_the_encoding_of_a_pipe_lacks_is_replaced():
    line = [sys.executable, "-m", "gantool", "components", "metric"]
    outside = {**os.environ, "PYTHONIOENCODING": "cp1252"}  # as Windows takes it
    done = subprocess.run(line, env=outside, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "Bi?kowski" in done.stdout.decode("cp1252")
    assert "Fréchet" in done.stdout.decode("cp1252")
