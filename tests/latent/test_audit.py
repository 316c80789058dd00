"""The side-effect matrix, on a generator whose leaks are known. The numbers of checks are the acceptance table's."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from oracle import COLOUR, ENTANGLED, NAMES, SIZE, X, Y, oracle_model, oracle_scorer, true_directions
from torch import nn

from gantool.files.classifier import Head
from gantool.files.directions import Directions
from gantool.interfaces import Slot
from gantool.latent import audit as module
from gantool.latent import seeds as seeding
from gantool.latent.audit import audit, verdict
from gantool.latent.directions import orthogonalize
from gantool.latent.effects import draw, scores_of
from gantool.latent.prior import Prior
from gantool.latent.scorer import Scorer
from gantool.latent.statistics import correlation, permutation_p

MODEL, SCORER = oracle_model(), oracle_scorer()


def prior(width):
    return [{"name": "z", "distribution": "normal", "dim": width}]


def directions(names=NAMES, vectors=None):
    vectors = true_directions() if vectors is None else vectors
    count = len(names)
    nowhere, zero, one = torch.full((count,), torch.nan), torch.zeros(count), torch.ones(count)
    return Directions(
        tuple(names), vectors, nowhere, zero, one, "oracle", prior(vectors.shape[1]), figures=[{}] * count
    )


def look(found, count=512, **settings):
    return audit(MODEL.G, SCORER, found, *draw(MODEL, count, "audit"), **settings)


@pytest.fixture(scope="module")
def real():
    """Scores of "real data" that lack nothing: the oracle's own samples, size and colour correlated."""
    return scores_of(MODEL.G, SCORER, MODEL.latents(range(3000, 4000)))


@pytest.fixture(scope="module")
def found(real):
    return look(directions(), 768, real=real)


def test_directions_of_orthogonal_factors_leak_nothing(found):  # check 10
    for row in found.rows:
        if row.name not in ("size", "colour"):
            assert abs(row.leak) <= 0.08
            assert row.verdict == "clean"
            assert row.selectivity > 0.99


def test_the_leak_from_size_to_colour_is_the_known_one(found):  # check 11
    row = found.rows[SIZE]
    assert (row.leak_name, row.matched) == ("colour", False)
    assert 0.60 <= row.leak <= 0.75
    low, high = row.leak_interval
    assert low < row.leak < high
    assert high - low < 0.1
    assert row.selectivity == pytest.approx(1 / (1 + row.leak), abs=0.01)


def test_a_direction_made_orthogonal_leaks_no_more_and_keeps_its_target(found):  # check 12
    cleaned = look(orthogonalize(directions(), "size", ["colour"]), 768)
    row = cleaned.rows[SIZE]
    assert abs(row.leak) <= 0.05
    assert row.effect / found.rows[SIZE].effect >= 0.80
    assert row.verdict == "clean"
    assert cleaned.cosines[SIZE, COLOUR] == pytest.approx(0, abs=1e-6)


def test_the_effect_follows_the_walk_and_the_matrices_are_those_of_the_oracle(found):
    for row in found.rows:
        assert row.monotonicity == pytest.approx(1.0, abs=1e-3)
        assert row.effect_interval[0] < row.effect < row.effect_interval[1]
    assert found.cosines[SIZE, COLOUR] == pytest.approx(ENTANGLED, abs=1e-5)
    assert found.generated[SIZE, COLOUR] == pytest.approx(0.58, abs=0.06)  # r of Phi(u), Phi(v) where cos(u, v) = 0.6
    assert torch.allclose(found.effects.diagonal(), torch.tensor([row.effect for row in found.rows]))


def test_the_fault_is_the_datas_where_the_data_has_the_two_together(found, real):
    row = found.rows[SIZE]
    assert row.data_r == pytest.approx(float(correlation(real)[SIZE, COLOUR]), abs=1e-5)
    assert row.data_p == 0.001
    assert row.verdict == "the data"


def test_the_fault_is_the_models_where_the_data_has_the_two_apart(real):
    apart = real.clone()
    apart[:, COLOUR] = real[torch.randperm(len(real), generator=torch.Generator().manual_seed(3)), COLOUR]
    row = look(directions(), 128, real=apart).rows[SIZE]
    assert row.verdict == "the model"
    assert row.data_p > 0.01


def test_without_real_data_no_fault_is_found():
    found = look(directions(), 64)
    assert found.real is None
    assert found.rows[SIZE].verdict == "unknown"
    assert found.rows[0].verdict == "clean"


def test_a_direction_that_moves_nothing_of_its_own_is_said_to_have_no_effect():
    wrong = true_directions()[[0, 0, 0, 3, 4]]  # y and size point along x
    assert look(directions(vectors=wrong), 128).rows[1].verdict == "no effect"


def test_a_direction_that_is_no_features_name_gets_the_feature_that_it_moves_most():
    found = look(directions(("PCA1", "Size"), true_directions()[[4, 2]]), 64)
    assert [(row.target, row.matched) for row in found.rows] == [("background", True), ("size", False)]


def test_the_bootstrap_interval_covers_the_true_effect_about_as_often_as_it_says():
    """On s = z, and a second score 0.5 z + noise, E_11 is 2 strength and the leak is 0.5 sd(s) / sd(s_2)."""
    scorer = Scorer(nn.Identity(), [Head("attributes", "a", ("a", "b"))], label="linear", shape=(2,))
    mix = torch.tensor([[1.0, 0.5], [0.0, 1.0]])
    one = Directions(("a",), torch.eye(2)[:1], torch.zeros(1), torch.zeros(1), torch.ones(1), "", prior(2))
    random = torch.Generator().manual_seed(1)
    covered = {"effect": 0, "leak": 0}
    for trial in range(100):
        z = torch.randn(100, 2, generator=random)
        row = audit(lambda z, c: z @ mix, scorer, one, z, None, strength=1.0, seed=trial).rows[0]
        covered["effect"] += row.effect_interval[0] <= 2.0 <= row.effect_interval[1]
        covered["leak"] += row.leak_interval[0] <= 0.5 / 1.25**0.5 <= row.leak_interval[1]
    assert 88 <= covered["effect"] <= 99  # 95 are expected, 2.2 is the standard deviation of their number
    assert 88 <= covered["leak"] <= 99


def test_columns_of_the_same_feature_are_no_leaks():
    heads = [Head("circle", "hue", ("hue.cos", "hue.sin")), Head("attributes", "more", ("size",))]
    scorer = Scorer(nn.Identity(), heads, label="circle", shape=(3,))
    z = torch.randn(100, 3, generator=torch.Generator().manual_seed(0)) * 0.1
    found = audit(lambda z, c: z, scorer, directions(("hue=0.25", "size"), torch.eye(3)[1:]), z, None, strength=0.1)
    assert found.features == ("hue.cos", "hue.sin", "size", "hue=0.25")
    first, second = found.rows
    assert (first.target, first.leak_name, first.matched) == ("hue=0.25", "size", False)
    assert first.effect == pytest.approx(float(found.effects[0, 1]), rel=1e-3)
    assert first.selectivity == pytest.approx(1.0)
    assert second.leak_name in ("hue.cos", "hue.sin")


def test_where_only_the_targets_own_feature_is_measured_there_is_no_leak():
    scorer = Scorer(nn.Identity(), [Head("classes", "kind", ("a", "b", "c"))], label="kinds", shape=(3,))
    z = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    row = audit(lambda z, c: z, scorer, directions(("a",), torch.eye(3)[:1]), z, None).rows[0]
    assert (row.leak, row.leak_name, row.leak_interval, row.verdict) == (None, None, None, "unknown")
    assert row.selectivity == 1.0


def unit(vector):
    return vector / vector.norm()


def test_the_fault_is_the_directions_where_it_points_elsewhere(real):
    """Both lie at a known angle to the best one: 45 degrees, and a cosine of (1 + 2 * 0.6) / |size + 2 colour|."""
    rows = true_directions()
    rows[X], rows[SIZE] = unit(rows[X] + rows[Y]), unit(rows[SIZE] + 2 * rows[COLOUR])
    found = look(directions(vectors=rows), real=real).rows
    assert (found[X].leak_name, found[X].verdict) == ("y", "the direction")
    assert found[X].aim == pytest.approx(0.5**0.5, abs=0.04)
    assert (found[SIZE].leak_name, found[SIZE].verdict) == ("colour", "the direction")
    assert found[SIZE].aim == pytest.approx(2.2 / (1 + 4 + 2.4) ** 0.5, abs=0.04)
    assert look(directions(vectors=rows)).rows[X].verdict == "the direction"  # which needs no real data


def test_a_direction_that_points_right_is_not_blamed(found):
    assert min(row.aim for row in found.rows) > 0.98


def test_a_right_direction_is_not_blamed_in_a_space_as_wide_as_there_are_samples():
    """s = 0.7 z_1 + noise in 256 dimensions: a regression on 256 samples would fit the noise, too."""
    z = torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
    score = 0.7 * z[:, 0] + 0.5**0.5 * torch.randn(256, generator=torch.Generator().manual_seed(1))
    slots = (Slot("z", "normal", 256),)
    assert module._aim(z[:, 0], score, module._whitened(z, slots))[1] > 0.9
    assert module._aim(unit(torch.eye(256)[:4].sum(0)) @ z.T, score, module._whitened(z, slots))[1] < 0.7  # truly 0.5


def test_codes_are_measured_by_their_own_spread():
    """s = u + k_1 - k_2 of a uniform u and a category k: what u explains is 1/3 of 1/3 + 2/3."""
    slots = (Slot("code", "uniform", 1), Slot("kind", "categorical", 3))
    z = Prior(slots).draw(4000, torch.Generator().manual_seed(0))
    vectors = torch.stack([torch.eye(4)[0], unit(torch.tensor([1.0, 1, -1, 0]))])
    whole = z @ torch.tensor([1.0, 1, -1, 0])
    assert module._aim(z @ vectors[0], whole, module._whitened(z, slots)) == pytest.approx((1 / 3, 3**-0.5), abs=0.03)
    assert module._aim(z @ vectors[1], whole, module._whitened(z, slots)) == pytest.approx((1.0, 1.0), abs=1e-5)


def test_resamples_in_blocks_are_those_of_one_draw(monkeypatch):
    whole = torch.cat(list(module._resamples(40, 7)))
    drawn = torch.randint(40, (1000, 40), generator=seeding.generator(7, "bootstrap"))
    assert torch.allclose(whole[3], torch.bincount(drawn[3], minlength=40) / 40)
    monkeypatch.setattr(module, "AT_ONCE", 40 * 7)
    blocks = list(module._resamples(40, 7))
    assert [len(block) for block in blocks[:2]] == [7, 7]
    assert torch.equal(torch.cat(blocks), whole)


@pytest.mark.parametrize(
    ("leak", "r", "p", "explained", "fault"),
    [
        (0.09, 0.0, 1.0, 1.0, "clean"),
        (-0.09, 0.6, 0.001, 1.0, "clean"),
        (0.6, 0.6, 0.001, 1.0, "the data"),
        (-0.5, -0.6, 0.001, 1.0, "the data"),
        (0.84, 0.6, 0.001, 1.0, "the data"),
        (0.86, 0.6, 0.001, 1.0, "both"),
        (-0.9, -0.3, 0.001, 1.0, "both"),
        (0.86, 0.3, 0.001, 0.5, "both"),
        (0.84, 0.3, 0.001, 0.5, "the data"),  # the target follows its own direction by half only
        (1.46, 0.3, 0.001, 0.01, "both"),  # no less than a quarter is assumed
        (-0.6, 0.6, 0.001, 1.0, "the model"),  # against the data
        (0.6, 0.6, 0.01, 1.0, "the model"),  # might be chance
        (0.2, 0.09, 0.001, 1.0, "the model"),  # certain, and too small to matter
        (0.6, None, None, 1.0, "unknown"),
        (None, None, None, 1.0, "unknown"),
    ],
)
def test_the_published_rule(leak, r, p, explained, fault):
    assert verdict(leak, r, p, explained) == fault


@pytest.mark.parametrize(
    ("leak", "r", "explained", "aim", "fault"),
    [
        (0.6, 0.6, 0.5, 0.89, "the direction"),
        (0.6, None, 0.5, 0.89, "the direction"),
        (0.6, 0.6, 0.5, 0.91, "the data"),
        (0.09, 0.6, 0.5, 0.5, "clean"),
        (None, None, 0.5, 0.5, "unknown"),
        (0.80, 0.3, 0.5, 0.95, "both"),  # e is 0.5 / 0.95^2: no more than 0.79 is the data's
    ],
)
def test_a_badly_aimed_direction_is_asked_about_before_data_and_model(leak, r, explained, aim, fault):
    assert verdict(leak, r, None if r is None else 0.001, explained, aim) == fault


def test_a_faithful_model_leaks_r_over_the_share_that_its_direction_explains():
    """The derivation of the rule: s_1 = 0.8 q + 0.6 (q^2 - 1) / sqrt(2) with q = z_1, s_2 = 0.5 z_1 + 0.866 z_2."""

    def G(z, c):
        q = z[:, 0]
        return torch.stack([0.8 * q + 0.6 * (q**2 - 1) / 2**0.5, 0.5 * q + 0.75**0.5 * z[:, 1]], 1)

    scorer = Scorer(nn.Identity(), [Head("attributes", "a", ("a", "b"))], label="curved", shape=(2,))
    one = directions(("a",), torch.eye(2)[:1])
    z = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0))
    real = G(torch.randn(2000, 2, generator=torch.Generator().manual_seed(1)), None)
    row = audit(G, scorer, one, z, None, strength=1.0, real=real).rows[0]
    assert row.explained == pytest.approx(0.64, abs=0.03)
    assert row.data_r == pytest.approx(0.4, abs=0.05)
    assert row.leak == pytest.approx(0.4 / 0.64, abs=0.05)
    assert row.verdict == "the data"


def test_the_permutation_p_value_is_that_of_students_t():
    stats = pytest.importorskip("scipy.stats")
    random = torch.Generator().manual_seed(5)
    for strength in (0.05, 0.1, 0.15):
        a = torch.randn(200, generator=random)
        b = strength * a + torch.randn(200, generator=random)
        r, p = permutation_p(a, b)
        exact = stats.pearsonr(a.double(), b.double())
        assert r == pytest.approx(exact.statistic, abs=1e-6)
        assert p == pytest.approx(exact.pvalue, abs=4 * (exact.pvalue * (1 - exact.pvalue) / 999) ** 0.5 + 0.005)


def test_the_permutation_p_value_of_few_numbers_is_the_share_of_all_orders():
    a = torch.tensor([1.0, 2.0, 3.0])  # of 6 orders the rising and the falling one have |r| = 1
    r, p = permutation_p(a, 2 * a)
    assert r == pytest.approx(1.0)
    assert p == pytest.approx(1 / 3, abs=0.05)
    assert permutation_p(a, torch.ones(3)) == (0.0, 1.0)


def test_an_audit_is_plain_data_and_the_same_twice(real):
    first, second = (look(directions(), 64, real=real).plain() for _ in range(2))
    assert json.loads(json.dumps(first, allow_nan=False)) == json.loads(json.dumps(second))
    assert first["directions"][SIZE]["leak_name"] == "colour"
    assert set(first) == {"features", "directions", "effects", "cosines", "generated", "real", "samples", "strength"}


def test_targets_and_leaks_are_always_drawn(found):
    assert found.shown(0) == sorted({NAMES.index(row.leak_name) for row in found.rows} | set(range(5)))
    alone = replace(found, rows=found.rows[SIZE : SIZE + 1])
    assert alone.shown(0) == [SIZE, COLOUR]
