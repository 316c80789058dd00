"""Real or fake? What a model's own discriminator says of pictures, of real examples and of generated samples.

D is in eval mode, so that a score is that of one picture alone: a batch norm uses the running statistics of its
training, where it saw a batch of real or of generated pictures at a time, and may tell them apart worse than it did
there. All pictures have the 256 levels of a file; the levels alone would give unrounded samples away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gantool.errors import DataError, FileError, OptionError, UserError
from gantool.evaluation.extraction import floats, rounded
from gantool.files.pictures import read_picture
from gantool.files.progress import remark
from gantool.interfaces import Condition, Dataset, Samples
from gantool.latent import seeds as seeding
from gantool.latent.locate import find_model
from gantool.latent.model import Model, are_labels
from gantool.networks import used_condition
from gantool.registry import Registry
from gantool.render.provenance import read_single

__all__ = [
    "Verdicts",
    "Watch",
    "auc",
    "carried_labels",
    "score_generated",
    "score_pictures",
    "score_real",
    "share_below",
]

AT_ONCE = 64  # pictures in one pass through D
FEW = 4  # samples that show whether D looks at labels
Watch = Callable[[int], object]  # told of each n more that are done


@dataclass(frozen=True)
class Verdicts:
    """D's raw scores ``[N]`` of pictures, and the labels ``[N]`` or ``[N, A]`` that they were scored with.

    ``labels`` is None where D looks at none. ``tried [N]`` marks the pictures that have the class which scores them
    highest.
    """

    scores: Tensor
    labels: Tensor | None
    tried: Tensor


def score_pictures(
    D: nn.Module, model: Model, paths: Sequence[Path], labels: Sequence[Tensor | None], watch: Watch = lambda n: None
) -> Verdicts:
    """Score picture files, each cut and resized to the model's shape, with its label ``[]`` or ``[A]``.

    Where a label is None and D looks at classes, each class is tried. Raises FileError for what is no picture, and
    OptionError where D looks at attributes and a picture has none.
    """
    looks = _looks_at_labels(D, model)
    if looks and model.condition is not None and model.condition.kind == "attributes":
        _check_known(paths, labels, model.condition)
    scores, taken = [], []
    for start in range(0, len(paths), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        x = floats(torch.from_numpy(np.stack([read_picture(path, model.shape) for path in paths[part]])))
        c = model.labels([0] * len(x))  # any will do for a D that does not look
        if looks:
            known = zip(x, labels[part], strict=True)
            c = torch.stack([_best_class(D, model, one) if label is None else label for one, label in known])
            taken.append(c)
        scores.append(_score(D, model, x, c))
        watch(len(x))
    tried = torch.tensor([looks and label is None for label in labels])
    return Verdicts(torch.cat(scores), torch.cat(taken) if looks else None, tried)


def score_generated(D: nn.Module, model: Model, count: int, watch: Watch = lambda n: None) -> Tensor:
    """Return the raw scores ``[count]`` of the model's samples of the seeds from 0, each with its own label."""
    seeds = range(count)
    c = model.labels(seeds)
    scores: list[Tensor] = []
    for x in model.batches(model.latents(seeds), c, AT_ONCE):
        first = len(scores) * AT_ONCE
        x = rounded(x) if len(model.shape) == 3 else x
        scores.append(_score(D, model, x, None if c is None else c[first : first + len(x)]))
        watch(len(x))
    return torch.cat(scores)


def score_real(D: nn.Module, model: Model, count: int, watch: Watch = lambda n: None) -> Tensor:
    """Return the raw scores of at most ``count`` examples of the model's data, drawn by a fixed seed.

    Says so where they are not those that it was trained on. Raises UserError where the data cannot be read or is not
    like the model's.
    """
    samples = _data(model)
    random = seeding.generator(0, "scored examples")
    rows = torch.randperm(len(samples.values), generator=random)[:count].sort().values
    scores = []
    for part in (chunk.numpy() for chunk in torch.split(rows, AT_ONCE)):
        c = None
        if model.condition is not None and samples.labels is not None:
            c = torch.from_numpy(samples.labels[part])
        scores.append(_score(D, model, floats(torch.from_numpy(samples.values[part])), c))
        watch(len(part))
    return torch.cat(scores)


def carried_labels(model: Model, paths: Sequence[Path], registry: Registry) -> list[Tensor | None]:
    """Return the label ``[]`` or ``[A]`` that each picture carries, and None where it carries none.

    Those of the model and of other models with the same names count. Raises FileError for a grid of samples.
    """
    same = {model.hash: True}
    labels: list[Tensor | None] = []
    for path in paths:
        made = read_single(path)
        labels.append(None)
        if made is None or made["c"] is None or not len(made["c"]) or model.condition is None:
            continue
        c, maker = torch.from_numpy(made["c"]), made["model"]
        if maker not in same:
            same[maker] = _same_names(maker, path, model.condition, registry)
        if same[maker] and are_labels(c, model.condition):
            labels[-1] = c[0]
    return labels


def share_below(scores: Tensor, among: Tensor) -> Tensor:
    """Return for each of the scores ``[N]`` the share of ``among [M]`` that is lower."""
    return torch.searchsorted(among.sort().values, scores.contiguous()).double() / len(among)


def auc(real: Tensor, fake: Tensor) -> float:
    """Return the share of pairs of a real and a fake in which the real one scores higher, a tie being half a pair.

    It is the area under the ROC curve (Mann & Whitney 1947; Hanley & McNeil 1982).
    """
    ordered = fake.sort().values
    lower, up_to = (torch.searchsorted(ordered, real.contiguous(), right=right).double() for right in (False, True))
    return float((lower + up_to).mean() / (2 * len(fake)))


@torch.inference_mode()
def _score(D: nn.Module, model: Model, x: Tensor, c: Tensor | None) -> Tensor:
    """Return raw scores ``[N]``. Raises FileError where one is not finite."""
    scores: Tensor = D(x, c).float()
    if not scores.isfinite().all():
        given = "its discriminator gives scores that are not finite"
        raise FileError(str(model.path), given, "a run that did not diverge", "try an earlier checkpoint of it")
    return scores


def _looks_at_labels(D: nn.Module, model: Model) -> bool:
    """Whether D scores a few samples otherwise with another label: some conditionings tell G alone."""
    if model.condition is None:
        return False
    seeds = range(FEW)
    x = model.samples(model.latents(seeds), model.labels(seeds))
    width, by_class = len(model.condition), model.condition.kind == "classes"
    ends = torch.tensor([0, width - 1]) if by_class else torch.tensor([[0.0], [1.0]]).expand(2, width)
    first, last = (_score(D, model, x, row.expand(len(x), *row.shape)) for row in ends)
    return not torch.equal(first, last)


def _check_known(paths: Sequence[Path], labels: Sequence[Tensor | None], condition: Condition) -> None:
    """Refuse a picture whose attributes nobody stated: there are too many combinations to try."""
    for path, label in zip(paths, labels, strict=True):
        if label is None:
            given = f"was not given, and the discriminator looks at attributes, which {path} does not state"
            raise OptionError("--with", given, f"known: {', '.join(condition.names)}", "type: --with NAME")


def _best_class(D: nn.Module, model: Model, x: Tensor) -> Tensor:
    """Return the class ``[]`` with which D scores one picture ``[C, H, W]`` highest."""
    classes = torch.arange(len(model.condition or ()))
    parts = torch.split(classes, AT_ONCE)
    return torch.cat([_score(D, model, x.expand(len(part), *x.shape), part) for part in parts]).argmax()


def _data(model: Model) -> Samples:
    """Read the model's data. Raises DataError where its shape or its names are not the model's."""
    dataset: Dataset = model.config.create("data")
    info, samples = dataset.describe(), dataset.load()
    where, hint = f"--data {model.config.name('data')}", "give the data of its training"
    if tuple(info.shape) != model.shape or not len(samples.values):
        given = f"holds {len(samples.values)} examples of {' x '.join(map(str, info.shape))}"
        raise DataError(where, given, f"the model knows {' x '.join(map(str, model.shape))}", hint)
    known = used_condition(model.config, info.condition)
    if model.condition is not None and not model.condition.is_like(known):
        raise DataError(where, "its labels have other names than the model's", ", ".join(model.condition.names), hint)
    if model.fingerprint and info.fingerprint != model.fingerprint:
        remark("These are not the examples that the model was trained on.")
    return samples


def _same_names(maker: str, path: Path, condition: Condition, registry: Registry) -> bool:
    """Whether the model that made a picture is found, and is conditioned on the same names."""
    try:
        return condition.is_like(find_model(maker, path, registry=registry).condition)
    except UserError:
        return False
