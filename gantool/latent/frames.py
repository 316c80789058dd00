"""From a path to pictures: what each frame shows, drawn batch by batch, and how evenly the film moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from gantool.interfaces import Slot
from gantool.latent import paths
from gantool.latent.model import SIDE
from gantool.networks import ConditionedGenerator
from gantool.render.grid import to_uint8

__all__ = ["Film", "Track", "conditions", "shoot", "trace"]


@dataclass(frozen=True)
class Track:
    """What is drawn: ``z [N, D]`` under ``c``, or ``share [N]`` of the way from ``c`` to the classes ``other [N]``."""

    z: Tensor
    c: Tensor | None = None
    other: Tensor | None = None
    share: Tensor | None = None

    @property
    def labelled(self) -> bool:
        """Whether each frame has a label of its own, so that z and c say all of it."""
        return self.other is None

    @torch.inference_mode()
    def batches(self, G: ConditionedGenerator) -> Iterator[Tensor]:
        """Yield samples in order.

        Between two classes the generator gets the mean of what its side of the conditioning makes of either, weighted:
        of learned embeddings where it has them, of one-hot codes where not (their matrix is linear, so mixing the
        one-hot codes before it would be the same).
        """
        for start in range(0, len(self.z), SIDE):
            part = slice(start, start + SIDE)
            z, c = self.z[part], None if self.c is None else self.c[part]
            if self.other is None or self.share is None:
                yield G(z, c).float()
                continue
            side, net = cast(Any, G.side), cast(Any, G.net)
            ends = zip(side(z, c), side(z, self.other[part]), strict=True)
            yield net(*(None if one is None else _mix(one, two, self.share[part]) for one, two in ends)).float()


def _mix(one: Tensor, two: Tensor, share: Tensor) -> Tensor:
    """Mix ``[N, ...]`` row by row; exactly the one at a share of 0 and the other at 1."""
    share = share.to(one.dtype).view(-1, *[1] * (one.dim() - 1))
    return (1 - share) * one + share * two


def trace(
    z: Tensor,
    c: Tensor | None,
    slots: Sequence[Slot],
    frames: int,
    *,
    path: str = "auto",
    loop: str = "none",
    ease: str = "linear",
    class_path: str = "mix",
) -> Track:
    """Return the frames of a path through keyframes ``z [K, D]`` with their conditions ``c``; see ``paths``."""
    closed = loop == "closed"
    u = paths.positions(len(z), frames, loop, ease)
    latents = paths.walk(z, u, slots, path, closed)
    if c is None:
        return Track(latents)
    ring = torch.cat([c, c[:1] if closed else c[-1:]])
    here = u.long()
    return Track(latents, **conditions(ring[here], ring[here + 1], u - here, class_path))


def conditions(one: Tensor | None, two: Tensor | None, share: Tensor, way: str = "mix") -> dict[str, Tensor | None]:
    """Return the condition of a ``Track`` a share ``[N]`` of the way from ``one`` to ``two``, row by row.

    Attributes are mixed as numbers. Classes that differ are mixed by the generator; ``hold`` keeps either label to the
    middle.
    """
    if one is None or two is None or torch.equal(one, two):
        return {"c": one}
    if way == "hold":
        first = share < 0.5
        return {"c": torch.where(first.view(-1, *[1] * (one.dim() - 1)), one, two)}
    if one.is_floating_point():
        return {"c": paths.lerp(one, two, share)}
    return {"c": one, "other": two, "share": share}


@dataclass(frozen=True)
class Film:
    """Frames of S pictures each, uint8 ``[N, S, H, W, C]``, or vectors ``[N, S, D]``.

    ``steps`` holds the root mean square change from each frame to the next, of pixels in levels of 0 to 255, of vectors
    in their own units. The last step of a closed film leads back to the first frame; a ping-pong is not closed, since
    its way back shows the steps of its way there.
    """

    pixels: np.ndarray[Any, Any]
    steps: tuple[float, ...]
    closed: bool

    @property
    def seam(self) -> float | None:
        """The step from the last frame to the first over the median step; None for an open film or a still one."""
        return self._ratio(self.steps[-1]) if self.closed else None

    @property
    def smoothness(self) -> float | None:
        """The longest step over the median step: 1 is a steady film. None for a still one."""
        return self._ratio(max(self.steps)) if self.steps else None

    def _ratio(self, step: float) -> float | None:
        middle = float(np.median(self.steps))
        return step / middle if middle > 0 else None


def shoot(frames: Iterable[Tensor], closed: bool = False) -> Film:
    """Take frames ``[S, C, H, W]`` or ``[S, D]`` in [-1, 1] one after the other, and measure the steps between them."""
    taken: list[np.ndarray[Any, Any]] = []
    steps: list[float] = []
    first = last = None
    for frame in frames:
        if last is None:
            first = frame
        else:
            steps.append(_step(last, frame))
        taken.append(to_uint8(frame) if frame.dim() == 4 else frame.numpy())
        last = frame
    if closed and first is not None and last is not None:
        steps.append(_step(last, first))
    return Film(np.stack(taken), tuple(steps), closed)


def _step(one: Tensor, two: Tensor) -> float:
    change = one - two if one.dim() == 2 else 127.5 * (one.clamp(-1, 1) - two.clamp(-1, 1))
    return float(change.square().mean().sqrt())
