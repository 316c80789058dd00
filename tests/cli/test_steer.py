"""``gantool steer`` as a person types it, on a small untrained model and classifiers with random weights."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pytest
import torch
from PIL import Image

from gantool import open_model
from gantool.cli.main import run
from gantool.cli.steer import _say_fixed
from gantool.files import directions as directions_files
from gantool.files import latents
from gantool.files.classifier import Head, TrainedClassifier
from gantool.files.classifier import write as write_classifier
from gantool.files.directions import Directions
from gantool.plugins import load_plugins
from gantool.render.provenance import read_provenance

TINY = "--arch.channels 4 --data.size 16 --data.length 40 --batch-size 6 --latent-dim 8 --precision fp32 --steps 1 -q"
HEADS = (Head("attributes", "light", ("bright", "left")), Head("circle", "hue", ("hue.cos", "hue.sin")))
BY = ("--classifier", "a.safetensors")


def train(folder, *more):
    with pytest.raises(SystemExit) as stopped:
        run(["train", *TINY.split(), "-o", str(folder), *more])
    assert stopped.value.code == 0


def classifier(path, seed, side=16, model=None):
    """Write a convnet with random weights; a model's samples get logits of about -2 to 2 from it."""
    torch.manual_seed(seed)
    network = load_plugins().registry.get("classifier", "convnet").create().network((3, side, side), 4).eval()
    if model is not None:
        with torch.no_grad():
            logits = network(model.samples(model.latents(range(64))))
            network[-1].weight /= logits.std(0)[:, None]
            network[-1].bias.copy_((network[-1].bias - logits.mean(0)) / logits.std(0))
    about = {"name": "convnet", "options": {}}
    write_classifier(path, TrainedClassifier(about, (3, side, side), HEADS, network.state_dict(), {}, 0))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run without labels and one of classes, two classifiers of their pictures, and directions of the first run."""
    folder = tmp_path_factory.mktemp("place")
    train(folder / "run", "--condition", "none")
    train(folder / "classes", "--condition", "onehot")
    model = open_model(folder / "run")
    classifier(folder / "a.safetensors", 0, model=model)
    classifier(folder / "b.safetensors", 1, model=model)
    classifier(folder / "large.safetensors", 0, 32)
    zero, one = torch.zeros(2), torch.ones(2)
    offsets = torch.tensor([0.5, torch.nan])
    found = Directions(("bright", "pca1"), torch.eye(8)[:2], offsets, zero, one, model.hash, model.prior.describe())
    directions_files.write(folder / "d.safetensors", found, model.path)
    latents.write(folder / "wide.safetensors", torch.zeros(2, 9), None, model.path, {"model_hash": model.hash})
    return folder


@pytest.fixture
def steer(place, monkeypatch, run_cli):
    """Call ``gantool steer`` in the folder of the runs; it must end well."""
    monkeypatch.chdir(place)

    def call(*arguments):
        done = run_cli("steer", *arguments)
        assert done.code == 0, done.err
        return done

    return call


def test_the_strip_carries_every_latent_row_by_row_and_figures_say_what_moved(steer, place, tmp_path):
    out = tmp_path / "strip.png"
    done = steer(
        "run", "--toward", "bright", *BY, "--seeds", "3,5", "--steps", 4, "--max-steps", 3, "--until", 0.99, "-o", out
    )
    model, carried = open_model(place / "run"), read_provenance(out)
    assert carried["z"].shape == (8, 8)
    assert np.array_equal(carried["z"][[0, 4]], model.latents([3, 5]).numpy())
    assert not np.array_equal(carried["z"][3], carried["z"][0])
    said = done.out.splitlines()
    assert said[0].startswith("Steered by a.safetensors: ")
    assert said[0].endswith("in 3 steps")
    assert said[1] == "Measured by a.safetensors, which judges its own steering; another one can be given with --judge"
    assert said[2].startswith("bright: ")
    assert said[-2] == "Length of z at the end: 1.00 of the start's"
    assert said[-1] == f"2 rows of 4 steps: {out}. Next: gantool interpolate run {out}:0 {out}:3 -o morph.gif"
    single = steer(
        "run", "--toward", "bright", *BY, "--seeds", "5", "--max-steps", 3, "--until", 0.99, "-o", tmp_path / "one.png"
    )
    assert "1 row of 7 steps" in single.out
    assert np.allclose(read_provenance(tmp_path / "one.png")["z"][-1], carried["z"][7], atol=1e-3)


def test_json_holds_the_judges_figures(steer, tmp_path):
    line = ["run", "--toward", "BRIGHT", *BY, "--judge", "b.safetensors", "-n", 3, "--max-steps", 2, "--json"]
    found = json.loads(steer(*line, "-o", tmp_path / "x.png").out)
    assert (found["measured_by"], found["own_judge"]) == ("b.safetensors", False)
    assert found["rows"] == ["0", "1", "2"]
    assert found["columns"] == ["start", "17%", "33%", "50%", "67%", "83%", "end"]
    assert set(found["effect"]["others"]) == {"left", "hue.cos", "hue.sin"}
    assert found["effect"]["samples"] == 3
    assert 0 <= found["stopped"] <= 3


def test_directions_alone_are_walked_and_nothing_is_measured(steer, place, tmp_path):
    out = tmp_path / "strip.png"
    done = steer("run", "--toward", "bright", "--directions", "d.safetensors", "-n", 2, "--steps", 3, "-o", out)
    assert done.out.splitlines()[0] == "Nothing was measured: give a classifier with --classifier FILE."
    z = torch.from_numpy(read_provenance(out)["z"]).view(2, 3, 8)
    start = open_model(place / "run").latents([0, 1])
    assert torch.allclose(z - start[:, None], torch.tensor([-3.0, 0, 3])[:, None] * torch.eye(8)[0], atol=1e-6)


def test_absolute_strength_places_every_sample_at_the_same_distance(steer, tmp_path):
    out = tmp_path / "strip.png"
    line = ["--strength", "-1..2", "--steps", 4, "--absolute", "-n", 3, "-o", out]
    steer("run", "--toward", "bright", "--directions", "d.safetensors", *line)
    placed = read_provenance(out)["z"].reshape(3, 4, 8)[:, :, 0] + 0.5
    assert placed == pytest.approx(np.array([[-1.0, 0, 1, 2]] * 3), abs=1e-5)


def test_a_direction_with_another_name_is_judged_by_what_it_moves_most(steer, tmp_path):
    line = ["--toward", "pca1", "--directions", "d.safetensors", *BY, "-n", 4, "-o", tmp_path / "x.png"]
    assert "pca1 is the name of no feature: what it moved most is " in steer("run", *line).out


def test_strength_without_directions_goes_both_ways_from_the_start(steer, place, tmp_path):
    out = tmp_path / "strip.png"
    steer("run", "--toward", "hue=0.33", *BY, "--strength", "-1..1", "--steps", 3, "-n", 2, "-o", out)
    z = torch.from_numpy(read_provenance(out)["z"]).view(2, 3, 8)
    start = open_model(place / "run").latents([0, 1])
    assert torch.equal(z[:, 1], start)
    assert torch.allclose(z.norm(dim=2), start.norm(dim=1)[:, None].expand(2, 3), rtol=1e-5)
    assert (z[:, 0] - z[:, 2]).norm(dim=1).min() > 0.5


def test_a_class_stays_and_a_folder_and_a_film_hold_the_same_pictures(steer, tmp_path):
    line = ["classes", "--toward", "left", *BY, "--class", "square", "-n", 2, "--steps", 3, "--max-steps", 2]
    steer(*line, "-o", tmp_path / "folder", "--save-latents", tmp_path / "z.safetensors")
    names = sorted(path.name for path in (tmp_path / "folder").iterdir())
    assert names == [f"{row:04d}-{column:03d}.png" for row in range(2) for column in range(3)]
    z, c, _ = latents.read(tmp_path / "z.safetensors")
    assert c.tolist() == [1] * 6
    last = read_provenance(tmp_path / "folder" / names[-1])
    assert np.array_equal(last["z"][0], z[-1].numpy())
    assert last["c"].tolist() == [1]
    steer(*line, "-o", tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 4  # there and back


def test_pictures_that_a_person_picked_are_where_the_rows_begin(steer, place, run_cli, tmp_path):
    assert run_cli("sample", "classes", "--class", "circle=2", "-o", tmp_path / "picked.png").code == 0
    line = ["--toward", "left", *BY, "--from", tmp_path / "picked.png", "--from", "seed:9", "--steps", 2]
    found = json.loads(steer("classes", *line, "-o", tmp_path / "x.png", "--json").out)
    assert found["rows"] == ["#0", "#1", "#2"]
    carried = read_provenance(tmp_path / "x.png")
    assert np.array_equal(carried["z"][::2], open_model(place / "classes").latents([0, 1, 9]).numpy())
    assert carried["c"][:4].tolist() == [0] * 4


def test_starts_are_seeds_that_the_classifier_takes_for_a_feature(steer, tmp_path):
    line = ["run", "--toward", "bright", *BY, "--start", "left", "--seeds", "0-39", "-n", 3, "--steps", 2, "--json"]
    done = steer(*line, "-o", tmp_path / "x.png")
    rows = json.loads(done.out)["rows"]
    assert f"Seeds that a.safetensors takes for left: {', '.join(rows)}" in done.err
    assert len(rows) == 3


def test_without_a_place_a_new_name_in_the_run_folder_is_taken(steer, place):
    line = ["run", "--toward", "bright", "--directions", "d.safetensors", "-n", 1]
    assert "run/steer.png" in steer(*line).out
    assert "run/steer-2.png" in steer(*line).out
    assert {"steer.png", "steer-2.png"} <= {path.name for path in (place / "run").iterdir()}


def test_what_exists_is_kept_and_the_name_that_was_written_is_said(steer, tmp_path):
    for name in ("x.png", "z.pt"):
        (tmp_path / name).write_bytes(b"mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").touch()
    line = ["run", "--toward", "bright", "--directions", "d.safetensors", "-n", 1, "--steps", 2]
    done = steer(*line, "-o", tmp_path / "x.png", "--save-latents", tmp_path / "z.pt")
    assert f"steps: {tmp_path / 'x-2.png'}, latents: {tmp_path / 'z-2.pt'}. Next: " in done.out
    assert [(tmp_path / name).read_bytes() for name in ("x.png", "z.pt")] == [b"mine"] * 2
    assert len(latents.read(tmp_path / "z-2.pt")[0]) == 2
    plain = json.loads(steer(*line, "-o", tmp_path / "folder", "--json").out)
    assert (plain["out"], plain["latents"]) == (str(tmp_path / "folder-2"), None)
    assert len(list((tmp_path / "folder-2").iterdir())) == 2


@pytest.mark.parametrize("out", ["strip.png", "film.gif", "folder"])
@pytest.mark.parametrize("tools", [BY, ("--directions", "d.safetensors"), ("--directions", "d.safetensors", *BY)])
def test_the_next_line_runs_as_it_is_printed(steer, run_cli, tmp_path, monkeypatch, place, tools, out):
    inside = tmp_path / "with space"
    (inside).mkdir()
    line = ["run", "--toward", "bright", *tools, "-n", 1, "--steps", 2, "--strength", "0..1", "-o", inside / out]
    printed = shlex.split(steer(*line).out.splitlines()[-1].partition(" Next: ")[2])
    assert printed[0] == "gantool"
    for flag, file in zip(tools[::2], tools[1::2], strict=True):
        assert out == "strip.png" or printed[printed.index(flag) + 1] == file
    made = tmp_path / printed[-1]
    again = run_cli(*printed[1:-1], made)
    assert again.code == 0, again.err
    assert made.exists()


def test_one_file_holds_no_more_pictures_than_can_be_looked_at(steer, run_cli, tmp_path):
    line = ["run", "--toward", "bright", "--directions", "d.safetensors", "-n", 101, "--steps", 40, "-o"]
    refused = run_cli("steer", *line, tmp_path / "x.png")
    assert (refused.code, list(tmp_path.iterdir())) == (2, [])
    assert "101 samples in 40 steps are 4040 pictures; at most 4000 in one file; type: -o FOLDER" in refused.err


CASES = {
    "neither a classifier nor directions": ("--toward bright", "neither --classifier nor --directions"),
    "an unknown feature": ("--toward brigth BY", "did you mean bright?"),
    "a circle without a place on it": ("--toward hue BY", "type: --toward hue=0.33"),
    "an unknown direction": ("--toward brihgt ALONG", "did you mean bright?"),
    "an unknown feature to keep": ("--toward bright BY --keep lft", "did you mean left?"),
    "the target to keep": ("--toward bright BY --keep bright", "which is to change"),
    "an unknown start": ("--toward bright BY --start lefty", "did you mean left?"),
    "directions of another model": ("--toward bright ALONG", "holds directions of the model"),
    "directions that are a classifier": ("--toward bright --directions a.safetensors", "is a classifier file"),
    "a classifier of other pictures": ("--toward bright --classifier large.safetensors", "pictures of 3 x 32 x 32"),
    "a classifier that is not there": ("--toward bright --classifier no.safetensors", "is neither a file nor the name"),
    "a falling strength": ("--toward bright ALONG --strength 3..-3", "'3..-3' was given; two rising"),
    "a strength in words": ("--toward bright ALONG --strength far", "as in -3..3"),
    "a strength beyond reason": ("--toward bright ALONG --strength 0..1000", "at most 100 away"),
    "a probability above 1": ("--toward bright BY --until 1.5", "--until: 1.5 was given"),
    "a probability of nan": ("--toward bright BY --until nan", "--until: nan was given"),
    "a way to go and a last step": ("--toward bright BY --strength 0..3 --max-steps 9", "--max-steps: was given with"),
    "a way to go and a probability": ("--toward bright BY --strength 0..3 --until 0.8", "--until: was given with"),
    "a probability that nothing measures": ("--toward bright ALONG --until 0.8", "--until: was given without"),
    "no intercept": ("--toward pca1 ALONG --absolute", "pca1 has no intercept"),
    "absolute without a direction": ("--toward bright BY --absolute", "without --directions"),
    "a penalty on a straight line": ("--toward bright ALONG --keep left", "--keep: was given with"),
    "a judge alone": ("--toward bright ALONG --judge b.safetensors", "--judge: was given without"),
    "files and seeds": ("--toward bright BY --from seed:1 -n 2", "was given with -n"),
    "latents of another width": ("--toward bright BY --from wide.safetensors", "of 9 dimensions"),
    "a start that is no latent": ("--toward bright BY --from a.safetensors", "kind classifier"),
    "a class of a model without labels": ("--toward bright BY --class circle", "knows no labels"),
    "a picture of another format": ("--toward bright BY -o x.jpg", "-o: x.jpg was given"),
    "latents of another format": ("--toward bright BY --save-latents z.npy", ".safetensors or a"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_wrong_input_is_one_clear_line_and_writes_nothing(case, place, monkeypatch, run_cli):
    monkeypatch.chdir(place)
    line, expected = CASES[case]
    line = line.replace("BY", "--classifier a.safetensors").replace("ALONG", "--directions d.safetensors")
    before = sorted(place.rglob("*"))
    done = run_cli("steer", "classes" if "another model" in case else "run", *line.split())
    said = done.err.strip().splitlines()
    assert done.code == 2
    assert len(said) == 1, done.err
    assert said[0].startswith("error: ")
    assert expected in said[0]
    assert done.out == ""
    assert sorted(place.rglob("*")) == before


def test_what_the_models_label_decides_is_said(place, capsys):
    model = open_model(place / "classes")
    _say_fixed(model, "RUN", "Circle")
    assert "circle is what the model's label says" in (said := capsys.readouterr().err)
    assert said.endswith("Try: gantool sample RUN --class circle\n")
    _say_fixed(model, "RUN", "bright")
    _say_fixed(open_model(place / "run"), "RUN", "circle")
    assert capsys.readouterr().err == ""
