"""Training of classifiers: what a dataset lets one learn, calibration in closed form, held-out figures, the seed."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from gantool import Condition, DataInfo, Samples
from gantool.errors import DataError, OptionError, TrainingError
from gantool.files import classifier as files
from gantool.latent.scorer import Scorer
from gantool.training.calibration import expected_calibration_error, temperature
from gantool.training.classifier import Recipe, split_rows, train_classifier
from gantool.training.targets import choose_tasks
from gantool_classic.classifiers.convnet import Convnet
from gantool_classic.classifiers.settings import ConvnetOptions

COMPONENT = {"name": "convnet", "options": {"width": 4, "hidden": 16}}
N = 400


def points():
    """Return points in a square whose side, height and angle are known."""
    values = np.random.default_rng(0).uniform(-1, 1, (N, 2)).astype(np.float32)
    angle = np.arctan2(values[:, 1], values[:, 0]) / (2 * math.pi)
    factors = {"height": 3 + 2 * values[:, 1], "angle": (angle % 1).astype(np.float32)}
    labels = (values[:, 0] > 0).astype(np.int64)
    return Samples(values, labels, factors, ("angle",)), DataInfo((2,), N, Condition("classes", ("left", "right")))


def attributes():
    """Return points with two attributes, and no factor."""
    samples, _ = points()
    labels = (samples.values > 0).astype(np.float32)
    return Samples(samples.values, labels), DataInfo((2,), N, Condition("attributes", ("right", "Up")))


def trained(seed=0, data=None, part=None, **recipe):
    samples, info = data or points()
    part = part or Convnet(ConvnetOptions(width=4, hidden=16))
    wanted = Recipe(**{"steps": 120, "batch_size": 32, "lr": 0.01, "seed": seed, **recipe})
    return train_classifier(part, samples, choose_tasks(samples, info), wanted, component=COMPONENT, data={})


@pytest.fixture(scope="module")
def known():
    return trained()


def test_all_that_the_data_knows_is_learnt_by_default():
    tasks = choose_tasks(*points())
    heads = [(task.head.kind, task.head.name, task.head.names) for task in tasks]
    assert heads == [
        ("classes", "classes", ("left", "right")),
        ("value", "height", ("height",)),
        ("circle", "angle", ("angle.cos", "angle.sin")),
    ]


def test_a_factor_is_standardised_and_its_head_knows_the_way_back():
    samples, info = points()
    (task,) = choose_tasks(samples, info, ["height"])
    mean, std = task.head.scale
    height = samples.factors["height"]
    assert (task.targets.mean().item(), task.targets.std(correction=0).item()) == pytest.approx((0, 1), abs=1e-6)
    assert (task.targets[:, 0] * std + mean).tolist() == pytest.approx(height.tolist(), abs=1e-5)
    assert len(task.head.quantiles) == 101
    assert task.head.quantiles[::50] == pytest.approx((height.min(), np.median(height), height.max()))


def test_a_circular_factor_becomes_a_point_of_the_unit_circle():
    samples, info = points()
    (task,) = choose_tasks(samples, info, ["angle"])
    direction = samples.values / np.linalg.norm(samples.values, axis=1, keepdims=True)
    np.testing.assert_allclose(task.targets.numpy(), direction, atol=1e-5)


def test_attributes_are_chosen_by_name_and_share_a_head():
    samples, info = attributes()
    (both,) = choose_tasks(samples, info)
    (up,) = choose_tasks(samples, info, ["up"])
    assert (both.head.names, up.head.names) == (("right", "Up"), ("Up",))
    assert torch.equal(up.targets[:, 0], both.targets[:, 1])


def test_buckets_of_a_factor_hold_equally_many_examples_and_are_named_by_their_bounds():
    values = np.arange(12, dtype=np.float32)
    (task,) = choose_tasks(Samples(values[:, None], factors={"size": values}), DataInfo((1,), 12), buckets=3)
    assert (task.head.kind, task.head.names) == ("classes", ("size 0-3.7", "size 3.7-7.3", "size 7.3-11"))
    assert task.targets.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_buckets_of_a_circular_factor_are_equally_wide():
    values = np.array([0.0, 0.1, 0.3, 0.6, 0.99, 1.0], np.float32)
    samples = Samples(values[:, None], factors={"hue": values}, circular=("hue",))
    (task,) = choose_tasks(samples, DataInfo((1,), 6), buckets=4)
    assert task.head.names == ("hue 0-0.25", "hue 0.25-0.5", "hue 0.5-0.75", "hue 0.75-1")
    assert task.targets.tolist() == [0, 0, 1, 2, 3, 0]


@pytest.mark.parametrize(("values", "buckets"), [([0] * 7 + [1] * 3, 2), ([2, 0, 1, 1, 1, 2], 3), ([0, 1, 0], 9)])
def test_a_factor_of_no_more_values_than_buckets_has_a_class_for_each(values, buckets):
    values = np.array(values, np.float32)
    (task,) = choose_tasks(Samples(values[:, None], factors={"v": values}), DataInfo((1,), len(values)), [], buckets)
    assert task.head.names == ("v 0", "v 1", "v 2")[: int(values.max()) + 1]
    assert task.targets.tolist() == values.tolist()


def test_the_few_values_of_a_circular_factor_are_classes_too_and_1_is_0():
    values = np.array([0.0, 0.25, 1.0, 0.5], np.float32)
    samples = Samples(values[:, None], factors={"hue": values}, circular=("hue",))
    (task,) = choose_tasks(samples, DataInfo((1,), 4), buckets=3)
    assert task.head.names == ("hue 0", "hue 0.25", "hue 0.5")
    assert task.targets.tolist() == [0, 1, 0, 2]


def test_a_factor_that_most_examples_share_is_not_cut():
    values = np.array([0] * 8 + [1, 2], np.float32)
    data = Samples(values[:, None], factors={"v": values}), DataInfo((1,), 10)
    with pytest.raises(OptionError, match="v cannot be cut into 2 with equally many examples"):
        choose_tasks(*data, buckets=2)


def test_buckets_without_a_factor_are_refused():
    with pytest.raises(OptionError, match="--buckets: 4 was given, and no factor is learnt; the data has: height, ang"):
        choose_tasks(*points(), ["classes"], buckets=4)
    with pytest.raises(OptionError, match="no factor is learnt; the data has none"):
        choose_tasks(*attributes(), buckets=4)
    assert len(choose_tasks(*points(), ["classes", "height"], buckets=4)) == 2


def test_bounds_that_look_alike_get_more_digits():
    values = np.array([1.0001, 1.0002, 1.0004])
    (task,) = choose_tasks(Samples(values[:, None], factors={"v": values}), DataInfo((1,), 3), buckets=2)
    assert task.head.names == ("v 1.0001-1.0002", "v 1.0002-1.0004")


def test_an_unknown_target_is_said_with_what_the_data_knows():
    with pytest.raises(OptionError) as caught:
        choose_tasks(*points(), ["classes", "hight"])
    assert str(caught.value) == (
        "--targets: the data has no 'hight'; known: classes, height, angle; did you mean height?"
    )


def test_data_without_labels_and_factors_is_refused():
    samples, _ = points()
    constant = {"same": np.full(N, 0.1, np.float32)}  # whose standard deviation is 1.5e-8
    around = {"angle": (np.arange(N) % 2).astype(np.float32)}
    one_class = Condition("classes", ("only",))
    for data, condition in (
        (Samples(samples.values), None),
        (Samples(samples.values, factors=constant), None),
        (Samples(samples.values, factors=around, circular=("angle",)), None),
        (Samples(samples.values, np.zeros(N, np.int64)), one_class),
    ):
        with pytest.raises(DataError, match="no labels and no factors"):
            choose_tasks(data, DataInfo((2,), N, condition))


def test_two_features_of_one_name_are_refused_unless_one_is_chosen():
    samples, _ = points()
    info = DataInfo((2,), N, Condition("classes", ("height", "depth")))
    with pytest.raises(DataError, match="two features are called 'height'"):
        choose_tasks(samples, info)
    assert len(choose_tasks(samples, info, ["classes", "angle"])) == 2


def test_the_temperature_of_a_softmax_has_its_closed_form_for_one_gap():
    # 8 answers with a gap of 4, 6 of them right, and a tenth of each target is spread: p = 0.9 * 6/8 + 0.05
    logits, targets = torch.tensor([[4.0, 0.0]]).repeat(8, 1), torch.tensor([0] * 6 + [1] * 2)
    assert temperature(logits, targets) == pytest.approx(4 / math.log(0.725 / 0.275), rel=1e-6)


def test_the_temperature_of_sigmoids_has_the_same_closed_form():
    logits, targets = torch.full((8, 1), 4.0), torch.tensor([1.0] * 6 + [0.0] * 2)[:, None]
    assert temperature(logits, targets) == pytest.approx(4 / math.log(0.725 / 0.275), rel=1e-6)


def test_answers_that_are_all_right_do_not_speak_for_certainty():
    logits = torch.tensor([[4.0, 0.0]]).repeat(8, 1)
    assert temperature(logits, torch.zeros(8, dtype=torch.int64)) == pytest.approx(4 / math.log(19), rel=1e-6)


def test_answers_at_chance_get_the_highest_temperature():
    assert temperature(torch.tensor([[4.0, 0.0], [4.0, 0.0]]), torch.tensor([0, 1])) == pytest.approx(100)


def test_the_calibration_error_is_the_gap_of_each_bin_by_its_share():
    confident = torch.tensor([[math.log(4), 0.0]])  # p = 0.8
    unsure = torch.tensor([[math.log(1.5), 0.0]])  # p = 0.6
    logits = torch.cat([confident, confident, unsure, unsure])
    assert expected_calibration_error(logits[:2], torch.tensor([0, 1])) == pytest.approx(0.3, abs=1e-6)
    assert expected_calibration_error(logits, torch.tensor([0, 0, 1, 1])) == pytest.approx(0.4, abs=1e-6)


def test_every_answer_of_sigmoids_counts_for_the_calibration_error():
    logits = torch.tensor([[math.log(4), -math.log(4)]] * 2)  # sure of yes and of no by 0.8
    targets = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    assert expected_calibration_error(logits, targets) == pytest.approx(0.05, abs=1e-6)


def test_a_network_learns_classes_factors_and_angles_at_once(known):
    figures = {head.name: head.figures for head in known.heads}
    assert figures["classes"]["accuracy"] > 0.9
    assert figures["height"]["r2"] > 0.95
    assert figures["angle"]["degrees"] < 20


def test_the_figures_are_those_of_rows_that_nothing_was_learnt_from(known):
    samples, _ = points()
    rows = split_rows(N, 0).test
    network = Convnet(ConvnetOptions(width=4, hidden=16)).network((2,), 5)
    network.load_state_dict(known.tensors)
    one = Scorer(network, known.heads, label="", shape=(2,))
    scores = one.scores(torch.from_numpy(samples.values[rows]))
    right = (scores[:, 1] > 0).numpy() == samples.labels[rows]
    height = samples.factors["height"][rows]
    assert known.heads[0].figures["accuracy"] == pytest.approx(right.mean())
    unexplained = ((scores[:, 2].numpy() - height) ** 2).mean() / height.var()
    assert known.heads[1].figures["r2"] == pytest.approx(1 - unexplained, abs=1e-4)


def test_a_factor_without_variance_in_the_test_rows_has_no_r2_and_the_network_is_kept(tmp_path):
    samples, _ = points()
    values = np.arange(N, dtype=np.float32)
    values[split_rows(N, 0).test] = 7
    found = trained(data=(Samples(samples.values, factors={"v": values}), DataInfo((2,), N)), steps=2)
    assert found.heads[0].figures == {}
    files.write(tmp_path / "c", found)
    assert files.read(tmp_path / "c").hash == found.hash


def test_attributes_are_learnt_in_one_head():
    (head,) = trained(data=attributes()).heads
    assert (head.kind, head.names) == ("attributes", ("right", "Up"))
    assert head.figures["accuracy"] > 0.9


def test_the_seed_alone_decides_and_the_global_randomness_is_left_alone(known):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    again = trained()
    assert torch.equal(torch.get_rng_state(), before)
    assert again.hash == known.hash
    assert trained(seed=1, steps=2).hash != trained(seed=0, steps=2).hash


def test_rows_are_dealt_out_once_and_held_out_ones_are_bounded():
    split = split_rows(203, 3)
    assert (len(split.train), len(split.valid), len(split.test)) == (161, 21, 21)
    assert sorted([*split.train, *split.valid, *split.test]) == list(range(203))
    assert [len(rows) for rows in vars(split_rows(200_000, 0)).values()] == [190_000, 5000, 5000]
    assert not np.array_equal(split.test, split_rows(203, 4).test)
    with pytest.raises(DataError, match="holds 29 examples; at least 30"):
        split_rows(29, 0)


def test_the_length_follows_the_data_unless_it_is_given():
    assert [Recipe().length(count) for count in (100, 60_000)] == [500, 2344]
    assert Recipe(steps=7).length(60_000) == 7


class Wanders(nn.Module):
    """A network whose output drifts away from its best by its optimizer's steps, whatever it sees."""

    def __init__(self):
        super().__init__()
        self.steps = nn.Parameter(torch.zeros(()), requires_grad=False)
        self.unused = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        if self.training:
            self.steps += 1
        return ((self.steps - 6) * (1 + 0 * self.unused)).expand(len(x), 1)


def test_the_network_is_kept_as_it_was_at_its_best_on_held_out_data():
    class Part:
        names = None

        def network(self, shape, outputs):
            return Wanders()

    values = np.linspace(-1, 1, N, dtype=np.float32)[:, None]
    data = Samples(values, factors={"v": values[:, 0]}), DataInfo((1,), N)
    found = trained(data=data, part=Part(), steps=20, batch_size=4)
    assert found.tensors["steps"].item() == 6  # where it gives the mean, 0


def test_a_loss_that_is_not_finite_ends_the_training():
    class Part:
        names = None

        def network(self, shape, outputs):
            return nn.Linear(2, outputs)

    samples, info = points()
    broken = Samples(samples.values * np.float32(np.inf), samples.labels)
    with pytest.raises(TrainingError, match="the loss is nan at step 1"):
        trained(data=(broken, info), part=Part())


def test_each_step_is_told():
    samples, info = points()
    seen = []
    train_classifier(
        Convnet(ConvnetOptions(width=4, hidden=8)),
        samples,
        choose_tasks(samples, info, ["classes"]),
        Recipe(steps=3, batch_size=8),
        component=COMPONENT,
        data={},
        watch=lambda step, loss: seen.append((step, 0 < loss < 2)),
    )
    assert seen == [(1, True), (2, True), (3, True)]
