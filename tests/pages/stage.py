"""What the pages take as given: pictures, runs and files, made when a line first names them."""

from __future__ import annotations

import gzip
import shutil
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image

__all__ = ["Stage"]

TINY = "--steps 2 --batch-size 8 --arch.channels 4 -q"
SHAPES = "runs/shapes-dcgan-wgan-gp"
CLOTHES = f"train --data fashion-mnist --data.root DIR --condition onehot {TINY}"
GANTOOL = {
    "RUN": f"train --loss wgan-gp -o RUN --data.length 300 {TINY}",
    SHAPES: f"train --loss wgan-gp --data.length 300 {TINY}",
    "runs/folder-dcgan-wgan-gp": f"train --data folder --data.root photos --loss wgan-gp {TINY}",
    "runs/fashion-mnist-dcgan-wgan-gp": f"{CLOTHES} --loss wgan-gp",
    "runs/fashion-mnist-dcgan-bce": f"{CLOTHES} --loss bce",
    "runs/clothes": f"{CLOTHES} --condition none -o runs/clothes",
    "shapes-classifier.safetensors": "classifier train --data shapes --data.length 300 --steps 4",
    "clothes.safetensors": "classifier train --data fashion-mnist --data.root DIR --steps 4 -o clothes.safetensors",
    "judge.safetensors": "classifier train --data fashion-mnist --data.root DIR --steps 4 -o judge.safetensors",
    "faces.safetensors": "convert WEIGHTS faces.safetensors",
    "photos.safetensors": "data pack --data folder --data.root photos -o photos.safetensors",
    "runs/a/evaluation.json": f"evaluate {SHAPES} --metrics lipschitz -n 20 -o runs/a/evaluation.json",
    "runs/b/evaluation.json": f"evaluate {SHAPES} --metrics lipschitz -n 20 -o runs/b/evaluation.json",
    "RUN/directions-ridge.safetensors": "direction find RUN --classifier shapes-classifier.safetensors -n 40",
}


class Stage:
    """Lays things into a page's folder that its lines name and did not make; each is made once, in ``store``."""

    def __init__(self, store: Path, gantool: Callable[..., object]) -> None:
        self.store = store
        self.gantool = gantool
        self.makers: dict[str, Callable[[Path], None]] = {
            "DIR": write_idx,
            "photos": write_photos,
            "others": write_flat,
            "CELEBA": write_celeba,
            "photo.png": lambda path: picture(3).save(path),
            "WEIGHTS": write_weights,
        }

    def lay(self, word: str) -> None:
        """Lay what a word names into the current folder, unless it is there."""
        name = word.rstrip("/")
        if (name in self.makers or name in GANTOOL) and not Path(name).exists():
            made = self.store / name
            if not made.exists():
                self.make(name, made)
            Path(name).parent.mkdir(exist_ok=True)
            (shutil.copytree if made.is_dir() else shutil.copy)(made, name)

    def make(self, name: str, path: Path) -> None:
        if name in self.makers:
            self.makers[name](path)
            return
        line = GANTOOL[name].split()
        for word in line:
            if word != name:
                self.lay(word)
        self.gantool(*line)
        path.parent.mkdir(exist_ok=True)
        shutil.move(name, path)


def picture(seed: int, side: int = 40) -> Image.Image:
    """Return a picture of noise."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8))


def write_flat(path: Path) -> None:
    """Write a folder of two pictures."""
    path.mkdir()
    for seed in range(2):
        picture(seed).save(path / f"{seed}.png")


def write_photos(path: Path) -> None:
    """Write a folder of two classes of pictures of mixed sizes."""
    for seed in range(24):
        folder = path / ("cats", "dogs")[seed % 2]
        folder.mkdir(parents=True, exist_ok=True)
        picture(seed, 40 + seed).save(folder / f"{seed}.{('png', 'jpg', 'webp')[seed % 3]}")


def write_celeba(path: Path) -> None:
    """Write 36 pictures of noise as CelebA's faces are laid out, with its 40 attributes."""
    names = ["Smiling", "Eyeglasses", *(f"Attribute_{number}" for number in range(38))]
    rows = []
    (path / "img_align_celeba").mkdir(parents=True)
    for number in range(1, 37):
        picture(number, 178).resize((178, 218)).save(path / "img_align_celeba" / f"{number:06}.jpg")
        rows.append(f"{number:06}.jpg " + " ".join("1" if (number >> bit % 4) & 1 else "-1" for bit in range(40)))
    (path / "list_attr_celeba.txt").write_text("\n".join([str(len(rows)), " ".join(names), *rows]) + "\n")


def write_idx(path: Path) -> None:
    """Write Fashion-MNIST's four files, of noise: 60 pictures to learn from and 40 to test by, ten classes."""
    path.mkdir()
    random = np.random.default_rng(0)
    for prefix, count in (("train", 60), ("t10k", 40)):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (path / f"{prefix}-{kind}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes()))


def write_weights(path: Path) -> None:
    """Write the generator of a DCGAN tutorial, 64x64 in colour, with few channels."""
    torch.manual_seed(0)
    widths = (100, 32, 16, 8, 4, 3)
    state: dict[str, torch.Tensor] = {}
    for index, (before, after) in enumerate(pairwise(widths)):
        state[f"main.{3 * index}.weight"] = 0.1 * torch.randn(before, after, 4, 4)
        if index < 4:
            state |= {f"main.{3 * index + 1}.{name}": torch.ones(after) for name in ("weight", "running_var")}
            state |= {f"main.{3 * index + 1}.{name}": torch.zeros(after) for name in ("bias", "running_mean")}
            state[f"main.{3 * index + 1}.num_batches_tracked"] = torch.tensor(1)
    torch.save({"netG_state_dict": state}, path)
