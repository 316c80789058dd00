"""Paths through latents: each part of z is walked in the way that keeps it likely under its prior.

Midway between two normal latents a straight line has lost 30 % of their norm, whatever the dimension, and lies where
the prior has almost no mass; an arc keeps the norm. Uniform and categorical parts are convex: there the line is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import pi

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from gantool.interfaces import Slot

__all__ = ["lerp", "positions", "remarks", "slerp", "walk"]

SAME = 1e-6  # radians; below, an arc and its chord are one
OPPOSED = 1e-3  # radians from the antipode; nearer, rounding alone would choose the plane of the arc


def lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Return the line from ``a`` to ``b`` ``[..., D]`` at ``t [...]``; exactly a at 0 and b at 1."""
    share = t.unsqueeze(-1).to(torch.float64)
    return ((1 - share) * a.double() + share * b.double()).to(a.dtype)


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Return the arc from ``a`` to ``b`` ``[..., D]`` at ``t [...]``, both as long as they are (Shoemake 1985).

    sin((1-t)w) / sin(w) a + sin(tw) / sin(w) b, with w the angle between them. Where they are the same, or one is
    zero, that is the line; where they are antipodal, half a circle through a fixed direction at right angles.
    """
    a, b, share = a.double(), b.double(), t.double().unsqueeze(-1)
    omega = _angle(a, b)
    opposed = omega > pi - OPPOSED
    over = torch.where(opposed | (omega < SAME), 1.0, omega.sin())
    arc = (((1 - share) * omega).sin() * a + (share * omega).sin() * b) / over
    lengths = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    turned = (share * pi).cos() * a / lengths[0].clamp(min=1e-30) + (share * pi).sin() * _beside(a)
    around = turned * torch.lerp(*lengths, share)
    line = (1 - share) * a + share * b
    found = torch.where(omega < SAME, line, torch.where(opposed, around, arc))
    return torch.where(share <= 0, a, torch.where(share >= 1, b, found)).float()


def _angle(a: Tensor, b: Tensor) -> Tensor:
    """Return the angle ``[..., 1]`` by Kahan's formula, which is exact near 0 and near pi; 0 beside a zero vector."""
    one, two = (v / v.norm(dim=-1, keepdim=True).clamp(min=1e-30) for v in (a, b))
    apart, along = (one - two).norm(dim=-1, keepdim=True), (one + two).norm(dim=-1, keepdim=True)
    zero = (one.norm(dim=-1, keepdim=True) == 0) | (two.norm(dim=-1, keepdim=True) == 0)
    return torch.where(zero, 0.0, 2 * torch.atan2(apart, along))


def _beside(a: Tensor) -> Tensor:
    """Return a unit vector at right angles to ``a [..., D]``: its smallest coordinate's axis, made orthogonal to it."""
    axis = one_hot(a.abs().argmin(-1), a.shape[-1]).double()
    unit = a / a.norm(dim=-1, keepdim=True).clamp(min=1e-30)
    rest = axis - (axis * unit).sum(-1, keepdim=True) * unit
    found: Tensor = rest / rest.norm(dim=-1, keepdim=True).clamp(min=1e-30)
    return found


def positions(keys: int, frames: int, loop: str = "none", ease: str = "linear") -> Tensor:
    """Return where each frame stands between the keyframes: float64 ``[N]``, whole numbers being keyframes.

    An open path has ``frames`` frames and ends on the last keyframe; a closed one has as many, walks on from the last
    to the first and stops one step before it; ping-pong adds the way back without its two ends. Every keyframe has a
    frame of its own, so there must be as many frames. ``smooth`` rests at each: t^2 (3 - 2t).
    """
    closed = loop == "closed"
    segments = keys if closed else keys - 1
    share, more = divmod(frames if closed else frames - 1, segments)
    parts = []
    for segment in range(segments):
        steps = share + (segment < more)
        t = torch.arange(steps, dtype=torch.float64) / max(steps, 1)
        parts.append(segment + (t * t * (3 - 2 * t) if ease == "smooth" else t))
    u = torch.cat(parts if closed else [*parts, torch.tensor([float(segments)], dtype=torch.float64)])
    return torch.cat([u, u[1:-1].flip(0)]) if loop == "pingpong" else u


def walk(keys: Tensor, u: Tensor, slots: Sequence[Slot], path: str = "auto", closed: bool = False) -> Tensor:
    """Return ``z [N, D]`` at the positions ``u [N]`` of a path through ``keys [K, D]``.

    ``path`` is that of the normal slots, slerp (``auto``), lerp, bezier or cubic: uniform and categorical ones are
    walked in straight lines. A bezier curve touches the first and the last keyframe alone; those between pull it
    towards them.
    """
    ring = torch.cat([keys, keys[:1]]) if closed else keys
    parts = []
    for part, slot in zip(torch.split(ring, [slot.dim for slot in slots], 1), slots, strict=True):
        way = "lerp" if not _round(slot) else "slerp" if path == "auto" else path
        if way == "bezier":
            parts.append(_bezier(part, u / (len(ring) - 1)))
        elif way == "cubic":
            parts.append(_cubic(part, u, closed))
        else:
            here, t = _segment(u, len(ring))
            parts.append((slerp if way == "slerp" else lerp)(part[here], part[here + 1], t))
    return torch.cat(parts, 1)


def _round(slot: Slot) -> bool:
    """Whether a slot's latents lie about a sphere, so that there is an arc between two of them."""
    return slot.distribution == "normal" and slot.dim > 1


def _segment(u: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the keyframe before each position and the share of the way to the next one."""
    here = u.long().clamp(0, count - 2)
    return here, u - here


def _bezier(points: Tensor, t: Tensor) -> Tensor:
    """Return de Casteljau's curve at ``t [N]`` in [0, 1], with arcs for lines: ``[N, D]``."""
    level = points.unsqueeze(1).expand(-1, len(t), -1)  # [K, N, D]
    while len(level) > 1:
        level = slerp(level[:-1], level[1:], t)
    return level[0]


def _cubic(points: Tensor, u: Tensor, closed: bool) -> Tensor:
    """Return the Catmull-Rom curve through all points, its norm replaced by the line between those of the points.

    Without that a cubic curve, too, leaves the shell on which normal latents lie. Between antipodal points it would
    lead through zero, where there is no direction to keep: there it is the arc.
    """
    before = points[-2:-1] if closed else 2 * points[:1] - points[1:2]
    after = points[1:2] if closed else 2 * points[-1:] - points[-2:-1]
    padded = torch.cat([before, points, after]).double()
    here, t = _segment(u, len(points))
    p0, p1, p2, p3 = (padded[here + offset] for offset in range(4))
    s = t.unsqueeze(1)
    curve = p1 + s / 2 * (p2 - p0 + s * (2 * p0 - 5 * p1 + 4 * p2 - p3 + s * (3 * (p1 - p2) + p3 - p0)))
    norm = lerp(p1.norm(dim=1, keepdim=True), p2.norm(dim=1, keepdim=True), t)
    shell = curve * norm / curve.norm(dim=1, keepdim=True).clamp(min=1e-12)
    opposed = _angle(p1, p2) > pi - OPPOSED
    way = torch.where(opposed, slerp(p1, p2, t).double(), shell)
    return torch.where(s <= 0, p1, torch.where(s >= 1, p2, way)).float()


def remarks(keys: Tensor, slots: Sequence[Slot], closed: bool = False, c: Tensor | None = None) -> list[str]:
    """Say which neighbours among the keyframes leave the path without a choice or with too many; they are walked.

    ``c [K, ...]``: neighbours with one latent and two conditions are a path all the same.
    """
    ring = torch.cat([keys, keys[:1]]) if closed else keys
    said = []
    for index, (a, b) in enumerate(pairwise(ring), 1):
        pair = f"keyframes {index} and {index % len(keys) + 1}"
        if torch.equal(a, b):
            if c is not None and not torch.equal(c[index - 1], c[index % len(keys)]):
                continue
            said.append(f"{pair} are the same latent: nothing moves between them")
            continue
        for one, two, slot in zip(*(v.split([slot.dim for slot in slots]) for v in (a, b)), slots, strict=True):
            if not _round(slot):
                continue
            if not one.any() or not two.any():
                said.append(f"{pair}: one is zero in {slot.name}, so the path there is a line")
            elif float(_angle(one.double(), two.double())) > pi - OPPOSED:
                said.append(
                    f"{pair} are antipodal in {slot.name}: of all half circles between them a fixed one is taken"
                )
    return said
