"""Extractors: what a classifier's last layer sees, and InceptionV3 from a stand-in for its weights."""

import pytest
import torch
from torch import nn

from gantool.errors import FileError, OptionError, PluginError
from gantool.plugins import load_plugins
from gantool_classic.extractors.inception import Inception
from gantool_classic.extractors.scorer import Classifier, Inner
from gantool_classic.extractors.settings import ClassifierOptions, InceptionOptions


@pytest.fixture(scope="module")
def classifier_file(tmp_path_factory):
    """A classifier of shapes, hardly trained."""
    from gantool.cli.main import run

    path = tmp_path_factory.mktemp("classifier") / "shapes.safetensors"
    line = ["classifier", "train", "--data", "shapes", "--data.size", "16", "--data.length", "200", "--steps", "2"]
    with pytest.raises(SystemExit):
        run([*line, "--batch-size", "16", "-q", "-o", str(path)])
    load_plugins.cache_clear()
    return path


def test_features_of_a_classifier_are_what_its_last_layer_sees(classifier_file):
    extractor = Classifier(ClassifierOptions(weights=str(classifier_file)))
    network = extractor.network((3, 16, 16)).eval()
    x = torch.rand(5, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        features, logits = network(x)
        outputs = extractor.scorer.network(x)
    assert features.shape == (5, 128)
    assert extractor.names == ("circle", "square", "triangle")
    assert torch.allclose(logits * network.temperature, outputs[:, :3], atol=1e-5)
    assert extractor.describe()["weights"] == extractor.scorer.hash


def test_a_classifier_of_other_pictures_is_refused(classifier_file):
    with pytest.raises(FileError, match="3 x 16 x 16"):
        Classifier(ClassifierOptions(weights=str(classifier_file))).network((1, 28, 28))


def test_a_classifier_needs_its_file():
    with pytest.raises(OptionError, match="classifier train"):
        Classifier(ClassifierOptions())


def test_a_network_that_goes_on_behind_its_last_linear_layer_is_refused():
    class Scored:
        label, shape, heads = "odd.safetensors", (2,), ()
        network = nn.Sequential(nn.Linear(2, 3), nn.Tanh())

    with pytest.raises(FileError, match="does not end in a linear layer"):
        Inner(Scored())


@pytest.fixture(scope="module")
def stand_in_weights(tmp_path_factory):
    """InceptionV3 with random weights: the real ones are in no package."""
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    path = tmp_path_factory.mktemp("inception") / "stand-in.pth"
    torch.save({}, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        network = module.FeatureExtractorInceptionV3("inception", ["2048"], str(path))
    torch.save(network.state_dict(), path)
    return path


def test_inception_sees_colour_pictures_of_any_size(stand_in_weights):
    extractor = Inception(InceptionOptions(weights=str(stand_in_weights)))
    with torch.no_grad():
        features, logits = extractor.network((3, 20, 24))(torch.rand(2, 3, 20, 24) * 2 - 1)
    assert features.shape == (2, 2048)
    assert logits.shape == (2, len(extractor.names)) == (2, 1008)
    assert features.isfinite().all()
    assert "not the published weights" in extractor.describe()["weights"]


def test_inception_says_where_its_weights_are_to_be_had(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(FileError, match=r"nothing is fetched unasked.*fetch https://github.com/toshas/torch-fidelity"):
        Inception(InceptionOptions())
    assert not list(tmp_path.iterdir())


def test_a_failed_download_is_one_line(monkeypatch, tmp_path):
    def fail(*arguments, **rest):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(FileError, match="cannot be fetched"):
        Inception(InceptionOptions(allow_download=True))


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"weight": torch.ones(2)}, tmp_path / "other.pth")
    with pytest.raises(FileError, match="does not hold the weights of InceptionV3"):
        Inception(InceptionOptions(weights=str(tmp_path / "other.pth")))


def test_a_pickle_is_not_opened(tmp_path):
    import pickle

    (tmp_path / "bad.pth").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(FileError, match="never unpickles"):
        Inception(InceptionOptions(weights=str(tmp_path / "bad.pth")))


def test_inception_without_torch_fidelity_is_one_line(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    monkeypatch.delitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", raising=False)
    with pytest.raises(PluginError, match=r"gantool\[metrics\]"):
        Inception(InceptionOptions())
