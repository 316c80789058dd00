"""Steering in a generator whose factors are known. The numbers of checks are those of the acceptance table."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from oracle import BACKGROUND, COLOUR, NAMES, RANGES, SIZE, Measure, X, Y, oracle_model, oracle_scorer, true_directions
from torch import nn

from gantool.errors import FileError, OptionError
from gantool.files.classifier import Head
from gantool.files.directions import Directions
from gantool.interfaces import Slot
from gantool.latent.control import Order, columns_of, steer
from gantool.latent.directions import projection
from gantool.latent.effects import measure, scores_of
from gantool.latent.scorer import Scorer
from gantool.latent.statistics import spearman, spread
from gantool.latent.steering import Aim, along, check_directions, find_starts, onto_shell, steer_by_gradient, switching

MODEL, SCORER = oracle_model(), oracle_scorer()
KEPT = (X, Y, COLOUR, BACKGROUND)
SHELL = (Slot("z", "normal", 16),)


@pytest.fixture(scope="module")
def population():
    return scores_of(MODEL.G, SCORER, MODEL.latents(range(2000, 2512)))


@pytest.fixture(scope="module")
def z():
    return MODEL.latents(range(1000, 1128))


@pytest.fixture(scope="module")
def aim(population):
    """Check 16's settings: ten steps of a quarter, on size, the others kept."""
    return Aim(SCORER.target("size"), population, KEPT, until=None, steps=10)


def climb(z, aim):
    return steer_by_gradient(MODEL.G, SHELL, SCORER, z, None, aim)


def true_scores(z):
    return scores_of(MODEL.G, SCORER, z)


def directions(**changes):
    """The oracle's own rows, with the intercept that makes a projection of 0 the middle of each range."""
    offsets = torch.tensor([0.0, 0, 0, 0, 1])
    return Directions(NAMES, true_directions(), offsets, torch.zeros(5), torch.ones(5), "oracle", **changes)


@pytest.mark.parametrize(("until", "smooth"), [(None, 0.0), (0.9, 0.0), pytest.param(0.9, 0.6, marks=pytest.mark.slow)])
def test_the_path_of_a_sample_does_not_depend_on_its_batch(z, aim, until, smooth):  # check 14
    aim = replace(aim, until=until, smooth=smooth, steps=20)
    whole = climb(z, aim)
    for start, size in ((0, 1), (77, 1), (127, 1), (40, 8)):
        rows = slice(start, start + size)
        part = climb(z[rows], aim)
        assert torch.equal(part.steps, whole.steps[rows])
        shared = min(len(part.z), len(whole.z))
        assert (part.z[:shared] - whole.z[:shared, rows]).abs().max() <= 1e-4
        assert (part.z[-1] - whole.z[-1, rows]).abs().max() <= 1e-4


def test_each_step_follows_the_gradient_where_it_is_taken_and_no_earlier_one(z, aim):
    path = climb(z[:3], replace(aim, steps=4)).z
    std, origin = spread(aim.population), true_scores(z[:3])
    for number in range(4):
        for row in range(3):
            leaf = path[number, row].clone().requires_grad_()
            scores = SCORER.scores(MODEL.G(leaf[None]))[0] / std
            change = (scores - origin[row] / std)[list(KEPT)]
            penalty = change.norm() if number else 0.0
            (gradient,) = torch.autograd.grad(scores[SIZE] - 0.3 * penalty, leaf)
            moved = path[number, row] + 0.25 * gradient / gradient.norm()
            expected = moved * z[row].norm() / moved.norm()
            assert torch.allclose(path[number + 1, row], expected, atol=1e-5)


class Rippled(nn.Module):
    """A feature that z0 shows, and a ripple along z1 whose slope is ten times as steep and leads nowhere."""

    def forward(self, z):
        return (z[:, :1] + 0.2 * (50 * z[:, 1:2]).sin()).float()


def test_a_smoothed_gradient_follows_the_feature_and_not_the_ripple():
    # Over a cloud of width 0.6 the ripple's mean slope is 10 cos(50 z1) exp(-50^2 0.6^2 / 2), which is nothing.
    scorer = Scorer(Rippled(), [Head("attributes", "made up", ("feature",))], label="rippled", shape=(16,))
    z = torch.randn(8, 16, generator=torch.Generator().manual_seed(1))
    aim = Aim(scorer.target("feature"), scorer.scores(z), until=None, steps=1)

    def slopes(aim):
        step = steer_by_gradient(lambda z, c: z, SHELL, scorer, z, None, aim).z[1] - z
        return step[:, 0].mean(), step[:, 1].abs().mean()

    feature, ripple = slopes(aim)
    assert ripple > 3 * feature
    feature, ripple = slopes(replace(aim, smooth=0.6, views=4096))
    assert feature > 3 * ripple


def test_smoothing_a_linear_score_changes_nothing():
    scorer = Scorer(nn.Linear(16, 1), [Head("attributes", "made up", ("feature",))], label="linear", shape=(16,))
    z = torch.randn(4, 16, generator=torch.Generator().manual_seed(1))
    aim = Aim(scorer.target("feature"), scorer.scores(z), until=None, steps=3)
    plain, smooth = (
        steer_by_gradient(lambda z, c: z, SHELL, scorer, z, None, one).z for one in (aim, replace(aim, smooth=0.6))
    )
    torch.testing.assert_close(smooth, plain)


def test_gradients_do_not_accumulate_between_calls_and_parameters_get_none(aim):
    torch.manual_seed(0)
    G = nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 5))  # its parameters do require a gradient
    head = Head("attributes", "made up", NAMES)
    scorer = Scorer(nn.Sequential(nn.Linear(5, 5), nn.Tanh()), [head], label="tiny", shape=(5,))
    z = torch.randn(6, 16, generator=torch.Generator().manual_seed(1))
    aim = Aim(scorer.target("size"), torch.randn(50, 5), KEPT, steps=6)

    def once():
        return steer_by_gradient(lambda z, c: G(z), SHELL, scorer, z, None, aim)

    first, second = once(), once()
    assert torch.equal(first.z, second.z)
    assert [parameter.grad for net in (G, scorer.network) for parameter in net.parameters()] == [None] * 6
    assert not first.z.requires_grad
    assert z.grad is None


def test_every_step_stays_on_the_shell_of_its_start(z, aim):  # check 15
    walk = climb(z[:32], replace(aim, steps=40))
    ratio = walk.z.norm(dim=2) / z[:32].norm(dim=1)
    assert ratio.min() >= 0.99
    assert ratio.max() <= 1.01
    assert (walk.z[1] - walk.z[0]).norm(dim=1).min() > 0.1  # and it does move


def test_ten_steps_reach_the_other_side_and_the_penalty_holds_the_rest_back(z, aim):  # check 16
    start = true_scores(z)
    below = start[:, SIZE] < SCORER.thresholds[SIZE]
    worst = {}
    for weight in (0.0, 0.3):
        scores = true_scores(climb(z, replace(aim, keep_weight=weight)).z[-1])
        assert (scores[below, SIZE] > SCORER.thresholds[SIZE]).float().mean() >= 0.90
        changes = ((scores - start).mean(0) / spread(aim.population)).abs()
        worst[weight] = float(changes[list(KEPT)].max())
    assert worst[0.3] <= 0.75 * worst[0.0]


def test_the_default_walk_makes_nearly_every_sample_certain(z, aim):
    walk = climb(z, replace(aim, until=0.9, steps=40))
    certain = SCORER.probability(true_scores(walk.z[-1]))[:, SIZE] >= 0.9
    assert torch.equal(walk.reached, certain)
    assert walk.reached.float().mean() >= 0.98


def test_a_sample_stops_where_it_reaches_its_target_and_stays_there(z, aim):
    walk = climb(z, replace(aim, until=0.6, steps=6))
    probability = torch.stack([SCORER.probability(true_scores(step))[:, SIZE] for step in walk.z])  # [T + 1, N]
    assert int(walk.steps.min()) == 0
    assert not bool(walk.reached.all())
    for row, steps in enumerate(walk.steps.tolist()):
        assert (probability[:steps, row] < 0.6).all()
        assert bool(probability[steps, row] >= 0.6) == bool(walk.reached[row])
        assert (walk.z[steps:, row] == walk.z[steps, row]).all()
    assert (walk.steps[~walk.reached] == 6).all()


def test_columns_begin_at_the_start_and_end_at_each_samples_own_end(z, aim):
    walk = climb(z, replace(aim, until=0.9, steps=8))
    columns = walk.columns(5)
    assert torch.equal(columns[0], z)
    assert torch.equal(columns[-1], walk.z[-1])
    assert torch.allclose(columns.norm(dim=2), z.norm(dim=1).expand(5, -1), rtol=1e-5)
    four = (walk.steps == 4).nonzero()[0, 0]  # every column is a step
    assert torch.equal(columns[:, four], walk.z[:5, four])


def test_uniform_numbers_stay_within_the_prior_and_categories_where_they_are():
    slots = (Slot("noise", "normal", 3), Slot("code", "uniform", 2), Slot("kind", "categorical", 4))
    identity = nn.Linear(9, 9, bias=False)
    nn.init.eye_(identity.weight)
    with torch.no_grad():
        identity.weight += 1  # every number of z moves the target
    names = tuple("abcdefghi")
    scorer = Scorer(identity, [Head("attributes", "numbers", names)], label="numbers", shape=(9,))
    start = torch.tensor([[0.3, -1.0, 0.4, 0.9, -0.5, 0, 0, 1, 0]])
    aim = Aim(scorer.target("d"), torch.randn(20, 9), until=None, steps=12)
    walk = steer_by_gradient(lambda z, c: z, slots, scorer, start, None, aim)
    assert torch.equal(walk.z[:, :, 5:], start[:, 5:].expand(13, 1, 4))
    assert walk.z[:, :, 3:5].abs().max() == 1.0
    assert torch.allclose(walk.z[:, 0, :3].norm(dim=1), start[0, :3].norm().expand(13))


def test_a_step_is_counted_in_standard_deviations_of_the_prior():
    slots = (Slot("code", "uniform", 1),)
    scorer = Scorer(nn.Identity(), [Head("attributes", "code", ("code",))], label="code", shape=(1,))
    aim = Aim(scorer.target("code"), torch.randn(20, 1), until=None, step=0.3, steps=2)
    walk = steer_by_gradient(lambda z, c: z, slots, scorer, torch.zeros(1, 1), None, aim)
    assert torch.allclose(walk.z.flatten(), torch.tensor([0.0, 0.3, 0.6]) / 3**0.5)


def test_a_single_normal_number_has_no_shell():
    slots = (Slot("z", "normal", 1),)
    assert onto_shell(torch.tensor([[2.0]]), torch.tensor([[1.0]]), slots).tolist() == [[2.0]]


def test_a_walk_along_a_direction_is_a_straight_line_of_known_steps(z):
    vector = true_directions()[SIZE]
    line = along(z, SHELL, vector, 2.0, [-1.0, 0.0, 1.5])
    assert torch.equal(line[1], z)
    assert torch.allclose(line[0], z - 2 * vector, atol=1e-6)
    assert torch.allclose(line[2] @ vector, z @ vector + 3, atol=1e-5)


def test_a_walk_never_leaves_the_prior():
    slots = (Slot("noise", "normal", 1), Slot("code", "uniform", 1), Slot("kind", "categorical", 2))
    z = torch.tensor([[0.5, 0.9, 0.0, 1.0]])
    all_of_it = torch.tensor([0.5, 0.5, 0.5, -0.5])
    line = along(z, slots, all_of_it, 1.0, [-4.0, 0.0, 0.5, 4.0])[:, 0]
    expected = [[-1.5, -1, 0, 1], [0.5, 0.9, 0, 1], [0.75, 1, 0, 1], [2.5, 1, 1, 0]]
    assert torch.allclose(line, torch.tensor(expected))
    mixed = torch.tensor([[0.5, 0.0, 0.4, 0.6]])  # as in a morph from one category to another
    assert along(mixed, slots, torch.tensor([1.0, 0, 0, 0]), 1.0, [2.0])[0, 0].tolist() == pytest.approx(
        [2.5, 0.0, 0.4, 0.6]
    )


def test_to_another_of_k_categories_it_takes_the_root_of_k_less_one():
    slots = (Slot("kind", "categorical", 5),)
    vector = torch.tensor([4.0, -1, -1, -1, -1]) / 20**0.5
    _, std = projection(slots, vector[None])
    line = along(torch.eye(5)[3:4], slots, vector, float(std[0]), [1.99, 2.01])
    assert line.argmax(-1).flatten().tolist() == [3, 0]
    assert switching(slots, vector) == 2.0
    assert switching((Slot("noise", "normal", 5),), vector) == 0.0


def test_absolute_strength_0_is_where_an_off_centre_feature_begins(z):  # check 13
    still = true_scores(z)[:, BACKGROUND]
    assert (still > SCORER.thresholds[BACKGROUND]).float().mean() > 0.75
    line = along(z, SHELL, true_directions()[BACKGROUND], 1.0, [0.0], intercept=1.0)
    landed = true_scores(line[0])[:, BACKGROUND]
    assert (landed - 0.225).abs().max() <= 0.01


def test_an_order_by_directions_says_what_moved_and_what_did_not(z):
    found = steer(MODEL, z[:32], None, Order("size", SCORER, directions=directions(), columns=5))
    assert found.heads == ("-3", "-1.5", "+0", "+1.5", "+3")
    assert torch.equal(found.z[2], z[:32])
    assert found.reached is None
    assert found.effect.follows == pytest.approx(1.0)
    assert found.effect.change > 2.5
    assert next(iter(found.effect.others)) == "colour"
    assert found.effect.others["colour"] > 1.5
    assert max(abs(found.effect.others[name]) for name in ("x", "y", "background")) < 1e-2


def test_without_a_classifier_a_direction_is_walked_and_nothing_is_measured(z):
    found = steer(MODEL, z[:4], None, Order("size", directions=directions(), columns=3))
    assert found.z.shape == (3, 4, 16)
    assert found.effect is None


def test_a_direction_that_is_no_features_name_is_judged_by_what_it_moves_most(z):
    named = replace(directions(), names=("pca1", "pca2", "pca3", "pca4", "pca5"))
    found = steer(MODEL, z[:16], None, Order("PCA3", SCORER, directions=named))
    assert found.matched
    assert found.effect.target == "size"


def test_an_order_by_gradient_goes_both_ways_and_its_zero_is_the_start(z):
    found = steer(MODEL, z[:16], None, Order("size", SCORER, span=(-2.0, 1.0), columns=7, keep=()))
    assert found.heads == ("-2", "-1.5", "-1", "-0.5", "+0", "+0.5", "+1")
    assert torch.equal(found.z[4], z[:16])
    sizes = torch.stack([true_scores(step)[:, SIZE] for step in found.z])
    assert (sizes.diff(dim=0) > 0).all()
    assert found.effect.norm_ratio == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("span", [(0.0, 1.0), (0.5, 1.0), (-1.0, -0.5), (-1.0, 0.0)])
def test_an_order_to_one_side_alone_rises_and_is_that_of_both_sides(z, span):
    found = steer(MODEL, z[:4], None, Order("size", SCORER, span=span, columns=3, keep=()))
    both = steer(MODEL, z[:4], None, Order("size", SCORER, span=(-1.0, 1.0), columns=9, keep=()))
    columns = [round((value + 1) * 4) for value in (span[0], sum(span) / 2, span[1])]
    assert torch.allclose(found.z, both.z[columns], atol=1e-5)


def test_the_figures_are_those_of_the_judge_where_there_is_one(z):
    class Wrong(nn.Module):
        def forward(self, x):
            return Measure()(x) * -1

    ranges = zip(NAMES, RANGES, strict=True)
    heads = [Head("value", name, (name,), quantiles=(-high, -low)) for name, (low, high) in ranges]
    judge = Scorer(Wrong(), heads, label="contrary", shape=(1, 32, 32))
    order = Order("size", SCORER)
    alone, judged = (steer(MODEL, z[:16], None, part) for part in (order, replace(order, judge=judge)))
    assert torch.equal(alone.z, judged.z)
    assert alone.reached == judged.reached == alone.effect.reached
    assert judged.effect.change == pytest.approx(-alone.effect.change, rel=1e-5)
    assert judged.effect.follows == pytest.approx(-alone.effect.follows)


def test_a_feature_that_is_named_to_be_kept_moves_less_than_others(z):
    kept, free = (steer(MODEL, z[:32], None, Order("size", SCORER, keep=keep)) for keep in (("Colour",), ()))
    assert abs(kept.effect.others["colour"]) < 0.75 * abs(free.effect.others["colour"])


def test_what_cannot_be_ordered_is_refused_with_what_is_known(z):
    without = replace(directions(), intercept=torch.full((5,), torch.nan))
    cases = {
        "did you mean size": Order("sizes", SCORER),
        "neither --classifier nor --directions": Order("size"),
        "which is to change": Order("size", SCORER, keep=("size",)),
        "there is no feature 'colours'": Order("size", SCORER, keep=("colours",)),
        "did you mean size?": Order("sizes", SCORER, directions=directions()),
        "has no intercept": Order("size", directions=without, absolute=True),
    }
    for said, order in cases.items():
        with pytest.raises(OptionError, match=said.replace("?", r"\?")):
            steer(MODEL, z[:2], None, order)


def test_directions_of_another_model_or_width_are_refused():
    check_directions(directions(), MODEL, "d.safetensors")
    for other in (replace(directions(), model_hash="other"), replace(directions(), vectors=torch.eye(5, 8))):
        with pytest.raises(FileError, match=r"d\.safetensors: holds directions of the model"):
            check_directions(other, MODEL, "d.safetensors")


def test_a_circular_feature_is_kept_by_both_its_columns():
    names = ("size", "Hue.cos", "Hue.sin")
    assert columns_of(names, "hue", "--keep") == [1, 2]
    assert columns_of(names, "hue.sin", "--keep") == [2]


def test_starts_are_the_first_rows_that_the_classifier_takes_for_a_feature(z):
    large = (true_scores(z)[:, SIZE] >= SCORER.thresholds[SIZE]).nonzero().flatten()
    found = find_starts(MODEL.G, SCORER, SCORER.target("size"), z, None, 10)
    assert found.tolist() == large[:10].tolist()
    assert len(find_starts(MODEL.G, SCORER, SCORER.target("size"), z, None, 1000)) == len(large)
    with pytest.raises(OptionError, match="none of 3 samples is size"):
        find_starts(MODEL.G, SCORER, SCORER.target("size"), z[large[:1]].repeat(3, 1) * -1, None, 1)


def test_spearman_equals_the_reference_with_and_without_ties():
    reference = pytest.importorskip("scipy.stats").spearmanr
    values = torch.tensor([[1.0, 3, 0, 2], [2, 3, 0, 1], [2, 1, 0, 5], [7, 0, 0, 2.5]])
    found = spearman(values).tolist()
    for column in (0, 1, 3):
        assert found[column] == pytest.approx(reference(range(4), values[:, column]).statistic, abs=1e-6)
    assert found[2] == 0.0


def test_a_constant_score_is_counted_as_it_is():
    values = torch.tensor([[1.0, 5], [3, 5]])
    assert torch.allclose(spread(values), torch.tensor([2**0.5, 1.0]))


def test_an_effect_leaves_the_targets_own_softmax_out_of_the_side_effects():
    heads = [Head("classes", "kind", ("a", "b", "c")), Head("attributes", "more", ("d",))]
    scorer = Scorer(nn.Identity(), heads, label="kinds", shape=(4,))
    scores = torch.zeros(3, 2, 4)
    scores[1, :, 0], scores[2, :, 0] = 1.0, 3.0
    scores[2, :, 2] = -8.0
    scores[2, 0, 3] = 4.0
    population = torch.tensor([[-1.0] * 4, [1.0] * 4])
    effect = measure(scores, scorer.target("A"), scorer.names, population, 0.9, 1.0)
    assert effect.change == pytest.approx(3 / 2**0.5)
    assert list(effect.others) == ["d"]
    assert effect.others["d"] == pytest.approx(2 / 2**0.5)
    assert list(effect.alike) == ["c", "b"]
    assert (effect.reached, effect.already, effect.samples) == (2, 0, 2)
    assert effect.probability == pytest.approx((0.5, float(torch.tensor(3.0).sigmoid())))
    assert effect.follows == pytest.approx(1.0)


def test_samples_that_did_not_move_say_nothing_about_following():
    scorer = oracle_scorer()
    still = measure(torch.ones(3, 2, 5) * 0.2, scorer.target("size"), NAMES, torch.rand(9, 5), 0.9, 1.0)
    assert still.follows is None
    assert still.change == 0.0
