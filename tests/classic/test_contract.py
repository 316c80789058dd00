"""The contract checks that every plugin's author can run, on the built-in plugin."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

import torch

from gantool.files import classifier as classifiers
from gantool.testing import contract_checks
from gantool_classic.classifiers.convnet import Convnet
from gantool_classic.classifiers.settings import ConvnetOptions

SIDE = 16  # of the pictures in the contract's short runs


def untrained_classifier() -> str:
    """Write a classifier of one factor, which a regularizer cannot do without, and return its path."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    torch.manual_seed(0)
    options = {"width": 4, "hidden": 8}
    network = Convnet(ConvnetOptions(**options)).network((3, SIDE, SIDE), 2)
    head = classifiers.Head("attributes", "attributes", ("large", "bright"))
    component = {"name": "convnet", "dist": "gantool", "version": "0", "options": options}
    made = classifiers.TrainedClassifier(component, (3, SIDE, SIDE), (head,), network.state_dict(), {}, 0)
    path = folder / "classifier.safetensors"
    classifiers.write(path, made)
    return str(path)


@contract_checks(
    "gantool_classic",
    options={
        "regularizer classifier": {"file": untrained_classifier(), "features": ["large"]},
        "extractor classifier": {"weights": untrained_classifier()},
    },
    settings={"wgan": {"lipschitz": "gp"}, "auxiliary": {"condition": "slot"}},
)
def test_contract(check):
    check()
