"""ADA's changes against closed forms, their probabilities, and the steps of p by hand."""

import math
from types import SimpleNamespace

import pytest
import torch
from gantool_diffaugment.ada import Ada, drawn_blit, drawn_geom, normal, recoloured
from gantool_diffaugment.affine import blit, geom
from gantool_diffaugment.colour import recolour
from gantool_diffaugment.pictures import sample
from gantool_diffaugment.settings import AdaOptions, scores_have_a_zero

from gantool import Tier, UserError, load_plugins, resolve


def pictures(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


class Draws:
    """A step whose numbers follow from the stream."""

    number = 0

    def rand(self, stream, *shape):
        return torch.rand(shape, generator=torch.Generator().manual_seed(sum(stream.encode())))


def number(value):
    return torch.tensor([float(value)])


def blitted(x, mirrored=0, quarters=0, shift=(0, 0)):
    by = torch.tensor([shift], dtype=torch.float32)
    place = blit(mirrored=number(mirrored), quarters=number(quarters), shift=by)
    return sample(x, place.linear, place.offset)


def moved(scale=1, before=0, stretch=1, after=0, shift=(0, 0)):
    return geom(
        scale=number(scale), before=number(before), stretch=number(stretch), after=number(after),
        shift=torch.tensor([shift], dtype=torch.float32),
    )  # fmt: skip


def shown(place, right, down):
    """Return the point of the old picture that a point of the changed one shows."""
    return (place.linear[0] @ torch.tensor([right, down], dtype=torch.float32) + place.offset[0]).tolist()


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("side", [6, 7])
def test_quarter_turns_are_torchs(quarters, side):
    x = pictures(1, 3, side, side)
    close(blitted(x, quarters=quarters), torch.rot90(x, quarters, (2, 3)))


def test_a_half_turn_needs_no_square():
    x = pictures(1, 3, 5, 8)
    close(blitted(x, quarters=2), x.flip(2, 3))


def test_a_quarter_turn_of_a_wide_picture_is_cut_and_mirrored_at_its_edges():
    x = pictures(1, 3, 4, 6)
    turned = torch.rot90(x, 1, (2, 3))[:, :, 1:5]
    close(blitted(x, quarters=1), torch.cat([turned[..., :1], turned, turned[..., -1:]], 3))


def test_a_picture_is_mirrored_then_turned_then_shifted():
    x = pictures(1, 3, 6, 6)
    close(blitted(x, mirrored=1), x.flip(3))
    turned = torch.rot90(x.flip(3), 1, (2, 3))
    expected = torch.cat([turned[..., :1].flip(3), turned[..., :-1]], 3)  # right by one: the edge is mirrored
    close(blitted(x, mirrored=1, quarters=1, shift=(1, 0)), expected)


@pytest.mark.parametrize("shift", [(2, 0), (-1, 3)])
def test_fractional_and_whole_shifts_agree_where_they_are_whole(shift):
    x = pictures(1, 3, 7, 8)
    place = moved(shift=shift)
    close(sample(x, place.linear, place.offset), blitted(x, shift=shift))


def test_rotations_by_a_quarter_are_quarter_turns():
    x = pictures(1, 3, 6, 6)
    for place in (moved(before=math.pi / 2), moved(after=math.pi / 2), moved(before=math.pi, after=-math.pi / 2)):
        close(sample(x, place.linear, place.offset), torch.rot90(x, 1, (2, 3)))


def test_what_is_enlarged_by_2_was_half_as_far_from_the_centre():
    assert shown(moved(scale=2), 4, -6) == pytest.approx([2, -3])


def test_what_is_stretched_was_narrower_and_higher():
    assert shown(moved(stretch=2), 4, -6) == pytest.approx([2, -12])


def test_the_first_rotation_comes_before_the_stretch():
    """What is up by 12 was to the right by 12 before a quarter turn."""
    assert shown(moved(before=math.pi / 2, stretch=2), 4, -6) == pytest.approx([12, 2])
    assert shown(moved(stretch=2, after=math.pi / 2), 4, -6) == pytest.approx([3, 8])


def test_a_rotation_goes_counterclockwise():
    assert shown(moved(before=math.pi / 6), math.cos(math.pi / 6), -math.sin(math.pi / 6)) == pytest.approx(
        [1, 0], abs=1e-6
    )


def test_the_shift_comes_last():
    assert shown(moved(scale=2, after=math.pi / 2, shift=(3, 1)), 3, 1) == pytest.approx([0, 0])


def test_two_places_are_one():
    x = pictures(1, 3, 6, 6)
    first = blit(mirrored=number(1), quarters=number(1), shift=torch.zeros(1, 2))
    both = first.of(moved(shift=(2, 0)))
    close(sample(x, both.linear, both.offset), blitted(blitted(x, mirrored=1, quarters=1), shift=(2, 0)))


def changed(x, *, brightness=0, contrast=1, flipped=0, hue=0, saturation=1):
    amounts = {"brightness": brightness, "contrast": contrast, "flipped": flipped, "hue": hue, "saturation": saturation}
    return recolour(x, **{name: torch.full((len(x),), float(value)) for name, value in amounts.items()})


def test_no_amount_changes_no_colour():
    x = pictures(2, 3, 4, 5)
    torch.testing.assert_close(changed(x), x)


def test_brightness_is_added_before_contrast_multiplies():
    x = pictures(2, 3, 4, 5)
    torch.testing.assert_close(changed(x, brightness=0.1, contrast=2), 2 * (x + 0.1))


@pytest.mark.parametrize(("thirds", "order"), [(1, [2, 0, 1]), (2, [1, 2, 0]), (3, [0, 1, 2])])
def test_a_third_of_the_hues_exchanges_the_channels(thirds, order):
    x = pictures(2, 3, 4, 5)
    torch.testing.assert_close(changed(x, hue=thirds * 2 * math.pi / 3), x[:, order])


def test_hue_keeps_luma_and_length():
    x = pictures(2, 3, 4, 5)
    turned = changed(x, hue=1.1)
    torch.testing.assert_close(turned.mean(1), x.mean(1))
    torch.testing.assert_close(turned.norm(dim=1), x.norm(dim=1))
    assert not torch.allclose(turned, x, atol=0.1)


def test_without_saturation_a_picture_is_grey():
    x = pictures(2, 3, 4, 5)
    torch.testing.assert_close(changed(x, saturation=0), x.mean(1, keepdim=True).expand_as(x))


def test_without_contrast_nothing_is_left():
    assert torch.equal(changed(pictures(2, 3, 4, 5), contrast=0), torch.zeros(2, 3, 4, 5))


def test_flipped_luma_changes_its_sign_alone():
    """Twice the mean is taken away: a Householder reflection at the plane of no luma."""
    x = pictures(2, 3, 4, 5)
    torch.testing.assert_close(changed(x, flipped=1), x - 2 * x.mean(1, keepdim=True))


def test_of_grey_pictures_hue_and_saturation_change_nothing():
    x = pictures(2, 1, 4, 5)
    torch.testing.assert_close(changed(x, hue=2, saturation=0), x)
    torch.testing.assert_close(changed(x, flipped=1, brightness=0.1, contrast=3), -3 * (x + 0.1))


def test_grey_is_the_same_in_one_channel_and_in_three():
    x = pictures(2, 1, 4, 5)
    amounts = {"brightness": 0.3, "contrast": 0.7, "flipped": 1, "hue": 2, "saturation": 3}
    torch.testing.assert_close(changed(x.expand(2, 3, 4, 5), **amounts), changed(x, **amounts).expand(2, 3, 4, 5))


def test_changes_of_one_picture_are_one():
    x = pictures(2, 3, 4, 5)
    both = changed(x, contrast=2, saturation=0.5, hue=1.1)
    torch.testing.assert_close(both, 2 * changed(changed(x, hue=1.1), saturation=0.5))


def test_normal_draws_have_the_normal_quantiles_and_no_end():
    draws = normal(torch.tensor([0.5, 0.975, 0.158655, 0.0, 1 - 2**-24]))
    assert draws[:3].tolist() == pytest.approx([0, 1.959964, -1], abs=1e-5)
    assert -6 < draws[3].item() < -5
    assert 5 < draws[4].item() < 6


N = 20_000  # a sample's deviation is known to 1/2 % then


def pictures_of(width, height, channels=1):
    return torch.empty(N, channels, height, width)


def always(draw, x):
    return draw(x, torch.ones(()), Draws())


def shifts(place):
    return torch.linalg.solve(place.linear, -place.offset)


def test_whole_shifts_are_rounded_up_to_an_eighth():
    """Of a width of 32 these are U(-4, 4) to the nearest pixel: 4 comes half as often as 3."""
    right, down = shifts(always(drawn_blit, pictures_of(32, 16))).unbind(1)
    close(right, right.round())
    values, times = right.round().unique(return_counts=True)
    assert values.tolist() == list(range(-4, 5))
    assert (times / N).tolist() == pytest.approx([1 / 16, *[1 / 8] * 7, 1 / 16], abs=0.01)
    assert down.abs().max().item() == pytest.approx(2)


def test_mirroring_and_quarter_turns_are_equally_likely():
    linear = always(drawn_blit, pictures_of(8, 8)).linear.round()
    kinds, times = linear.flatten(1).unique(dim=0, return_counts=True)
    assert len(kinds) == 8
    assert (times / N - 1 / 8).abs().max().item() < 0.01


def test_scale_and_stretch_deviate_by_a_fifth_of_an_octave():
    linear = always(drawn_geom, pictures_of(32, 16)).linear
    narrow, wide = torch.linalg.svdvals(linear).log2().unbind(1)
    scale, stretch = (narrow + wide) / 2, (narrow - wide) / 2
    assert scale.std().item() == pytest.approx(0.2, rel=0.03)
    assert stretch.square().mean().sqrt().item() == pytest.approx(0.2, rel=0.03)


def test_fractional_shifts_deviate_by_an_eighth_of_each_side():
    assert shifts(always(drawn_geom, pictures_of(32, 16))).std(0).tolist() == pytest.approx([4, 2], rel=0.03)


def test_every_angle_is_as_likely():
    linear = always(drawn_geom, pictures_of(8, 8)).linear
    angles = torch.atan2(linear[:, 1, 0], linear[:, 0, 0])
    assert torch.histc(angles, 8, -math.pi, math.pi).div(N).tolist() == pytest.approx([1 / 8] * 8, abs=0.01)


def test_colours_deviate_as_published():
    """Of black, white and red pixels, as numbers around 0."""
    pixels = torch.tensor([[0.0, 0, 0], [1, 1, 1], [1, 0, 0]]).T[None, :, :, None].expand(N, 3, 3, 1)
    black, white, red = always(recoloured, pixels).squeeze(3).unbind(2)
    luma = (white - black).mean(1)  # contrast and its sign
    assert luma.abs().log2().std().item() == pytest.approx(0.5, rel=0.03)
    assert (luma < 0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    assert (black.mean(1) / luma).std().item() == pytest.approx(0.2, rel=0.03)
    colour = red - red.mean(1, keepdim=True)
    assert (colour.norm(dim=1) / luma.abs()).log2().std().item() == pytest.approx(1, rel=0.03)
    hue = torch.atan2((colour[:, 1] - colour[:, 2]) / math.sqrt(2), colour[:, 0] * math.sqrt(1.5))
    assert torch.histc(hue, 8, -math.pi, math.pi).div(N).tolist() == pytest.approx([1 / 8] * 8, abs=0.01)


def augmented(x, *policy, p):
    ada = Ada(AdaOptions(policy=policy, p=p))
    return ada.augment(x, ada.module(tuple(x.shape[1:])), Draws())


@pytest.mark.parametrize("shape", [(3, 8, 8), (4, 7, 12), (1, 1, 1)])
def test_at_p_0_nothing_changes(shape):
    x = pictures(20, *shape)
    close(augmented(x, "blit", "geom", "color", p=0.0), x)


@pytest.mark.parametrize("policy", ["geom", "color"])
def test_at_p_1_everything_changes(policy):
    x = pictures(200, 3, 16, 16)
    assert (augmented(x, policy, p=1.0) - x).flatten(1).abs().amax(1).min().item() > 1e-3


# What leaves a picture of 16 x 16 as it is: half of the flips, a quarter of the turns, and a shift to each side of
# under half a pixel of 2; and half of the flips of luma. The two rotations count as one change.
UNCHANGED = {
    "blit": lambda p: (1 - p / 2) * (1 - p * 3 / 4) * (1 - p * 15 / 16),
    "geom": lambda p: (1 - p) ** 4,
    "color": lambda p: (1 - p) ** 4 * (1 - p / 2),
}


@pytest.mark.parametrize("p", [0.1, 0.3])
@pytest.mark.parametrize("policy", UNCHANGED)
def test_each_change_has_probability_p(policy, p):
    n = 4000
    x = pictures(n, 3, 16, 16)
    same = ((augmented(x, policy, p=p) - x).flatten(1).abs().amax(1) < 1e-4).float().mean().item()
    expected = UNCHANGED[policy](p)
    assert same == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / n))


def test_the_policy_names_what_may_change():
    """Of an even picture no move is seen, and a change of colour makes another even one."""
    x = torch.full((50, 3, 8, 8), 0.25)
    close(augmented(x, "blit", "geom", p=1.0), x)
    seen = augmented(x, "color", p=1.0)
    close(seen, seen[:, :, :1, :1].expand_as(seen))
    assert not torch.equal(seen, x)


def test_whole_pixels_move_first_and_colours_change_last_in_any_order_of_the_policy():
    x = pictures(20, 3, 8, 12)
    first, then = always(drawn_blit, x), always(drawn_geom, x)
    place = first.of(then)
    expected = always(recoloured, sample(x, place.linear, place.offset))
    torch.testing.assert_close(augmented(x, "color", "geom", "blit", p=1.0), expected)


def adapted(*measured, images=50_000, **options):
    ada = Ada(AdaOptions(**options))
    module = ada.module((3, 8, 8))
    for value in measured:
        ada.adapt(module, torch.tensor(value), images)
    return module.state_dict()["p"].item()


def test_p_goes_from_0_to_1_in_speed_pictures():
    assert adapted(*[0.9] * 3) == pytest.approx(0.3)
    assert adapted(*[0.9] * 3, 0.2) == pytest.approx(0.2)
    assert adapted(0.9, speed=100_000) == pytest.approx(0.5)
    assert adapted(*[1.0] * 500, images=500, p=0.25) == pytest.approx(0.75, abs=1e-4)


def test_p_stays_at_the_target_and_within_0_and_1():
    assert adapted(0.5, target=0.5, p=0.25) == 0.25
    assert adapted(*[1.0] * 12) == 1
    assert adapted(*[1.0] * 12, -1.0) == pytest.approx(0.9)
    assert adapted(-1.0) == 0


def test_p_stays_without_a_speed():
    assert adapted(1.0, -1.0, -1.0, speed=0, p=0.25) == 0.25


def test_the_mean_sign_of_real_scores_is_measured():
    measured = Ada(AdaOptions()).measure(torch.tensor([0.1, -20.0, 3.0, 0.0]), torch.tensor([5.0] * 4))
    assert measured.item() == 0.25


def test_the_sign_of_a_paired_loss_is_not_followed():
    config = SimpleNamespace(name=lambda section: "rpgan", options={"ada": AdaOptions()})
    assert "says nothing with --loss rpgan" in scores_have_a_zero(config)


@pytest.mark.parametrize("loss", ["wgan", "wgan-gp", "wgan-clip"])
def test_a_wasserstein_critics_sign_is_not_followed(loss):
    def config(**ada):
        tree = {"data": "shapes", "loss": loss, "lipschitz": "gp", "augmentation": ["ada"], "ada": ada}
        return resolve(load_plugins().registry, [Tier("test", tree)])

    with pytest.raises(UserError, match=rf"says nothing with --loss {loss}; .* type: --ada.speed 0"):
        config()
    assert config(speed=0, p=0.2).options["ada"].p == 0.2
