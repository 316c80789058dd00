"""``gantool classifier train`` and ``label``: what they write and print, and what they refuse with one line."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gantool.cli.classifier import _row
from gantool.files import classifier, envelope, scores
from gantool.files.classifier import Head
from gantool.files.pictures import read_picture
from gantool.latent import labelling
from gantool.latent.model import open_model
from gantool.training import classifier as training

TINY = "--data.size 8 --data.length 60 --steps 4 --batch-size 8 --convnet.width 2 --convnet.hidden 4 -q".split()
HEADS = ["classes", "x", "y", "size", "hue", "background"]


@pytest.fixture
def trained(workdir, run_cli):
    """A tiny classifier of 8 x 8 shapes, ``c.safetensors`` in the current folder."""
    done = run_cli("classifier", "train", *TINY, "-o", "c.safetensors")
    assert done.code == 0, done.err
    return workdir / "c.safetensors"


@pytest.fixture
def model(trained, run_cli):
    """A tiny conditional run of the same shapes, ``run`` in the current folder."""
    small = "--data.size 8 --data.length 60 --steps 2 --batch-size 8 --arch.channels 4 --latent-dim 3 -q".split()
    done = run_cli("train", *small, "--condition", "onehot", "-o", "run")
    assert done.code == 0, done.err
    return trained.parent / "run"


@pytest.fixture
def pictures(workdir):
    """A folder with a red RGB, a grey and a half transparent picture of different sizes, and a text."""
    folder = workdir / "photos"
    folder.mkdir()
    Image.new("RGB", (20, 10), "red").save(folder / "a.png")
    Image.new("L", (8, 8), 128).save(folder / "b.jpg")
    Image.new("RGBA", (16, 16), (0, 0, 0, 0)).save(folder / "c.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


def listing(folder):
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_train_writes_a_classifier_and_prints_a_row_for_each_head(trained, run_cli):
    found = classifier.read(trained)
    assert [head.name for head in found.heads] == HEADS
    assert (found.shape, found.seed, found.data["name"]) == ((3, 8, 8), 0, "shapes")
    assert (found.component["name"], found.component["dist"]) == ("convnet", "gantool")
    assert found.component["options"] == {"width": 2, "hidden": 4}
    again = run_cli("classifier", "train", *TINY, "-o", "c.safetensors")
    rows = [line.split("\t") for line in again.out.splitlines()]
    assert [row[0] for row in rows[:-1]] == HEADS
    accuracy = found.heads[0].figures["accuracy"]
    assert rows[0][:3] == ["classes", "3 classes", f"accuracy {accuracy:.2%}"]
    follow = "Next: gantool steer RUN --toward x --classifier c-2.safetensors"
    assert rows[-1] == [f"Classifier: c-2.safetensors. {follow}"]


def test_the_same_line_gives_the_same_file_and_never_overwrites_one(trained, run_cli):
    before = trained.read_bytes()
    assert run_cli("classifier", "train", *TINY, "-o", "c.safetensors").code == 0
    assert trained.read_bytes() == before
    assert (trained.parent / "c-2.safetensors").read_bytes() == before


def meanwhile(monkeypatch, where, path):
    """Let another command write a file while a function works."""
    module, name = where
    work = getattr(module, name)

    def slow(*arguments, **rest):
        found = work(*arguments, **rest)
        path.write_text("another's")
        return found

    monkeypatch.setattr(module, name, slow)


def test_a_name_that_was_taken_during_the_training_is_kept(workdir, run_cli, monkeypatch):
    meanwhile(monkeypatch, (training, "train_classifier"), workdir / "c.safetensors")
    done = run_cli("classifier", "train", *TINY, "-o", "c.safetensors")
    assert "Classifier: c-2.safetensors. " in done.out
    assert (workdir / "c.safetensors").read_text() == "another's"
    assert classifier.read("c-2.safetensors").data["name"] == "shapes"


def test_a_name_that_was_taken_during_the_labelling_is_kept(trained, pictures, run_cli, monkeypatch):
    meanwhile(monkeypatch, (labelling, "label_pictures"), trained.parent / "scores.safetensors")
    assert run_cli("classifier", "label", pictures, "--classifier", trained, "-q").code == 0
    assert (trained.parent / "scores.safetensors").read_text() == "another's"
    assert len(scores.read("scores-2.safetensors").scores) == 3


def test_the_next_lines_quote_what_a_shell_would_cut(workdir, pictures, run_cli):
    few = [*TINY, "--targets", "size", "--buckets", "2", "-o", "of mine"]
    done = run_cli("classifier", "train", *few)
    name = classifier.read("of mine").heads[0].names[0]
    assert done.out.rstrip().endswith(f"Next: gantool steer RUN --toward '{name}' --classifier 'of mine'")
    done = run_cli("classifier", "label", pictures, "--classifier", "of mine", "-o", "the scores", "-q")
    assert done.out.rstrip().endswith("Next: gantool inspect 'the scores'")


def test_a_factor_whose_fit_cannot_be_measured_is_said_to_be_so(workdir, run_cli):
    head = Head("value", "size", ("size",), quantiles=(0.0, 1.0))
    assert _row(head) == ("size", "factor", "not measurable", "")
    meta = {"component": {"name": "convnet", "options": {}}, "shape": [1, 4, 4], "data": {"name": "n"}, "seed": 0}
    envelope.write("c", "classifier", {}, {**meta, "heads": [asdict(head)], "hash": ""})
    assert "  head size    value size: not measurable\n" in run_cli("inspect", "c").out


def test_a_foreign_generator_is_a_model_whose_samples_are_labelled(workdir, run_cli):
    assert run_cli("classifier", "train", *TINY[:1], "16", *TINY[2:], "-o", "c.safetensors").code == 0
    layers = [nn.ConvTranspose2d(6, 16, 4, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    layers += [nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    layers += [nn.ConvTranspose2d(8, 3, 4, 2, 1, bias=False), nn.Tanh()]
    state = nn.Sequential(*layers).state_dict()
    torch.save({f"main.{name}": tensor for name, tensor in state.items()}, "weights.pt")
    done = run_cli("classifier", "label", "weights.pt", "--classifier", "c.safetensors", "-n", "3", "-q")
    assert done.code == 0, done.err
    assert scores.read("scores.safetensors").model_hash == open_model("weights.pt").hash


def test_targets_and_buckets_choose_what_is_learnt(workdir, run_cli):
    done = run_cli("classifier", "train", *TINY, "--targets", "size,Hue", "--buckets", "3", "--json")
    found = json.loads(done.out)
    assert found["out"] == "shapes-classifier.safetensors"
    assert [(head["name"], head["kind"], len(head["names"])) for head in found["heads"]] == [
        ("size", "classes", 3),
        ("hue", "classes", 3),
    ]
    assert found["heads"][1]["names"] == ["hue 0-0.33", "hue 0.33-0.67", "hue 0.67-1"]
    assert found["hash"] == classifier.read(workdir / found["out"]).hash


def test_attributes_share_a_head(workdir, run_cli):
    done = run_cli("classifier", "train", *TINY, "--data.labels", "attributes", "--targets", "large,left", "--json")
    (head,) = json.loads(done.out)["heads"]
    assert (head["name"], head["names"]) == ("attributes", ["large", "left"])
    assert set(head) == {"name", "kind", "names", "temperature", "accuracy", "ece", "ece_before"}


def test_samples_of_a_model_are_labelled_with_their_latents(trained, model, run_cli):
    done = run_cli("classifier", "label", model, "--classifier", trained, "-n", "70", "-q")
    assert done.code == 0, done.err
    found, opened = scores.read(trained.parent / "scores.safetensors"), open_model(model)
    seeds = list(range(70))
    assert torch.equal(found.z, opened.latents(seeds))
    assert torch.equal(found.c, opened.labels(seeds))
    assert (found.model_hash, found.seeds, found.sources) == (opened.hash, tuple(seeds), None)
    assert found.names == ("circle", "square", "triangle", "x", "y", "size", "hue.cos", "hue.sin", "background")
    assert found.scores.shape == found.probabilities.shape == (70, 9)
    torch.testing.assert_close(found.probabilities[:, :3].sum(1), torch.ones(70))
    assert found.classifier == {"hash": classifier.read(trained).hash, "label": "c.safetensors"}
    rows = [line.split("\t") for line in done.out.splitlines()]
    counts = {row[0]: int(row[2]) for row in rows[:-1] if row[1].startswith("p ")}
    assert set(counts) == {"circle", "square", "triangle"}
    assert sum(counts.values()) == 70
    follow = f"Next: gantool direction find {model} --scores scores.safetensors"
    assert rows[-1] == [f"70 samples by 9 features: scores.safetensors. {follow}"]


def test_pictures_of_any_size_and_mode_are_labelled_by_file(trained, pictures, run_cli):
    done = run_cli("classifier", "label", pictures, "--classifier", trained, "-o", "p.safetensors", "--json", "-q")
    assert done.code == 0, done.err
    found = scores.read(trained.parent / "p.safetensors")
    assert found.sources == tuple(str(pictures / name) for name in ("a.png", "b.jpg", "c.png"))
    assert (found.z, found.model_hash) == (None, None)
    said = json.loads(done.out)
    assert said["count"] == 3
    sizes = next(row for row in said["features"] if row["feature"] == "size")
    assert sizes["mean"] == pytest.approx(found.scores[:, 5].mean().item())


def test_a_picture_is_cut_and_resized_to_what_the_classifier_takes(workdir):
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 2:6] = (10, 20, 30)
    Image.fromarray(pixels).save("wide.png")
    middle = read_picture(workdir / "wide.png", (3, 4, 4))
    assert np.array_equal(middle, np.broadcast_to(np.array([10, 20, 30])[:, None, None], (3, 4, 4)))
    Image.fromarray(np.full((4, 4), 0x4000, np.uint16)).save("deep.png")
    assert read_picture(workdir / "deep.png", (3, 4, 4)).tolist() == np.full((3, 4, 4), 64).tolist()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save("clear.png")
    assert read_picture(workdir / "clear.png", (1, 4, 2)).tolist() == np.full((1, 4, 2), 255).tolist()
    assert read_picture(workdir / "clear.png", (4, 2, 2)).max() == 0


def test_inspect_explains_both_kinds_of_files(trained, pictures, run_cli):
    said = run_cli("inspect", trained).out
    assert said.startswith(f"{trained}: a classifier file, written by gantool ")
    assert "\n  head classes classes circle, square, triangle: accuracy " in said
    run_cli("classifier", "label", pictures, "--classifier", trained, "-q")
    said = json.loads(run_cli("inspect", "scores.safetensors", "--json").out)
    assert said["scores"] == "3 of pictures"
    assert said["by"].startswith("c.safetensors (")


REFUSED = {
    "data without labels and factors": (
        "train --data folder --data.root photos",
        "--data: it has no labels and no factors: there is nothing to learn",
    ),
    "an unknown target": ("train --targets siz", "--targets: the data has no 'siz'; known: classes, x, y, size"),
    "an unknown classifier": ("train --classifier convnett", "did you mean convnet?"),
    "an option of another classifier": ("train --resnet.width 3", "--resnet.width: there is no such option"),
    "a width of nothing": (
        "train --convnet.width 0",
        "--convnet.width: 0 was given; allowed: an integer from 1 to 1024; type: gantool components classifier convnet",
    ),
    "buckets of classes": ("train --targets classes --buckets 4", "--buckets: 4 was given, and no factor is learnt"),
    "a name that is too long": (f"train -o {'a' * 300}", "cannot be written (File name too long); a file in a folder"),
    "a file for a folder": ("train -o photos/a.png/c", "-o: photos/a.png/c cannot be written (Not a directory)"),
    "a name that is too long for a classifier": (f"label photos --classifier {'a' * 300}", "is neither a file nor"),
    "a name that is too long for a picture": (
        f"label {'a' * 300} --classifier c.safetensors",
        "cannot be read (File name too long)",
    ),
    "a model among pictures": (
        "label photos model --classifier c.safetensors",
        "model is a model; one model, or pictures",
    ),
    "a folder to write to": ("train -o photos", "-o: photos is a folder; a file"),
    "too few examples": ("train --data.length 20 --data.size 8", "holds 20 examples; at least 30"),
    "one bucket": ("train --buckets 1", "--buckets"),
    "a classifier that is not there": ("label photos --classifier nowhere", "is neither a file nor the name"),
    "a classifier that is not trained": ("label photos --classifier convnet", "convnet is not trained yet"),
    "a checkpoint for a classifier": ("label photos --classifier model", "model: is a checkpoint file; a classifier"),
    "a picture for a classifier": ("label photos --classifier photos/a.png", "is not a classifier but a picture"),
    "a classifier for a model": (
        "label c.safetensors --classifier c.safetensors",
        "is a classifier file; a checkpoint",
    ),
    "a text for a picture": ("label photos/notes.txt --classifier c.safetensors", "cannot be read (it is no picture)"),
    "a picture that is not there": ("label none.png --classifier c.safetensors", "none.png: cannot be read"),
    "a folder without pictures": ("label empty --classifier c.safetensors", "empty: is a folder without a picture"),
    "a number of pictures": ("label photos -n 5 --classifier c.safetensors", "-n: was given with pictures"),
}


@pytest.fixture
def place(trained, pictures):
    (trained.parent / "empty").mkdir()
    envelope.write("model", "checkpoint", {"generator.w": torch.zeros(2)}, {})
    return trained.parent


def test_wrong_input_gets_one_line_and_changes_nothing(place, run_cli):
    before = listing(place)
    for line, said in REFUSED.values():
        done = run_cli("classifier", *line.split())
        assert (done.code, done.out, done.err.count("error: ")) == (2, "", 1), line
        assert said in done.err.splitlines()[-1]
    assert listing(place) == before


def test_a_model_of_other_pictures_is_refused(trained, model, run_cli):
    wide = [*TINY[:1], "16", *TINY[2:]]
    assert run_cli("classifier", "train", *wide, "-o", "wide.safetensors").code == 0
    done = run_cli("classifier", "label", model, "--classifier", "wide.safetensors", "-q")
    assert done.code == 2
    assert "wide.safetensors: was trained on pictures of 3 x 16 x 16; pictures of 3 x 8 x 8 are given" in done.err
    assert not (trained.parent / "scores.safetensors").exists()


def test_a_grid_of_samples_is_not_scored_as_one_picture(trained, model, run_cli):
    done = run_cli("classifier", "label", model / "grid.png", "--classifier", trained, "-q")
    assert done.code == 2
    assert f"{model / 'grid.png'}: is a grid of " in done.err
    assert run_cli("sample", model, "-n", "2", "-o", "singles", "-q").code == 0
    assert run_cli("classifier", "label", "singles", "--classifier", trained, "-q").code == 0
