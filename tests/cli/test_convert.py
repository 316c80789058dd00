"""``gantool convert``: a foreign generator becomes a checkpoint, a checkpoint becomes a state dict."""

import json
import pickle
import zipfile

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from gantool import open_model
from gantool.files import checkpoint, latents


def tutorial(latent=6, channels=3, middle=8):
    """A state dict by the tutorial's names, 16x16, its statistics those of no training."""
    layers = [nn.ConvTranspose2d(latent, 16, 4, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    layers += [nn.ConvTranspose2d(16, middle, 4, 2, 1, bias=False), nn.BatchNorm2d(middle), nn.ReLU()]
    layers += [nn.ConvTranspose2d(middle, channels, 4, 2, 1, bias=False), nn.Tanh()]
    random = torch.Generator().manual_seed(0)
    state = nn.Sequential(*layers).state_dict()
    return {
        f"main.{name}": torch.rand(part.shape, generator=random) if part.is_floating_point() else part
        for name, part in state.items()
    }


class Code:
    def __reduce__(self):
        return (print, ("the code ran",))


@pytest.fixture
def weights(workdir):
    """A folder with weights.pt, which is the current one."""
    torch.save({"netG": tutorial()}, "weights.pt")
    return workdir


def test_a_foreign_generator_becomes_a_checkpoint(weights, run_cli):
    result = run_cli("convert", "weights.pt", "faces.safetensors")
    assert (result.code, result.out) == (
        0,
        "faces.safetensors: a tutorial-dcgan generator, 6 inputs to 3 x 16 x 16\n"
        "Next: gantool sample faces.safetensors\n",
    )
    assert result.err == (
        "No state dict tells strides, paddings and activations: they are those of tutorial-dcgan. z is normal. "
        "If pictures look wrong, this is why.\n"
    )
    stored = checkpoint.read("faces.safetensors")
    assert (stored.meta["step"], stored.meta["shape"]) == (0, [3, 16, 16])
    assert stored.meta["converted"] == {"from": "weights.pt", "key": "netG", "by": "tutorial-dcgan"}
    assert torch.equal(stored.tensors["generator.net.project.weight"], tutorial()["main.0.weight"])
    assert open_model("faces.safetensors").hash == open_model("weights.pt").hash


def test_the_checkpoint_is_sampled_and_explained(weights, run_cli):
    run_cli("convert", "weights.pt", "faces.safetensors")
    assert run_cli("sample", "faces.safetensors", "-n", 4, "-o", "a.png").code == 0
    assert run_cli("sample", "weights.pt", "-n", 4, "-o", "b.png").code == 0
    with Image.open("a.png") as one, Image.open("b.png") as two:
        assert one.tobytes() == two.tobytes()
    assert "converted    from weights.pt by tutorial-dcgan\n" in run_cli("inspect", "faces.safetensors").out


def test_the_settings_are_for_a_folder_of_ones_own_pictures(weights, run_cli):
    run_cli("convert", "weights.pt", "faces.safetensors")
    refused = run_cli("train", "--config", "faces.safetensors", "--dry-run")
    assert (refused.code, refused.err[:37]) == (2, "error: --data.root: was not given; a ")


def test_classes_are_named_and_asked_for(weights, run_cli):
    found = run_cli("convert", "weights.pt", "a.safetensors", "--classes", "cat, dog", "--prior", "uniform", "--json")
    facts = json.loads(found.out)
    assert (facts["classes"], facts["latent_dim"], facts["prior"]) == (["cat", "dog"], 4, "uniform")
    assert facts["model_hash"] == checkpoint.read("a.safetensors").meta["model_hash"]
    assert run_cli("sample", "a.safetensors", "--class", "dog=4", "-o", "dogs.png").code == 0


def test_a_key_chooses_among_several(weights, run_cli):
    torch.save({"netG": tutorial(), "netG_ema": tutorial(channels=1)}, "weights.pt")
    result = run_cli("convert", "weights.pt", "a.safetensors")
    assert "weights.pt also holds netG: --key NAME chooses." in result.err
    assert open_model("a.safetensors").shape == (1, 16, 16)
    run_cli("convert", "weights.pt", "b.safetensors", "--key", "netG", "-q")
    assert open_model("b.safetensors").shape == (3, 16, 16)


def test_what_lies_beside_a_generator_is_left_out_and_said(weights, run_cli):
    torch.save({**tutorial(), "embed.weight": torch.zeros(3, 5)}, "weights.pt")
    result = run_cli("convert", "weights.pt", "a.safetensors", "--json")
    assert "Not part of it and left out: embed.weight." in result.err
    assert json.loads(result.out)["left_out"] == ["embed.weight"]


@pytest.mark.parametrize("names", [[], ["--as", "tutorial-dcgan"]], ids=["own", "tutorial"])
def test_there_and_back_every_tensor_is_the_same(weights, run_cli, names):
    run_cli("convert", "weights.pt", "a.safetensors")
    result = run_cli("convert", "a.safetensors", "b.pt", *names)
    assert (result.code, result.out.splitlines()[-1]) == (0, "Next: gantool inspect b.pt")
    assert run_cli("convert", "b.pt", "c.safetensors", "-q").err == ""
    assert checkpoint.read("c.safetensors").meta["model_hash"] == checkpoint.read("a.safetensors").meta["model_hash"]
    loaded = torch.load("b.pt", weights_only=True)
    if names:
        wanted = tutorial()
        assert loaded.keys() == wanted.keys()
        assert all(torch.equal(loaded[name], wanted[name]) for name in wanted)
    else:
        assert set(loaded) >= {"net.project.weight", "net.norms.0.weight", "net.doublings.1.conv.bias"}


def test_a_run_leaves_as_a_plain_state_dict(workdir, run_cli):
    small = ["--data.size", 16, "--data.length", 64, "--arch.channels", 4, "--latent-dim", 4, "--batch-size", 4]
    assert run_cli("train", "-q", "--steps", 1, "-o", "run", *small).code == 0
    assert run_cli("convert", "run", "run.pt").code == 0
    loaded = torch.load("run.pt", weights_only=True)
    assert loaded.keys() == open_model("run").G.state_dict().keys()
    refused = run_cli("convert", "run", "other.pt", "--as", "tutorial-dcgan")  # shapes' recipe upsamples
    assert (refused.code, refused.err) == (
        2,
        "error: --as tutorial-dcgan: this generator (dcgan, 3 x 16 x 16) has no counterpart there; "
        "the layers that the converter knows; leave --as out\n",
    )


def test_a_picture_that_is_cropped_has_no_counterpart(weights, run_cli):
    small = ["--data", "folder", "--data.root", "pictures", "--condition", "none", "--arch.channels", 4]
    (weights / "pictures").mkdir()
    for index in range(4):
        Image.new("RGB", (20, 20), (index, 0, 0)).save(weights / "pictures" / f"{index}.png")
    sizes = ["--data.size", 14, "--latent-dim", 4, "--batch-size", 2]
    assert run_cli("train", "-q", "--steps", 1, "-o", "run", *small, *sizes).code == 0
    refused = run_cli("convert", "run", "other.pt", "--as", "tutorial-dcgan")
    assert (refused.code, "(dcgan, 3 x 14 x 14) has no counterpart there" in refused.err) == (2, True)


def test_inspect_says_what_a_converter_recognises(weights, run_cli):
    said = run_cli("inspect", "weights.pt").out
    assert "holds        a tutorial-dcgan generator, 6 inputs to 3 x 16 x 16 (netG)\n" in said
    assert said.splitlines()[-1] == "Next: gantool convert weights.pt weights.safetensors"
    latents.write("z.pt", torch.zeros(2, 6), None, weights / "m", {"model_hash": "0"})
    assert "holds        latents that gantool saved\n" in run_cli("inspect", "z.pt").out
    torch.save(tutorial(middle=7), "odd.pt")
    assert "problem      the generator's layers are 16-7 wide, allowed: " in run_cli("inspect", "odd.pt").out


def test_a_generator_in_safetensors_is_read_too(weights, run_cli):
    save_file(tutorial(), "weights.safetensors", metadata={"format": "pt"})
    result = run_cli("convert", "weights.safetensors", "faces v2.safetensors")
    assert (result.code, result.out.splitlines()[-1]) == (0, "Next: gantool sample 'faces v2.safetensors'")
    assert open_model("faces v2.safetensors").hash == open_model("weights.pt").hash


def fill(folder):
    """Put what goes wrong beside weights.pt."""
    torch.save({"netG": tutorial(), "code": Code()}, "code.pt")
    (folder / "bare.pt").write_bytes(pickle.dumps({"netG": [1.0]}))
    torch.save(nn.Sequential(nn.Conv2d(3, 8, 4), nn.Conv2d(8, 1, 4)).state_dict(), "critic.pt")
    torch.save(nn.Linear(2, 2).state_dict(), "linear.pt")
    torch.save(tutorial(middle=7), "odd.pt")
    torch.save({"a": tutorial(), "b": tutorial()}, "two.pt")
    Image.new("RGB", (4, 4)).save("picture.png")
    with zipfile.ZipFile("archive.zip", "w") as archive:
        archive.writestr("readme.txt", "no tensors")
    (folder / "taken.safetensors").write_text("mine")
    save_file(nn.Linear(2, 2).state_dict(), "linear.safetensors")
    (folder / "short.safetensors").write_bytes((folder / "linear.safetensors").read_bytes()[:-1])
    latents.write("z.safetensors", torch.zeros(2, 6), None, folder / "m", {"model_hash": "0"})
    latents.write("z.pt", torch.zeros(2, 6), None, folder / "m", {"model_hash": "0"})


WRONG = {
    "code": ("code.pt a.safetensors", "holds more than tensors ("),
    "a bare pickle": ("bare.pt a.safetensors", "is a bare pickle, which runs code when it is read"),
    "an unknown network in safetensors": (
        "linear.safetensors a.safetensors",
        "no converter knows (bias (2,), weight (",
    ),
    "damaged safetensors": ("short.safetensors a.safetensors", "is damaged: "),
    "latents in safetensors": ("z.safetensors a.pt", "is a latents file; a checkpoint file is needed"),
    "a discriminator": ("critic.pt a.safetensors", "looks like a discriminator or a classifier"),
    "an unknown network": ("linear.pt a.safetensors", "no converter knows (weight (2, 2), bias (2,))"),
    "widths": ("odd.pt a.safetensors", "the generator's layers are 16-7 wide"),
    "two generators": ("two.pt a.safetensors", "holds several generators: a, b"),
    "latents": ("z.pt a.safetensors", "holds latents that gantool saved, not a model"),
    "a picture": ("picture.png a.safetensors", "is not a torch file (png)"),
    "an archive": ("archive.zip a.safetensors", "is not a torch file (zip)"),
    "a file that is not there": ("gone.pt a.safetensors", "does not exist"),
    "a suffix": ("weights.pt a.onnx", "OUT: a.onnx was given, and weights.pt is a foreign file"),
    "no suffix": ("weights.pt .", "OUT: . was given"),
    "a suffix of the other way": ("weights.pt a.pt", "a name with .safetensors; type: gantool convert weights.pt NAME"),
    "a place that is taken": ("weights.pt taken.safetensors", "is there already; a new name: nothing is overwritten"),
    "too many classes": ("weights.pt a.safetensors --classes a,b,c,d,e,f", "6 names were given, and the generator's"),
    "a class twice": ("weights.pt a.safetensors --classes a,b,a", "--classes: 'a,b,a' was given"),
    "a class without a name": ("weights.pt a.safetensors --classes a,,b", "names with commas between them"),
    "a key": ("weights.pt a.safetensors --key netD", "--key: 'netD' was given"),
    "a converter": ("weights.pt a.safetensors --from tutorial", "there is no converter 'tutorial'"),
    "the other way's flag": ("weights.pt a.safetensors --as tutorial-dcgan", "--as: was given; it goes with the way"),
    "a checkpoint by that name": ("ours.safetensors a.safetensors", "is a checkpoint and becomes a state dict"),
    "a flag for a checkpoint": ("ours.safetensors a.pt --classes a", "--classes: was given; it goes with the way"),
    "another tool's name": ("ours.safetensors a.pt --as tutorial", "--as: there is no converter 'tutorial'"),
}


@pytest.mark.parametrize(("line", "said"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_said_on_one_line_and_nothing_is_written(weights, run_cli, line, said):
    fill(weights)
    run_cli("convert", "weights.pt", "ours.safetensors")
    before = {path: path.read_bytes() for path in weights.iterdir()}
    result = run_cli("convert", *line.split())
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert said in result.err
    assert {path: path.read_bytes() for path in weights.iterdir()} == before


def test_tensors_of_others_in_safetensors_lead_to_a_checkpoint(run_cli, workdir):
    save_file(tutorial(), "weights.safetensors")
    said = run_cli("inspect", "weights.safetensors").out
    assert "main.0.weight (6, 16, 4, 4)" in said
    following = said.rstrip().rpartition("Next: ")[2]
    assert following == "gantool convert weights.safetensors weights-gantool.safetensors"
    assert run_cli(*following.split()[1:]).code == 0
    assert run_cli("sample", "weights-gantool.safetensors", "-n", 2, "-o", "a.png").code == 0


def test_tensors_that_no_converter_knows_are_listed(run_cli, workdir):
    save_file({"some.weight": torch.zeros(3, 2)}, "weights.safetensors")
    said = run_cli("inspect", "weights.safetensors").out
    assert "some.weight (3, 2)" in said
    assert "Next:" not in said
