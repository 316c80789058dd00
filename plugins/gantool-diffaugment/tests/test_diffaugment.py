"""DiffAugment's changes against closed forms."""

import pytest
import torch
from gantool_diffaugment.diffaugment import DiffAugment, cut_out, recolour, whole_pixels
from gantool_diffaugment.settings import DiffAugmentOptions

NEUTRAL = 0.5  # the draw of no change, for each of the three


def pictures(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


class Draws:
    """A step whose numbers follow from the stream."""

    number = 0

    def rand(self, stream, *shape):
        return torch.rand(shape, generator=torch.Generator().manual_seed(len(stream)))


def recoloured(x, brightness=NEUTRAL, saturation=NEUTRAL, contrast=NEUTRAL):
    return recolour(x, torch.tensor([brightness, saturation, contrast]).expand(len(x), 3))


def test_draws_in_the_middle_change_no_colour():
    x = pictures(2, 3, 4, 5)
    torch.testing.assert_close(recoloured(x), x)


def test_brightness_is_added():
    x = pictures(2, 3, 4, 5)
    draws = torch.tensor([[0.0, NEUTRAL, NEUTRAL], [0.75, NEUTRAL, NEUTRAL]])
    torch.testing.assert_close(recolour(x, draws) - x, torch.tensor([-0.5, 0.25]).view(2, 1, 1, 1).expand_as(x))


def test_without_saturation_a_picture_is_grey():
    x = pictures(2, 3, 4, 5)
    torch.testing.assert_close(recoloured(x, saturation=0.0), x.mean(1, keepdim=True).expand_as(x))


def test_saturation_scales_the_distance_from_grey():
    x = pictures(2, 3, 4, 5)
    grey = x.mean(1, keepdim=True)
    torch.testing.assert_close(recoloured(x, saturation=0.9) - grey, 1.8 * (x - grey))


def test_grey_pictures_have_no_saturation():
    x = pictures(2, 1, 4, 5)
    torch.testing.assert_close(recoloured(x, saturation=0.0), x)


@pytest.mark.parametrize(("draw", "factor"), [(0.0, 0.5), (0.25, 0.75), (0.9, 1.4)])
def test_contrast_scales_the_distance_from_each_pictures_mean(draw, factor):
    x = pictures(2, 3, 4, 5)
    mean = x.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(recoloured(x, contrast=draw), mean + factor * (x - mean))


@pytest.mark.parametrize(("side", "most"), [(3, 0), (4, 1), (9, 1), (12, 2), (28, 4), (64, 8)])
def test_shifts_are_the_whole_pixels_up_to_an_eighth_and_equally_likely(side, most):
    count = 2 * most + 1
    draws = (torch.arange(10 * count) + 0.5) / (10 * count)
    found = whole_pixels(torch.stack([draws, draws], 1), torch.empty(1, 3, side, 2 * side))[:, 1]
    values, times = found.unique(return_counts=True)
    assert values.tolist() == list(range(-most, most + 1))
    assert times.tolist() == [10] * count


def test_the_first_number_of_a_shift_is_that_of_the_width():
    assert whole_pixels(torch.zeros(1, 2), torch.empty(1, 1, 8, 32)).tolist() == [[-4, -1]]


@pytest.mark.parametrize(
    ("side", "draw", "covered"),
    [
        (8, 0.0, [0, 1]),  # the centre on the edge: half of it lies outside
        (8, 0.5, [2, 3, 4, 5]),
        (8, 0.999, [6, 7]),
        (5, 0.0, [0, 1]),
        (5, 0.5, [1, 2, 3]),
        (5, 0.999, [3, 4]),
        (1, 0.5, [0]),
    ],
)
def test_the_rectangle_covers_half_a_side_around_its_centre(side, draw, covered):
    expected = torch.ones(1, 1, side, 16)
    expected[:, :, covered, 4:12] = 0
    assert torch.equal(cut_out(torch.ones(1, 1, side, 16), torch.tensor([[draw, 0.5]])), expected)


def test_a_quarter_of_a_picture_is_cut_out_where_the_rectangle_lies_inside():
    x = pictures(50, 3, 12, 20) + 2
    draws = 0.3 + 0.4 * torch.rand(50, 2, generator=torch.Generator().manual_seed(1))
    seen = cut_out(x, draws)
    assert (seen == 0).sum((1, 2, 3)).tolist() == [3 * 6 * 10] * 50
    assert torch.equal(seen[seen != 0], x[seen != 0])


@pytest.mark.parametrize(("policy", "flat"), [("color", True), ("translation", False), ("cutout", False)])
def test_the_policy_names_what_may_change(policy, flat):
    """Of an even picture a change of colour makes an even one, and the others keep its colour or put 0."""
    x = torch.full((20, 3, 16, 16), 0.25)
    seen = DiffAugment(DiffAugmentOptions(policy=(policy,))).augment(x, None, Draws())
    assert bool((seen.flatten(1).amax(1) - seen.flatten(1).amin(1) < 1e-6).all()) == flat
    assert set(seen.unique().tolist()) == {0.0, 0.25} or flat
    assert not torch.equal(seen, x)
