"""``gantool direction audit`` as a person types it, on a small untrained model."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
import torch
from PIL import Image

from gantool import open_model
from gantool.cli.audit import _next, cells, words
from gantool.cli.main import run
from gantool.files import audit as audits
from gantool.files import directions as directions_files
from gantool.files.classifier import Head, TrainedClassifier
from gantool.files.classifier import write as write_classifier
from gantool.files.directions import Directions
from gantool.latent.audit import Audit, Row
from gantool.plugins import load_plugins

TINY = "--arch.channels 4 --data.size 16 --data.length 40 --batch-size 6 --latent-dim 8 --precision fp32 --steps 1 -q"
BY = ("--classifier", "a.safetensors", "-n", 24)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run, a classifier of its pictures, directions of it, and directions of a model that is not there."""
    folder = tmp_path_factory.mktemp("place")
    with pytest.raises(SystemExit):
        run(["train", *TINY.split(), "-o", str(folder / "run")])
    for name, side in (("a", 16), ("large", 32)):
        torch.manual_seed(0)
        network = load_plugins().registry.get("classifier", "convnet").create().network((3, side, side), 3)
        heads = (Head("attributes", "light", ("bright", "left", "wide")),)
        stored = TrainedClassifier(
            {"name": "convnet", "options": {}}, (3, side, side), heads, network.state_dict(), {}, 0
        )
        write_classifier(folder / f"{name}.safetensors", stored)
    model = open_model(folder / "run")
    still, zero, one = torch.full((2,), torch.nan), torch.zeros(2), torch.ones(2)
    found = Directions(("bright", "pca1"), torch.eye(8)[:2], still, zero, one, model.hash, model.prior.describe())
    directions_files.write(folder / "d.safetensors", found, model.path)
    directions_files.write(folder / "other.safetensors", replace(found, model_hash="0" * 64), model.path)
    return folder


@pytest.fixture
def audit(place, monkeypatch, run_cli):
    monkeypatch.chdir(place)

    def call(*arguments):
        done = run_cli("direction", "audit", *arguments)
        assert done.code == 0, done.err
        return done

    return call


def test_the_table_names_effect_leak_and_fault_and_the_picture_is_never_over_another(audit, place):
    said = audit("d.safetensors", *BY).out
    first = said.splitlines()[0].split("\t")
    assert first[:2] == ["bright", "bright"]
    assert len(first) == 10
    assert "pca1 is no feature's name: it is judged by " in said
    assert "24 samples, 2 std each way: d-audit.png. Next: gantool " in said.splitlines()[-1]
    assert Image.open(place / "d-audit.png").format == "PNG"
    assert "d-audit-2.png" in audit("d.safetensors", *BY, "--no-data").out


def test_json_holds_the_matrices_of_directions_samples_and_real_data(audit, tmp_path):
    found = json.loads(audit("d.safetensors", *BY, "--json", "-o", tmp_path / "a.png").out)
    assert found["features"] == ["bright", "left", "wide"]
    assert [len(row) for row in found["effects"]] == [3, 3]
    assert [len(row) for row in found["real"]] == [3, 3, 3]
    assert found["cosines"] == [[1.0, 0.0], [0.0, 1.0]]
    row = found["directions"][1]
    assert (row["name"], row["matched"]) == ("pca1", True)
    effects = dict(zip(found["features"], found["effects"][1], strict=True))
    assert row["effect"] == effects.pop(row["target"])
    assert abs(row["leak"] * row["effect"]) == pytest.approx(max(map(abs, effects.values())))
    again = json.loads(audit("d.safetensors", *BY, "--json", "-o", tmp_path / "a.png").out)
    assert again == {**found, "out": str(tmp_path / "a-2.png")}


def test_the_figures_lie_beside_the_picture_under_its_name_with_strips_and_make_a_page(audit, place, tmp_path, run_cli):
    (tmp_path / "a.json").write_text("mine")
    said = audit("d.safetensors", *BY, "-o", tmp_path / "a.png").out
    assert (tmp_path / "a.json").read_text() == "mine"
    assert (tmp_path / "a-2.png").exists()
    stored = audits.read(tmp_path / "a-2.json")
    assert ([row.name for row in stored.directions], stored.samples) == (["bright", "pca1"], 24)
    assert list(stored.strips) == ["bright", "pca1"]
    strip = Image.open(io.BytesIO(stored.strip("bright")))
    assert (strip.format, strip.width > 5 * 48, strip.height > 4 * 48) == ("WEBP", True, True)
    assert stored.source["again"] == (
        "gantool direction audit d.safetensors --classifier a.safetensors -n 24 --strength 2 --seed 0"
    )
    assert f"gantool report {tmp_path / 'a-2.json'}" in said
    assert run_cli("report", tmp_path / "a-2.json").code == 0


def test_without_real_data_no_fault_is_named(audit, tmp_path):
    done = audit("d.safetensors", *BY, "--no-data", "--json", "-o", tmp_path / "a.png")
    found = json.loads(done.out)
    assert found["real"] is None
    assert {(row["data_r"], row["data_p"]) for row in found["directions"]} == {(None, None)}
    assert done.err == ""


def row(name="smile", verdict="the data", leak_name="age", leak=0.5, **more):
    inside = {"matched": False, "effect": 2.0, "effect_interval": (1.9, 2.1), "selectivity": 0.7}
    inside |= {"selectivity_interval": (0.6, 0.8), "monotonicity": 1.0, "explained": 0.8, "aim": 0.97}
    inside |= {"leak_interval": (0.4, 0.6), "data_r": 0.6, "data_p": 0.001}
    return Row(name=name, target=name, leak=leak, leak_name=leak_name, verdict=verdict, **{**inside, **more})


LEAK = "smile moves age by +0.50 for each step of smile"
TOGETHER = f"{LEAK}; the real data has the two together, r +0.60"
WORDS = {
    "clean": "",
    "unknown": "",
    "no effect": "smile does not move smile.",
    "the data": f"{TOGETHER}: the data.",
    "both": f"{TOGETHER}, which explains only a part: both data and model.",
    "the model": f"{LEAK}, and the real data does not explain it, r +0.60: the model.",
    "the direction": f"{LEAK}, and its cosine with the best direction of smile is 0.97: the direction; "
    "find it anew with --method ridge, or orthogonalize it.",
}


@pytest.mark.parametrize("verdict", WORDS)
def test_each_fault_is_said_in_words_of_its_own(verdict):
    assert words(row(verdict=verdict)) == WORDS[verdict]
    assert cells(row(verdict=verdict))[-3:] == ("age +0.50 [+0.40, +0.60]", "+0.60 (p 0.001)", verdict)


NAMES = ("smile", "age", "glasses")
STEER = ["steer", "M", "--directions", "d", "--toward", "smile", "--classifier", "c"]
TAKEN = [{"orthogonal_to": ["age"]}, {}, {}]
NEXT = {
    "all clean": ([row(verdict="clean")], {}, STEER),
    "the worst leak": (
        [row(), row("glasses", leak=-0.9)],
        {},
        ["direction", "orthogonalize", "d", "glasses", "--off", "age"],
    ),
    "taken off already": ([row(verdict="the direction")], {"figures": TAKEN, "method": "ridge"}, STEER),
    "another after the first": (
        [row(leak_name="glasses")],
        {"figures": TAKEN},
        ["direction", "orthogonalize", "d", "smile", "--off", "age,glasses"],
    ),
    "too little would stay": ([row()], {"vectors": torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 0, 1]])}, STEER),
    "a leak without a direction": ([row(leak_name="hat")], {}, STEER),
    "badly aimed": (
        [row(verdict="the direction", leak_name="hat")],
        {},
        ["direction", "find", "M", "--toward", "smile", "--classifier", "c"],
    ),
}


@pytest.mark.parametrize("case", NEXT)
def test_what_comes_next_is_what_was_not_done_and_can_be(case):
    rows, changes, expected = NEXT[case]
    still, zero, one = torch.full((3,), torch.nan), torch.zeros(3), torch.ones(3)
    slots = [{"name": "z", "distribution": "normal", "dim": 3}]
    given = Directions(NAMES, torch.eye(3), still, zero, one, "", slots, figures=[{}] * 3)
    found = Audit(NAMES, tuple(rows), torch.eye(3), torch.eye(3), torch.eye(3), None, 9, 2.0)
    assert _next(found, replace(given, **changes), "d", "M", "c") == expected


def test_data_that_is_no_longer_the_models_own_is_left_out_and_said(audit, place, tmp_path, monkeypatch):
    """The run remembers the fingerprint of its data; a dataset that changed since has another."""
    from gantool_classic.datasets.shapes import Shapes

    describe = Shapes.describe
    monkeypatch.setattr(Shapes, "describe", lambda self: replace(describe(self), fingerprint="changed"))
    done = audit("d.safetensors", *BY, "--json", "-o", tmp_path / "a.png")
    assert json.loads(done.out)["real"] is None
    assert "The real data was not looked at. --data shapes: is not the data that the model was trained on" in done.err


CASES = {
    "no classifier": ("d.safetensors", "missing option '--classifier'"),
    "a classifier of other pictures": ("d.safetensors --classifier large.safetensors", "pictures of 3 x 32 x 32"),
    "directions of a model that is not there": ("other.safetensors --classifier a.safetensors", "which is not found"),
    "directions of another model": ("other.safetensors --classifier a.safetensors --model run", "run: is the model"),
    "a file of another kind": ("a.safetensors --classifier a.safetensors", "is a classifier file"),
    "a strength of nothing": ("d.safetensors --classifier a.safetensors --strength 0", "'--strength'"),
    "a picture of another format": ("d.safetensors --classifier a.safetensors -o x.jpg", "type: -o x.png"),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_input_is_one_clear_line_and_writes_nothing(case, place, monkeypatch, run_cli):
    monkeypatch.chdir(place)
    line, expected = CASES[case]
    before = sorted(place.rglob("*"))
    done = run_cli("direction", "audit", *line.split())
    said = done.err.strip().splitlines()
    assert done.code == 2
    assert len(said) == 1, done.err
    assert expected in said[0]
    assert done.out == ""
    assert sorted(place.rglob("*")) == before
