"""``gantool direction`` as a person types it, on a small untrained model."""

from __future__ import annotations

import json
import pickle
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch

from gantool import open_model
from gantool.cli.main import run
from gantool.files import directions as files
from gantool.files import scores as scores_files
from gantool.files.classifier import Head, TrainedClassifier
from gantool.files.classifier import write as write_classifier
from gantool.files.scores import Scores
from gantool.plugins import load_plugins

TINY = "--arch.channels 4 --data.size 16 --data.length 40 --batch-size 6 --latent-dim 8 --precision fp32 --steps 1 -q"
NAMES = ("size", "hue.cos", "hue.sin", "circle")


def train(folder, *more):
    with pytest.raises(SystemExit) as stopped:
        run(["train", *TINY.split(), "-o", str(folder), *more])
    assert stopped.value.code == 0


def score(model, count=120):
    """Return scores that are plain functions of z: 3 z0 + 1, two axes, and a noisy z3."""
    z = model.latents(range(count))
    noise = torch.randn(count, generator=torch.Generator().manual_seed(0))
    scores = torch.stack([3 * z[:, 0] + 1, z[:, 1], z[:, 0] + z[:, 2], z[:, 3] + noise / 9], 1)
    about = {"label": "by hand", "hash": "0"}
    return Scores(
        NAMES, (0.0,) * 4, scores, scores.sigmoid(), about, z=z, model_hash=model.hash, seeds=(*range(count),)
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run, a conditional one, scores of the first's samples, and a classifier of two heads for its pictures."""
    folder = tmp_path_factory.mktemp("place")
    train(folder / "run")
    train(folder / "classes", "--condition", "onehot", "--seed", "3")
    scores_files.write(folder / "scores.safetensors", score(open_model(folder / "run")))
    part = load_plugins().registry.get("classifier", "convnet")
    torch.manual_seed(0)
    network = part.create().network((3, 16, 16), 3)
    heads = (
        Head("attributes", "attributes", ("bright", "left")),
        Head("value", "area", ("area",), 1, (2, 3), (0, 1, 9)),
    )
    about = {"name": "convnet", "options": {}}
    stored = TrainedClassifier(about, (3, 16, 16), heads, network.state_dict(), {}, 0)
    write_classifier(folder / "classifier.safetensors", stored)
    return folder


@pytest.fixture
def direction(place, monkeypatch, run_cli, tmp_path):
    """Call ``gantool direction`` in the folder of the runs; it must end well."""
    monkeypatch.chdir(place)

    def call(*arguments):
        done = run_cli("direction", *arguments)
        assert done.code == 0, done.err
        return done.out

    return call


def test_directions_of_scores_are_written_beside_the_run_and_never_over_another(direction, place):
    said = [direction("find", "run", "--scores", "scores.safetensors", "-q") for _ in range(2)]
    path = "run/directions-ridge.safetensors"
    assert said[0].splitlines()[-1] == (
        f"4 directions: {path}. Next: gantool steer run --directions {path} --toward size"
    )
    assert "4 directions: run/directions-ridge-2.safetensors." in said[1]
    found, meta = files.read(place / path)
    assert (found.names, found.method) == (NAMES, "ridge")
    assert found.model_hash == open_model(place / "run").hash
    assert (place / "run" / meta["model"]).samefile(open_model(place / "run").path)
    assert found.vectors[0, 0] > 0.999
    assert found.intercept[0] == pytest.approx(1 / 3, abs=0.05)
    assert found.source["samples"] == 120
    assert found.source["classifier"] == {"label": "by hand", "hash": "0"}


def test_a_classifier_scores_the_samples_itself(direction, place, tmp_path):
    out = tmp_path / "d.safetensors"
    line = ["find", "run", "--classifier", "classifier.safetensors", "-n", 64, "-o", out, "--json"]
    plain = json.loads(direction(*line))
    assert [one["name"] for one in plain["directions"]] == ["bright", "left", "area"]
    assert plain["out"] == str(out)
    for method in ("boundary", "mean-difference", "gradient"):
        out.unlink()
        found = json.loads(direction(*line, "--method", method, "--toward", "AREA", "--toward", "left"))
        assert [one["name"] for one in found["directions"]] == ["area", "left"]
        assert set(found["directions"][0]["figures"]) >= {"r2", "present"}
    assert files.read(out)[0].source["classifier"]["label"] == "classifier.safetensors"


def test_a_conditional_model_draws_its_labels_by_seed(direction, tmp_path):
    line = ["find", "classes", "--classifier", "classifier.safetensors", "-n", 64, "--json", "-o"]
    first, second = (json.loads(direction(*line, tmp_path / f"{name}.safetensors")) for name in ("a", "b"))
    assert {**first, "out": 0} == {**second, "out": 0}


def test_finders_without_labels_need_none_and_take_their_options(direction, tmp_path):
    out = tmp_path / "d.safetensors"
    assert "3 directions" in direction("find", "run", "--method", "pca", "--pca.count", 3, "-n", 50, "-o", out)
    out.unlink()
    assert "2 directions" in direction("find", "classes", "--method", "sefa", "--sefa.count", 2, "-o", out)
    found, _ = files.read(out)
    assert found.vectors.shape == (2, 8)  # the one-hot rows are no part of z
    assert found.intercept.isnan().all()


def test_a_pair_gives_one_direction_with_a_name(direction, place, tmp_path):
    out = tmp_path / "d.safetensors"
    direction("find", "run", "--method", "pair", "--pair", "seed:3", "seed:5", "--toward", "smile", "-o", out)
    found, _ = files.read(out)
    z = open_model(place / "run").latents([3, 5])
    assert found.names == ("smile",)
    assert torch.allclose(found.vectors[0], (z[1] - z[0]) / (z[1] - z[0]).norm(), atol=1e-6)
    assert found.source["pair"] == ["seed:3", "seed:5"]


@pytest.fixture
def found(direction, tmp_path):
    path = tmp_path / "found.safetensors"
    direction("find", "run", "--scores", "scores.safetensors", "-o", path)
    return path


def test_show_lists_names_figures_and_cosines(direction, found):
    shown = json.loads(direction("show", found, "--json"))
    assert [one["name"] for one in shown["directions"]] == list(NAMES)
    assert shown["directions"][0]["figures"]["r2"] > 0.99
    cosines = torch.tensor(shown["cosines"])
    assert torch.allclose(cosines.diagonal(), torch.ones(4), atol=1e-6)
    assert cosines[0, 2] == pytest.approx(0.5**0.5, abs=0.02)
    lines = direction("show", found).splitlines()
    assert lines[0].startswith(f"{found}: found by ridge in the model ")
    assert lines[1].split("\t")[0] == "size"
    assert lines[6].split("\t")[:2] == ["size", "+1.00"]
    model = Path("run", "checkpoints", open_model("run").path.name)
    assert lines[-1] == f"Next: gantool steer {model} --directions {found} --toward size"


def test_orthogonalize_writes_a_new_file_with_one_direction_replaced(direction, found):
    said = direction("orthogonalize", found, "HUE.SIN", "--off", "size,circle")
    out = found.with_name("found-orthogonal.safetensors")
    assert said.splitlines()[0].startswith("hue.sin keeps 0.7")
    assert said.splitlines()[0].endswith("of its length, orthogonal to size, circle")
    assert said.splitlines()[1] == f"Directions: {out}. Next: gantool direction show {out}"
    (before, meta), (after, again) = files.read(found), files.read(out)
    assert after.names == before.names
    assert torch.equal(after.vectors[[0, 1, 3]], before.vectors[[0, 1, 3]])
    assert (after.vectors[2] @ after.vectors[[0, 3]].T).abs().max() < 1e-6
    assert meta["model"] == again["model"]
    plain = json.loads(direction("orthogonalize", found, "hue.sin", "--off", "rest", "--json"))
    assert plain["orthogonal_to"] == ["size", "hue.cos", "circle"]
    assert plain["out"] == str(found.with_name("found-orthogonal-2.safetensors"))
    assert direction("show", plain["out"]).count("size, hue.cos, circle") == 1


def test_an_imported_boundary_is_a_direction_of_the_model(direction, place, tmp_path):
    boundary = tmp_path / "smile.npy"
    np.save(boundary, np.arange(8, dtype=np.float32)[None])
    said = direction("import", boundary, "run", "--name", "smile")
    path = "run/directions-smile.safetensors"
    assert said == f"Directions: {path}. Next: gantool steer run --directions {path} --toward smile\n"
    found, _ = files.read(place / path)
    assert found.model_hash == open_model(place / "run").hash
    assert found.vectors[0].norm() == pytest.approx(1)


def test_what_exists_is_kept(direction, tmp_path):
    out = tmp_path / "precious.safetensors"
    out.write_bytes(b"mine")
    boundary = tmp_path / "b.npy"
    np.save(boundary, np.ones((1, 8)))
    direction("find", "run", "--scores", "scores.safetensors", "-o", out)
    direction("orthogonalize", tmp_path / "precious-2.safetensors", "size", "--off", "circle", "-o", out)
    assert f"Directions: {tmp_path / 'precious-4.safetensors'}." in direction(
        "import", boundary, "run", "--name", "a", "-o", out
    )
    assert out.read_bytes() == b"mine"
    assert len(files.read(tmp_path / "precious-3.safetensors")[0].names) == 4


LINES = {
    "find": "find run --classifier classifier.safetensors -n 40",
    "find without a classifier": "find run --scores scores.safetensors",
    "show": "show FOUND",
    "orthogonalize": "orthogonalize FOUND hue.sin --off size,circle",
    "import": "import b.npy run --name 'a smile'",
    "mig": "mig run --classifier classifier.safetensors -n 200",
    "audit": "audit FOUND --classifier classifier.safetensors -n 24 --no-data",
}


@pytest.mark.parametrize("case", LINES)
def test_the_next_line_runs_as_it_is_printed(case, direction, place, found, run_cli):
    np.save(place / "b.npy", np.ones((1, 8)))
    line = [str(found) if part == "FOUND" else part for part in shlex.split(LINES[case])]
    printed = shlex.split(direction(*line).splitlines()[-1].partition("Next: ")[2])
    assert printed[0] == "gantool"
    done = run_cli(*printed[1:])
    assert done.code == 0, done.err
    assert "Next: gantool " in done.out


def test_mig_names_each_factor_with_its_coordinates(direction):
    plain = json.loads(direction("mig", "run", "--classifier", "classifier.safetensors", "-n", 200, "--json"))
    assert [gap["factor"] for gap in plain["factors"]] == ["bright", "left", "area"]
    assert plain["mig"] == pytest.approx(sum(gap["gap"] for gap in plain["factors"]) / 3)
    said = direction("mig", "run", "--classifier", "classifier.safetensors", "-n", 200, "--slots", "noise")
    assert said.splitlines()[-1].startswith(
        f"MIG {plain['mig']:.3f} over 200 samples. Next: gantool direction find run"
    )


def test_inspect_explains_directions(run_cli, found):
    said = run_cli("inspect", found).out
    assert "a directions file" in said
    assert "4 in 8 dimensions" in said
    assert "size, hue.cos, hue.sin, circle" in said
    assert f"Next: gantool direction show {found}" in said


WRONG = {
    "an unknown attribute": (
        "find run --classifier classifier.safetensors --toward brite -n 20",
        "--toward: classifier.safetensors knows no 'brite'; known: bright, left, area; did you mean bright?",
    ),
    "an unknown name in scores": ("find run --scores scores.safetensors --toward sise", "did you mean size?"),
    "a classifier for other pictures": ("find big --classifier classifier.safetensors", "pictures of 3 x 16 x 16"),
    "a run as a classifier": ("find run --classifier run", "run is a folder"),
    "scores of another model": ("find classes --scores scores.safetensors", "holds scores of another model"),
    "scores that are directions": ("find run --scores d.safetensors", "is a directions file"),
    "no scores": ("find run", "--method ridge: needs scores; --classifier or --scores"),
    "a gradient from scores": ("find run --method gradient --scores scores.safetensors", "needs the slope"),
    "an unknown method": ("find run --method rigde", "there is no direction-finder 'rigde'"),
    "an option of another method": ("find run --method pca --ridge.alpha 1", "--ridge.alpha: there is no such option"),
    "an option out of range": ("find run --method pca --pca.count 0", "--pca.count: 0 was given"),
    "both sources of scores": ("find run --scores scores.safetensors --classifier x", "were given together"),
    "a number of stored scores": ("find run --scores scores.safetensors -n 50", "all of its samples are used"),
    "samples for codes": ("find run --method codes -n 50", "-n: 50 was given; --method codes learns nothing from"),
    "samples for a pair": ("find run --method pair --pair seed:1 seed:2 -n 50", "learns nothing from samples"),
    "a checkpoint's name": ("find run --scores scores.safetensors -o run/latest", "a .safetensors file"),
    "a picture's name": ("orthogonalize d.safetensors size --off alike -o photo.png", "type: -o photo.safetensors"),
    "another picture's name": ("import wide.npy run --name a -o photo.png", "type: -o photo.safetensors"),
    "a typo beside rest": ("orthogonalize d.safetensors size --off rest,typo", "there is no direction 'typo'"),
    "codes of a model without any": ("find run --method codes", "all of this model's z is noise"),
    "a pair of one": ("find run --method pair --pair seed:1 seed:1", "no direction for 'pair'"),
    "directions that are missing": ("show nowhere.safetensors", "cannot be read"),
    "directions that are a checkpoint": ("show scores.safetensors", "is a scores file; a directions file is needed"),
    "a direction that is not there": ("orthogonalize d.safetensors siz --off size", "there is no direction 'siz'"),
    "itself taken off": ("orthogonalize d.safetensors size --off size", "others than size"),
    "a direction that is not kept": ("orthogonalize d.safetensors size --off alike", "at least 0.1"),
    "a pickled boundary": ("import pickled.npy run --name a", "holds pickled objects"),
    "a bare pickle": ("import bare.npy run --name a", "is no numpy array (pickle)"),
    "a boundary of another width": ("import wide.npy run --name a", "holds directions of 512 dimensions; 8 for"),
    "a boundary without a name": ("import wide.npy run", "missing option '--name'"),
    "a part of z that is not there": ("mig run --classifier classifier.safetensors --slots code", "no part 'code'"),
}  # fmt: skip


@pytest.fixture(scope="module")
def wrong_place(place):
    """The runs, and files that are not what they should be."""
    train(place / "big", "--data.size", "32")
    model = open_model(place / "run")
    alike = torch.eye(8)[:1] + 0.05 * torch.eye(8)[1]
    vectors = torch.cat([torch.eye(8)[:1], alike / alike.norm()])
    zeros, ones = torch.zeros(2), torch.ones(2)
    made = files.Directions(("size", "alike"), vectors, zeros, zeros, ones, model.hash, model.prior.describe())
    files.write(place / "d.safetensors", made)
    np.save(place / "pickled.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (place / "bare.npy").write_bytes(pickle.dumps([1.0]))
    np.save(place / "wide.npy", np.ones((1, 512)))
    return place


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_line_and_writes_nothing(case, wrong_place, monkeypatch, run_cli):
    line, expected = WRONG[case]
    monkeypatch.chdir(wrong_place)
    before = sorted(wrong_place.rglob("*"))
    done = run_cli("direction", *line.split())
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    assert expected in done.err
    assert done.out == ""
    assert sorted(wrong_place.rglob("*")) == before


def test_help_shows_examples_and_the_options_of_the_method(run_cli):
    said = run_cli("direction", "find", "--method", "boundary", "--help").out
    assert "--boundary.share" in said
    assert "gantool direction find RUN --method pca" in said
    group = run_cli("direction", "--help").out
    for name in ("find", "orthogonalize", "show", "import", "audit", "mig"):
        assert f"\n  {name}" in group


def test_help_needs_no_torch(run_process, tmp_path):
    (tmp_path / "torch.py").write_text("raise SystemExit('torch was imported')")
    for line in (["--help"], ["find", "--help"], ["mig", "--help"], ["audit", "--help"]):
        assert run_process("direction", *line, PYTHONPATH=str(tmp_path)).code == 0
