"""Maps of pixels against the same done by hand, and their slopes against numerical ones."""

import numpy as np
import pytest
import torch
from gantool_diffaugment.ada import Ada
from gantool_diffaugment.diffaugment import DiffAugment
from gantool_diffaugment.pictures import on_colours, sample, translate
from gantool_diffaugment.settings import AdaOptions, DiffAugmentOptions

from gantool import UserError


def pictures(*shape, dtype=torch.float32):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=dtype) * 2 - 1


def rolled(picture, right, down):
    """Shift ``[C, H, W]`` by torch.roll, and clear by hand what came round."""
    moved = picture.roll((down, right), (1, 2))
    moved[:, : max(down, 0)] = 0
    moved[:, moved.shape[1] + min(down, 0) :] = 0
    moved[:, :, : max(right, 0)] = 0
    moved[:, :, moved.shape[2] + min(right, 0) :] = 0
    return moved


def mirrored(picture, right, down):
    """Shift ``[C, H, W]``; what comes in is the picture, mirrored at its edge."""
    height, width = picture.shape[1:]
    padded = np.pad(picture.numpy(), ((0, 0), (abs(down),) * 2, (abs(right),) * 2), mode="symmetric")
    top, left = abs(down) - down, abs(right) - right
    return torch.from_numpy(padded[:, top : top + height, left : left + width].copy())


def identity(x):
    return torch.eye(2, dtype=x.dtype).expand(len(x), 2, 2)


def no_shift(x):
    return torch.zeros(len(x), 2, dtype=x.dtype)


SHIFTS = [(0, 0), (3, 0), (0, -2), (-1, 4), (2, 1)]  # right, down


@pytest.mark.parametrize("size", [(8, 8), (7, 12), (33, 5)])
def test_a_translation_is_a_roll_whose_edge_is_cleared(size):
    x = pictures(len(SHIFTS), 3, *size)
    expected = torch.stack([rolled(picture, *by) for picture, by in zip(x, SHIFTS, strict=True)])
    assert torch.equal(translate(x, torch.tensor(SHIFTS, dtype=torch.float32)), expected)


@pytest.mark.parametrize("size", [(8, 8), (7, 12), (33, 6), (1, 4), (1, 1)])
def test_no_change_shows_the_picture_as_it_is(size):
    x = pictures(3, 2, *size)
    torch.testing.assert_close(sample(x, identity(x), no_shift(x)), x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(8, 8), (7, 12), (33, 5)])
def test_beyond_its_edges_a_picture_is_mirrored(size):
    x = pictures(len(SHIFTS), 3, *size)
    expected = torch.stack([mirrored(picture, *by) for picture, by in zip(x, SHIFTS, strict=True)])
    found = sample(x, identity(x), -torch.tensor(SHIFTS, dtype=torch.float32))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_half_a_pixel_further_lies_the_mean_of_two():
    x = pictures(1, 1, 4, 6)
    found = sample(x, identity(x), torch.tensor([[0.5, 0.0]]))
    torch.testing.assert_close(found[..., :-1], (x[..., :-1] + x[..., 1:]) / 2)


def test_pixels_in_any_layout_are_the_same():
    x = pictures(2, 3, 6, 8)
    by = torch.tensor([[1.0, 2.0], [-1.0, 0.0]])
    last = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(translate(last, by), translate(x, by))
    torch.testing.assert_close(sample(last, identity(x), by / 3), sample(x, identity(x), by / 3))


MAPS = {
    "translate": lambda x: translate(x, torch.tensor([[1.0, -1.0], [0.0, 2.0]], dtype=x.dtype)),
    "sample": lambda x: sample(
        x,
        torch.tensor([[[0.8, 0.4], [-0.5, 1.3]], [[1.0, 0.0], [0.3, -2.0]]], dtype=x.dtype),
        torch.tensor([[0.3, -1.2], [2.0, 0.1]], dtype=x.dtype),
    ),
}


@pytest.mark.parametrize("name", MAPS)
def test_first_and_second_slopes_are_the_numerical_ones(name):
    x = pictures(2, 1, 4, 5, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(MAPS[name], x)
    assert torch.autograd.gradgradcheck(lambda x: MAPS[name](x).pow(3), x)


@pytest.mark.parametrize(("channels", "colours"), [(1, 1), (2, 1), (3, 3), (4, 3)])
def test_alpha_is_no_colour(channels, colours):
    x = pictures(2, channels, 3, 3)
    changed = on_colours(x, lambda colours: colours + 1)
    assert torch.equal(changed[:, :colours], x[:, :colours] + 1)
    assert torch.equal(changed[:, colours:], x[:, colours:])


@pytest.mark.parametrize("part", [DiffAugment(DiffAugmentOptions()), Ada(AdaOptions())])
def test_vectors_are_refused(part):
    with pytest.raises(UserError, match=r"the data are vectors of 2; .* type: --augmentation none"):
        part.module((2,))
