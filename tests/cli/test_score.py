"""``gantool score`` as a person types it, on models of one step."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gantool.cli.main import run

TINY = "--arch.channels 4 --batch-size 6 --latent-dim 8 --precision fp32 --steps 1 -q".split()
SHAPES = "--data.size 16 --data.length 40".split()
FEW = ("-n", "20", "-q")


def gantool(*line):
    with pytest.raises(SystemExit) as stopped:
        run([str(part) for part in line])
    assert stopped.value.code == 0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Runs of classes, of attributes, of none and of points, two pictures, and samples of each run of shapes."""
    folder = tmp_path_factory.mktemp("scored")
    kinds = {
        "classes": ["--loss", "bce", "--condition", "onehot"],
        "attributes": ["--loss", "wgan-gp", "--condition", "onehot", "--data.labels", "attributes"],
        "plain": ["--loss", "wgan-clip", "--condition", "none"],
    }
    for name, more in kinds.items():
        gantool("train", *TINY, *SHAPES, *more, "-o", folder / name)
        gantool("sample", folder / name, "-n", 3, "-q", "-o", folder / f"{name}-samples")
    gantool("train", *TINY[2:], "--data", "gaussians", "--data.length", 50, "-o", folder / "points")
    (folder / "photos").mkdir()
    Image.new("RGB", (20, 30), "red").save(folder / "photos" / "a.jpg")
    Image.new("L", (16, 16), 200).save(folder / "photos" / "b.png")
    return folder


@pytest.fixture
def here(place, monkeypatch):
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def score(here, run_cli):
    """Call ``gantool score`` in the folder of the runs; it must end well."""

    def call(*arguments):
        done = run_cli("score", *arguments)
        assert done.code == 0, done.err
        return done

    return call


def listing(folder):
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_logit_is_shown_as_a_probability_and_held_against_both_sides(score):
    done = score("classes", "photos", *FEW, "--json")
    found = json.loads(done.out)
    assert found["quantity"] == "probability"
    assert [row["picture"] for row in found["pictures"]] == ["photos/a.jpg", "photos/b.png"]
    for row in found["pictures"]:
        assert row["probability"] == pytest.approx(1 / (1 + np.exp(-row["score"])), abs=1e-6)
        assert row["tried"]
        assert row["labels"][0] in ("circle", "square", "triangle")
        assert all(20 * share == pytest.approx(round(20 * share)) for share in row["above"].values())
    for side in ("real", "generated"):
        spread = found[side]
        assert spread["count"] == 20
        assert 0 <= spread["q05"] <= spread["q50"] <= spread["q95"] <= 1
    assert 0 <= found["auc"] <= 1
    assert 400 * 2 * found["auc"] == pytest.approx(round(400 * 2 * found["auc"]))  # of 20 x 20 pairs, halves for ties


def test_the_tables_say_what_the_json_says(score):
    plain = json.loads(score("classes", "photos", *FEW, "--class", "square", "--json").out)
    lines = score("classes", "photos", *FEW, "--class", "square").out.splitlines()
    first, row = plain["pictures"][0], lines[0].split("\t")
    shares = [f"{100 * first['above'][side]:.3g} %" for side in ("real", "generated")]
    assert row == ["photos/a.jpg", "square", f"{first['probability']:.4g}", *shares]
    for line, side in zip(lines[2:4], ("real", "generated"), strict=True):
        numbers = [plain[side][key] for key in ("mean", "q05", "q50", "q95")]
        assert line.split("\t") == [side, "20", *(f"{number:.4g}" for number in numbers)]
    share = f"{100 * plain['auc']:.3g} %"
    assert lines[4] == f"D ranks a real picture above a generated one in {share} of pairs; 50 % would be guessing."
    assert lines[5] == "Next: gantool score classes photos --class square -o scores.png"
    assert len(lines) == 6


def test_a_critics_score_has_no_probability(score):
    found = json.loads(score("plain", "photos", *FEW, "--json").out)
    assert found["quantity"] == "score"
    assert [row["probability"] for row in found["pictures"]] == [None, None]
    assert [row["labels"] for row in found["pictures"]] == [None, None]
    assert len(score("plain", "photos", *FEW).out.splitlines()[0].split("\t")) == 4  # no class


def test_a_sample_brings_its_class_which_a_flag_replaces(score):
    carried = json.loads(score("classes", "classes-samples", *FEW, "--json").out)["pictures"]
    assert not any(row["tried"] for row in carried)
    asked = json.loads(score("classes", "classes-samples", *FEW, "--json", "--class", "Circle").out)["pictures"]
    assert [row["labels"] for row in asked] == [["circle"]] * 3
    assert [row["score"] for row in asked] != [row["score"] for row in carried]
    assert "Class: the one that scores highest" in score("classes", "photos", *FEW).err


def test_a_class_that_makes_no_difference_is_said_to_make_none(run_cli, workdir):
    gantool("train", *TINY, *SHAPES, "--condition", "slot", "-o", "slot")
    Image.new("RGB", (16, 16), "red").save("a.png")
    done = run_cli("score", "slot", "a.png", "--class", "circle", "-n", 4)
    assert done.code == 0
    assert "does not look at labels" in done.err


def test_attributes_come_from_the_picture_or_from_flags(score, here, run_cli):
    carried = json.loads(score("attributes", "attributes-samples", *FEW, "--json").out)["pictures"]
    assert all(row["labels"] and not row["tried"] for row in carried)
    done = run_cli("score", "attributes", "photos", *FEW)
    assert done.code == 2
    assert "--with: was not given, and the discriminator looks at attributes, which photos/a.jpg" in done.err
    done = score("attributes", "photos", *FEW, "--json", "--with", "circle", "--without", "large")
    for row in json.loads(done.out)["pictures"]:
        assert "circle" in row["labels"]
        assert "large" not in row["labels"]
    assert "Attributes, where no flag names one as in a real example: circle" in done.err
    assert done.err.count("\n") == 1


def test_the_histogram_is_a_picture_and_an_older_one_is_kept(score, here):
    first = score("classes", "photos", *FEW, "-o", "scores.png")
    assert first.out.splitlines()[-1] == "Histogram: scores.png. Next: gantool evaluate classes"
    found = json.loads(score("classes", "photos", *FEW, "-o", "scores.png", "--json").out)
    assert found["out"] == "scores-2.png"
    for name in ("scores.png", "scores-2.png"):
        with Image.open(here / name) as image:
            assert image.size == (800, 450)


def test_data_that_has_moved_is_found_by_its_root_or_done_without(run_cli, workdir):
    gantool("data", "pack", "--data", "shapes", *SHAPES, "-q", "-o", "data.safetensors")
    gantool("train", *TINY, "--data", "packed", "--data.root", "data.safetensors", "-o", "run")
    Image.new("RGB", (9, 9)).save("black.png")
    before = json.loads(run_cli("score", "run", "black.png", *FEW, "--json").out)
    shutil.move("data.safetensors", "moved.safetensors")
    done = run_cli("score", "run", "black.png", *FEW)
    assert done.code == 0
    assert "Without real examples (" in done.err
    assert "data.safetensors" in done.err
    assert "give their place with --data.root, or say --no-real" in done.err
    assert [line.split("\t")[0] for line in done.out.splitlines()[:2]] == ["black.png", "generated"]
    assert len(done.out.splitlines()) == 3
    quiet = run_cli("score", "run", "black.png", *FEW, "--no-real", "--json")
    assert "Without real" not in quiet.err
    without = json.loads(quiet.out)
    assert (without["real"], without["auc"], without["generated"]) == (None, None, before["generated"])
    assert list(without["pictures"][0]["above"]) == ["generated"]
    found = run_cli("score", "run", "black.png", *FEW, "--json", "--data.root", "moved.safetensors")
    assert json.loads(found.out) == before
    assert "not the examples" not in found.err
    gantool("data", "pack", "--data", "shapes", *SHAPES, "--data.seed", 9, "-q", "-o", "others.safetensors")
    others = run_cli("score", "run", "black.png", *FEW, "--data.root", "others.safetensors")
    assert others.code == 0
    assert "These are not the examples that the model was trained on." in others.err
    wrong = run_cli("score", "run", "black.png", *FEW, "--data.root", "nowhere")
    assert (wrong.code, wrong.out, wrong.err.count("\n")) == (2, "", 1)
    assert "--data.root" in wrong.err


def test_a_model_without_a_discriminator_is_refused(run_cli, workdir):
    layers = [nn.ConvTranspose2d(6, 8, 4, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    layers += [nn.ConvTranspose2d(8, 3, 4, 2, 1, bias=False), nn.Tanh()]
    torch.save(nn.Sequential(*layers).state_dict(), "weights.pt")
    Image.new("RGB", (8, 8)).save("black.png")
    done = run_cli("score", "weights.pt", "black.png")
    assert done.code == 2
    assert "weights.pt: holds no discriminator; " in done.err


REFUSED = {
    "a grid": ("classes classes/grid.png", "classes/grid.png: is a grid of 24 samples; single pictures; type: gantool"),
    "points": ("points photos", "points: knows points, not pictures"),
    "no picture": ("plain photos/a.jpg plain/config.toml", "plain/config.toml: cannot be read (it is no picture)"),
    "no file": ("plain nothing.png", "nothing.png: cannot be read"),
    "an empty folder": ("plain plain/checkpoints", "plain/checkpoints: is a folder without a picture"),
    "no model": ("nothing photos", "nothing: does not exist"),
    "a class of none": ("plain photos --class circle", "--class: 'circle' was given, and the model knows no labels"),
    "an unknown class": ("classes photos --class cirle", "did you mean circle?"),
    "an attribute of classes": (
        "classes photos --with circle",
        "--with: 'circle' was given, and the model knows classes",
    ),
    "both": ("classes photos --class circle --with large", "--class: was given with --with or --without"),
    "no histogram": ("plain photos -o scores.jpg", "-o: scores.jpg was given; a .png file"),
    "a root and none": ("plain photos --no-real --data.root x", "--data.root: was given with --no-real"),
    "data without a root": ("plain photos --data.root x", "--data.root: is not an option"),
    "no pictures": ("plain", "missing argument 'PICTURES...'"),
    "none of each": ("plain photos -n 0", "-n"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_input_gets_one_line_and_changes_nothing(case, here, run_cli):
    line, said = REFUSED[case]
    before = listing(here)
    done = run_cli("score", *line.split(), "-q")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err
    assert listing(here) == before


def test_the_help_text_needs_no_torch():
    code = "import sys; from gantool.cli.main import cli; cli.main(['score', '--help'], standalone_mode=False)"
    line = [sys.executable, "-c", f"{code}; assert 'torch' not in sys.modules"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "gantool score runs/shapes-dcgan-bce photo.png" in done.stdout
