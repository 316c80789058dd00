"""What only a person may ask for, such as a download, no file asks for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gantool.files import checkpoint

FILES = Path(__file__).parent / "files" / "format-1"


@pytest.fixture
def fetched(monkeypatch):
    """The places that something was fetched into."""
    from gantool_classic.datasets import mnist

    places = []
    monkeypatch.setattr(mnist, "download", lambda name, root: places.append(root))
    return places


@pytest.fixture
def asking(tmp_path):
    """Return a checkpoint of a run whose settings ask for MNIST to be fetched into a place."""

    def call(run):
        stored = checkpoint.read(checkpoint.find(FILES / run, resuming=True))
        data = {"name": "mnist", "root": str(tmp_path / "anywhere"), "download": True}
        meta = {**stored.meta, **{key: {**stored.meta[key], "data": data} for key in ("given", "resolved")}}
        checkpoint.write(tmp_path / "asking.safetensors", stored.tensors, meta)
        return tmp_path / "asking.safetensors"

    return call


@pytest.mark.parametrize(
    ("run", "line"),
    [
        ("run", "evaluate {} --metrics lipschitz -o {}.json"),
        ("run", f"score {{}} {FILES / 'samples'}"),
        ("points", "sample {} -o {}.png"),
    ],
)
def test_a_checkpoint_fetches_nothing(asking, fetched, run_cli, run, line):
    path = asking(run)
    done = run_cli(*line.replace("{}", str(path)).split())
    assert not fetched
    assert not (path.parent / "anywhere").exists()
    assert "--data.root" in done.err or done.code == 0


def test_a_line_fetches_what_it_asks_for(fetched, run_cli, workdir):
    run_cli("train", "--data", "mnist", "--data.root", "here", "--data.download", "--dry-run")
    assert fetched == [workdir / "here"]


def test_a_run_that_is_resumed_fetches_when_the_line_asks_again(asking, fetched, run_cli, workdir):
    (workdir / "run" / "checkpoints").mkdir(parents=True)
    shutil.copy(asking("run"), workdir / "run" / "checkpoints" / "step-00000002.safetensors")
    (workdir / "run" / "latest").write_text("checkpoints/step-00000002.safetensors\n", encoding="utf-8")
    assert run_cli("train", "--resume", "run", "--steps", 3).code == 2
    assert not fetched
    assert run_cli("train", "--resume", "run", "--steps", 3, "--data.download").code == 2  # nothing arrived
    assert len(fetched) == 1
