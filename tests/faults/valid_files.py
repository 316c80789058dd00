"""Small valid files of every kind that gantool reads: what fuzzing starts from."""

from __future__ import annotations

import contextlib
import gzip
import io
import struct
import tempfile
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from gantool.config import Tier, resolve
from gantool.evaluation import results
from gantool.files import checkpoint, classifier, directions, features, latents, pack_writer, scores
from gantool.files.classifier import Head
from gantool.files.condition import describe_condition
from gantool.files.pack_writer import Note, write_pack
from gantool.interfaces import Condition, Judged
from gantool.networks import build_generator
from gantool.options import build
from gantool.plugins import load_plugins
from gantool.render import provenance


def built(write: Callable[[Path], object], name: str = "seed") -> bytes:
    """Return the bytes of what ``write`` puts into a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()


class Enough(Exception):  # noqa: N818  # not an error
    """Leaves a pack unfinished."""


REGISTRY = load_plugins().registry
NOISE = {"name": "folder", "size": 8}
NETWORKS: dict[str, tuple[dict[str, Any], tuple[int, ...], Condition | None]] = {
    "mlp": ({"arch": {"name": "mlp", "hidden_g": [4], "hidden_d": [4]}, "condition": "none"}, (1, 3, 4), None),
    "dcgan": (
        {"arch": {"name": "dcgan", "channels": 2}, "condition": "onehot", "regularizer": ["infogan"]},
        (3, 8, 8),
        Condition("classes", ("ant", "bee"), {"ant": ("ant", "insect")}),
    ),
    "attributes": (
        {"arch": {"name": "mlp", "hidden_g": [3], "hidden_d": [3], "norm_g": "none"}, "condition": "embedding"},
        (5,),
        Condition("attributes", ("big", "red", "old")),
    ),
}


def checkpoint_of(name: str) -> bytes:
    """Return a checkpoint with a tiny network."""
    tree, shape, condition = NETWORKS[name]
    config = resolve(REGISTRY, [Tier("seed", {"data": NOISE, "training": {"latent_dim": 3}, **tree})])
    torch.manual_seed(0)
    G = build_generator(config, shape, condition, 3)
    meta = {
        "given": {section: dict(table) for section, table in config.given.items()},
        "resolved": config.tree(),
        "components": config.provided(),
        "prior": [{"name": "noise", "distribution": "normal", "dim": 3}],
        "shape": list(shape),
        "condition": describe_condition(condition),
        "fingerprint": "f",
        "step": 1,
        "images": 6,
    }
    tensors = {f"generator.{key}": tensor for key, tensor in G.state_dict().items()}
    if condition is not None:
        classes = condition.kind == "classes"
        tensors["data.labels"] = torch.tensor([0, 1, 1]) if classes else torch.eye(3)
    return built(lambda path: checkpoint.write(path, tensors, meta))


def torch_file(content: object, legacy: bool = False) -> bytes:
    """Return what torch.save writes."""
    out = io.BytesIO()
    torch.save(content, out, _use_new_zipfile_serialization=not legacy)
    return out.getvalue()


def tutorial() -> dict[str, torch.Tensor]:
    """Return a tiny generator of the DCGAN tutorial."""
    layers = [nn.ConvTranspose2d(3, 4, 4, bias=False), nn.BatchNorm2d(4), nn.ReLU()]
    net = nn.Sequential(*layers, nn.ConvTranspose2d(4, 2, 4, 2, 1, bias=False), nn.BatchNorm2d(2), nn.ReLU())
    net.append(nn.ConvTranspose2d(2, 1, 4, 2, 1, bias=False))
    return net.state_dict()


def array_file(array: np.ndarray[Any, Any]) -> bytes:
    """Return what numpy saves."""
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def picture_file(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    """Return a small picture in a format."""
    out = io.BytesIO()
    pixels = np.arange(12 * 9 * 3, dtype=np.uint8).reshape(9, 12, 3)
    Image.fromarray(pixels).convert(mode).save(out, kind, **options)
    return out.getvalue()


def carrying(rows: int, c: np.ndarray[Any, Any] | None) -> bytes:
    """Return a PNG that carries latents."""
    found = provenance.carried("abc", np.arange(rows * 3, dtype=np.float32).reshape(rows, 3), c, list(range(rows)), 0.7)
    picture = Image.new("RGB", (6, 5), "red")
    return built(lambda path: provenance.save_png(picture, path, found), "p.png")


HEADS = (
    Head("classes", "classes", ("ant", "bee"), temperature=1.5, figures={"accuracy": 0.75, "ece": 0.125}),
    Head("value", "size", ("size",), scale=(0.25, 0.5), quantiles=(0.0, 0.5, 1.0), figures={"r2": 0.5}),
    Head("circle", "hue", ("cos", "sin")),
)


def classifier_file() -> bytes:
    """Return a classifier with a tiny network."""
    part = REGISTRY.get("classifier", "convnet")
    options = {"width": 2, "hidden": 4}
    network = part.create(build(part.options, options)).network((1, 4, 4), 5)
    component = {"name": "convnet", "dist": "gantool", "version": "1", "options": options}
    found = classifier.TrainedClassifier(component, (1, 4, 4), HEADS, network.state_dict(), {"name": "noise"}, 7)
    return built(lambda path: classifier.write(path, found))


def scores_file() -> bytes:
    """Return scores of samples."""
    z, c = torch.arange(6.0).view(3, 2), torch.tensor([1, 0, 1])
    found = scores.Scores(
        ("ant", "size"), (0.0, 0.5), torch.ones(3, 2), torch.ones(3, 2) / 2, {"hash": "abc", "label": "c"}, z, c, "def",
        None, (0, 1, 2),
    )  # fmt: skip
    return built(lambda path: scores.write(path, found))


def directions_file() -> bytes:
    """Return two directions."""
    found = directions.Directions(
        ("smile", "age"), torch.eye(2, 3), torch.tensor([0.5, float("nan")]), torch.zeros(2), torch.ones(2), "abc",
        [{"name": "noise", "distribution": "normal", "dim": 3}], "ridge", [{"accuracy": 0.9}, {}], {"file": "x"},
    )  # fmt: skip
    return built(lambda path: directions.write(path, found, path.with_name("model")))


def features_file() -> bytes:
    """Return features of both sides."""
    sides = {"real": Judged(torch.ones(3, 2), torch.ones(3, 4)), "fake": Judged(torch.zeros(2, 2), None)}
    return built(lambda path: features.write(path, sides, {"extractor": {"name": "x", "weights": "w"}}))


def latents_file(name: str) -> bytes:
    """Return latents with labels, in safetensors or in torch's format."""
    meta = {"model_hash": "abc", "seeds": [1, 2], "truncation": 0.7, "names": ["a", "b"]}
    z, c = torch.arange(6.0).view(2, 3), torch.tensor([1, 0])
    return built(lambda path: latents.write(path, z, c, path.with_name("model"), meta), name)


def results_file() -> bytes:
    """Return the results of an evaluation."""
    figure = {"value": 1.5, "low": 1.0, "high": None, "details": {"n": 3}, "note": "", "options": {"k": 3}}
    protocol = {"extractor": {"name": "x"}, "count": 10}
    found = results.Results(
        {"path": "m", "step": 1, "hash": "abc"}, protocol, {"fid": figure}, {"is": "no"}, {"gantool": "0"}, 2.0
    )
    return built(lambda path: results.write(path, found))


def pack_file(attributes: bool) -> bytes:
    """Return a pack of four pictures in two splits."""
    names = ("big", "red") if attributes else ("ant", "bee", "cat")
    condition = Condition("attributes" if attributes else "classes", names)
    labels = np.eye(4, 2, dtype=np.float32) if attributes else np.array([0, 1, 2, 1])

    def write(path: Path) -> None:
        splits = {"train": (0, 3), "test": (3, 4)}
        with write_pack(path, 4, (1, 2, 3), condition=condition, labels=labels, splits=splits, fingerprint="f") as pack:
            pack.add(np.arange(24, dtype=np.uint8).reshape(4, 1, 2, 3))

    return built(write)


def idx_file(shape: tuple[int, ...], packed: bool = False) -> bytes:
    """Return an IDX file of unsigned bytes."""
    whole = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + bytes(range(prod(shape)))
    return gzip.compress(whole, mtime=0) if packed else whole


def journal_file() -> bytes:
    """Return the journal of a pack that was left after two blocks."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "pack"
        with contextlib.suppress(Enough), write_pack(target, 4, (1, 2, 3), key="key") as writer:
            writer.add(np.zeros((2, 1, 2, 3), np.uint8), np.array([True, False]), [Note("bad", "a", "b")], "AAAA")
            writer.add(np.zeros((1, 1, 2, 3), np.uint8))
            raise Enough
        return pack_writer.partial(target)[1].read_bytes()


LOG = b"""{"step": 1, "images": 6, "seconds": 0.1, "rate": 9.0, "loss_d": 0.5, "vitals": {"loss_d": 0.5, "coverage": 1}}
{"step": 2, "finding": "collapse", "seen": "x", "try": "gantool train"}
{"step": 2, "evaluation": {"fid": 3.5}, "by": "abc", "keep": "fid"}
"""
MANIFEST = {"model_hash": "abc", "truncation": None, "labels": None, "seeds": "0-3", "count": 4}
ATTRIBUTES = b"3\nbig red\n000001.jpg 1 -1\n000002.jpg -1 -1\n000003.jpg 1 1\n"
TOML = b"""[given.training]
steps = 10
lr_g = 2e-4
betas = [0.5, 0.9]
[given.arch]
name = "mlp"
hidden_g = [4, 4]
[given.loss]
name = "wgan-gp"
[given.data]
name = "shapes"
size = 16
[given.regularizer]
names = ["infogan"]
[given.infogan]
weight = 1.0
[resolved.arch]
name = "mlp"
"""

ARRAY = array_file(np.arange(12, dtype=np.float32).reshape(2, 6))
ZIPPED = [
    torch_file(content) for content in ({"netG": tutorial(), "epoch": 3}, {"a": torch.ones(2, 3), "b": [1, (2.5, "x")]})
]
LEGACY = [torch_file(content, legacy=True) for content in (tutorial(), {"a": torch.ones(2, 3, dtype=torch.int64)})]
CHECKPOINTS = [checkpoint_of(name) for name in NETWORKS]
PNGS = [carrying(1, None), carrying(2, np.array([1, 0])), carrying(2, np.eye(2, 3, dtype=np.float32))]
PICTURES = [
    *(picture_file("PNG", mode) for mode in ("RGB", "L", "P", "RGBA", "1", "I;16")),
    picture_file("JPEG"), picture_file("JPEG", "CMYK"), picture_file("WEBP"), picture_file("BMP"),
    picture_file("GIF", "P"),
    picture_file("GIF", "P", save_all=True, append_images=[Image.new("P", (12, 9), 3)]),
]  # fmt: skip
OURS = [
    *CHECKPOINTS,
    latents_file("z.safetensors"),
    directions_file(),
    scores_file(),
    features_file(),
    classifier_file(),
    pack_file(False),
]
