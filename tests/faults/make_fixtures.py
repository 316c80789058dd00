"""Make one small file of every kind that gantool writes, and ``expected.json``, what a reader must find in them.

    python tests/faults/make_fixtures.py

They lie in ``files/format-1``, by the number of the format. Once a version with that format is released they stay as
they are: test_old_files.py holds every later version to reading them. So a folder that exists is never written to; a
new format gets a folder of its own. ``expected.json`` is made by safetensors and JSON alone, not by gantool's readers.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.numpy import load

FOLDER = Path(__file__).parent / "files" / "format-1"
SHAPES = "--data shapes --data.size 8 --data.length 40"
SMALL = "--steps 2 --batch-size 4 --log-every 1 --precision fp32 --threads 1 --quiet"
COMMANDS = f"""
classifier train {SHAPES} --steps 2 --convnet.width 1 --convnet.hidden 2 --threads 1 -o classifier.safetensors
train {SHAPES} --arch dcgan --arch.channels 2 --latent-dim 4 --loss wgan-gp --condition onehot {SMALL} \
    --checkpoint-every 1 --evaluate-every 1 --extractor classifier.safetensors --keep-best class-accuracy -o run
train {SHAPES} --data.labels attributes --arch mlp --arch.hidden-g 4 --arch.hidden-d 2 --latent-dim 6 \
    --loss bce --condition embedding --condition.width 2 --regularizer infogan --infogan.categories 3 \
    --infogan.hidden 2 {SMALL} --keep 1 --no-diagnose -o codes
train --data gaussians --arch mlp --arch.hidden-g 4 --arch.hidden-d 4 {SMALL} --keep 1 --no-diagnose -o points
sample run --seeds 2-3 --save-latents latents.safetensors -o samples
sample run --seeds 0-3 --truncation 0.8 --save-latents latents.pt -o grid.png
data pack {SHAPES} -o pack.safetensors
data pack {SHAPES} --data.labels attributes -o attributes-pack.safetensors
classifier label run --classifier classifier.safetensors -n 12 -o scores.safetensors
classifier label samples --classifier classifier.safetensors -o picture-scores.safetensors
direction find run --method ridge --scores scores.safetensors --toward size -o directions.safetensors
direction audit directions.safetensors --model run --classifier classifier.safetensors -n 12 -o audit.png
direction find run --method pca --pca.count 2 -n 12 -o pca.safetensors
evaluate run --extractor classifier.safetensors -n 40 --save-features features.safetensors -o evaluation.json
evaluate run/checkpoints/step-00000001.safetensors --extractor classifier.safetensors -n 40 -o earlier.json
"""
NOT_READ_AGAIN = (
    "**/.lock",
    "**/loss.png",
    "**/training.gif",
    "audit.png",
    "points/samples",
    "codes/samples",
    "[cp]o*/grid.png",
)
FACTS = {
    "checkpoint": ("step", "images", "shape", "prior", "condition", "fingerprint", "model_hash", "resolved"),
    "latents": ("model_hash", "model", "seeds", "truncation", "names"),
    "directions": ("model_hash", "model", "slots", "names", "method", "figures", "source"),
    "classifier": ("component", "shape", "heads", "data", "seed", "hash"),
    "scores": ("names", "thresholds", "model_hash", "classifier", "sources", "seeds"),
    "dataset": ("condition", "fingerprint", "splits", "source"),
    "features": ("source",),
}
"""Of the metadata, by the kind of a file: what its reader hands on."""


def make() -> None:
    """Run every command in a new folder, and describe the files that it leaves."""
    FOLDER.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as cache:
        outside = {**os.environ, "GANTOOL_CACHE": cache, "OMP_NUM_THREADS": "1"}
        for line in COMMANDS.strip().replace("\\\n", "").splitlines():
            call = [sys.executable, "-m", "gantool", "--no-plugins", *shlex.split(line)]
            subprocess.run(call, cwd=FOLDER, env=outside, check=True)
    tidy()
    text = json.dumps(expected(), indent=1, sort_keys=True)
    (FOLDER / "expected.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def tidy() -> None:
    """Leave out what nobody reads again, and the name of the place where the runs were made."""
    for pattern in NOT_READ_AGAIN:
        for path in sorted(FOLDER.glob(pattern)):
            for inner in path.iterdir() if path.is_dir() else ():
                inner.unlink()
            path.rmdir() if path.is_dir() else path.unlink()
    for path in FOLDER.glob("*/config.toml"):
        text = path.read_text(encoding="utf-8").replace(f"{FOLDER}{os.sep}", "")
        path.write_text(text, encoding="utf-8", newline="\n")


def expected() -> dict[str, Any]:
    """Return the kind, the facts and the tensors of every file, by its path in the folder."""
    described = {}
    describers = {".safetensors": of_tensors, ".pt": of_torch, ".png": of_picture, ".json": of_text}
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in describers:
            described[path.relative_to(FOLDER).as_posix()] = describers[path.suffix](path)
    return described


def of_tensors(path: Path) -> dict[str, Any]:
    """Describe a safetensors file: 8 bytes of length, JSON, tensors."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return of_parts(json.loads(content[8 : 8 + length])["__metadata__"]["gantool"], load(content))


def of_torch(path: Path) -> dict[str, Any]:
    """Describe a file of torch.save: tensors, and the same text beside them."""
    content = torch.load(path, weights_only=True)
    return of_parts(content.pop("gantool"), {name: tensor.numpy() for name, tensor in content.items()})


def of_parts(text: str, arrays: dict[str, Any]) -> dict[str, Any]:
    """Describe what both kinds of files hold."""
    meta = json.loads(text)
    tensors = {name: digest(array) for name, array in arrays.items()}
    return {"kind": meta["kind"], "facts": {name: meta.get(name) for name in FACTS[meta["kind"]]}, "tensors": tensors}


def of_picture(path: Path) -> dict[str, Any]:
    """Describe a PNG by its pixels and its chunk."""
    with Image.open(path) as image:
        image.load()
        chunk = image.info.get("gantool")
        pixels = {"size": list(image.size), "sha256": hashlib.sha256(image.tobytes()).hexdigest()}
    return {"kind": "picture", "facts": json.loads(chunk) if chunk else None, **pixels}


def of_text(path: Path) -> dict[str, Any]:
    """Describe a JSON file by what it says."""
    said = json.loads(path.read_text(encoding="utf-8"))
    return {"kind": said.get("kind", "manifest"), "facts": said}


def digest(array: Any) -> str:
    """Return the type, the shape and the sha256 of the bytes of an array."""
    return f"{array.dtype.name} {list(array.shape)} {hashlib.sha256(array.tobytes()).hexdigest()}"


if __name__ == "__main__":
    make()
