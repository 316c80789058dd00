"""``gantool interpolate`` as a person types it: what each argument may be, what is written, what is refused."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gantool import open_model
from gantool.cli.main import run
from gantool.files import directions, latents
from gantool.files.directions import Directions
from gantool.render.grid import grid
from gantool.render.provenance import read_provenance

TINY = "--loss bce --arch mlp --data.size 16 --data.length 24 --batch-size 8 --latent-dim 8 -q --steps 2".split()
RUNS = {
    "family": "--condition onehot --checkpoint-every 1 --arch.norm-g batch",
    "stranger": "--condition onehot --arch.norm-g batch --seed 1",
    "embedded": "--condition embedding",
    "plain": "--condition none --arch.hidden-g 12",
    "attributes": "--condition onehot --data.labels attributes",
}


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    for name, line in RUNS.items():
        with pytest.raises(SystemExit) as stopped:
            run(["train", *TINY, *line.split(), "-o", str(folder / name)])
        assert stopped.value.code == 0
    return folder


@pytest.fixture
def place(originals, workdir):
    """A current folder with runs to read."""
    for name in RUNS:
        (workdir / name).symlink_to(originals / name)
    return workdir


@pytest.fixture
def interpolate(run_cli, place):
    """Call the command; with ``-q --json`` its figures come back."""

    def call(*arguments):
        done = run_cli("interpolate", *arguments, "-q", "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    return call


@pytest.fixture
def refused(run_cli, place):
    """Call the command; what it refuses it says on the last line, and it writes nothing."""

    def call(*arguments):
        before = sorted(Path().rglob("*"))
        done = run_cli("interpolate", *arguments)
        assert done.code == 2, done.out
        assert sorted(Path().rglob("*")) == before
        return done.err.splitlines()[-1].removeprefix("error: ")

    return call


def frames_of(folder):
    return [np.asarray(Image.open(path)) for path in sorted(Path(folder).glob("*.png"))]


def sampled(run_cli, *arguments):
    """Return what ``gantool sample`` writes for a model and flags, one picture after the other."""
    shutil.rmtree("sampled", ignore_errors=True)
    assert run_cli("sample", *arguments, "-q", "-o", "sampled").code == 0
    return frames_of("sampled")


def equal(one, two):
    return len(one) == len(two) and all(np.array_equal(x, y) for x, y in zip(one, two, strict=True))


# Latents


def test_the_first_and_the_last_frame_are_what_sample_makes(interpolate, run_cli):
    done = interpolate("plain", "seed:3", "seed:9", "--frames", 7, "-o", "frames")
    frames = frames_of("frames")
    assert (len(frames), done["frames"], len(done["steps"])) == (7, 7, 6)
    assert equal([frames[0], frames[-1]], sampled(run_cli, "plain", "--seeds", "3,9"))
    assert not np.array_equal(frames[3], frames[0])


def test_two_latents_files_find_their_model_and_need_nothing_else(interpolate, run_cli):
    for seed, name in ((3, "a.pt"), (9, "b.safetensors")):
        assert run_cli("sample", "family", "--seeds", seed, "--save-latents", name, "-o", "x.png").code == 0
    done = interpolate("a.pt", "b.safetensors", "-o", "strip.png")
    model = open_model("family")
    assert done["model_hash"] == model.hash
    assert done["norms"][0] == pytest.approx(float(model.latents([3]).norm()))
    assert done["frames"] == 10
    # between two seeds of different classes no z and c say all of a frame
    mixed = model.labels([3]) != model.labels([9])
    assert (read_provenance("strip.png") is None) == bool(mixed)


def test_pictures_that_a_person_picked_and_seeds_may_be_mixed(interpolate, run_cli):
    assert run_cli("sample", "plain", "--seeds", "20-24", "-o", "plain-grid.png").code == 0
    interpolate("plain-grid.png:2", "seed:1", "plain-grid.png:0", "--model", "plain", "--frames", 3, "-o", "s.png")
    carried = read_provenance("s.png")
    model = open_model("plain")
    assert carried["model"] == model.hash
    assert torch.equal(torch.from_numpy(carried["z"]), model.latents([22, 1, 20]))


def test_the_strip_is_a_grid_of_its_frames(interpolate):
    interpolate("plain", "seed:1", "seed:2", "--frames", 30, "-o", "strip.png")
    interpolate("plain", "seed:1", "seed:2", "--frames", 30, "-o", "frames")
    expected = grid(np.stack(frames_of("frames")).reshape(30, 16, 16, -1), 10)  # three rows of ten
    assert np.array_equal(np.asarray(Image.open("strip.png")), np.asarray(expected))


def test_a_closed_loop_is_seamless_and_repeats_no_frame(interpolate):
    ends = ["seed:1", "seed:2", "seed:3", "seed:4"]
    done = interpolate("plain", *ends, "--loop", "closed", "--path", "cubic", "--frames", 60, "-o", "frames")
    z = [read_provenance(path)["z"] for path in sorted(Path("frames").iterdir())]
    assert len(np.unique(np.concatenate(z), axis=0)) == 60
    assert len(done["steps"]) == 60  # with the one that leads back
    assert 0 < done["seam_ratio"] <= 1.2


def test_pingpong_shows_each_end_once(interpolate):
    done = interpolate("plain", "seed:1", "seed:2", "--loop", "pingpong", "--frames", 5, "-o", "frames")
    frames = frames_of("frames")
    assert done["frames"] == 8
    assert equal(frames[5:], frames[3:0:-1])
    assert done["seam_ratio"] is None


@pytest.mark.parametrize("form", ["gif", "webp"])
def test_a_film_has_the_frames_and_the_rate_asked_for(interpolate, form):
    interpolate("plain", "seed:1", "seed:2", "--frames", 6, "--fps", 10, "-o", f"film.{form}")
    with Image.open(f"film.{form}") as film:
        assert (film.n_frames, film.size) == (6, (192, 192))
        film.seek(1)
        film.load()
        assert film.info["duration"] == 100


def test_what_loops_is_a_film_beside_the_model_unless_told_otherwise(run_cli, place, originals):
    shutil.copytree(originals / "plain", "own")
    said = run_cli("interpolate", "own", "seed:1", "seed:2", "--loop", "closed", "--frames", 4)
    assert said.out.startswith(
        "4 frames: own/interpolation.gif. Next: gantool interpolate own seed:1 seed:2 -o strip.png"
    )
    said = run_cli("interpolate", "own", "seed:1", "seed:2")
    assert said.out.startswith(
        "10 frames: own/interpolation.png. Next: gantool interpolate own seed:1 seed:2 -o film.gif"
    )
    run_cli("interpolate", "own", "seed:1", "seed:2")
    assert Path("own/interpolation-2.png").exists()


def test_what_exists_is_kept(interpolate, run_cli, place):
    for name in ("a.png", "a.gif", "z.pt", "frames/mine.png"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("mine")
    line = ["plain", "seed:1", "seed:2", "--frames", 3]
    for given, written in (("a.png", "a-2.png"), ("a.gif", "a-2.gif"), ("frames", "frames-2"), ("frames", "frames-3")):
        assert interpolate(*line, "-o", given)["out"] == written
        assert Path(written).exists()
    said = run_cli("interpolate", *line, "--save-latents", "z.pt", "-o", "a.png")
    assert (said.out.split(".png")[0], said.err) == ("3 frames: a-3", "Latents: z-2.pt\n")
    said = run_cli("sample", "plain", "-n", 1, "--save-latents", "z.pt", "-o", "frames", "-q")
    assert (said.out.split(".")[0], said.err) == ("1 picture: frames-4", "Latents: z-3.pt\n")
    assert {path.name for path in Path("frames-4").iterdir()} == {"000000.png", "sample.json"}
    for name in ("a.png", "a.gif", "z.pt", "frames/mine.png"):
        assert Path(name).read_text() == "mine"
    assert len(latents.read("z-2.pt")[0]) == 3


NEXT = {
    "a strip": ("seed:1 seed:2 --ease smooth --model plain -o a.png", "film.gif"),
    "a film": ("seed:1 seed:2 --frames 5 --model plain -o a.gif", "loop.gif"),
    "a loop": ("seed:1 seed:2 --loop closed --model plain -o a.gif", "strip.png"),
    "a closed strip": ("plain seed:1 seed:2 --loop closed -o a.png", "film.gif"),
    "latents": ("'my z.pt' -o a.png", "film.gif"),
    "classes": ("family class:circle class:square --class-path hold --seed 3 -o a.png", "film.gif"),
    "models": ("family stranger --path weights --seeds 2,3 --bn keep --frames 3 -o a.png", "film.gif"),
    "a sum": ("plain --arith seed:1-seed:2 -o 'a sum.png'", None),
    "a folder of a sum": ("plain --arith seed:1-seed:2 -o 'a sum'", None),
}


@pytest.mark.parametrize(("line", "written"), NEXT.values(), ids=NEXT)
def test_the_next_line_can_be_typed_as_it_stands(run_cli, place, line, written):
    model = open_model("plain")
    latents.write("my z.pt", model.latents([1, 2]), None, model.path, {"model_hash": model.hash})
    said = run_cli("interpolate", *shlex.split(line))
    assert said.code == 0, said.err
    program, *following = shlex.split(said.out.split(" Next: ")[1])
    done = run_cli(*following)
    assert (program, done.code) == ("gantool", 0), done.err
    assert written is None or Path(written).is_file()


def test_the_next_line_names_the_model_and_what_shapes_the_path(run_cli, place):
    said = run_cli("interpolate", *"family class:circle class:square --seed 3 --frames 4 --path lerp -o a.png".split())
    following = "interpolate family class:circle class:square --path lerp --seed 3 -o film.gif\n"
    assert said.out == f"4 frames: a.png. Next: gantool {following}"
    latents.write("z.pt", torch.ones(2, 8), None, Path("m"), {"model_hash": open_model("plain").hash})
    said = run_cli("interpolate", "z.pt", "-o", "b.png")
    model = shlex.quote(str(open_model("plain").path))
    assert said.out == f"10 frames: b.png. Next: gantool interpolate z.pt --model {model} -o film.gif\n"


def test_the_latents_of_the_frames_are_saved_and_can_be_walked_again(interpolate):
    interpolate("plain", "seed:1", "seed:2", "--frames", 5, "--save-latents", "z.pt", "-o", "a.png")
    z, c, meta = latents.read("z.pt")
    assert (z.shape, c, meta["model_hash"]) == ((5, 8), None, open_model("plain").hash)
    interpolate("z.pt", "--frames", 5, "-o", "b.png")
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


# Conditions


@pytest.mark.parametrize("name", ["family", "embedded"])
def test_a_film_through_all_classes_shows_each_as_sample_does(interpolate, run_cli, name):
    names = open_model(name).condition.names
    done = interpolate(name, "class:all", "--seed", 5, "--frames", len(names), "--loop", "pingpong", "-o", "frames")
    flags = [flag for known in names for flag in ("--class", f"{known}=1")]
    own = sampled(run_cli, name, *flags, "--seeds", ",".join(["5"] * len(names)))
    frames = frames_of("frames")
    assert equal(frames[: len(names)], own)
    assert (done["frames"], done["notes"]) == (2 * len(names) - 2, [])


def test_between_two_classes_the_generator_sees_the_mean_of_their_codes(interpolate):
    interpolate("family", "class:circle", "class:square", "--frames", 3, "-o", "frames")
    model = open_model("family")
    code = torch.zeros(1, len(model.condition))
    code[0, [model.condition.names.index(name) for name in ("circle", "square")]] = 0.5
    with torch.no_grad():
        x = model.G.net(torch.cat([model.latents([0]), code], 1))
    middle = x[0].add(1).mul(127.5).round().byte().permute(1, 2, 0).numpy()
    assert np.array_equal(frames_of("frames")[1], middle)
    assert read_provenance("frames/000001.png") is None


def test_between_two_embedded_classes_it_sees_the_mean_of_their_embeddings(interpolate):
    interpolate("embedded", "class:circle", "class:square", "--frames", 3, "-o", "frames")
    model = open_model("embedded")
    pair = torch.tensor([model.condition.names.index(name) for name in ("circle", "square")])
    with torch.no_grad():
        x = model.G.net(torch.cat([model.latents([0]), model.G.side.code(pair).mean(0, keepdim=True)], 1))
    middle = x[0].add(1).mul(127.5).round().byte().permute(1, 2, 0).numpy()
    assert np.abs(frames_of("frames")[1].astype(int) - middle).max() <= 1


def test_a_class_that_is_held_changes_in_the_middle(interpolate):
    line = ["class:circle", "class:square", "--class-path", "hold", "--frames", 4]
    interpolate("family", *line, "--save-latents", "z.safetensors", "-o", "a.png")
    names = open_model("family").condition.names
    expected = [names.index(name) for name in ("circle", "circle", "square", "square")]
    assert latents.read("z.safetensors")[1].tolist() == expected
    assert read_provenance("a.png")["c"].tolist() == expected


def test_attributes_are_mixed_as_numbers(interpolate):
    interpolate("attributes", "seed:1", "seed:2", "--frames", 5, "-o", "a.png")
    labels = open_model("attributes").labels([1, 2]).numpy()
    assert not np.array_equal(*labels)
    share = np.linspace(0, 1, 5)[:, None]
    np.testing.assert_allclose(read_provenance("a.png")["c"], (1 - share) * labels[:1] + share * labels[1:], atol=1e-6)


# Models


def test_the_weights_of_relatives_are_blended_from_one_to_the_other(interpolate, run_cli):
    parent, child = sorted(Path("family/checkpoints").iterdir())
    done = interpolate(parent, child, "--seeds", "2-4", "--frames", 5, "-o", "strip.png")
    assert (done["kind"], done["seeds"], done["notes"]) == ("weights", [2, 3, 4], [])
    assert 0 < done["distance"] < 0.5
    strip = np.asarray(Image.open("strip.png"))
    tiles = [
        [strip[2 + 50 * row : 50 + 50 * row, 2 + 50 * n : 50 + 50 * n][::3, ::3] for row in range(3)] for n in (0, 4)
    ]
    assert equal(tiles[0], sampled(run_cli, parent, "--seeds", "2-4"))
    assert equal(tiles[1], sampled(run_cli, child, "--seeds", "2-4"))


def test_strangers_are_dissolved_with_the_reason(run_cli, interpolate):
    done = interpolate("family", "stranger", "--frames", 3, "-o", "a.gif")
    assert (done["kind"], done["distance"] > 0.5) == ("dissolve", True)
    said = run_cli("interpolate", "family", "stranger", "--frames", 3, "-o", "b.gif")
    assert said.code == 0
    assert said.err == (
        "Note: a dissolve between their pictures, not a blend of weights: their weights are "
        f"{done['distance']:.2f} apart, relatives at most 0.5; to blend them all the same: --path weights.\n"
    )


def test_a_blend_of_strangers_can_be_forced_and_is_warned_of(interpolate):
    done = interpolate("family", "stranger", "--path", "weights", "--frames", 3, "-o", "a.gif")
    assert done["kind"] == "weights"
    assert done["notes"][0].startswith("a blend may show little: their weights are ")


def test_models_that_are_not_built_alike_are_dissolved_with_what_differs(interpolate, refused):
    done = interpolate("family", "plain", "--frames", 3, "-o", "a.gif")
    assert done["kind"] == "dissolve"
    assert "they are not built alike: " in done["notes"][0]
    assert "arch.hidden_g" in done["notes"][0]
    assert done["notes"][1] == "their labels differ, so each draws its own for a seed"
    said = refused("family", "plain", "--path", "weights", "-o", "b.gif")
    assert said.startswith("--path weights: family/checkpoints/")
    assert said.endswith("leave --path out for a dissolve")


# Sums


def test_a_sum_shows_its_latents_and_then_itself(interpolate):
    done = interpolate("plain", "--arith", "seed:3 + seed:2 - seed:1", "-o", "sum.png")
    model = open_model("plain")
    one, two, three = model.latents([1, 2, 3])
    expected = torch.stack([three, two, one, three + two - one])
    np.testing.assert_allclose(read_provenance("sum.png")["z"], expected, atol=1e-6)
    assert done["terms"] == [[1, "seed:3"], [1, "seed:2"], [-1, "seed:1"]]


def test_a_sum_walks_along_directions_in_their_standard_deviations(interpolate, refused):
    model = open_model("plain")
    zeros = torch.zeros(1)
    slots = [{"name": "noise", "distribution": "normal", "dim": 8}]
    fitting = Directions(("Smiling",), torch.eye(8)[:1], zeros, zeros, torch.tensor([2.0]), model.hash, slots)
    directions.write("d.safetensors", fitting, model.path)
    Path("Smiling").mkdir()  # hides no direction
    interpolate("--directions", "d.safetensors", "--arith", "seed:1 - 1.5*Smiling", "-o", "sum.png")
    moved = read_provenance("sum.png")["z"]
    np.testing.assert_allclose(moved[1] - moved[0], [-3, 0, 0, 0, 0, 0, 0, 0], atol=1e-6)
    said = refused("family", "--directions", "d.safetensors", "--arith", "seed:1 + Smiling")
    assert said.startswith("family: is the model ")


def test_a_sum_far_from_the_prior_is_remarked_on(interpolate):
    done = interpolate("plain", "--arith", "3*seed:1", "-o", "sum.png")
    assert done["notes"] == [
        "the sum is 3.00 times as long as its latents are, where the model has seen little; times 0.33 it is as long"
    ]


# Other models


def tutorial():
    """Return a state dict by the tutorial's names: 6 inputs to 16 x 16 pixels."""
    layers = [nn.ConvTranspose2d(6, 16, 4, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    layers += [nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    layers += [nn.ConvTranspose2d(8, 3, 4, 2, 1, bias=False), nn.Tanh()]
    return {f"main.{name}": part for name, part in nn.Sequential(*layers).state_dict().items()}


def test_a_foreign_generator_stands_for_a_checkpoint(interpolate, run_cli):
    torch.manual_seed(0)
    torch.save({"netG": tutorial()}, "one.pt")
    torch.save(tutorial(), "two.pt")
    interpolate("one.pt", "seed:1", "seed:2", "--frames", 3, "-o", "frames")
    frames = frames_of("frames")
    assert equal([frames[0], frames[2]], sampled(run_cli, "one.pt", "--seeds", "1,2"))
    assert interpolate("one.pt", "two.pt", "--frames", 3, "-o", "a.gif")["kind"] == "dissolve"
    assert interpolate("one.pt", "plain", "--frames", 3, "-o", "a.gif")["kind"] == "dissolve"


def test_latents_of_a_foreign_generator_find_it_again(interpolate, run_cli):
    torch.save(tutorial(), "netg.pt")
    assert run_cli("sample", "netg.pt", "-n", 2, "--save-latents", "z.pt", "-o", "x.png").code == 0
    assert interpolate("z.pt", "-o", "a.png")["model_hash"] == open_model("netg.pt").hash


def test_a_model_of_points_draws_its_path_over_the_data(interpolate, refused, run_cli):
    line = "--data gaussians --arch mlp --arch.hidden-g 8 --arch.hidden-d 8 --batch-size 8 --steps 1 -q -o points"
    assert run_cli("train", *line.split()).code == 0
    done = interpolate("points", "seed:1", "seed:2", "-o", "path.png")
    model = open_model("points")
    ends = model.samples(model.latents([1, 2]))
    assert (done["frames"], Image.open("path.png").size) == (10, (500, 500))
    assert (
        sum(done["steps"]) * 2**0.5 >= float((ends[0] - ends[1]).norm()) > 0
    )  # no way is shorter than the straight one
    assert refused("points", "seed:1", "seed:2", "-o", "a.gif").startswith(
        "-o: a film was asked for, and the model makes"
    )
    assert refused("points", "plain").startswith("gantool interpolate: a model of points was given")


# What is odd, and what is wrong


def test_identical_and_antipodal_latents_are_walked_with_a_note(interpolate):
    z = open_model("plain").latents([1]).numpy()
    np.save("a.npy", z)
    np.save("b.npy", -z)
    done = interpolate("a.npy", "a.npy", "--model", "plain", "-o", "same.png")
    assert done["notes"] == ["keyframes 1 and 2 are the same latent: nothing moves between them"]
    assert (set(done["steps"]), done["smoothness"]) == ({0}, None)
    done = interpolate("a.npy", "b.npy", "--model", "plain", "-o", "opposed.png")
    assert "antipodal" in done["notes"][0]
    assert done["norms"] == pytest.approx([float(np.linalg.norm(z))] * 10, rel=1e-5)


def test_each_argument_is_told_what_it_is_where_one_cannot_be_used(run_cli, place):
    Image.new("RGB", (4, 4)).save("photo.png")
    said = run_cli("interpolate", "plain", "photo.png", "nothing.pt", "seed:1", "-o", "a.png")
    assert said.code == 2
    photo = "a picture without a latent: gantool did not make it, or it was edited"
    assert said.err.splitlines() == [
        "plain: a run folder",
        f"photo.png: {photo}",
        "nothing.pt: no file has that name",
        "seed:1: a seed",
        f"error: photo.png: is {photo}; needed: a latents file, a PNG that gantool made, seed:7, class:NAME, "
        "or a checkpoint; type: gantool inspect photo.png",
    ]
    assert not Path("a.png").exists()


class Evil:
    def __reduce__(self):
        return (print, ("it ran",))


def test_the_line_that_is_named_for_one_keyframe_works(refused, run_cli):
    line = refused("plain", "seed:1").rpartition("type: gantool ")[2].split()
    assert line[-2:] == ["seed:1", "seed:2"]
    assert run_cli(*line, "--frames", "4", "-o", "walk.png", "-q").code == 0


def test_a_file_with_code_in_it_is_refused_unread(refused, capsys):
    torch.save({"z": Evil()}, "evil.pt")
    assert refused("plain", "evil.pt", "seed:1").startswith("evil.pt: holds more than tensors")
    assert "it ran" not in capsys.readouterr().out


WRONG = {
    "nothing": ("", "gantool interpolate: nothing was given; two or more to walk between; "),
    "one model": ("plain", "gantool interpolate: plain alone was given; two or more to walk between; type: gantool"),
    "one seed": ("plain seed:1", "gantool interpolate: seed:1 is one keyframe; two or more to walk between; type: gan"),
    "no model": ("seed:1 seed:2", "--model: was not given, and nothing here names a model"),
    "two models and a seed": ("plain family seed:1", "gantool interpolate: 2 checkpoints were given with seed:1"),
    "three models": ("plain family stranger", "gantool interpolate: 3 checkpoints were given; two checkpoints alone"),
    "a model twice": ("plain seed:1 seed:2 --model family", "--model: was given, and plain is a model too"),
    "an unknown class": ("family class:cirlce seed:1", "class:cirlce: there is no 'cirlce' among the model's classes"),
    "a class of a model without": (
        "plain class:circle seed:1",
        "class:circle: 'circle' was given, and the model knows no",
    ),
    "seeds of latents": ("plain seed:1 seed:2 --seeds 1,2", "--seeds: was given with latents; two checkpoints; "),
    "a crowd": ("family stranger --seeds 0-100", "--seeds: 101 were given; at most 100 in one picture"),
    "absurd frames": ("plain seed:1 seed:2 --frames 1000000000", "gantool interpolate: invalid value for '--frames'"),
    "too few frames": ("plain seed:1 seed:2 seed:3 --frames 2", "--frames: 2 for 3 keyframes; 3 to 2000"),
    "an unknown form": ("plain seed:1 seed:2 -o a.avi", "-o: a.avi was given; .png, .gif, .webp, .mp4 or a folder"),
    "weights of latents": (
        "plain seed:1 seed:2 --path weights",
        "--path: weights was given with latents; allowed: auto",
    ),
    "an arc between models": (
        "family stranger --path slerp",
        "--path: slerp was given with two checkpoints; allowed: auto",
    ),
    "latents of models": ("family stranger --save-latents z.pt", "--save-latents: was given with two checkpoints"),
    "latents of mixed classes": (
        "family class:circle class:square --save-latents z.pt -o a.png",
        "--save-latents: was given, and frames between two classes have no label of their own; "
        "latents with labels; hold the classes: --class-path hold",
    ),
    "a sum as a film": ("plain --arith seed:1 -o a.gif", "--arith: was given with a film or a loop"),
    "a sum of frames": ("plain --arith seed:1 --frames 10", "--frames: was given with --arith; a path; leave it out"),
    "a sum by a path": ("plain --arith seed:1 --path auto", "--path: was given with --arith; a path; leave it out"),
    "a sum that eases": ("plain --arith seed:1 --ease linear", "--ease: was given with --arith; "),
    "a sum between classes": ("family --arith class:circle --class-path mix", "--class-path: was given with --arith; "),
    "a sum of seeds by a flag": ("plain --arith seed:1 --seeds 1,2", "--seeds: was given with --arith; "),
    "a sum of statistics": ("plain --arith seed:1 --bn keep", "--bn: was given with --arith; "),
    "statistics of latents": (
        "plain seed:1 seed:2 --bn recalibrate",
        "--bn: was given with latents; two checkpoints; ",
    ),
    "classes of models": ("family stranger --class-path mix", "--class-path: was given with two checkpoints; a path"),
    "noise of models": ("family stranger --seed 0", "--seed: was given with two checkpoints; a path of latents"),
    "a sum beside arguments": ("plain seed:1 --arith seed:1", "--arith: was given with other arguments"),
    "directions without a sum": ("plain seed:1 seed:2 --directions d", "--directions: was given without --arith"),
    "a sum of a nobody": ("plain --arith seed:1+Smiling", "--arith: 'Smiling' is no seed, class or file; "),
    "a row that is not there": ("plain plain/grid.png:999 seed:1", "plain/grid.png:999: row 999 was asked for; "),
    "another model's picture": ("plain family/grid.png seed:1", "plain: is the model "),
    "pictures of two models": (
        "plain/grid.png:0 family/grid.png:0",
        "family/grid.png:0: belongs to the model ",
    ),
}


@pytest.mark.parametrize(("line", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_gets_one_line_and_writes_nothing(refused, line, said):
    assert refused(*line.split()).startswith(said)


def test_latents_of_another_dimension_are_refused(refused):
    np.save("z.npy", np.zeros((2, 5)))
    assert refused("plain", "z.npy").startswith("z.npy: holds latents of 5 dimensions, and those of plain/")


def test_a_single_run_is_the_model_of_seeds(run_cli, workdir, originals):
    (workdir / "runs").mkdir()
    shutil.copytree(originals / "plain", workdir / "runs" / "only")
    said = run_cli("interpolate", "seed:1", "seed:2", "--frames", 3)
    assert (said.code, said.out.split(". Next")[0]) == (0, "3 frames: runs/only/interpolation.png")
