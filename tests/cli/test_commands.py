"""The commands as a person types them, on a small run."""

import json
import shlex

import numpy as np
import pytest
import torch
from PIL import Image

from gantool import open_model
from gantool.cli.main import run
from gantool.files import latents
from gantool.render.provenance import read_provenance

TINY = "--arch.channels 4 --data.size 16 --data.length 40 --batch-size 6 --latent-dim 8 --precision fp32".split()


@pytest.fixture
def gantool(monkeypatch, capsys):
    """Run one line in this process; return what it printed."""

    def call(*arguments, code=0):
        with pytest.raises(SystemExit) as stopped:
            run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert stopped.value.code == code, captured.err
        return captured

    return call


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One run of classes and one of attributes."""
    folder = tmp_path_factory.mktemp("runs")
    for name, more in {"classes": [], "attributes": ["--data.labels", "attributes"]}.items():
        line = ["train", *TINY, "--steps", "2", "--condition", "onehot", "-q", "-o", str(folder / name), *more]
        with pytest.raises(SystemExit) as stopped:
            run(line)
        assert stopped.value.code == 0
    return folder


def test_training_says_where_the_pictures_are_and_what_to_type_next(gantool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = gantool("train", *TINY, "--steps", 1, "--loss", "wgan-gp", "--n-critic", 1)
    assert "Pictures: runs/shapes-dcgan-wgan-gp/grid.png" in said.out
    assert "Next: gantool sample runs/shapes-dcgan-wgan-gp" in said.out
    assert (tmp_path / "runs/shapes-dcgan-wgan-gp/training.gif").exists()


def test_a_look_into_data_overwrites_nothing_and_its_next_line_repeats_lists(gantool, workdir):
    (workdir / "cat.png").write_bytes(b"a photo")
    line = ["data", "inspect", "--data.size", 16, "--data.length", 40, "--data.correlation", 0.5]
    said = gantool(*line, "--data.correlate", "size,hue", "-o", "cat.png").out
    assert (workdir / "cat.png").read_bytes() == b"a photo"
    assert "Grid: cat-2.png\n" in said
    assert (workdir / "cat-2.png").stat().st_size > 100
    following = said.rstrip().partition("Next: ")[2]
    assert "--data.correlate size,hue" in following
    (row,) = [row for row in gantool(*shlex.split(following)[1:], "--dry-run").out.splitlines() if "correlate\t" in row]
    assert "size" in row
    assert "hue" in row


LOCAL = """
from gantool import Component, hookimpl
from gantool_classic.losses import Bce

GANTOOL_API = 1


class Mine(Bce): ...


@hookimpl
def gantool_components():
    return [Component("loss", "mine", f"{__name__}:Mine", "A loss in a file.")]
"""


def test_the_line_to_type_next_works_with_a_plugin_in_a_file_and_a_name_with_spaces(gantool, workdir):
    (workdir / "my loss.py").write_text(LOCAL)
    given = ["--loss", "mine", "--plugin", "my loss.py", "-o", "my run", "--steps"]
    said = gantool("train", *TINY, *given, 1).out
    following = said.rstrip().partition(" Next: ")[2]
    assert following == f"gantool sample '{workdir}/my run' --plugin 'my loss.py'"
    further = gantool(*shlex.split(following)[1:]).out.rstrip().partition(" Next: ")[2]
    assert further == f"gantool sample '{workdir}/my run' --class circle=8 --plugin 'my loss.py'"
    refused = gantool("train", "--resume", "my run", "--plugin", "my loss.py", code=2).err
    hint = " ".join(refused.split()).partition("type: ")[2]
    assert hint == "gantool train --resume 'my run' --steps 2 --plugin 'my loss.py'"
    assert "runs/" not in gantool(*shlex.split(hint)[1:]).out


@pytest.mark.parametrize(
    ("given", "then", "kept"),
    [
        ("--loss wgan-clip --lipschitz.bound 0.02", "--loss wgan-gp", "lipschitz.weight\t10.0\t"),
        ("--loss wgan-gp --lipschitz.weight 5", "--loss bce", "lipschitz.name\tnone\t"),
        ("--loss wgan-gp --lipschitz.weight 5", "--lr-g 1e-3", "lipschitz.weight\t5.0\tconfig run"),
        ("--arch.kernel 5", "--arch mlp", "arch.name\tmlp\tflags"),
    ],
)
def test_options_of_a_run_go_on_to_the_next_only_where_their_component_does(gantool, workdir, given, then, kept):
    gantool("train", *TINY, *given.split(), "--steps", 1, "-q", "-o", "run")
    shown = gantool("train", "--config", "run", *then.split(), "--dry-run").out
    assert kept in shown, shown


def test_the_outcome_as_json_names_the_folder_and_the_model(gantool, tmp_path):
    said = gantool("train", *TINY, "--steps", 1, "-q", "--json", "-o", tmp_path / "run")
    outcome = json.loads(said.out)
    assert outcome["folder"] == str(tmp_path / "run")
    assert outcome["model_hash"] == open_model(tmp_path / "run").hash


def test_images_set_the_length_in_real_images(gantool, tmp_path):
    line = ["train", *TINY, "--images", 25, "--n-critic", 2, "-q", "--json", "-o", tmp_path / "run"]
    assert json.loads(gantool(*line).out)["step"] == 3  # 12 images a step


def test_a_dry_run_prints_shapes_counts_and_origins_and_writes_nothing(gantool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = gantool("train", *TINY, "--loss", "wgan-gp", "--dry-run").out
    assert "a batch is (6, 3, 16, 16)" in said
    assert "parameters" in said
    assert "penalty" in said
    rows = dict(line.split("\t")[::2] for line in said.splitlines() if line.count("\t") == 2)
    assert rows["arch.channels"] == "flags"
    assert rows["training.betas"] == "loss wgan-gp"
    assert rows["training.lr_g"] == "data shapes"
    assert rows["arch.norm_d"] == "auto"
    assert rows["arch.slope"] == "default"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "taken").mkdir()
    assert "/taken-2\n" in gantool("train", *TINY, "-o", "taken", "--dry-run").out


def test_a_dry_run_of_a_resumed_run_goes_on_from_it_and_is_json_where_asked(gantool, runs):
    folder = runs / "classes"
    before = sorted(folder.rglob("*"))
    said = gantool("train", "--resume", folder, "--steps", 5, "--dry-run").out
    assert f"folder         {folder}, from step 2\n" in said
    plain = json.loads(gantool("train", "--resume", folder, "--steps", 5, "--dry-run", "--json").out)
    assert (plain["folder"], plain["step"], plain["settings"]["training.steps"]) == (str(folder), 2, 5)
    assert plain["parameters"]["generator"] > 100
    assert sorted(folder.rglob("*")) == before


def test_a_run_that_lacks_its_last_pictures_alone_says_how_to_train_on(gantool, workdir):
    gantool("train", *TINY, "--steps", 1, "-q", "-o", "run")
    (workdir / "run" / "training.gif").unlink()
    said = gantool("train", "--resume", "run", "-q")
    assert "run has made its 1 steps, and gets its last pictures; to train on, add --steps or --minutes" in said.err
    assert (workdir / "run" / "training.gif").exists()


def test_flags_that_nothing_looks_at_are_refused(gantool, runs, tmp_path):
    model = runs / "classes"
    refused = gantool("sample", model, "-n", 4, "--columns", 2, "-o", tmp_path / "folder", code=2).err
    assert "--columns: was given with -o" in refused
    refused = gantool("interpolate", model, "seed:1", "seed:2", "--fps", 9, "-o", tmp_path / "a.png", code=2).err
    assert "--fps: was given with no film" in refused
    assert list(tmp_path.iterdir()) == []


def test_config_starts_again_from_what_was_given_and_one_flag_changes_it(gantool, runs, tmp_path):
    folder = runs / "classes"
    for source in (folder, folder / "config.toml", next((folder / "checkpoints").iterdir())):
        gantool("train", "--config", source, "-q", "-o", tmp_path / f"again-{source.name}")
    hashes = {open_model(path).hash for path in tmp_path.glob("again-*")}
    assert hashes == {open_model(folder).hash}
    gantool("train", "--config", folder, "--loss", "wgan-gp", "-q", "-o", tmp_path / "other")
    settings = open_model(tmp_path / "other").config
    assert (settings.name("loss"), settings.name("lipschitz"), settings.name("condition")) == (
        "wgan-gp",
        "gp",
        "onehot",
    )
    assert settings.training.latent_dim == 8


def test_a_run_by_the_clock_is_replayed_by_its_last_step(gantool, tmp_path):
    line = ["train", *TINY, "--loss", "wgan-gp", "--minutes", 0.02, "-q", "--json", "-o", tmp_path / "a"]
    first = json.loads(gantool(*line).out)  # the recipe's rates fall with the steps, those of a clock must not
    again = json.loads(gantool("train", "--config", tmp_path / "a", "-q", "--json", "-o", tmp_path / "b").out)
    assert (again["step"], again["model_hash"]) == (first["step"], first["model_hash"])


def test_a_grid_by_class_has_as_many_as_were_asked_for_in_order(gantool, runs, tmp_path):
    gantool("sample", runs / "classes", "--class", "square=3", "--class", "Circle=2", "-o", tmp_path / "grid.png")
    carried = read_provenance(tmp_path / "grid.png")
    assert carried["c"].tolist() == [1, 1, 1, 0, 0]


def test_a_class_without_a_count_shares_what_n_leaves(gantool, runs, tmp_path):
    gantool(
        "sample", runs / "classes", "-n", 7, "--class", "square", "--class", "circle=2", "-o", tmp_path / "grid.png"
    )
    assert read_provenance(tmp_path / "grid.png")["c"].tolist() == [1] * 5 + [0] * 2


def test_attributes_are_had_and_lacked_as_asked(gantool, runs, tmp_path):
    line = ["--with", "large", "--without", "red", "-n", 20, "-o", tmp_path / "grid.png"]
    gantool("sample", runs / "attributes", *line)
    names = open_model(runs / "attributes").condition.names
    c = read_provenance(tmp_path / "grid.png")["c"]
    assert (c[:, names.index("large")] == 1).all()
    assert (c[:, names.index("red")] == 0).all()
    kinds = [names.index(name) for name in ("circle", "square", "triangle")]
    assert (c[:, kinds].sum(1) == 1).all()  # rows of real data are drawn, so each is one shape


def test_keywords_name_attributes_and_say_what_they_did_not_know(gantool, runs, tmp_path):
    line = ["--keywords", "big round sandwich", "-n", 4, "-o", tmp_path / "grid.png"]
    said = gantool("sample", runs / "attributes", *line)
    assert "Keywords: large, circle; not known: sandwich" in said.err
    names = open_model(runs / "attributes").condition.names
    c = read_provenance(tmp_path / "grid.png")["c"]
    assert (c[:, [names.index("large"), names.index("circle")]] == 1).all()


def test_a_folder_gets_single_pictures_that_equal_the_grids(gantool, runs, tmp_path):
    gantool("sample", runs / "classes", "--seeds", "3,5-6", "-q", "-o", tmp_path / "single")
    names = sorted(path.name for path in (tmp_path / "single").iterdir())
    assert names == ["000000.png", "000001.png", "000002.png", "sample.json"]
    picture = Image.open(tmp_path / "single" / "000002.png")
    assert (picture.size, picture.mode) == ((16, 16), "RGB")
    carried = read_provenance(tmp_path / "single" / "000002.png")
    model = open_model(runs / "classes")
    assert carried["seeds"] == [6]
    assert np.array_equal(carried["z"], model.latents([6]).numpy())
    again = model.samples(torch.from_numpy(carried["z"]), torch.from_numpy(carried["c"]))
    levels = (again[0].permute(1, 2, 0) + 1) * 127.5
    assert np.abs(levels.numpy() - np.asarray(picture)).max() <= 1.001


def test_latents_are_saved_for_gantool_and_for_torch(gantool, runs, tmp_path):
    model = open_model(runs / "classes")
    for suffix in ("safetensors", "pt"):
        gantool(
            "sample",
            runs / "classes",
            "--seeds",
            "4-6",
            "-o",
            tmp_path / "g.png",
            "--save-latents",
            tmp_path / f"z.{suffix}",
        )
    z, c, meta = latents.read(tmp_path / "z.safetensors")
    loaded = torch.load(tmp_path / "z.pt", weights_only=True)
    assert torch.equal(z, model.latents([4, 5, 6]))
    assert torch.equal(loaded["z"], z)
    assert torch.equal(loaded["c"], c)
    assert meta["model_hash"] == model.hash
    assert (tmp_path / meta["model"]).resolve() == model.path.resolve()


def test_sampling_twice_never_overwrites(gantool, runs):
    folder = runs / "classes"
    for _ in range(2):
        gantool("sample", folder, "-n", 2)
    assert {"sample.png", "sample-2.png"} <= {path.name for path in folder.iterdir()}


def test_points_are_drawn_as_a_scatter(gantool, tmp_path):
    line = ["--data", "gaussians", "--arch.hidden-g", "16", "--arch.hidden-d", "16", "--steps", 1, "-q"]
    gantool("train", *line, "-o", tmp_path / "run")
    assert Image.open(tmp_path / "run" / "grid.png").size == (500, 500)
    gantool("sample", tmp_path / "run", "-o", tmp_path / "points.png")
    assert Image.open(tmp_path / "points.png").size == (500, 500)


def test_inspect_explains_checkpoints_pictures_latents_and_foreign_files(gantool, runs, tmp_path):
    folder = runs / "classes"
    assert "a checkpoint file" in gantool("inspect", folder).out
    assert "classes: circle, square, triangle" in gantool("inspect", folder).out
    assert "a picture that gantool made" in gantool("inspect", folder / "grid.png").out
    torch.save({"netG": {"main.0.weight": torch.zeros(3, 2)}}, tmp_path / "w.pt")
    assert "netG.main.0.weight (3, 2)" in gantool("inspect", tmp_path / "w.pt").out
    found = json.loads(gantool("inspect", folder, "--json").out)
    assert found["step"].startswith("2 ")


def test_a_pack_trains_as_the_data_it_came_from(gantool, tmp_path):
    gantool("data", "pack", "--data.size", 16, "--data.length", 12, "-o", tmp_path / "pack.safetensors")
    said = gantool("data", "inspect", "--data", "packed", "--data.root", tmp_path / "pack.safetensors").out
    assert "12 examples of 3 x 16 x 16" in said
    assert "circle 4, square 4, triangle 4" in said


def test_data_inspect_draws_a_grid(gantool, tmp_path):
    gantool("data", "inspect", "--data.size", 16, "--data.length", 70, "-o", tmp_path / "data.png")
    assert Image.open(tmp_path / "data.png").size == (8 * 50 + 2, 8 * 50 + 2)
