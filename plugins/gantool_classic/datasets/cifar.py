"""The dataset ``cifar10``, read by torchvision."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from gantool.errors import DataError, FileError
from gantool.files.pack_writer import PackReport
from gantool.files.packing import pack_loaded
from gantool.files.progress import Tick
from gantool.interfaces import Condition, DataInfo, Samples
from gantool_classic.datasets.download import download
from gantool_classic.datasets.listing import given_root
from gantool_classic.datasets.pictures import resize
from gantool_classic.datasets.settings import Cifar10Options
from gantool_classic.datasets.subset import thinned

__all__ = ["Cifar10"]

Array = np.ndarray[Any, Any]

FOLDER = "cifar-10-batches-py"
LENGTHS = {"train": 50_000, "test": 10_000}
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"  # of cifar-10-python.tar.gz, as torchvision states it
WORDS: dict[str, tuple[str, ...]] = {
    "airplane": ("airplane", "aeroplane", "plane"),
    "automobile": ("automobile", "car"),
    "bird": ("bird",),
    "cat": ("cat",),
    "deer": ("deer",),
    "dog": ("dog",),
    "frog": ("frog",),
    "horse": ("horse",),
    "ship": ("ship", "boat"),
    "truck": ("truck", "lorry"),
}


class Cifar10:
    """Dataset ``cifar10``: uint8 ``[N, 3, 32, 32]``, or of another ``size``; ten classes."""

    def __init__(self, options: Cifar10Options) -> None:
        self.options = options

    def describe(self) -> DataInfo:
        """Say what the archive holds, without reading it. Raises DataError where it is missing."""
        self._root()
        length = sum(LENGTHS[half] for half in _halves(self.options.split))
        chosen = (ARCHIVE_MD5, self.options.split, self.options.size, self.options.limit)
        fingerprint = hashlib.sha256(repr(chosen).encode()).hexdigest()
        side = self.options.size or 32
        condition = Condition("classes", tuple(WORDS), WORDS)
        return DataInfo((3, side, side), min(length, self.options.limit or length), condition, fingerprint)

    def load(self, split: str | None = None) -> Samples:
        """Read a split. Raises DataError where the archive is missing and FileError where it is damaged."""
        root = self._root()
        halves = [_read(root, half) for half in _halves(split or self.options.split)]
        images, labels = (np.concatenate(parts) for parts in zip(*halves, strict=True))
        rows = thinned(len(images), self.options.limit)
        images, side = images[rows], self.options.size
        return Samples(images if side in (None, 32) else resize(images, side or 32), labels[rows])

    def pack(self, path: Path, tick: Tick) -> PackReport:
        """Write both splits into a pack."""
        return pack_loaded(self, path, tick, tuple(LENGTHS))

    def _root(self) -> Path:
        wanted = f"the folder that holds {FOLDER}/; add --data.download to fetch it"
        if self.options.download and self.options.root:
            root = Path(self.options.root).expanduser()
            if not (root / FOLDER).is_dir():
                download("CIFAR10", root)
        root = given_root(self.options.root, wanted)
        if root.name == FOLDER:
            return root.parent
        if not (root / FOLDER).is_dir():
            raise DataError(f"--data.root {root}", f"has no folder {FOLDER}", wanted, "add --data.download")
        return root


def _halves(split: str) -> list[str]:
    if split not in (*LENGTHS, "all"):
        raise DataError("--data.split", f"{split} was given", "allowed: train, test, all")
    return list(LENGTHS) if split == "all" else [split]


def _read(root: Path, half: str) -> tuple[Array, Array]:
    """Read images ``[N, 3, 32, 32]`` and labels ``[N]`` of one half.

    The batches are pickles, which can run code. torchvision checks the md5 of each against its own list
    before it unpickles any, so that only the archive as its authors published it is ever unpickled.
    """
    from torchvision.datasets import CIFAR10

    try:
        data = CIFAR10(str(root), train=half == "train", download=False)
    except RuntimeError as error:
        given = "is not CIFAR-10 as published: a file is missing or its md5 differs"
        raise FileError(str(root / FOLDER), given, "the six batches of the archive", "add --data.download") from error
    images = np.ascontiguousarray(data.data.transpose(0, 3, 1, 2))
    return images, np.array(data.targets, np.int64)
