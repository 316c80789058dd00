"""The built-in extractors of features, listed without importing them."""

from __future__ import annotations

from gantool import Component
from gantool_classic.extractors.settings import ClassifierOptions, EfficientnetOptions, InceptionOptions

__all__ = ["COMPONENTS"]

COMPONENTS = (
    Component(
        kind="extractor",
        name="classifier",
        target="gantool_classic.extractors.scorer:Classifier",
        options=ClassifierOptions,
        summary="What the last layer sees of a classifier that gantool trained, best on the same data.",
    ),
    Component(
        kind="extractor",
        name="efficientnet-lite0",
        target="gantool_classic.extractors.scorer:Efficientnet",
        options=EfficientnetOptions,
        summary="1280 features of a small ImageNet network; its weights are a package of their own.",
    ),
    Component(
        kind="extractor",
        name="inception",
        target="gantool_classic.extractors.inception:Inception",
        options=InceptionOptions,
        summary="2048 features of InceptionV3 as published figures use them, from torch-fidelity.",
    ),
)
