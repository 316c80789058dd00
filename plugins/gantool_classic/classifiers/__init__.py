"""The built-in classifiers: one that gantool trains, and one that comes trained. Light: torch is imported on use."""

from __future__ import annotations

from gantool import Component
from gantool_classic.classifiers.settings import ConvnetOptions, EfficientnetOptions

__all__ = ["COMPONENTS"]

COMPONENTS = (
    Component(
        kind="classifier",
        name="convnet",
        target="gantool_classic.classifiers.convnet:Convnet",
        options=ConvnetOptions,
        summary="A small convolutional network, for pictures of any size and for points; trained by gantool.",
    ),
    Component(
        kind="classifier",
        name="efficientnet-lite0",
        target="gantool_classic.classifiers.efficientnet:EfficientnetLite0",
        options=EfficientnetOptions,
        summary="Knows the 1000 ImageNet classes (Tan & Le 2019); its weights are a package of their own.",
    ),
)
