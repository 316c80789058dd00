"""The built-in datasets, listed without importing them."""

from __future__ import annotations

from gantool import Component
from gantool_classic.datasets import settings

__all__ = ["COMPONENTS"]

HOME = "gantool_classic.datasets"

COMPONENTS: list[Component] = [
    Component(
        kind="dataset",
        name="shapes",
        target=f"{HOME}.shapes:Shapes",
        summary="Coloured circles, squares and triangles, drawn in memory, with exactly known factors.",
        options=settings.ShapesOptions,
    ),
    Component(
        kind="dataset",
        name="gaussians",
        target=f"{HOME}.gaussians:Gaussians",
        summary="2-D points in modes on a ring or a grid, to count the modes that a model covers.",
        options=settings.GaussiansOptions,
    ),
    Component(
        kind="dataset",
        name="folder",
        target=f"{HOME}.folder:Folder",
        summary="A folder of pictures; its sub-folders are the classes.",
        options=settings.FolderOptions,
    ),
    Component(
        kind="dataset",
        name="packed",
        target=f"{HOME}.packed:Packed",
        summary="A pack file, as gantool data pack writes it.",
        options=settings.PackedOptions,
    ),
    Component(
        kind="dataset",
        name="mnist",
        target=f"{HOME}.mnist:Mnist",
        summary="Handwritten digits from IDX files, 28x28 grey (LeCun et al. 1998).",
        options=settings.IdxOptions,
    ),
    Component(
        kind="dataset",
        name="fashion-mnist",
        target=f"{HOME}.mnist:FashionMnist",
        summary="Clothes from IDX files, 28x28 grey (Xiao et al. 2017).",
        options=settings.IdxOptions,
    ),
    Component(
        kind="dataset",
        name="cifar10",
        target=f"{HOME}.cifar:Cifar10",
        summary="Photographs of ten kinds of things, 32x32 RGB (Krizhevsky 2009).",
        options=settings.Cifar10Options,
    ),
    Component(
        kind="dataset",
        name="celeba",
        target=f"{HOME}.celeba:Celeba",
        summary="Aligned faces with 40 attributes (Liu et al. 2015).",
        options=settings.CelebaOptions,
    ),
]
