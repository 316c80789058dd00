"""Finding the model that latents belong to, and taking latents from what people give."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from gantool import open_model
from gantool.cli.main import run
from gantool.errors import FileError, OptionError, UnsafeFileError
from gantool.files import latents
from gantool.latent.locate import find_model, only_run
from gantool.latent.sources import latents_of, recognise
from gantool.render.provenance import read_provenance

TINY = "--arch mlp --arch.hidden-g 8 --arch.hidden-d 8 --data.size 8 --data.length 12 --batch-size 4 --latent-dim 4"
LINE = ["train", *TINY.split(), "--steps", "2", "--checkpoint-every", "1", "--condition", "onehot", "-q"]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("original") / "run"
    with pytest.raises(SystemExit) as stopped:
        run([*LINE, "-o", str(folder)])
    assert stopped.value.code == 0
    with pytest.raises(SystemExit):
        run(["sample", str(folder), "-n", "5", "-o", str(folder / "five.png")])
    return folder


@pytest.fixture
def place(original, workdir):
    """A current folder with the run at home/run."""
    shutil.copytree(original, workdir / "home" / "run")
    return workdir


@pytest.fixture
def model(place):
    return open_model("home/run")


# Models


@pytest.mark.parametrize("near", ["home/run/z.pt", "home/run/samples/z.pt", "home/run/checkpoints/z.pt", "home/z.pt"])
def test_a_model_is_found_around_the_file_that_it_made(place, model, near):
    assert find_model(model.hash, place / near).hash == model.hash


def test_a_model_is_found_by_its_recorded_path_and_in_runs(place, model, monkeypatch):
    far = place / "far" / "away" / "z.pt"
    with pytest.raises(
        FileError,
        match="is not found; looked for beside it and in runs/; give the run folder or checkpoint with --model",
    ):
        find_model(model.hash, far)
    assert find_model(model.hash, far, "../../home/run/" + str(model.path.relative_to("home/run"))).hash == model.hash
    shutil.move(place / "home", place / "runs")
    assert find_model(model.hash, far, "../gone").hash == model.hash


def test_the_hash_decides_not_the_name(place, model):
    first, last = sorted((place / "home/run/checkpoints").iterdir())
    older = open_model(first)
    assert older.hash != model.hash
    assert find_model(older.hash, place / "home/run/z.pt", f"checkpoints/{last.name}").path.name == first.name


def test_a_model_that_was_given_must_be_the_one_and_a_run_may_hold_it(place, model):
    first, last = sorted((place / "home/run/checkpoints").iterdir())
    assert find_model(open_model(first).hash, place / "z.pt", given="home/run").path.name == first.name
    with pytest.raises(FileError, match=f"is the model {model.hash[:12]}, and what was given belongs to abcdef"):
        find_model("abcdef" * 10, place / "z.pt", given=str(last))


def test_one_run_alone_is_the_model_of_seeds(place, model):
    assert only_run() is None
    shutil.copytree("home/run", "runs/one")
    assert only_run().hash == model.hash
    shutil.copytree("home/run", "runs/two")
    assert only_run() is None


# Sources


def test_a_seed_is_what_sample_makes_of_it(model):
    z, c = latents_of("seed:7", model)
    assert torch.equal(z, model.latents([7]))
    assert torch.equal(c, model.labels([7]))


def test_a_class_is_that_class_with_the_noise_of_the_seed(model):
    z, c = latents_of("class:Square", model, seed=3)
    assert torch.equal(z, model.latents([3]))
    assert c.tolist() == [model.condition.names.index("square")]


def test_class_all_is_every_class_in_order(model):
    z, c = latents_of("class:all", model)
    assert c.tolist() == list(range(len(model.condition)))
    assert torch.equal(z, model.latents([0]).expand(len(c), -1))


def test_a_picture_gives_its_latents_and_one_of_its_rows(place, model):
    carried = read_provenance("home/run/five.png")
    z, c = latents_of("home/run/five.png", model)
    assert torch.equal(z, torch.from_numpy(carried["z"]))
    one, label = latents_of("home/run/five.png:3", model)
    assert torch.equal(one, model.latents([3]))
    assert torch.equal(label, c[3:4])


def test_a_row_that_is_not_there_is_refused(model):
    with pytest.raises(
        OptionError, match=r"^home/run/five.png:5: row 5 was asked for; home/run/five.png holds rows 0 to 4$"
    ):
        latents_of("home/run/five.png:5", model)


@pytest.mark.parametrize("name", ["z.safetensors", "z.pt"])
def test_latents_that_gantool_saved_come_back_bit_for_bit(model, name):
    z, c = model.latents([1, 2]), model.labels([1, 2])
    latents.write(name, z, c, model.path, {"model_hash": model.hash})
    back, labels = latents_of(name, model)
    assert torch.equal(back, z)
    assert torch.equal(labels, c)
    assert recognise(name).model_hash == model.hash


def test_other_tools_arrays_are_latents_with_labels_drawn_by_their_row(model):
    z = model.latents([1, 2])
    np.save("one.npy", z[0].numpy().astype(np.float64))
    np.save("two.npy", z.numpy())
    torch.save(z[1], "one.pt")
    assert torch.equal(latents_of("one.npy", model)[0], z[:1])
    assert torch.equal(latents_of("two.npy", model)[0], z)
    assert torch.equal(latents_of("one.pt", model)[0], z[1:])
    assert torch.equal(latents_of("two.npy", model)[1], model.labels([0, 1]))


def test_latents_of_another_model_are_refused_and_both_are_named(model):
    latents.write("z.pt", model.latents([1]), model.labels([1]), model.path, {"model_hash": "f00d" * 16})
    with pytest.raises(FileError, match=f"^z.pt: belongs to the model f00df00df00d, and .* is {model.hash[:12]}"):
        latents_of("z.pt", model)


def test_latents_of_another_dimension_are_refused(model):
    np.save("z.npy", np.zeros((2, 5)))
    with pytest.raises(FileError, match=r"^z.npy: holds latents of 5 dimensions, and those of .* have 4;"):
        latents_of("z.npy", model)


@pytest.mark.parametrize("c", [torch.tensor([99]), torch.tensor([-1]), torch.tensor([0.5]), torch.ones(1, 4)])
def test_labels_that_the_model_does_not_know_are_refused(model, c):
    latents.write("z.safetensors", model.latents([1]), c, model.path, {"model_hash": model.hash})
    with pytest.raises(
        FileError, match=r"^z.safetensors: has labels that are not the model's; the model knows \d+ classes"
    ):
        latents_of("z.safetensors", model)


def test_numbers_that_are_not_finite_are_refused(model):
    torch.save(torch.full((4,), float("nan")), "z.pt")
    with pytest.raises(FileError, match="not finite"):
        latents_of("z.pt", model)


def test_an_array_of_three_dimensions_holds_no_latents(model):
    np.save("z.npy", np.zeros((2, 2, 2)))
    with pytest.raises(FileError, match=r"^z.npy: holds float64 of 3 dimensions, no latents"):
        recognise("z.npy")


def test_an_array_with_objects_is_never_unpickled(model):
    np.save("z.npy", np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(UnsafeFileError, match=r"^z.npy: is not a plain numpy array"):
        recognise("z.npy")


def test_an_array_that_claims_to_be_huge_is_not_believed(model):
    with Path("z.npy").open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (2_000_000_000, 4)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(64))
    with pytest.raises(FileError, match=r"^z.npy: is not a plain numpy array"):
        recognise("z.npy")


@pytest.mark.parametrize(
    ("make", "kind", "what"),
    [
        (lambda path: torch.save({"layer.weight": torch.zeros(2, 2)}, path), "checkpoint", "a file of torch.save"),
        (lambda path: path.write_bytes(b""), "unknown", "an empty file"),
        (lambda path: path.write_text("hello"), "unknown", "not a file that gantool knows"),
        (lambda path: path.mkdir(), "unknown", "a folder without a checkpoint"),
        (lambda path: None, "unknown", "no file has that name"),
    ],
)
def test_what_cannot_be_a_latent_is_told_what_it_is(workdir, make, kind, what):
    make(workdir / "thing")
    found = recognise("thing")
    assert found.kind == kind
    assert found.what.startswith(what)


def test_checkpoints_and_runs_are_known_as_such(place, model):
    assert recognise("home/run").kind == "checkpoint"
    assert recognise(str(model.path)).kind == "checkpoint"


def test_a_name_that_no_folder_can_have_is_no_file(workdir):
    assert recognise("x" * 5000).kind == "unknown"
    assert recognise("a\0b").kind == "unknown"
