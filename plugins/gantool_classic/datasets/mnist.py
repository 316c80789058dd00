"""The datasets ``mnist`` and ``fashion-mnist``: four IDX files, gzipped or not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gantool.errors import DataError, FileError
from gantool.files.pack_writer import PackReport
from gantool.files.packing import pack_loaded
from gantool.files.progress import Tick
from gantool.interfaces import Condition, DataInfo, Samples
from gantool_classic.datasets.download import download
from gantool_classic.datasets.idx import read_idx, read_idx_shape
from gantool_classic.datasets.listing import given_root
from gantool_classic.datasets.pictures import resize
from gantool_classic.datasets.settings import IdxOptions
from gantool_classic.datasets.subset import thinned

__all__ = ["FashionMnist", "Mnist"]

Array = np.ndarray[Any, Any]

PREFIXES = {"train": "train", "test": "t10k"}
FIRST = 256  # pictures that the fingerprint covers, besides all labels
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CLOTHES: Mapping[str, tuple[str, ...]] = {  # the names are torchvision's
    "T-shirt/top": ("t-shirt", "tshirt", "top"),
    "Trouser": ("trouser", "trousers", "pants"),
    "Pullover": ("pullover", "sweater"),
    "Dress": ("dress",),
    "Coat": ("coat", "jacket"),
    "Sandal": ("sandal", "sandals"),
    "Shirt": ("shirt",),
    "Sneaker": ("sneaker", "sneakers"),
    "Bag": ("bag", "handbag"),
    "Ankle boot": ("ankle", "boot", "boots"),
}


class Mnist:
    """Dataset ``mnist``: uint8 ``[N, 1, 28, 28]``, or of another ``size``; classes 0 to 9."""

    torchvision = "MNIST"
    condition: Condition = Condition(
        "classes", tuple("0123456789"), {str(n): (str(n), w) for n, w in enumerate(DIGITS)}
    )
    hint = "add --data.download, or give the folder with --data.root"

    def __init__(self, options: IdxOptions) -> None:
        self.options = options

    def describe(self) -> DataInfo:
        """Say what the files hold, by their headers and labels. Raises DataError where one is missing."""
        digest = hashlib.sha256(repr((self.options.size, self.options.limit)).encode())
        length = 0
        for half in self._halves(self.options.split):
            images, labels = self._find(half)
            n, height, width = read_idx_shape(images, 3)
            digest.update(read_idx(images, 3, FIRST).tobytes() + self._labels(labels, n).tobytes())
            length += n
        side = self.options.size
        shape = (1, side, side) if side else (1, height, width)
        return DataInfo(shape, min(length, self.options.limit or length), self.condition, digest.hexdigest())

    def load(self, split: str | None = None) -> Samples:
        """Read a split. Raises DataError where a file is missing and FileError where one is damaged."""
        halves = [self._read(half) for half in self._halves(split or self.options.split)]
        if len({images.shape[1:] for images, _ in halves}) > 1:
            where = f"--data.root {self.options.root}"
            raise DataError(where, "its train and test pictures differ in size", "the files of one dataset")
        images, labels = (np.concatenate(parts) for parts in zip(*halves, strict=True))
        rows = thinned(len(images), self.options.limit)
        return Samples(_sized(images[rows][:, None], self.options.size), labels[rows])

    def pack(self, path: Path, tick: Tick) -> PackReport:
        """Write the splits that are there into a pack."""
        root = self._root()
        there = [half for half in PREFIXES if self._candidates(root, f"{PREFIXES[half]}-images", "idx3-ubyte")]
        return pack_loaded(self, path, tick, there)

    def _halves(self, split: str) -> list[str]:
        if split not in (*PREFIXES, "all"):
            raise DataError("--data.split", f"{split} was given", "allowed: train, test, all")
        return list(PREFIXES) if split == "all" else [split]

    def _read(self, half: str) -> tuple[Array, Array]:
        images, labels = self._find(half)
        values = read_idx(images, 3)
        return values, self._labels(labels, len(values))

    def _labels(self, path: Path, length: int) -> Array:
        """Read the labels int64 ``[N]`` and hold them against the pictures and the names."""
        labels = read_idx(path, 1)
        if len(labels) != length:
            raise FileError(str(path), f"has {len(labels)} labels", f"one for each of {length} pictures")
        if labels.max() >= len(self.condition):
            allowed = f"labels from 0 to {len(self.condition) - 1}"
            raise FileError(str(path), f"has a label {labels.max()}", allowed)
        return labels.astype(np.int64)

    def _find(self, half: str) -> tuple[Path, Path]:
        root = self._root()
        images = self._file(root, f"{PREFIXES[half]}-images", "idx3-ubyte")
        return images, self._file(root, f"{PREFIXES[half]}-labels", "idx1-ubyte")

    def _root(self) -> Path:
        wanted = f"the folder of {self.torchvision}'s four IDX files, gzipped or not"
        if self.options.download and self.options.root:
            root = Path(self.options.root).expanduser()
            if not any(self._candidates(root, f"{prefix}-images", "idx3-ubyte") for prefix in PREFIXES.values()):
                download(self.torchvision, root)
        return given_root(self.options.root, f"{wanted}; {self.hint}")

    def _file(self, root: Path, stem: str, kind: str) -> Path:
        found = self._candidates(root, stem, kind)
        if not found:
            where = f"--data.root {self.options.root}"
            raise DataError(where, f"has no {stem}-{kind} or {stem}-{kind}.gz", "four IDX files", self.hint)
        return found[0]

    def _candidates(self, root: Path, stem: str, kind: str) -> list[Path]:
        folders = (root, root / "raw", root / self.torchvision / "raw")
        names = [f"{stem}{joint}{kind}{ending}" for ending in ("", ".gz") for joint in "-."]
        return [folder / name for folder in folders for name in names if (folder / name).is_file()]


class FashionMnist(Mnist):
    """Dataset ``fashion-mnist``: as ``mnist``, with ten kinds of clothes."""

    torchvision = "FashionMNIST"
    condition: Condition = Condition("classes", tuple(CLOTHES), CLOTHES)
    hint = (
        "add --data.download, or on Debian: apt install dataset-fashion-mnist"
        " and --data.root /usr/share/datasets/fashion-mnist"
    )


def _sized(images: Array, side: int | None) -> Array:
    """Bring ``[N, 1, H, W]`` to a side: 28 to 32 by a black border, which keeps all pixels, else resized."""
    if side is None or images.shape[2:] == (side, side):
        return images
    if (side, *images.shape[2:]) == (32, 28, 28):
        return np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))
    return resize(images, side)
