"""Distances between the features of samples and of real pictures. All formulas are torch-fidelity's."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from torch import Tensor

from gantool import Figure, Options, Subject
from gantool_classic.metrics.extra import fidelity, mean_interval, share_interval
from gantool_classic.metrics.settings import KidOptions, NeighbourOptions, ScoreOptions

__all__ = ["Fid", "InceptionScore", "Kid", "Precision", "Recall"]

ROWS = 2000  # of a matrix of distances that are in memory at once


class OfFeatures:
    """A metric of pictures that asks an extractor."""

    needs: tuple[Literal["extractor"], ...] = ("extractor",)
    packages: tuple[str, ...] = ("torch-fidelity", "scipy")

    def refuses(self, subject: Subject) -> str | None:
        """Refuse fewer pictures on either side than the formula needs."""
        there = min(subject.count, subject.real_count)
        return None if there >= self.least else f"needs {self.least} pictures on both sides, and there are {there}"

    @property
    def least(self) -> int:
        """How many pictures the formula needs."""
        return 2


class Fid(OfFeatures):
    """Fréchet distance of two Gaussians with the features' means and covariances (Heusel et al. 2017, equation 6).

    It is biased upwards by few samples, and hardly means anything with fewer of them than features.
    """

    better = "lower"

    def __init__(self, options: Options) -> None:
        self.fidelity: Any = fidelity("metric_fid", "--metrics fid")

    def measure(self, subject: Subject) -> Figure:
        """Return the distance."""
        features = [judged.features.double() for judged in (subject.fake, subject.real)]
        statistics = [self.fidelity.fid_features_to_statistics(part) for part in features]
        found = self.fidelity.fid_statistics_to_metric(*statistics, verbose=False)
        count, width = min(map(len, features)), features[0].shape[1]
        note = ""
        if count <= width:
            short = subject.real_count < subject.count  # all that the data has: no -n gives more
            more = f"{count} real pictures" if short else f"{count} samples"
            other = "use kid" if short else f"use kid, or -n {10 * width}"
            note = f"{more} for {width} features make FID mostly bias; {other}"
        return Figure(found[self.fidelity.KEY_METRIC_FID], note=note)


class Kid(OfFeatures):
    """Squared maximum mean discrepancy under the cubic kernel (Bińkowski et al. 2018, section 4), without bias.

    Its mean over disjoint blocks of samples, which are independent estimates and so have an interval.
    """

    better = "lower"

    def __init__(self, options: KidOptions) -> None:
        self.blocks: int = options.blocks
        self.fidelity: Any = fidelity("metric_kid", "--metrics kid")

    def measure(self, subject: Subject) -> Figure:
        """Return the mean over the blocks and its interval."""
        fake, real = subject.fake.features.double(), subject.real.features.double()
        size = min(len(fake), len(real)) // self.blocks
        parts = [slice(block * size, (block + 1) * size) for block in range(self.blocks)]
        values = [
            self.fidelity.kid_features_to_metric(
                fake[part], real[part], kid_subsets=1, kid_subset_size=size, verbose=False
            )[self.fidelity.KEY_METRIC_KID_MEAN]
            for part in parts
        ]
        return Figure(*mean_interval(values, "--metrics kid"), details={"samples in a block": size})

    @property
    def least(self) -> int:
        """How many pictures the blocks need."""
        return 2 * self.blocks


class Precision(OfFeatures):
    """Share of the samples that lie near real pictures (Kynkäänniemi et al. 2019, equation 2).

    The interval is that of a share, with the region that counts as near held fixed.
    """

    better = "higher"
    side = 0

    def __init__(self, options: NeighbourOptions) -> None:
        self.neighbours: int = options.neighbours
        self.where: str = f"--metrics {type(self).__name__.lower()}"
        fidelity("metric_prc", self.where)

    def measure(self, subject: Subject) -> Figure:
        """Return the share and its interval."""
        share = _precision_and_recall(subject.fake.features, subject.real.features, self.neighbours)[self.side]
        count = len((subject.fake, subject.real)[self.side].features)
        return Figure(share, *share_interval(round(share * count), count, self.where))

    @property
    def least(self) -> int:
        """How many pictures have so many neighbours."""
        return self.neighbours + 2


class Recall(Precision):
    """Share of the real pictures that lie near samples: the same with the sides exchanged."""

    side = 1


@lru_cache(maxsize=1)  # both are asked for, one after the other
def _precision_and_recall(fake: Tensor, real: Tensor, neighbours: int) -> tuple[float, float]:
    module = fidelity("metric_prc", "--metrics precision")
    precision, recall = module.calculate_precision_recall_part(fake, real, neighbours, ROWS)
    return float(precision), float(recall)


class InceptionScore(OfFeatures):
    """How sure each sample's class is and how varied all are (Salimans et al. 2016, section 4), by any extractor."""

    better = "higher"

    def __init__(self, options: ScoreOptions) -> None:
        self.splits: int = options.splits
        self.fidelity: Any = fidelity("metric_isc", "--metrics is")

    def refuses(self, subject: Subject) -> str | None:
        """Refuse an extractor without classes, and fewer than two samples in a split, where the score is 1 whatever."""
        if subject.names is None:
            return "needs an extractor that tells classes; type: gantool components extractor"
        least = 2 * self.splits
        return None if subject.count >= least else f"needs {least} samples, two for each split; give -n {least}"

    def measure(self, subject: Subject) -> Figure:
        """Return the mean over the splits and its interval."""
        logits = subject.fake.logits
        assert logits is not None  # refused else
        parts = logits.tensor_split(self.splits)
        values = [
            self.fidelity.isc_features_to_metric(part, 1, False)[self.fidelity.KEY_METRIC_ISC_MEAN] for part in parts
        ]
        return Figure(*mean_interval(values, "--metrics is"))
