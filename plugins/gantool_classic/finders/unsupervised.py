"""Directions without labels: from what the samples vary in, from the first layer's weights, from the prior's codes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from gantool import Direction, Evidence, Options, Slot, UserError
from gantool_classic.finders.settings import Needs, PcaOptions, SefaOptions

NOISE = "noise"  # the slot of z that every model has; codes are the others
BATCH = 64
Layer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d


class Pca:
    """GANSpace (Härkönen et al. 2020): principal components of the samples, then z regressed on them.

    The feature is the picture itself, averaged down, which every generator has. What a condition explains is taken
    out first: a direction in z cannot change it.
    """

    needs: Needs = ("z",)

    def __init__(self, options: PcaOptions) -> None:
        self.options = options

    def find(self, evidence: Evidence) -> list[Direction]:
        """Return ``pca1``, ``pca2``, ...; ``variance`` is the share of the samples' variance."""
        z = evidence.z.double()
        features = _without(evidence.c, self._features(evidence))
        u, s, _ = torch.linalg.svd(features, full_matrices=False)
        count = min(self.options.count, int((s > s[0] * 1e-6).sum()))
        coordinates = u[:, :count]  # orthonormal, so that their least squares are plain products
        rows = _signed(coordinates.T @ (z - z.mean(0)))
        shares = s.square() / s.square().sum()
        return [
            Direction(f"pca{number + 1}", row.float(), None, {"variance": float(shares[number])})
            for number, row in enumerate(rows)
        ]

    @torch.no_grad()
    def _features(self, evidence: Evidence) -> Tensor:
        """Return the samples as ``[N, F]``."""
        parts = []
        for start in range(0, len(evidence.z), BATCH):
            rows = slice(start, start + BATCH)
            x = evidence.G(evidence.z[rows], None if evidence.c is None else evidence.c[rows])
            if x.dim() == 4 and self.options.pool is not None:
                x = nn.functional.adaptive_avg_pool2d(
                    x, (min(x.shape[2], self.options.pool), min(x.shape[3], self.options.pool))
                )
            parts.append(x.flatten(1).double())
        return torch.cat(parts)


class Sefa:
    """SeFa (Shen & Zhou 2021): eigenvectors of ``A'A`` for the first layer ``y = A z + b``."""

    needs: Needs = ()

    def __init__(self, options: SefaOptions) -> None:
        self.options = options

    def find(self, evidence: Evidence) -> list[Direction]:
        """Return ``sefa1``, ``sefa2``, ...; ``gain`` is how much the layer stretches the direction."""
        weight = first_weights(evidence).double()
        weight[_categorical(evidence.slots)] = 0.0  # a one-hot part is no direction to walk along
        if self.options.normalise:
            weight = nn.functional.normalize(weight, dim=0)
        values, vectors = torch.linalg.eigh(weight @ weight.T)
        vectors[_categorical(evidence.slots)] = 0.0  # rounding may leave a trace
        order = values.argsort(descending=True)[: self.options.count]
        rows = _signed(vectors.T[order])
        return [
            Direction(f"sefa{number + 1}", row.float(), None, {"gain": float(values[index].clamp_min(0).sqrt())})
            for number, (index, row) in enumerate(zip(order, rows, strict=True))
            if bool(values[index] > values[-1] * 1e-9)
        ]


class Codes:
    """The coordinates of the prior's codes, which training has tied to features."""

    needs: Needs = ()

    def __init__(self, options: Options) -> None: ...

    def find(self, evidence: Evidence) -> list[Direction]:
        """Return one direction for each number of a code, and for each category one away from all others.

        Raises UserError where all of z is noise.
        """
        found = [one for slot, start in _placed(evidence.slots) for one in _of_slot(slot, start, evidence.z.shape[1])]
        if not found:
            hint = "type: gantool direction find MODEL --method pca"
            raise UserError("--method codes", "all of this model's z is noise", "a model trained with codes", hint)
        return found


def _of_slot(slot: Slot, start: int, width: int) -> Iterator[Direction]:
    if slot.name == NOISE:
        return
    part = slice(start, start + slot.dim)
    for number in range(slot.dim):
        vector, middle = torch.zeros(width), 0.0
        if slot.distribution == "categorical":
            vector[part] = -1.0 / slot.dim
            middle = 0.5 - 1.0 / slot.dim  # between 1 - 1/K in its category and -1/K in all others
        vector[start + number] += 1.0
        if bool(vector.any()):  # a single category is always there
            yield Direction(slot.name if slot.dim == 1 else f"{slot.name}{number + 1}", vector, 0.0 - middle)


def first_weights(evidence: Evidence) -> Tensor:
    """Return the weights ``[D, outputs]`` of the first layer that is shown all of z.

    Which of its inputs are z's is told from what it is given, so that labels beside z fall out. Raises UserError where
    no linear layer or convolution sees z.
    """
    count, width = min(4, len(evidence.z)), evidence.z.shape[1]
    z = torch.randn(count, width, generator=torch.Generator().manual_seed(evidence.seed))
    seen: list[tuple[Layer, Tensor]] = []
    layers = [part for part in evidence.network.modules() if isinstance(part, Layer) and not _grouped(part)]
    hooks = [layer.register_forward_pre_hook(lambda part, given: seen.append((part, given[0]))) for layer in layers]
    try:
        with torch.no_grad():
            evidence.G(z.to(evidence.z), None if evidence.c is None else evidence.c[:count])
    finally:
        for hook in hooks:
            hook.remove()
    for layer, given in seen:
        if (columns := _columns(given, z.to(given))) is not None:
            return _by_input(layer)[columns]
    hint = "type: gantool direction find MODEL --method pca"
    raise UserError("--method sefa", "no linear layer of this generator is shown z as it is", "another method", hint)


def _columns(given: Tensor, z: Tensor) -> Tensor | None:
    """Return where each coordinate of z stands among a layer's inputs, or None where one is missing."""
    if given.dim() not in (2, 4) or given.shape[0] != len(z) or given[0].numel() != given.shape[1]:
        return None
    equal = (given.flatten(1)[:, :, None] == z[:, None, :]).all(0)  # [inputs, D]
    return equal.int().argmax(0) if bool(equal.any(0).all()) else None


def _by_input(layer: Layer) -> Tensor:
    """Return a layer's weights with one row for each input."""
    weight = layer.weight.detach()
    return (weight if isinstance(layer, nn.ConvTranspose2d) else weight.transpose(0, 1)).flatten(1)


def _grouped(layer: Layer) -> bool:
    return not isinstance(layer, nn.Linear) and layer.groups != 1


def _placed(slots: tuple[Slot, ...]) -> Iterator[tuple[Slot, int]]:
    """Yield each slot with the first of its coordinates."""
    start = 0
    for slot in slots:
        yield slot, start
        start += slot.dim


def _categorical(slots: tuple[Slot, ...]) -> Tensor:
    """Return a mask ``[D]`` of the coordinates that belong to categories."""
    return torch.cat([torch.full((slot.dim,), slot.distribution == "categorical") for slot in slots])


def _signed(rows: Tensor) -> Tensor:
    """Fix the sign of each row, which is arbitrary: its largest coordinate is positive."""
    largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    return rows * torch.where(largest < 0, -1.0, 1.0)


def _without(c: Tensor | None, features: Tensor) -> Tensor:
    """Centre features ``[N, F]``; where there is a condition, take out what it explains linearly."""
    features = features - features.mean(0)
    if c is None:
        return features
    labels = nn.functional.one_hot(c) if c.dim() == 1 else c
    labels = labels.to(features) - labels.to(features).mean(0)
    u, s, _ = torch.linalg.svd(labels, full_matrices=False)
    u = u[:, s > s[0] * 1e-9]
    explained: Tensor = u @ (u.T @ features)
    return features - explained
