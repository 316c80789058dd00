"""Checks of kind ``dataset``: what ``describe()`` says is what ``load()`` gives."""

from __future__ import annotations

import numpy as np

from gantool.errors import UserError
from gantool.interfaces import Condition, DataInfo, Samples
from gantool.testing.case import Case, require

__all__ = [
    "check_description_agrees_with_the_data",
    "check_labels_fit_their_names",
    "check_loading_again_gives_the_same",
    "check_missing_root_is_said",
]


def check_description_agrees_with_the_data(case: Case) -> None:
    """Require the described shape and length: uint8 pictures or finite float32 vectors, factors for each."""
    info, samples = _both(case)
    found = (samples.values.shape, str(samples.values.dtype))
    expected = ((info.length, *info.shape), "uint8" if len(info.shape) == 3 else "float32")
    require(len(info.shape) in (1, 3), f"the shape is {info.shape}; (C, H, W) or (D,)")
    require(found == expected, f"load() gives {found}, describe() says {expected}")
    require(info.length > 0, "holds no example")
    require(len(info.shape) == 3 or bool(np.isfinite(samples.values).all()), "a vector is not finite")
    for name, values in samples.factors.items():
        fits = values.shape == (info.length,) and values.dtype == np.float32 and bool(np.isfinite(values).all())
        require(fits, f"the factor {name!r} is {values.dtype} {values.shape}; finite float32 [N]")


def check_labels_fit_their_names(case: Case) -> None:
    """Require int64 classes within their names, or finite float32 attributes, one column for each name."""
    info, samples = _both(case)
    condition, labels = info.condition, samples.labels
    if condition is None or labels is None:
        require(condition is None and labels is None, "has names without labels, or labels without names")
        return
    _names(condition)
    length = len(samples.values)
    shape = (length,) if condition.kind == "classes" else (length, len(condition))
    dtype = "int64" if condition.kind == "classes" else "float32"
    found = (labels.shape, str(labels.dtype))
    require(found == (shape, dtype), f"labels are {found}, expected {(shape, dtype)}")
    if condition.kind == "classes":
        inside = 0 <= int(labels.min()) <= int(labels.max()) < len(condition)
        require(inside, f"labels run from {labels.min()} to {labels.max()} with {len(condition)} names")
    else:
        require(bool(np.isfinite(labels).all()), "an attribute is not finite")


def _names(condition: Condition) -> None:
    require(len(condition) > 0, "a condition without names")
    require(len(set(condition.names)) == len(condition), f"two names are alike: {condition.names}")
    stray = set(condition.words) - set(condition.names)
    require(not stray, f"words are given for {sorted(stray)}, which are no names")


def check_loading_again_gives_the_same(case: Case) -> None:
    """Require the same examples and fingerprint each time: a resumed run goes on with the same data."""
    (info, samples), (other_info, other) = _both(case), _both(case)
    require(bool(info.fingerprint), "the fingerprint is empty; it should change when the data does")
    require(info == other_info, f"describe() gives {info}, then {other_info}")
    require(np.array_equal(samples.values, other.values), "load() gives other values the second time")
    same = samples.labels is other.labels or np.array_equal(samples.labels, other.labels)  # type: ignore[arg-type]
    require(same, "load() gives other labels the second time")


def _both(case: Case) -> tuple[DataInfo, Samples]:
    dataset = case.create()
    return dataset.describe(), dataset.load()


def check_missing_root_is_said(case: Case) -> None:
    """Require a UserError, which says what to type, where the option ``root`` is not given."""
    try:
        case.create().describe()
    except UserError as error:
        require(bool(error.allowed or error.hint), f"says only: {error}; add what is allowed or what to type next")
    else:
        raise AssertionError("describe() works without a root; give a small one by options=, so that it is checked")
