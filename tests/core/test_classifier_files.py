"""The kinds ``classifier`` and ``scores``: what was written is read back, and metadata is not believed."""

from dataclasses import replace

import pytest
import torch

from gantool.errors import FileError
from gantool.files import classifier, envelope, scores
from gantool.files.classifier import Head, TrainedClassifier

COMPONENT = {"name": "convnet", "dist": "gantool", "version": "1", "options": {"width": 2}}
HEADS = (
    Head("classes", "classes", ("ant", "bee"), temperature=1.5, figures={"accuracy": 0.75, "ece": 0.125}),
    Head("value", "size", ("size",), scale=(0.25, 0.5), quantiles=(0.0, 0.5, 1.0), figures={"r2": 0.5}),
)
TRAINED = TrainedClassifier(COMPONENT, (3, 4, 5), HEADS, {"0.weight": torch.ones(3, 2)}, {"name": "noise"}, 7)
SCORES = scores.Scores(
    names=("ant", "size"),
    thresholds=(0.0, 0.5),
    scores=torch.tensor([[1.0, 0.25], [-1.0, 0.75], [0.0, 0.5]]),
    probabilities=torch.tensor([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]]),
    classifier={"hash": "abc", "label": "c"},
    z=torch.arange(6.0).view(3, 2),
    c=torch.tensor([1, 0, 1]),
    model_hash="def",
    seeds=(0, 1, 2),
)


def head(**changes):
    plain = {"kind": "classes", "name": "classes", "names": ["ant", "bee"], "temperature": 1.0}
    return {**plain, "scale": [0.0, 1.0], "quantiles": [], "figures": {}, **changes}


def test_a_classifier_is_read_as_it_was_written(tmp_path):
    classifier.write(tmp_path / "c", TRAINED)
    found = classifier.read(tmp_path / "c")
    assert torch.equal(found.tensors["0.weight"], torch.ones(3, 2))
    assert replace(found, tensors=TRAINED.tensors) == TRAINED
    assert list(envelope.read_header(tmp_path / "c").tensors) == ["network.0.weight"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"heads": []},
        {"heads": 3},
        {"heads": [head(kind="oracle")]},
        {"heads": [head(names=["ant"])]},
        {"heads": [head(names=["ant", "ant"])]},
        {"heads": [head(names=["ant", 3])]},
        {"heads": [head(), head()]},
        {"heads": [head(temperature=0.0)]},
        {"heads": [head(temperature="1")]},
        {"heads": [head(temperature=10**400)]},
        {"heads": [head(scale=[10**400, 1.0])]},
        {"heads": [head(kind="value", names=["v"], quantiles=[0.0, 1e39])]},
        {"heads": [head(figures={"accuracy": 10**400})]},
        {"heads": [head(kind="value", names=["v"])]},
        {"heads": [head(kind="value", names=["v"], quantiles=[1.0, 0.0])]},
        {"heads": [head(kind="value", names=["v"], quantiles=[0.0, 1.0], scale=[0.0, 0.0])]},
        {"heads": [head(kind="circle", names=["h.cos"])]},
        {"heads": [head(figures={"accuracy": "all"})]},
        {"shape": [3, 0, 5]},
        {"shape": [3, 2**20, 2**20]},
        {"shape": [3, 4]},
        {"shape": "3 x 4 x 5"},
        {"component": {"name": 3, "options": {}}},
        {"component": None},
        {"seed": None},
        {"data": None},
    ],
)
def test_metadata_that_no_classifier_has_is_refused(tmp_path, wrong):
    meta = {"component": COMPONENT, "shape": [3, 4, 5], "heads": [head()], "data": {}, "seed": 0, "hash": ""}
    envelope.write(tmp_path / "c", "classifier", {"network.w": torch.ones(2)}, {**meta, **wrong})
    with pytest.raises(FileError, match="its metadata is not that of a classifier"):
        classifier.read(tmp_path / "c")


@pytest.mark.parametrize("part", [SCORES, replace(SCORES, z=None, c=None, seeds=None, sources=("a", "b", "c"))])
def test_scores_are_read_as_they_were_written(tmp_path, part):
    scores.write(tmp_path / "s", part)
    found = scores.read(tmp_path / "s")
    for name in ("scores", "probabilities", "z", "c"):
        one, other = getattr(found, name), getattr(part, name)
        assert one is other or torch.equal(one, other)
    same = dict.fromkeys(("scores", "probabilities", "z", "c"))
    assert replace(found, **same) == replace(part, **same)


@pytest.mark.parametrize(
    "wrong",
    [
        {"names": ("ant",)},
        {"names": ("ant", "ant")},
        {"thresholds": (0.0,)},
        {"thresholds": (0.0, 10**400)},
        {"thresholds": (0.0, "nan")},
        {"scores": torch.tensor(1.0)},
        {"scores": torch.zeros(3)},
        {"scores": torch.zeros(3, 1)},
        {"scores": torch.full((3, 2), torch.nan)},
        {"probabilities": torch.zeros(2, 2)},
        {"z": torch.zeros(2, 2)},
        {"z": torch.zeros(3)},
        {"z": torch.tensor(1.0)},
        {"z": torch.full((3, 2), torch.nan)},
        {"c": torch.zeros(4)},
        {"c": torch.tensor(1)},
        {"seeds": (0, 1)},
        {"sources": ("a",)},
    ],
)
def test_scores_that_do_not_fit_together_are_refused(tmp_path, wrong):
    scores.write(tmp_path / "s", replace(SCORES, **wrong))
    with pytest.raises(FileError, match="holds no scores"):
        scores.read(tmp_path / "s")
