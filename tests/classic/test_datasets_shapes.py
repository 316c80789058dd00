"""The embedded dataset: what is drawn is what the factors say."""

from __future__ import annotations

import colorsys
import subprocess
import sys

import numpy as np
import pytest

from gantool.errors import OptionError
from gantool_classic.datasets.gaussians import Gaussians, modes
from gantool_classic.datasets.settings import GaussiansOptions, ShapesOptions
from gantool_classic.datasets.shapes import ATTRIBUTES, RANGES, SHAPES, Shapes, render


def coverage(samples, row):
    """Undo the blending of colour and background in the channel where they differ most: [H, W] in [0, 1]."""
    picture = samples.values[row] / 255
    colour = np.array(colorsys.hsv_to_rgb(samples.factors["hue"][row], 0.9, 1))
    grey = picture[0, 0, 0]  # the factor as it was rounded
    channel = np.abs(colour - grey).argmax()
    return (picture[channel] - grey) / (colour[channel] - grey)


@pytest.fixture(scope="module")
def shapes():
    return Shapes(ShapesOptions(length=300)).load()


def test_description_matches_what_is_loaded():
    dataset = Shapes(ShapesOptions(length=30, size=24))
    info, samples = dataset.describe(), dataset.load()
    assert info.shape == samples.values.shape[1:] == (3, 24, 24)
    assert info.length == len(samples.values) == len(samples.labels) == 30
    assert samples.values.dtype == np.uint8
    assert samples.labels.dtype == np.int64
    assert info.condition.names == SHAPES


def test_classes_are_balanced_in_every_prefix(shapes):
    assert np.bincount(shapes.labels).tolist() == [100, 100, 100]
    assert np.bincount(shapes.labels[:30]).tolist() == [10, 10, 10]


def test_the_centre_of_mass_is_the_factors_x_and_y(shapes):
    pixels = (np.arange(32) + 0.5) / 32
    for row in range(90):
        cover = coverage(shapes, row)
        assert (cover.sum(0) @ pixels) / cover.sum() == pytest.approx(shapes.factors["x"][row], abs=0.05 / 32)
        assert (cover.sum(1) @ pixels) / cover.sum() == pytest.approx(shapes.factors["y"][row], abs=0.05 / 32)


def test_the_area_is_that_of_a_circle_of_radius_size_for_every_class(shapes):
    for row in range(90):
        area = coverage(shapes, row).sum() / 32**2
        assert area == pytest.approx(np.pi * shapes.factors["size"][row] ** 2, rel=0.01)


def test_the_hue_in_the_middle_of_the_shape_is_the_factor(shapes):
    for row in range(90):
        x, y = (int(shapes.factors[name][row] * 32) for name in "xy")
        hue, saturation, value = colorsys.rgb_to_hsv(*(shapes.values[row, :, y, x] / 255))
        assert abs((hue - shapes.factors["hue"][row] + 0.5) % 1 - 0.5) < 0.002
        assert (saturation, value) == (pytest.approx(0.9, abs=0.005), 1)


def test_no_shape_touches_the_border_and_the_background_is_the_grey_of_the_factor(shapes):
    grey = np.floor(shapes.factors["background"] * 255 + 0.5)[:, None, None]
    for border in (
        shapes.values[..., 0],
        shapes.values[..., -1],
        shapes.values[..., 0, :],
        shapes.values[..., -1, :],
    ):
        assert np.abs(border - grey).max() <= 1


def test_every_shape_stands_out_from_its_background(shapes):
    grey = shapes.values[:, :, 0, 0].astype(int)
    x, y = ((shapes.factors[name] * 32).astype(int) for name in "xy")
    colour = shapes.values[np.arange(300), :, y, x].astype(int)
    assert np.abs(colour - grey).max(axis=1).min() > 100


def test_edges_are_anti_aliased_as_a_picture_eight_times_finer_averages_out():
    factors = Shapes(ShapesOptions(length=60)).load().factors
    kinds = np.arange(60) % 3
    coarse = render(kinds, factors, 32).astype(float)
    fine = render(kinds, factors, 256).reshape(60, 3, 32, 8, 32, 8).mean((3, 5))
    difference = np.abs(coarse - fine)
    assert difference[kinds == 1].max() < 2  # a square's coverage is exact
    assert difference.max() < 30  # a level where an edge bends, of 255
    assert difference.mean() < 0.1


def test_factors_are_uniform_over_their_ranges():
    factors = Shapes(ShapesOptions(length=20_000, size=8)).load().factors
    for name, (low, high) in RANGES.items():
        unit = np.sort((factors[name] - low) / (high - low))
        assert unit[0] >= -1e-6
        assert unit[-1] <= 1 + 1e-6
        assert np.abs(unit - np.arange(20_000) / 20_000).max() < 0.0136  # Kolmogorov-Smirnov, p = 0.001


@pytest.mark.parametrize("asked", [-0.8, 0.3, 0.95])
def test_the_measured_correlation_is_the_one_asked_for_and_marginals_stay_uniform(asked):
    options = ShapesOptions(length=20_000, size=8, correlation=asked, correlate=("x", "background"))
    factors = Shapes(options).load().factors
    table = np.corrcoef([factors[name] for name in RANGES])
    names = list(RANGES)
    assert table[names.index("x"), names.index("background")] == pytest.approx(asked, abs=0.015)
    assert abs(table[names.index("size"), names.index("hue")]) < 0.03
    low, high = RANGES["background"]
    unit = np.sort((factors["background"] - low) / (high - low))
    assert np.abs(unit - np.arange(20_000) / 20_000).max() < 0.0136


def test_a_factor_cannot_be_correlated_with_itself():
    with pytest.raises(OptionError, match=r"^--data\.correlate: x,x was given; two different factors of: x, y"):
        Shapes(ShapesOptions(correlate=("x", "x")))


def test_attributes_follow_from_shape_and_factors():
    dataset = Shapes(ShapesOptions(length=600, labels="attributes"))
    samples, info = dataset.load(), dataset.describe()
    labels = {name: samples.labels[:, column] for column, name in enumerate(ATTRIBUTES)}
    assert samples.labels.dtype == np.float32
    assert set(np.unique(samples.labels)) == {0, 1}
    assert (samples.labels[:, :3].argmax(1) == np.arange(600) % 3).all()
    assert (samples.labels[:, :3].sum(1) == 1).all()
    assert (samples.labels[:, 3:9].sum(1) == 1).all()
    assert (labels["large"] == (samples.factors["size"] > sum(RANGES["size"]) / 2)).all()
    assert (labels["left"] == (samples.factors["x"] < 0.5)).all()
    assert (labels["bright"] == (samples.factors["background"] > 0.5)).all()
    red = (samples.factors["hue"] < 1 / 12) | (samples.factors["hue"] >= 11 / 12)
    assert (labels["red"] == red).all()
    assert set(info.condition.words) == set(info.condition.names) == set(ATTRIBUTES)
    assert "big" in info.condition.words["large"]


def test_unlabelled_shapes_have_neither_labels_nor_a_condition():
    dataset = Shapes(ShapesOptions(length=6, labels="none"))
    assert dataset.load().labels is None
    assert dataset.describe().condition is None


def test_a_picture_does_not_depend_on_how_many_are_drawn():
    short, long = (Shapes(ShapesOptions(length=length)).load() for length in (10, 1000))
    assert (short.values == long.values[:10]).all()


def test_the_test_split_is_a_tenth_of_other_pictures():
    dataset = Shapes(ShapesOptions(length=100))
    test = dataset.load("test")
    assert len(test.values) == 10
    assert not np.isin(test.factors["x"], dataset.load().factors["x"]).any()
    assert Shapes(ShapesOptions(length=100, split="test")).describe().length == 10
    with pytest.raises(OptionError, match="allowed: train, test"):
        dataset.load("valid")


def test_limit_keeps_the_first_pictures():
    assert (Shapes(ShapesOptions(limit=5)).load().values == Shapes(ShapesOptions(length=5)).load().values).all()


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"size": 16}, {"length": 9}, {"correlation": 0.1}, {"labels": "none"}, {"limit": 3}],
)
def test_the_fingerprint_changes_with_every_option(change):
    plain = Shapes(ShapesOptions()).describe().fingerprint
    assert Shapes(ShapesOptions()).describe().fingerprint == plain
    assert Shapes(ShapesOptions(**change)).describe().fingerprint != plain


@pytest.mark.parametrize("side", [8, 9, 33])
def test_shapes_can_be_drawn_at_any_size(side):
    assert Shapes(ShapesOptions(length=3, size=side)).load().values.shape == (3, 3, side, side)


def test_gaussians_lie_around_their_modes_with_the_layouts_sigma():
    for layout, count in (("ring", 8), ("grid", 25), ("two-gaussians", 2)):
        dataset = Gaussians(GaussiansOptions(layout=layout, length=10_000))
        samples, info = dataset.load(), dataset.describe()
        centres, sigma = modes(layout)
        assert samples.values.dtype == np.float32
        assert (info.shape, info.length) == ((2,), 10_000)
        assert info.condition.names == tuple(f"mode-{number}" for number in range(count))
        assert np.bincount(samples.labels).min() >= 10_000 // count
        offsets = samples.values - centres[samples.labels]
        assert offsets.std() == pytest.approx(sigma, rel=0.03)
        assert np.abs(offsets.mean(0)).max() < 4 * sigma / 100


def test_modes_are_those_of_pacgan():
    ring, sigma = modes("ring")
    assert np.linalg.norm(ring, axis=1) == pytest.approx(1)
    assert (len(ring), sigma) == (8, 0.01)
    grid, sigma = modes("grid")
    assert sorted(map(tuple, grid.tolist())) == [(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)]
    assert sigma == 0.05


def test_separation_and_sigma_of_two_gaussians_can_be_chosen():
    dataset = Gaussians(GaussiansOptions(layout="two-gaussians", separation=6, sigma=0.1, length=20_000))
    samples = dataset.load()
    means = [samples.values[samples.labels == label].mean(0) for label in (0, 1)]
    assert means[1] - means[0] == pytest.approx([6, 0], abs=0.01)
    assert samples.values[:, 1].std() == pytest.approx(0.1, rel=0.02)


def test_gaussians_of_the_test_split_are_other_points():
    dataset = Gaussians(GaussiansOptions(length=100))
    assert len(dataset.load("test").values) == 10
    assert not np.isin(dataset.load("test").values, dataset.load().values).any()


def test_no_dataset_module_imports_torch():
    names = "celeba cifar folder gaussians mnist packed shapes"
    imports = "; ".join(f"import gantool_classic.datasets.{name}" for name in names.split())
    code = f"{imports}; import sys; print('torch' in sys.modules, 'torchvision' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
