"""What a classifier says of the samples: whether each is of the class that was asked for, and which are missing."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from gantool import Figure, Judged, Options, Subject
from gantool_classic.metrics.extra import scipy_stats, share_interval
from gantool_classic.metrics.settings import ModesOptions

__all__ = ["ClassAccuracy", "Modes"]

TRAIN = "gantool classifier train --data NAME -o FILE, then --extractor FILE"


class ClassAccuracy:
    """Share of the samples that an independent classifier gives the class they were asked for."""

    needs: tuple[Literal["extractor"], ...] = ("extractor",)
    packages: tuple[str, ...] = ("scipy",)
    better = "higher"
    where = "--metrics class-accuracy"

    def __init__(self, options: Options) -> None:
        scipy_stats(self.where)

    def refuses(self, subject: Subject) -> str | None:
        """Refuse a model without classes, and an extractor that does not know them."""
        if subject.labels is None:
            return "the model was asked for no class; it needs one trained with --condition on labelled data"
        if subject.condition is None or subject.condition.kind != "classes":
            return "the model knows attributes, not classes"
        return _unknown(subject)

    def measure(self, subject: Subject) -> Figure:
        """Return the share over all samples, with that of each class."""
        labels, logits, condition = subject.labels, subject.fake.logits, subject.condition
        assert labels is not None  # refused else
        assert logits is not None
        assert condition is not None
        right = _classes(subject, logits) == labels
        details = {
            name: float(right[labels == number].float().mean())
            for number, name in enumerate(condition.names)
            if (labels == number).any()
        }
        hits = int(right.sum())
        return Figure(hits / len(right), *share_interval(hits, len(right), self.where), details=details)


class Modes:
    """How many modes of the data the samples cover.

    Of points: the modes with a sample of high quality, which is within 3 standard deviations of the nearest one (Lin
    et al. 2018, section 4.1). Of pictures: the classes that a tenth of their share in the data falls to, by a
    classifier that judges both sides.
    """

    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    better = "higher"

    def __init__(self, options: ModesOptions) -> None:
        self.options = options

    def refuses(self, subject: Subject) -> str | None:
        """Refuse points whose modes are unknown, and pictures without classes that the extractor knows."""
        if subject.modes is not None:
            return None
        if subject.condition is None or subject.condition.kind != "classes":
            return "needs data with classes, or points whose modes are known as those of --data gaussians"
        return _unknown(subject)

    def measure(self, subject: Subject) -> Figure:
        """Return the number of modes or classes that are covered."""
        return self._classes(subject) if subject.modes is None else self._points(subject)

    def _points(self, subject: Subject) -> Figure:
        assert subject.modes is not None
        x, _ = subject.samples(self.options.count)
        centres = torch.from_numpy(subject.modes.centres).double()
        distance, nearest = torch.cdist(x.double(), centres).min(1)
        good = distance <= self.options.sigmas * subject.modes.sigma
        counts = torch.bincount(nearest[good], minlength=len(centres))
        covered, shares = int((counts > 0).sum()), counts / max(int(good.sum()), 1)
        details = {
            "of": len(centres),
            "points": len(x),
            "high quality": float(good.double().mean()),
            "entropy": _bits(shares),
        }
        return Figure(covered, details=details)

    def _classes(self, subject: Subject) -> Figure:
        shares, expected = _shares(subject, subject.fake), _shares(subject, subject.real)
        covered = (shares >= self.options.share * expected) & (expected > 0)
        details = {"of": int((expected > 0).sum()), "entropy": _bits(shares), "entropy of the data": _bits(expected)}
        return Figure(int(covered.sum()), details=details)


def _unknown(subject: Subject) -> str | None:
    """Say that the extractor does not know the data's classes."""
    names = set(subject.names or ())
    condition = subject.condition
    if condition is not None and set(condition.names) <= names:
        return None
    return f"needs an extractor that tells the data's classes; type: {TRAIN}"


def _shares(subject: Subject, judged: Judged) -> Tensor:
    """Return the share of each of the data's classes, by the classifier."""
    assert judged.logits is not None  # refused else
    found = _classes(subject, judged.logits)
    return torch.bincount(found, minlength=len(subject.condition or ())) / len(found)


def _classes(subject: Subject, logits: Tensor) -> Tensor:
    """Return the data's class int64 ``[N]`` with the highest of its logits."""
    names = subject.names or ()
    columns = [names.index(name) for name in (subject.condition.names if subject.condition else ())]
    return logits[:, columns].argmax(1)


def _bits(shares: Tensor) -> float:
    """Return the entropy of shares in bits."""
    there = shares[shares > 0].double()
    return abs(float((there * there.log()).sum() / math.log(2)))
