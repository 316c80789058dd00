"""The Mutual Information Gap against cases whose answer is known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from oracle import DIM, NAMES, Oracle, oracle_model, oracle_scorer
from torch import nn

from gantool.errors import OptionError
from gantool.files.classifier import Head
from gantool.interfaces import Slot
from gantool.latent.disentanglement import (
    Column,
    codes_of,
    discretise,
    factors_of,
    gaps,
    measure_mig,
    mutual_information,
)
from gantool.latent.prior import Prior
from gantool.latent.scorer import Scorer

SLOTS = (Slot("code", "uniform", 5),)
N = 10_000


def uniform(columns=5):
    return torch.rand(N, columns, generator=torch.Generator().manual_seed(0)) * 2 - 1


def mig(codes, factors, slots=SLOTS):
    columns = [Column(str(number), discretise(column)) for number, column in enumerate(factors.T)]
    found = gaps([code for _, code in codes_of(slots, codes)], columns)
    return sum(gap.gap for gap in found) / len(found)


def test_check_17_codes_that_are_the_factors_have_a_gap_of_one():
    z = uniform()
    assert mig(z, z * torch.tensor([1.0, 2, 3, -1, 0.5])) >= 0.95


def test_check_17_rotated_codes_have_none():
    z = uniform()
    rotation, _ = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(1)))
    assert mig(z, z @ rotation) <= 0.10


def test_a_normal_code_loses_nothing_in_the_tails():
    z = torch.randn(N, 5, generator=torch.Generator().manual_seed(0))
    assert mig(z, torch.special.ndtr(z), (Slot("noise", "normal", 5),)) >= 0.95


def test_the_information_of_a_variable_with_itself_is_its_entropy():
    bins = torch.tensor([0, 0, 1, 2])
    assert mutual_information(bins, bins) == pytest.approx(1.5 * math.log(2))
    assert mutual_information(bins, torch.tensor([3, 3, 3, 3])) == pytest.approx(0, abs=1e-12)
    other = torch.tensor([0, 1, 0, 0])  # p(0, 0) = p(0, 1) = p(1, 0) = p(2, 0) = 1/4
    by_hand = 0.25 * sum(math.log(0.25 / apart) for apart in (0.5 * 0.75, 0.5 * 0.25, 0.25 * 0.75, 0.25 * 0.75))
    assert mutual_information(bins, other) == pytest.approx(by_hand)
    assert mutual_information(other, bins) == pytest.approx(by_hand)


def test_bins_are_of_equal_width():
    values = torch.tensor([0.0, 0.04, 0.06, 0.5, 0.99, 1.0])
    assert discretise(values).tolist() == [0, 0, 1, 10, 19, 19]
    assert discretise(torch.full((3,), 2.5)).tolist() == [0, 0, 0]


def test_the_best_and_the_second_code_of_a_factor_are_named():
    z = uniform(3)
    factor = z[:, 1] + 0.3 * z[:, 2]
    (gap,) = gaps([code for _, code in codes_of((Slot("code", "uniform", 3),), z)], [Column("f", discretise(factor))])
    assert (gap.factor, gap.best, gap.second) == ("f", "code2", "code3")
    assert 0.3 < gap.gap < gap.information < 1


def test_a_factor_that_never_varies_has_no_gap():
    codes = [code for _, code in codes_of(SLOTS, uniform())]
    (gap,) = gaps(codes, [Column("constant", torch.zeros(N, dtype=torch.int64))])
    assert (gap.gap, gap.information) == (0.0, 0.0)


def test_a_category_is_one_code_and_classes_are_one_factor():
    kinds = torch.randint(3, (N,), generator=torch.Generator().manual_seed(0))
    z = torch.cat([uniform(1), torch.eye(3)[kinds]], 1)
    slots = (Slot("noise", "uniform", 1), Slot("kind", "categorical", 3))
    codes = codes_of(slots, z)
    assert [(slot.name, code.name) for slot, code in codes] == [("noise", "noise"), ("kind", "kind")]
    heads = [Head("classes", "shape", ("disc", "box", "star")), Head("circle", "hue", ("hue.cos", "hue.sin"))]
    scorer = Scorer(nn.Identity(), heads, label="told", shape=(5,))
    turns = (z[:, 0] + 1) / 2
    scores = torch.cat(
        [z[:, 1:] * 9 - 4, (2 * math.pi * turns).cos()[:, None], (2 * math.pi * turns).sin()[:, None]], 1
    )
    shape, hue = gaps([code for _, code in codes], factors_of(scorer, scores))
    assert (shape.factor, shape.best, hue.factor, hue.best) == ("shape", "kind", "hue", "noise")
    assert min(shape.gap, hue.gap) >= 0.95


def test_a_model_is_measured_with_a_classifier():
    found = measure_mig(oracle_model(), oracle_scorer(), 2000)
    assert [gap.factor for gap in found] == list(NAMES)
    assert sum(gap.gap for gap in found) / 5 < 0.2  # its true directions lie across the coordinates
    straight = replace(oracle_model(), G=Straight())
    assert min(gap.gap for gap in measure_mig(straight, oracle_scorer(), 2000)[:3]) > 0.7


class Straight(Oracle):
    """The oracle with its z turned so that its first three factors are the first three coordinates."""

    def forward(self, z, c=None):
        return super().forward(z[:, :3] @ self.A[:3] + z[:, 3:] @ torch.linalg.svd(self.A[:3])[2][3:])


def test_parts_of_z_are_chosen_by_name():
    prior = Prior((Slot("noise", "normal", DIM - 2), Slot("code", "normal", 1), Slot("rest", "normal", 1)))
    model = replace(oracle_model(), prior=prior)
    found = measure_mig(model, oracle_scorer(), 200, ["code", "rest"])
    assert {name for gap in found for name in (gap.best, gap.second)} == {"code", "rest"}
    with pytest.raises(
        OptionError, match="--slots: z has no part 'codes'; known: noise, code, rest; did you mean code"
    ):
        measure_mig(model, oracle_scorer(), 200, ["codes"])
    with pytest.raises(OptionError, match="code has one coordinate; at least two"):
        measure_mig(model, oracle_scorer(), 200, ["code"])
