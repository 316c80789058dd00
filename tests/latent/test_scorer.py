"""Scores of a classifier: closed forms of log-odds, angles and shares, names to ask for, and files that do not fit."""

import math
from typing import Annotated

import pytest
import torch
from torch import nn

from gantool import Component, Meta, Options, load_plugins
from gantool.errors import FileError, OptionError, PluginError
from gantool.files import classifier as files
from gantool.files import envelope
from gantool.files.classifier import Head, TrainedClassifier
from gantool.latent.scorer import Scorer, head_scores, open_scorer
from gantool.registry import Registry
from gantool_classic.classifiers.convnet import Convnet
from gantool_classic.classifiers.settings import ConvnetOptions

CLASSES = Head("classes", "classes", ("ant", "bee", "cat"))
ATTRIBUTES = Head("attributes", "attributes", ("large", "Left"), temperature=2.0)
SIZE = Head("value", "size", ("size",), scale=(10.0, 2.0), quantiles=(6.0, 9.0, 10.0, 11.0, 16.0))
HUE = Head("circle", "hue", ("hue.cos", "hue.sin"))
NAMES = ("ant", "bee", "cat", "large", "Left", "size", "hue.cos", "hue.sin")


def scorer(*heads):
    """Return a scorer whose network gives its input: outputs can be chosen."""
    heads = heads or (CLASSES, ATTRIBUTES, SIZE, HUE)
    width = sum(len(head.names) for head in heads)
    return Scorer(nn.Identity(), heads, label="fixed", shape=(width,))


def registry():
    return load_plugins().registry


def stored(shape=(1, 8, 8), heads=(CLASSES,), component=None, seed=0):
    """Return a small untrained classifier of pictures as its file holds it."""
    options = {"width": 2, "hidden": 3}
    torch.manual_seed(seed)
    network = Convnet(ConvnetOptions(**options)).network(shape, sum(len(head.names) for head in heads))
    component = component or {"name": "convnet", "dist": "gantool", "version": "0", "options": options}
    return TrainedClassifier(component, shape, heads, network.state_dict(), {"name": "noise"}, seed), network.eval()


def message(error, *arguments):
    with pytest.raises(error) as caught:
        open_scorer(*arguments)
    return str(caught.value)


def test_the_score_of_a_class_is_its_logit_minus_the_logsumexp_of_the_others():
    logits = torch.tensor([[2.0, 1.0, -0.5], [0.0, 0.0, 0.0]])
    found = head_scores(CLASSES, logits)
    for row in range(2):
        for k in range(3):
            others = [math.exp(logits[row, j]) for j in range(3) if j != k]
            assert found[row, k].item() == pytest.approx(logits[row, k].item() - math.log(sum(others)), abs=1e-5)


def test_log_odds_stay_finite_and_exact_where_a_softmax_is_certain():
    found = head_scores(CLASSES, torch.tensor([[1000.0, 0.0, -1000.0]]))
    assert found.tolist() == [[1000.0, -1000.0, -2000.0]]


def test_a_logit_raises_its_own_log_odds_one_to_one_and_the_others_pull_by_their_share():
    logits = torch.tensor([[3.0, 1.0, 0.0]], requires_grad=True)
    share = 1 / (1 + math.e)  # of cat among bee and cat, and of bee the rest
    (slope,) = torch.autograd.grad(head_scores(CLASSES, logits)[0, 0], logits)
    assert slope[0].tolist() == pytest.approx([1.0, share - 1, -share], abs=1e-6)
    (slope,) = torch.autograd.grad(head_scores(CLASSES, logits)[0, 2], logits)
    ant = 1 / (1 + math.exp(-2))
    assert slope[0].tolist() == pytest.approx([-ant, ant - 1, 1.0], abs=1e-6)


def test_the_probability_of_a_class_is_the_softmax_of_calibrated_logits():
    head = Head("classes", "classes", ("ant", "bee", "cat"), temperature=2.5)
    logits = torch.tensor([[4.0, 1.0, -3.0], [0.1, 0.2, 0.3]])
    one = scorer(head)
    found = one.probability(one.scores(logits))
    torch.testing.assert_close(found, (logits / 2.5).softmax(1))


def test_an_attribute_is_scored_by_its_calibrated_logit():
    one = scorer(ATTRIBUTES)
    scores = one.scores(torch.tensor([[4.0, -2.0]]))
    assert scores.tolist() == [[2.0, -1.0]]
    torch.testing.assert_close(one.probability(scores), torch.tensor([[2.0, -1.0]]).sigmoid())


def test_a_factor_is_scored_in_the_units_of_the_data_and_its_probability_is_the_share_below():
    one = scorer(SIZE)
    outputs = torch.tensor([[-3.0], [-2.0], [-0.5], [0.0], [0.25], [3.0], [9.0]])
    scores = one.scores(outputs)
    assert scores[:, 0].tolist() == [4.0, 6.0, 9.0, 10.0, 10.5, 16.0, 28.0]
    assert one.probability(scores)[:, 0].tolist() == [0.0, 0.0, 0.25, 0.5, 0.625, 1.0, 1.0]
    assert one.thresholds.tolist() == [10.0]


def test_the_median_of_an_even_number_of_quantiles_lies_between_the_two_in_the_middle():
    assert scorer(Head("value", "v", ("v",), quantiles=(0.0, 1.0, 4.0, 9.0))).thresholds.tolist() == [2.5]


def test_a_circular_factor_has_a_cosine_and_a_sine_of_length_one_unless_no_angle_is_clear():
    found = head_scores(HUE, torch.tensor([[3.0, 4.0], [0.03, 0.04], [0.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]]))


def test_a_point_of_a_circular_factor_is_a_target_whose_probability_falls_with_the_angle():
    one = scorer(HUE)
    target = one.target("hue=0.25")
    angles = 2 * math.pi * torch.tensor([0.25, 0.5, 0.75, 0.25 + 1 / 6])
    scores = torch.stack([angles.cos(), angles.sin()], 1)
    assert (target.name, target.group) == ("hue=0.25", (0, 1))
    assert target.score(scores).tolist() == pytest.approx([1, 0, -1, 0.5], abs=1e-6)
    assert target.probability(scores).tolist() == pytest.approx([1, 0.5, 0, 0.75], abs=1e-6)


def test_a_name_is_a_target_of_one_column_whatever_its_case():
    one = scorer()
    target = one.target("LEFT")
    scores = torch.arange(16.0).view(2, 8) / 4
    assert (target.name, target.weights.tolist()) == ("Left", [0, 0, 0, 0, 1, 0, 0, 0])
    assert target.score(scores).tolist() == [1.0, 3.0]
    torch.testing.assert_close(target.probability(scores), torch.tensor([1.0, 3.0]).sigmoid())


def test_of_two_names_that_differ_in_case_the_exact_one_is_taken():
    one = scorer(Head("classes", "classes", ("Cardigan", "cardigan")))
    assert one.target("cardigan").weights.tolist() == [0, 1]


def test_the_columns_of_one_softmax_or_angle_are_a_group_and_attributes_are_not():
    one = scorer()
    assert one.names == NAMES
    groups = {name: one.target(name).group for name in NAMES}
    assert groups["bee"] == (0, 1, 2)
    assert (groups["large"], groups["Left"], groups["size"]) == ((3,), (4,), (5,))
    assert groups["hue.sin"] == (6, 7)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "sizes",
            "--toward: fixed knows no 'sizes'; known: ant, bee, cat, large, Left, size, hue.cos, hue.sin, hue=0.5",
        ),
        ("sizes", "did you mean size?"),
        ("hue", "--toward: 'hue' was given; hue is circular: name a value from 0 to 1; type: --toward hue=0.33"),
        ("hue=red", "--toward: 'hue=red' was given"),
        ("hue=inf", "--toward: 'hue=inf' was given"),
        ("size=3", "knows no 'size=3'"),
    ],
)
def test_an_unknown_target_is_said_with_what_is_known(text, said):
    with pytest.raises(OptionError) as caught:
        scorer().target(text)
    assert said in str(caught.value)


def test_a_list_of_a_thousand_names_is_cut_short():
    one = scorer(Head("classes", "classes", tuple(f"class {number}" for number in range(1000))))
    with pytest.raises(OptionError, match=r"class 39, \.\.\. \(1000 in all\)$"):
        one.target("walrus")


def test_the_network_is_frozen_and_in_eval_mode_and_leaves_a_path_to_the_picture():
    network = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 3)).train()
    one = Scorer(network, [CLASSES], label="net", shape=(3,))
    x = torch.randn(5, 3, requires_grad=True)
    one.scores(x)[:, 0].sum().backward()
    assert not network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    assert (x.grad.abs().sum(1) > 0).all()
    assert network[0].running_mean.tolist() == [0, 0, 0]


def test_the_hash_follows_all_that_the_scores_follow_from_and_nothing_else():
    first, _ = stored()
    same, _ = stored(heads=(Head("classes", "classes", ("ant", "bee", "cat"), figures={"accuracy": 0.5}),))
    colder, _ = stored(heads=(Head("classes", "classes", ("ant", "bee", "cat"), temperature=0.5),))
    other, _ = stored(seed=1)
    assert first.hash == same.hash
    assert len({first.hash, colder.hash, other.hash}) == 3


def test_a_file_gives_the_scores_of_the_network_that_was_written(tmp_path):
    trained, network = stored(heads=(CLASSES, ATTRIBUTES, SIZE, HUE))
    files.write(tmp_path / "c", trained)
    found = open_scorer(str(tmp_path / "c"), registry(), (1, 8, 8))
    x = torch.rand(3, 1, 8, 8) * 2 - 1
    expected = Scorer(network, trained.heads, label="", shape=(1, 8, 8)).scores(x)
    assert torch.equal(found.scores(x), expected)
    assert (found.names, found.label, found.hash) == (NAMES, "c", trained.hash)
    assert envelope.read_header(tmp_path / "c").meta["hash"] == trained.hash
    assert open_scorer(str(tmp_path / "c"), registry(), None).shape == (1, 8, 8)


def test_a_classifier_of_other_pictures_is_refused(tmp_path):
    files.write(tmp_path / "c", stored()[0])
    said = message(FileError, str(tmp_path / "c"), registry(), (3, 32, 32))
    assert said.startswith(f"{tmp_path}/c: was trained on pictures of 1 x 8 x 8; pictures of 3 x 32 x 32 are given")


def test_what_is_no_classifier_is_said_to_be_what_it_is(tmp_path):
    envelope.write(tmp_path / "run", "checkpoint", {"generator.w": torch.zeros(2)}, {})
    torch.save({"w": torch.zeros(2)}, tmp_path / "w.pt")
    assert "run: is a checkpoint file; a classifier file is needed" in message(
        FileError, str(tmp_path / "run"), registry(), (1, 8, 8)
    )
    assert "is not a classifier but a file of torch.save" in message(
        FileError, str(tmp_path / "w.pt"), registry(), (1, 8, 8)
    )
    assert f"--judge: {tmp_path} is a folder" in message(OptionError, str(tmp_path), registry(), (1, 8, 8), "--judge")
    assert "did you mean convnet?" in message(OptionError, "convnett", registry(), (1, 8, 8))


def test_a_name_that_is_too_long_for_a_file_is_no_classifier():
    assert "is neither a file nor the name of a classifier" in message(OptionError, "a" * 300, registry(), None)


class Weights(Options, frozen=True):
    """The options of ``Untrained`` and ``Known``."""

    weights: Annotated[str, Meta(description="a file", extra={"path": True})] = ""


class Untrained:
    """A classifier that gantool trains, and that has an option called ``weights``."""

    names = None

    def __init__(self, options):
        pass


class Known(Untrained):
    """A classifier that comes trained, and knows any file."""

    names = ("ant", "bee")

    def network(self, shape, outputs):
        return nn.Linear(math.prod(shape), outputs)


def test_a_file_of_weights_is_opened_by_the_component_that_comes_trained(tmp_path):
    torch.save({"w": torch.zeros(2)}, tmp_path / "w.pt")
    known = Registry()
    parts = {"a-first": f"{__name__}:Untrained", "known": f"{__name__}:Known"}
    known.add(Component("classifier", name, target, "", Weights) for name, target in parts.items())
    found = open_scorer(str(tmp_path / "w.pt"), known, (3,))
    assert (found.names, found.label) == (("ant", "bee"), "w.pt")


def test_a_component_that_is_not_trained_is_no_classifier_yet():
    said = message(OptionError, "convnet", registry(), (1, 8, 8))
    assert said == (
        "--classifier: convnet is not trained yet; a classifier file; "
        "type: gantool classifier train --classifier convnet --data NAME"
    )


@pytest.mark.parametrize(
    ("component", "error", "said"),
    [
        ({"name": "resnet", "dist": "gantool-resnet", "options": {}}, PluginError, "pip install gantool-resnet"),
        ({"name": "convnet", "options": {"width": 3, "hidden": 3}}, FileError, "do not fit its own settings"),
        ({"name": "convnet", "options": {"width": 10**9, "hidden": 3}}, OptionError, "c: width: 1000000000 was given"),
        ({"name": "convnet", "options": {"depth": 3}}, OptionError, "c: depth: is not an option"),
        ({"name": "efficientnet-lite0", "options": {}}, FileError, "which comes trained"),
    ],
)
def test_a_file_that_names_another_network_is_refused_before_memory_is_taken(tmp_path, component, error, said):
    files.write(tmp_path / "c", stored(component=component)[0])
    assert said in message(error, str(tmp_path / "c"), registry(), (1, 8, 8))
