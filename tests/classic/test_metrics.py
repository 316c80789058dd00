"""Metrics against closed forms and textbook formulas."""

import math
import sys

import numpy as np
import pytest
import torch
from scipy import linalg, stats
from stand_in import StandIn

from gantool import Condition, Judged, Modes
from gantool.errors import PluginError
from gantool.options import Options
from gantool_classic.datasets.gaussians import modes as layout
from gantool_classic.metrics import COMPONENTS
from gantool_classic.metrics.classes import ClassAccuracy
from gantool_classic.metrics.classes import Modes as ModesMetric
from gantool_classic.metrics.features import Fid, InceptionScore, Kid, Precision, Recall
from gantool_classic.metrics.settings import KidOptions, ModesOptions, NeighbourOptions, ScoreOptions

CLASSES = Condition("classes", ("cat", "dog", "hen"))


def gaussian(mean, deviations, count, seed):
    """Points whose sample mean and covariance are exactly those of a Gaussian with independent coordinates."""
    x = np.random.default_rng(seed).standard_normal((count, len(mean)))
    x -= x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return torch.from_numpy(x * np.asarray(deviations) + np.asarray(mean))


def random_features(seed, shift=0.0, count=300, width=12):
    x = np.random.default_rng(seed).standard_normal((count, width)) @ np.random.default_rng(9).random((width, width))
    return torch.from_numpy(x + shift).float()


def of(fake, real, **rest):
    return StandIn(Judged(fake), Judged(real), **rest)


def test_fid_of_two_gaussians_is_their_frechet_distance():
    first = gaussian([0.0, 1.0, -2.0], [1.0, 2.0, 0.5], 200, 0)
    second = gaussian([3.0, 1.0, -1.0], [2.0, 2.0, 1.5], 500, 1)
    expected = 3**2 + 0 + 1**2 + (1 - 2) ** 2 + 0 + (0.5 - 1.5) ** 2  # commuting covariances
    assert Fid(Options()).measure(of(first, second)).value == pytest.approx(expected, rel=1e-9)


def test_fid_is_the_textbook_formula():
    fake, real = random_features(0), random_features(1, 0.3)
    (a, s), (b, t) = ((x.double().numpy().mean(0), np.cov(x.double().numpy(), rowvar=False)) for x in (fake, real))
    expected = ((a - b) ** 2).sum() + np.trace(s + t - 2 * linalg.sqrtm(s @ t).real)
    assert Fid(Options()).measure(of(fake, real)).value == pytest.approx(expected, rel=1e-6)


def test_fid_warns_of_fewer_samples_than_features():
    figure = Fid(Options()).measure(of(random_features(0, count=12), random_features(1, count=12)))
    assert "kid" in figure.note
    assert not Fid(Options()).measure(of(random_features(0), random_features(1))).note


def test_kid_is_the_unbiased_estimator_over_disjoint_blocks():
    fake, real = random_features(0, count=40), random_features(1, 0.2, count=40)
    figure = Kid(KidOptions(blocks=4)).measure(of(fake, real))

    def kernel(x, y):
        return (float(x @ y) / len(x) + 1) ** 3

    values = []
    for block in range(4):
        x, y = (part[10 * block : 10 * block + 10].double() for part in (fake, real))
        within = [kernel(p[i], p[j]) for p in (x, y) for i in range(10) for j in range(10) if i != j]
        across = [kernel(a, b) for a in x for b in y]
        values.append(sum(within) / 90 - 2 * sum(across) / 100)
    assert figure.value == pytest.approx(np.mean(values), rel=1e-9)
    half = stats.t.ppf(0.975, 3) * np.std(values, ddof=1) / 2
    assert (figure.low, figure.high) == pytest.approx((figure.value - half, figure.value + half))


def test_kid_is_about_zero_where_both_sides_are_alike():
    figure = Kid(KidOptions()).measure(of(random_features(0, count=2000), random_features(1, count=2000)))
    assert figure.low < 0 < figure.high


def test_precision_and_recall_of_known_sets():
    near, far = random_features(0, count=100), random_features(0, 100.0, count=100)
    both = torch.cat([near, far])
    for metric, (fake, real), expected in (
        (Precision, (near, near), 1.0),
        (Precision, (near, far), 0.0),
        (Precision, (both, near), 0.5),
        (Recall, (both, near), 1.0),
        (Recall, (near, both), 0.5),
    ):
        figure = metric(NeighbourOptions()).measure(of(fake, real))
        assert figure.value == expected
        assert figure.low <= expected <= figure.high


def test_interval_of_a_share_is_wilsons():
    figure = Precision(NeighbourOptions()).measure(
        of(torch.cat([random_features(0, count=50), random_features(0, 100.0, count=50)]), random_features(0, count=50))
    )
    z, p, n = stats.norm.ppf(0.975), 0.5, 100
    centre, half = (p + z * z / (2 * n)), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    expected = [(centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)]
    assert [figure.low, figure.high] == pytest.approx(expected)


@pytest.mark.parametrize(("sure", "expected"), [(50.0, 3.0), (0.0, 1.0)])
def test_inception_score_counts_the_clear_classes(sure, expected):
    logits = sure * torch.eye(3).repeat(20, 1)
    subject = StandIn(Judged(torch.zeros(60, 1), logits), names=CLASSES.names)
    assert InceptionScore(ScoreOptions(splits=2)).measure(subject).value == pytest.approx(expected, abs=1e-6)


def test_class_accuracy_reads_logits_by_their_names():
    names = ("hen", "cat", "dog")  # another order than the data's
    said = torch.tensor([[0.0, 9, 0], [0, 9, 0], [0, 0, 9], [9, 0, 0]])  # cat, cat, dog, hen
    subject = StandIn(
        Judged(torch.zeros(4, 1), said), labels=torch.tensor([0, 1, 1, 2]), names=names, condition=CLASSES
    )
    figure = ClassAccuracy(Options()).measure(subject)
    assert figure.value == 0.75
    assert figure.details == {"cat": 1.0, "dog": 0.5, "hen": 1.0}


def test_class_accuracy_refuses_what_has_no_classes():
    metric = ClassAccuracy(Options())
    assert "--condition" in metric.refuses(StandIn(names=CLASSES.names, condition=CLASSES))
    labels = torch.zeros(10, dtype=torch.long)
    assert "classifier train" in metric.refuses(StandIn(labels=labels, condition=CLASSES, names=("a", "b")))
    assert "attributes" in metric.refuses(StandIn(labels=labels, condition=Condition("attributes", ("hat",))))
    assert metric.refuses(StandIn(labels=labels, condition=CLASSES, names=CLASSES.names)) is None


@pytest.mark.parametrize(("name", "total"), [("ring", 8), ("grid", 25)])
def test_modes_of_a_perfect_sampler_are_all_and_of_a_collapsed_one_one(name, total):
    centres, sigma = layout(name)
    rng = np.random.default_rng(0)
    points = centres[np.arange(2500) % total] + sigma * rng.standard_normal((2500, 2))
    subject = StandIn(points=torch.from_numpy(points).float(), modes=Modes(centres, sigma))
    figure = ModesMetric(ModesOptions()).measure(subject)
    assert figure.value == figure.details["of"] == total
    within = 1 - math.exp(-4.5)  # of a Gaussian in the plane, within 3 standard deviations
    assert figure.details["high quality"] == pytest.approx(within, abs=3 * math.sqrt(within * (1 - within) / 2500))
    assert figure.details["entropy"] == pytest.approx(math.log2(total), abs=1e-3)
    subject.points = torch.from_numpy(centres[:1] + sigma * rng.standard_normal((2500, 2))).float()
    figure = ModesMetric(ModesOptions()).measure(subject)
    assert figure.value == 1
    assert figure.details["entropy"] == 0


def test_points_between_the_modes_are_of_no_quality():
    centres, sigma = layout("grid")
    subject = StandIn(points=torch.ones(100, 2), modes=Modes(centres, sigma))
    figure = ModesMetric(ModesOptions()).measure(subject)
    assert figure.value == 0
    assert figure.details["high quality"] == 0


def test_classes_are_covered_by_a_tenth_of_their_share():
    def said(counts):
        return torch.eye(3).repeat_interleave(torch.tensor(counts), 0)

    subject = StandIn(
        Judged(torch.zeros(200, 1), said([100, 97, 3])),
        Judged(torch.zeros(100, 1), said([40, 30, 30])),
        names=CLASSES.names,
        condition=CLASSES,
    )
    figure = ModesMetric(ModesOptions()).measure(subject)
    assert figure.value == 2  # 1.5 % of the samples are the third class, which has 30 % of the data
    assert figure.details["entropy of the data"] == pytest.approx(stats.entropy([0.4, 0.3, 0.3], base=2))


def test_modes_refuses_data_without_modes_or_classes():
    metric = ModesMetric(ModesOptions())
    assert "classes" in metric.refuses(StandIn())
    assert "classifier train" in metric.refuses(StandIn(condition=CLASSES))


@pytest.mark.parametrize("name", ["fid", "kid", "precision", "recall", "is", "class-accuracy"])
def test_missing_packages_are_named_with_the_line_that_installs_them(name, monkeypatch):
    for module in ("torch_fidelity", "scipy.stats"):
        monkeypatch.setitem(sys.modules, module, None)
    for module in ("metric_fid", "metric_kid", "metric_prc", "metric_isc"):
        monkeypatch.delitem(sys.modules, f"torch_fidelity.{module}", raising=False)
    component = next(part for part in COMPONENTS if part.name == name)
    with pytest.raises(PluginError, match=r"pip install 'gantool\[metrics\]'"):
        component.create()
