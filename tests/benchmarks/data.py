"""How long does the data of an epoch take: from a pack, and from a folder by ImageFolder and a DataLoader?

    python tests/benchmarks/data.py                              5,000 JPEGs of 178x218, at 64x64
    python tests/benchmarks/data.py --pictures 500 --pairs 2     a short one

Prints how fast the folder is packed, then, pair by pair, the time to obtain every batch of an epoch as float tensors
in [-1, 1]: the transforms and the two workers are those of PyTorch's DCGAN tutorial. The pictures are made anew.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from gantool import Samples, load_plugins, resolve
from gantool.config import Tier
from gantool.files.dataset import read_pack
from gantool.files.packing import pack
from gantool.training.batches import Batches, to_device

SIDE, BATCH, CLASSES = 64, 64, 10


def make_pictures(root: Path, count: int) -> float:
    """Write JPEGs of 178x218, soft colours under fine noise, into ten class folders; return their mean size in kB."""
    rng = np.random.default_rng(0)
    sizes = []
    for number in range(count):
        soft, fine = (
            Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).resize((178, 218), Image.BICUBIC)
            for height, width in ((9, 8), (109, 89))
        )
        path = root / str(number % CLASSES) / f"{number:06d}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.blend(soft, fine, 0.1).save(path, quality=90)
        sizes.append(path.stat().st_size)
    return statistics.mean(sizes) / 1000


def pack_folder(root: Path, out: Path, processors: int) -> float:
    """Pack a folder with so many processors; return the pictures a second."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:processors])
    try:
        given = {"data": {"name": "folder", "root": str(root), "size": SIDE}}
        dataset = resolve(load_plugins().registry, [Tier("flags", given)]).create("data")
        begun = time.perf_counter()
        return pack(dataset, out).pictures / (time.perf_counter() - begun)
    finally:
        os.sched_setaffinity(0, allowed)


def from_pack(samples: Samples, epoch: int) -> Iterator[torch.Tensor]:
    """Yield the batches of an epoch as training does."""
    count = -(-len(samples.values) // BATCH)
    batches = Batches(samples, BATCH, seed=0)
    for number in range(epoch * count, (epoch + 1) * count):
        yield to_device(batches[number][0], torch.device("cpu"), torch.contiguous_format)


def from_folder(root: Path) -> Iterator[torch.Tensor]:
    """Yield the batches of an epoch as the tutorial does."""
    steps = [transforms.Resize(SIDE), transforms.CenterCrop(SIDE), transforms.ToTensor()]
    normalised = transforms.Compose([*steps, transforms.Normalize((0.5,) * 3, (0.5,) * 3)])
    loader = DataLoader(datasets.ImageFolder(str(root), normalised), BATCH, shuffle=True, num_workers=2)
    yield from (values for values, _ in loader)


def seconds(batches: Iterator[torch.Tensor]) -> float:
    begun = time.perf_counter()
    for values in batches:
        assert values.dtype == torch.float32
        assert values.shape[1:] == (3, SIDE, SIDE)
    return time.perf_counter() - begun


def spread(values: list[float], unit: str = "") -> str:
    return f"{statistics.median(values):.4g}{unit} ({min(values):.4g} to {max(values):.4g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "photos"
        root.mkdir()
        size = make_pictures(root, options.pictures)
        print(f"{options.pictures} JPEGs of 178x218, {size:.1f} kB each; torch {torch.__version__}")
        print(f"{len(os.sched_getaffinity(0))} processors, {torch.get_num_threads()} threads")
        for processors in range(1, len(os.sched_getaffinity(0)) + 1):
            rate = pack_folder(root, Path(place) / f"{processors}.safetensors", processors)
            print(f"packing on {processors}: {rate:.0f} pictures/s")
        samples = read_pack(Path(place) / "1.safetensors")[1]
        packs, folders = [], []
        for epoch in range(options.pairs):
            packs.append(seconds(from_pack(samples, epoch)))
            folders.append(seconds(from_folder(root)))
            print(f"epoch {epoch + 1}: pack {packs[-1]:.3f} s, folder {folders[-1]:.2f} s")
    ratios = [folder / packed for packed, folder in zip(packs, folders, strict=True)]
    print(f"pack {spread(packs, ' s')}, ImageFolder + DataLoader {spread(folders, ' s')}: ratio {spread(ratios)}")


if __name__ == "__main__":
    main()
