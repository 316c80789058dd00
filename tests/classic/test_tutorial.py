"""Generators of the DCGAN tutorial, told by their tensors; a network built here from torch's layers judges them."""

import pytest
import torch
from torch import nn

from gantool import Options, Spec, UserError
from gantool.config import values
from gantool.options import build
from gantool_classic.dcgan import Dcgan
from gantool_classic.settings import DcganOptions
from gantool_classic.tutorial import TutorialDcgan

CONVERTER = TutorialDcgan(Options())


def network(widths=(16, 8, 4), latent=6, channels=3, bias=(False, False), dropout=False):
    """The tutorial's generator; ``bias`` is that of the inner layers and of the last."""
    layers = []
    for index, (into, out) in enumerate(zip((latent, *widths), (*widths, channels), strict=True)):
        last = index == len(widths)
        stride = (2, 1) if index else (1, 0)
        layers += [nn.ConvTranspose2d(into, out, 4, *stride, bias=bias[last])]
        layers += [nn.Tanh()] if last else [nn.BatchNorm2d(out), nn.ReLU(), *([nn.Dropout()] if dropout else [])]
    return filled(nn.Sequential(*layers)).eval()


def filled(net):
    """Give every tensor numbers of its own, so that a swap of two shows."""
    random = torch.Generator().manual_seed(0)
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            low = 0.5 if name.endswith("running_var") else -0.5
            tensor.copy_(torch.rand(tensor.shape, generator=random) + low)
        else:
            tensor.fill_(3)
    return net


def state(net, prefix="main."):
    return {prefix + name: tensor for name, tensor in net.state_dict().items()}


def rebuilt(found):
    """The generator that gantool builds from what the converter found."""
    options = build(DcganOptions, {key: value for key, value in found.settings["arch"].items() if key != "name"})
    G = Dcgan(options).build_generator(Spec(found.shape, found.latent_dim, found.latent_dim))
    G.load_state_dict(found.tensors, strict=True)
    return G.eval()


@torch.no_grad()
def agree(net, found, latent=6):
    z = torch.randn(5, latent, generator=torch.Generator().manual_seed(1))
    made, wanted = rebuilt(found)(z), net(z[:, :, None, None])
    return made.shape == wanted.shape and torch.allclose(made, wanted, atol=1e-5)


def renamed(tensors, names):
    return {names[name.rsplit(".", 1)[0]] + "." + name.rsplit(".", 1)[1]: value for name, value in tensors.items()}


@pytest.mark.parametrize("widths", [(2,), (4, 2), (16, 8, 4), (8, 8, 4, 2), (4, 4, 4, 4, 2), (3, 3), (12, 8, 4)])
def test_pictures_are_those_of_the_tutorials_network_whatever_its_depth(widths):
    net = network(widths)
    found = CONVERTER.read(state(net))
    side = 4 * 2 ** len(widths)
    assert (found.shape, found.latent_dim, found.classes) == ((3, side, side), 6, 0)
    assert agree(net, found)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pictures_may_have_any_of_four_channels(channels):
    net = network(channels=channels)
    found = CONVERTER.read(state(net))
    assert found.settings["data"] == {
        "name": "folder",
        "size": 32,
        "channels": "auto" if channels == 2 else f"{channels}",
    }
    assert agree(net, found)


@pytest.mark.parametrize("bias", [(True, True), (True, False), (False, True), (False, False)])
def test_biases_may_be_there_or_not(bias):
    net = network(bias=bias)
    found = CONVERTER.read(state(net))
    assert found.settings["arch"]["bias"] == bias[0]
    assert agree(net, found)


def test_layers_that_a_dropout_moved_are_found():
    net = network(dropout=True)
    assert [name for name in state(net) if name.endswith("4.weight")] == ["main.4.weight"]  # a convolution, not 3
    assert agree(net, CONVERTER.read(state(net)))


@pytest.mark.parametrize("prefix", ["", "main.", "module.main.", "net.", "a.b.c.gen."])
def test_a_prefix_of_names_does_not_matter(prefix):
    net = network()
    assert agree(net, CONVERTER.read(state(net, prefix)))


NAMES = {
    "blocks": ["gen.0.0", "gen.0.1", "gen.1.0", "gen.1.1", "gen.2.0", "gen.2.1", "gen.3.0"],
    "words": ["first", "first_norm", "second", "second_norm", "third", "third_norm", "out"],
    "numbers": ["deconv1", "bn1", "deconv2", "bn2", "deconv3", "bn3", "deconv4"],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_layers_may_have_any_names(names):
    net = network()
    paths = dict(zip(["main.0", "main.1", "main.3", "main.4", "main.6", "main.7", "main.9"], names, strict=True))
    assert agree(net, CONVERTER.read(renamed(state(net), paths)))


def test_norms_may_be_listed_behind_all_convolutions():
    net = network()
    tensors = state(net)
    ordered = sorted(tensors, key=lambda name: tensors[name].dim() != 4)
    assert agree(net, CONVERTER.read({name: tensors[name] for name in ordered}))


def test_names_in_the_order_of_the_alphabet_are_put_right():
    net = network((16, 8, 4, 2))
    tensors = state(net)
    assert sorted(tensors) != list(tensors)  # main.12 stands before main.3
    assert agree(net, CONVERTER.read({name: tensors[name] for name in sorted(tensors)}))


def test_a_layer_may_be_numbered_with_any_number_of_digits():
    net = network((16, 8, 4, 2))
    tensors = {name.replace("main.", "main." + "1" * 5000, 1): tensor for name, tensor in state(net).items()}
    assert agree(net, CONVERTER.read({name: tensors[name] for name in sorted(tensors)}))


def test_norms_of_an_old_file_count_no_batches():
    net = network()
    tensors = {name: value for name, value in state(net).items() if "num_batches" not in name}
    found = CONVERTER.read(tensors)
    assert found.tensors["norms.1.num_batches_tracked"] == torch.tensor(0)
    assert agree(net, found)


def test_half_precision_becomes_single():
    tensors = {name: value.half() if value.is_floating_point() else value for name, value in state(network()).items()}
    found = CONVERTER.read(tensors)
    assert {value.dtype for value in found.tensors.values()} == {torch.float32, torch.int64}
    assert torch.equal(found.tensors["project.weight"], tensors["main.0.weight"].float())


@pytest.mark.parametrize("widths", [(8, 4, 4), (16, 4), (12, 6, 4), (4, 8)])
def test_widths_that_the_options_cannot_say_are_refused_with_them(widths):
    with pytest.raises(UserError) as refusal:
        CONVERTER.read(state(network(widths)))
    assert refusal.value.given == f"the generator's layers are {'-'.join(map(str, widths))} wide"


def without(part):
    return {name: value for name, value in state(network()).items() if part not in name}


def swapped(name, shape):
    return {**state(network()), name: torch.zeros(shape)}


OTHERS = {
    "nothing": {},
    "a discriminator": {
        f"main.{index}.weight": torch.zeros(shape)
        for index, shape in ((0, (4, 3, 4, 4)), (2, (8, 4, 4, 4)), (5, (1, 8, 4, 4)))
    },
    "another kernel": swapped("main.3.weight", (16, 8, 5, 5)),
    "a picture of five channels": swapped("main.9.weight", (4, 5, 4, 4)),
    "layers that do not follow each other": swapped("main.3.weight", (17, 8, 4, 4)),
    "a norm of another width": swapped("main.4.running_mean", (9,)),
    "a norm that counts twice": swapped("main.4.num_batches_tracked", (2,)),
    "a bias of another width": swapped("main.9.bias", (4,)),
    "a norm without statistics": without("main.4.running_mean"),
    "no norm": without("main.4."),
    "no convolution": without("main.3."),
    "a tensor beside its layers": swapped("label.weight", (10, 10)),
    "a weight of spectral norm": swapped("main.3.weight_u", (16,)),
    "whole numbers": {name: value.long() for name, value in state(network()).items()},
}


@pytest.mark.parametrize("tensors", OTHERS.values(), ids=OTHERS)
def test_what_is_of_another_make_is_left_alone(tensors):
    assert CONVERTER.read(tensors) is None


# Back


def own(**options):
    """The settings and the tensors of a generator that gantool built."""
    arch = build(DcganOptions, {"channels": 4, "max_channels": 8, **options})
    net = filled(Dcgan(arch).build_generator(Spec((3, 32, 32), 6, 6)))
    return {"arch": {"name": "dcgan", **values(arch)}}, net.state_dict()


@pytest.mark.parametrize("bias", [False, True])
def test_a_generator_written_is_loaded_by_the_tutorials_network(bias):
    settings, tensors = own(bias=bias)
    net = network((8, 8, 4), bias=(bias, True))
    net.load_state_dict({name.removeprefix("main."): part for name, part in CONVERTER.write(settings, tensors).items()})
    found = CONVERTER.read(state(net))
    assert agree(net, found)
    assert found.tensors.keys() == tensors.keys()
    assert all(torch.equal(found.tensors[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("bias", [(True, True), (False, True), (False, False)])
def test_a_foreign_generator_comes_back_with_its_names_bit_for_bit(bias):
    tensors = state(network(bias=bias))
    found = CONVERTER.read(tensors)
    back = CONVERTER.write(found.settings, found.tensors)
    assert back.keys() == tensors.keys()
    assert all(torch.equal(back[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize(
    "options", [{"upsample": "nearest"}, {"kernel": 3}, {"norm_g": "layer"}, {"norm_g": "none"}], ids=str
)
def test_a_generator_of_other_layers_has_no_counterpart(options):
    assert CONVERTER.write(*own(**options)) is None
    assert CONVERTER.write({"arch": {"name": "mlp"}}, {}) is None
