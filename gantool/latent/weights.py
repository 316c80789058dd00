"""From one model to another: by blending the weights of relatives, or by a dissolve between the pictures of strangers.

Networks that were trained apart do the same work with other units, so the mean of their weights does none of it
(Wang et al. 2019, Deep Network Interpolation, blend a network with its own fine-tuned child). How far two are apart is
measured before: a child lies near its parent, independent networks at right angles to one another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from gantool.errors import OptionError
from gantool.latent import seeds as seeding
from gantool.latent.frames import Track, conditions
from gantool.latent.model import SIDE, Model
from gantool.networks import ConditionedGenerator

__all__ = ["RELATED", "Kinship", "Recalibration", "blend", "check_fit", "dissolve", "kinship", "weight_path"]

RELATED = 0.5
"""The largest relative distance of relatives. Independent networks are at sqrt(2), whatever their size."""
BATCHES = 4  # of the prior's latents, to measure batch statistics with
EPS = 1e-5  # added to a variance as batch norms do: that of a dead unit is 0
SHOWN = 3  # differences named in a message


Statistics = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Kinship:
    """How two models are related: ``why`` says why their weights cannot or should not be blended; empty: they can.

    ``distance`` is None where the tensors do not fit each other.
    """

    distance: float | None
    why: str = ""
    remark: str = ""  # on their labels


def kinship(a: Model, b: Model) -> Kinship:
    """Compare two models: first their tensors' shapes, then ||a - b|| over the root mean square of both norms.

    Only weights of two and more dimensions count: gains and biases start equal in every network.
    """
    names = [None if model.condition is None else model.condition.names for model in (a, b)]
    remark = "" if names[0] == names[1] else "their labels differ, so each draws its own for a seed"
    if not _fit(a, b):
        return Kinship(None, f"they are not built alike: {_differences(a, b)}", remark)
    other = dict(b.G.named_parameters())
    pairs = [(p.double(), other[name].double()) for name, p in a.G.named_parameters() if p.dim() > 1]
    apart = sum(float((p - q).square().sum()) for p, q in pairs)
    size = sum(float(p.square().sum() + q.square().sum()) for p, q in pairs) / 2
    distance = (apart / size) ** 0.5 if size else 0.0
    if distance > RELATED:
        return Kinship(distance, f"their weights are {distance:.2f} apart, relatives at most {RELATED}", remark)
    return Kinship(distance, "", remark)


def _fit(a: Model, b: Model) -> bool:
    one, two = ({name: tensor.shape for name, tensor in model.G.state_dict().items()} for model in (a, b))
    return one == two and a.prior.slots == b.prior.slots


def _differences(a: Model, b: Model) -> str:
    """Name the settings of the networks that differ, as ``arch.channels 32 and 64``."""
    trees = [
        {
            **{f"{section}.{key}": value for section in ("arch", "condition") for key, value in tree[section].items()},
            "samples": " x ".join(map(str, model.shape)),
            "prior": ", ".join(f"{slot.dim} {slot.distribution}" for slot in model.prior.slots),
            "labels": len(model.condition or ()),
        }
        for model, tree in ((model, model.config.tree()) for model in (a, b))
    ]
    keys = [key for key in {**trees[0], **trees[1]} if trees[0].get(key) != trees[1].get(key)]
    said = [f"{key} {trees[0].get(key)} and {trees[1].get(key)}" for key in keys[:SHOWN]]
    return ", ".join(said) or "their tensors have other names or shapes"


def blend(a: ConditionedGenerator, b: ConditionedGenerator, t: float) -> ConditionedGenerator:
    """Return (1 - t) a + t b over all parameters and buffers; whole numbers are those of the nearer network."""
    mixed = {}
    other = b.state_dict()
    for name, tensor in a.state_dict().items():
        near = tensor if t < 0.5 else other[name]
        mixed[name] = (1 - t) * tensor + t * other[name] if tensor.is_floating_point() else near
    G = deepcopy(a)
    G.load_state_dict(mixed)
    return G


class Recalibration:
    """Measures the batch norms' statistics of blends anew: those of a blend are not the blend of those of its ends.

    (As for weight averages, Izmailov et al. 2018.) What a model keeps is a running average over its training, and
    differs a little from what is measured; a blend gets its share of either end's difference, so that no step is seen
    between an end, which stays as it is, and the first blend.
    """

    def __init__(self, a: Model, b: Model, seed: int = 0) -> None:
        self.model = a
        self.seed = seed
        self.drifts: list[Statistics] = [self._drift(model.G) for model in (a, b)]

    def _drift(self, G: ConditionedGenerator) -> Statistics:
        """Return, for each batch norm, kept minus measured mean, and the log of kept over measured variance."""
        pairs = zip(_statistics(G), self.measure(G), strict=True)
        return [(mean - found, ((var + EPS) / (spread + EPS)).log()) for (mean, var), (found, spread) in pairs]

    @torch.no_grad()
    def measure(self, G: ConditionedGenerator) -> Statistics:
        """Return the mean and variance at each batch norm over latents of the prior, averaged over batches."""
        probe = deepcopy(G)
        for norm in _norms(probe):
            norm.reset_running_stats()
            norm.momentum = None  # a cumulative average
            norm.train()
        count = BATCHES * SIDE
        z = self.model.prior.draw(count, seeding.generator(self.seed, "recalibrate"))
        c = self.model.labels(range(count))
        for start in range(0, count if _norms(probe) else 0, SIDE):
            part = slice(start, start + SIDE)
            probe(z[part], None if c is None else c[part])
        return _statistics(probe)

    def apply(self, G: ConditionedGenerator, t: float) -> None:
        """Give a blend at ``t`` its statistics."""
        norms, measured = _norms(G), self.measure(G)
        for norm, (mean, var), one, two in zip(norms, measured, *self.drifts, strict=True):
            norm.running_mean = mean + (1 - t) * one[0] + t * two[0]
            norm.running_var = ((var + EPS) * ((1 - t) * one[1] + t * two[1]).exp() - EPS).clamp(min=0)


def _norms(G: ConditionedGenerator) -> list[_BatchNorm]:
    return [module for module in G.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]


def _statistics(G: ConditionedGenerator) -> Statistics:
    kept = ((norm.running_mean, norm.running_var) for norm in _norms(G))
    return [(mean, var) for mean, var in kept if mean is not None and var is not None]


def check_fit(a: Model, b: Model) -> None:
    """Raise OptionError, with what differs, where the tensors of two models do not fit each other."""
    if not _fit(a, b):
        given = f"{a.path} and {b.path} are not built alike: {_differences(a, b)}"
        raise OptionError("--path weights", given, "tensors of the same shapes", "leave --path out for a dissolve")


def weight_path(
    a: Model, b: Model, seeds: Sequence[int], shares: Sequence[float], bn: str = "recalibrate"
) -> Iterator[Tensor]:
    """Yield the pictures ``[S, C, H, W]`` of the seeds under the blend at each share; 0 and 1 are the models.

    ``bn``: batch norms' statistics of blends are measured anew, or else blended (``keep``). A share that comes back, as
    in a loop, is drawn once.
    """
    z, labels = a.latents(seeds), (a.labels(seeds), b.labels(seeds))
    recalibration = Recalibration(a, b) if bn == "recalibrate" else None
    drawn: dict[float, Tensor] = {}
    for t in shares:
        if t not in drawn:
            G = a.G if t <= 0 else b.G if t >= 1 else blend(a.G, b.G, t)
            if recalibration and 0 < t < 1:
                recalibration.apply(G, t)
            track = Track(z, **conditions(*labels, torch.full((len(z),), t, dtype=torch.float64)))
            drawn[t] = torch.cat(list(track.batches(G)))
        yield drawn[t]


def dissolve(a: Model, b: Model, seeds: Sequence[int], shares: Sequence[float]) -> Iterator[Tensor]:
    """Yield, at each share, the mean of both models' pictures of the seeds: ``[S, C, H, W]``.

    Smaller pictures are enlarged and grey ones coloured where the models differ.
    """
    pictures = [model.samples(model.latents(seeds), model.labels(seeds)) for model in (a, b)]
    channels = max(picture.shape[1] for picture in pictures)
    if len({picture.shape[1] for picture in pictures}) > 1:
        pictures = [_coloured(picture, 3 if channels > 2 else 1) for picture in pictures]
    height, width = (max(picture.shape[side] for picture in pictures) for side in (2, 3))
    one, two = (
        x if x.shape[2:] == (height, width) else F.interpolate(x, (height, width), mode="bilinear") for x in pictures
    )
    for t in shares:
        yield one if t <= 0 else two if t >= 1 else (1 - t) * one + t * two


def _coloured(x: Tensor, channels: int) -> Tensor:
    """Return pictures of 1 or 3 channels; an alpha channel is left out."""
    return x[:, :1].expand(-1, channels, -1, -1) if x.shape[1] < 3 else x[:, :3]
