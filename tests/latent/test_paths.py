"""Paths through latents: closed forms of arcs, lines and loops."""

from math import pi, sqrt

import pytest
import torch

from gantool.interfaces import Slot
from gantool.latent.paths import lerp, positions, remarks, slerp, walk
from gantool.latent.prior import Prior

NORMAL = (Slot("noise", "normal", 16),)
E1, E2, E3 = torch.eye(16)[:3]


def keys(count, dim=16):
    return Prior((Slot("noise", "normal", dim),)).latents(range(count))


def at(*t):
    return torch.tensor(t, dtype=torch.float64)


def test_a_quarter_arc_is_cosine_and_sine():
    t = at(0, 1 / 3, 0.5, 1)
    expected = (t * pi / 2).cos()[:, None] * E1 + (t * pi / 2).sin()[:, None] * E2
    torch.testing.assert_close(slerp(E1, E2, t), expected.float(), rtol=0, atol=1e-7)


def test_an_arc_between_latents_of_unequal_norm_passes_half_way_at_their_weighted_sum():
    # sin(w/2) / sin(w) = 1 / (2 cos(w/2)), here with w a right angle
    torch.testing.assert_close(slerp(3 * E1, E2, at(0.5))[0], (3 * E1 + E2) / sqrt(2))


@pytest.mark.parametrize("angle", [1e-5, 1e-3, 0.03, 1.0, 3.0])
def test_the_norm_of_an_arc_between_ends_of_equal_norm_is_theirs(angle):
    a, b = 4 * E1, 4 * (torch.tensor(angle).cos() * E1 + torch.tensor(angle).sin() * E2)
    norms = slerp(a, b, torch.linspace(0, 1, 101)).norm(dim=1)
    torch.testing.assert_close(norms, torch.full((101,), 4.0), rtol=1e-5, atol=0)


def test_half_way_on_a_line_between_orthogonal_latents_the_norm_has_shrunk_by_the_square_root_of_two():
    torch.testing.assert_close(lerp(E1, E2, at(0.5)).norm(), torch.tensor(1 / sqrt(2)))


@pytest.mark.parametrize("way", ["auto", "slerp", "lerp", "cubic"])
@pytest.mark.parametrize("loop", ["none", "closed", "pingpong"])
def test_every_keyframe_is_met_bit_for_bit(way, loop):
    z = keys(4)
    u = positions(4, 14, loop)
    path = walk(z, u, NORMAL, way, loop == "closed")
    met = {int(place): row for place, row in zip(u, path, strict=True) if place == int(place)}
    assert sorted(met) == [0, 1, 2, 3]
    assert all(torch.equal(row, z[index]) for index, row in met.items())


def test_a_bezier_path_meets_its_ends_alone_and_is_pulled_towards_the_rest():
    z = torch.stack([E1, E3, E2])
    path = walk(z, positions(3, 5), NORMAL, "bezier")
    assert torch.equal(path[0], E1)
    assert torch.equal(path[-1], E2)
    # de Casteljau on the sphere: half of the half arcs, normalised, is (1, 2, 1) / sqrt(6)
    torch.testing.assert_close(path[2], (E1 + 2 * E3 + E2) / sqrt(6))


def test_a_bezier_path_of_two_is_the_arc():
    z, u = keys(2), positions(2, 7)
    assert torch.equal(walk(z, u, NORMAL, "bezier"), walk(z, u, NORMAL, "slerp"))


def test_a_cubic_path_keeps_to_the_line_of_norms():
    z = keys(5)
    u = positions(5, 41, "closed")
    norms = torch.cat([z, z[:1]]).norm(dim=1)
    here, t = u.long(), u - u.long()
    expected = norms[here] * (1 - t) + norms[here + 1] * t
    torch.testing.assert_close(walk(z, u, NORMAL, "cubic", True).norm(dim=1), expected.float(), rtol=1e-5, atol=0)


def test_a_closed_cubic_path_turns_no_corner_where_it_closes():
    z = keys(4) / keys(4).norm(dim=1, keepdim=True)
    path = walk(z, positions(4, 400, "closed"), NORMAL, "cubic", True)
    steps = (path.roll(-1, 0) - path) / (path.roll(-1, 0) - path).norm(dim=1, keepdim=True)
    bends = (steps * steps.roll(1, 0)).sum(1)
    assert bends.min() > 0.99  # cosine of the angle between successive steps, the seam among them
    arcs = walk(z, positions(4, 400, "closed"), NORMAL, "slerp", True)
    steps = (arcs.roll(-1, 0) - arcs) / (arcs.roll(-1, 0) - arcs).norm(dim=1, keepdim=True)
    assert (steps * steps.roll(1, 0)).sum(1)[0] < 0.5  # an arc does turn there


def test_each_slot_is_walked_in_its_own_way():
    slots = (Slot("noise", "normal", 2), Slot("code", "uniform", 1), Slot("kind", "categorical", 2))
    z = torch.tensor([[1.0, 0, -1, 1, 0], [0.0, 1, 1, 0, 1]])
    half = [sqrt(0.5), sqrt(0.5), 0, 0.5, 0.5]
    for way in ("auto", "slerp", "bezier", "cubic"):
        torch.testing.assert_close(walk(z, at(0.5), slots, way)[0], torch.tensor(half))
    torch.testing.assert_close(walk(z, at(0.5), slots, "lerp")[0], torch.tensor([0.5, 0.5, 0, 0.5, 0.5]))


# Loops and eases


def test_an_open_path_includes_both_ends():
    assert positions(2, 5).tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_a_closed_path_has_as_many_frames_as_asked_for_and_stops_a_step_before_its_start():
    assert positions(2, 4, "closed").tolist() == [0, 0.5, 1, 1.5]
    path = walk(keys(3), positions(3, 12, "closed"), NORMAL, "auto", True)
    assert len(torch.unique(path, dim=0)) == 12


def test_pingpong_comes_back_without_repeating_its_ends():
    assert positions(2, 4, "pingpong").tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1, 2 / 3, 1 / 3])


def test_frames_that_do_not_divide_evenly_go_to_the_first_segments():
    assert positions(3, 4).tolist() == [0, 0.5, 1, 2]
    assert [len(positions(keys, frames)) for keys in (2, 5, 9) for frames in (9, 10, 64)] == [9, 10, 64] * 3


def test_a_smooth_ease_is_smoothstep_between_keyframes():
    assert positions(3, 9, ease="smooth").tolist() == [0, 0.15625, 0.5, 0.84375, 1, 1.15625, 1.5, 1.84375, 2]


# What has no single arc


@pytest.mark.parametrize("way", ["auto", "lerp", "bezier", "cubic"])
@pytest.mark.parametrize("pair", [(E1, E1), (E1, -E1), (E1, -2 * E1), (E1, 0 * E1), (0 * E1, 0 * E1), (E1, 3 * E1)])
def test_paths_between_latents_that_are_the_same_opposed_or_zero_are_finite(way, pair):
    path = walk(torch.stack(pair), positions(2, 11), NORMAL, way)
    assert path.isfinite().all()
    assert torch.equal(path[0], pair[0])
    assert torch.equal(path[-1], pair[1])


def test_between_antipodes_of_unequal_length_the_norm_goes_in_a_line():
    a = torch.randn(16, generator=torch.Generator().manual_seed(0))
    t = torch.linspace(0, 1, 9)
    path = slerp(a.expand(9, -1), (-2 * a).expand(9, -1), t)
    torch.testing.assert_close(path.norm(dim=1), a.norm() * (1 + t))
    torch.testing.assert_close(path[-1], -2 * a)


def test_a_cubic_path_does_not_lead_through_zero_between_antipodes():
    a = torch.randn(16, generator=torch.Generator().manual_seed(0))
    path = walk(torch.stack([a, -a]), positions(2, 9), NORMAL, "cubic")
    torch.testing.assert_close(path.norm(dim=1), a.norm().expand(9))


def test_between_antipodes_the_path_is_half_a_circle():
    z = keys(1)[0]
    path = slerp(z, -z, torch.linspace(0, 1, 9, dtype=torch.float64))
    torch.testing.assert_close(path.norm(dim=1), z.norm().expand(9), rtol=1e-5, atol=0)
    steps = (path[1:] - path[:-1]).norm(dim=1)
    torch.testing.assert_close(steps, (2 * torch.tensor(pi / 16).sin() * z.norm()).expand(8), rtol=1e-5, atol=0)


def test_what_is_odd_about_keyframes_is_said():
    assert remarks(torch.stack([E1, E2]), NORMAL) == []
    assert remarks(torch.stack([E1, E1]), NORMAL) == [
        "keyframes 1 and 2 are the same latent: nothing moves between them"
    ]
    assert remarks(torch.stack([E1, E1]), NORMAL, c=torch.tensor([0, 1])) == []
    (said,) = remarks(torch.stack([E1, E2, -E1]), NORMAL, closed=True)
    assert said.startswith("keyframes 3 and 1 are antipodal in noise: ")
    (said,) = remarks(torch.stack([E1, 0 * E1]), NORMAL)
    assert said.startswith("keyframes 1 and 2: one is zero in noise")
