"""InceptionV3 as published FIDs use it (Heusel et al. 2017), in the translation of torch-fidelity.

torch-fidelity reads weights by unpickling them; here they are read as tensors alone, and what it is handed is a copy
that gantool wrote.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gantool.errors import FileError
from gantool.files.foreign import read_torch
from gantool_classic.extractors.settings import InceptionOptions
from gantool_classic.metrics.extra import fidelity

__all__ = ["Inception"]

FILE = "weights-inception-2015-12-05-6726825d.pth"
KNOWN = "6726825d"  # the first digits of the file's sha256
FEATURES, LOGITS, CLASSES = "2048", "logits_unbiased", 1008


class Inception:
    """Kind ``extractor``: 2048 features of InceptionV3 for RGB pictures of any size.

    The weights come from ``weights``, else from torch's cache; they are fetched where that was allowed. Raises
    FileError where there are none or they do not fit, and OptionError where torch-fidelity is not installed.
    """

    channels = 3

    def __init__(self, options: InceptionOptions) -> None:
        module = fidelity("feature_extractor_inceptionv3", "--extractor inception")
        path = _find(options, module.URL_INCEPTION_V3)
        self.digest: str = hashlib.sha256(path.read_bytes()).hexdigest()
        self.inner: nn.Module = _load(module, path)
        self.names: tuple[str, ...] = tuple(f"class-{number}" for number in range(CLASSES))

    def describe(self) -> dict[str, str]:
        """Say which weights these are; others than torch-fidelity's own make figures that no paper has."""
        own = "" if self.digest.startswith(KNOWN) else " (not the published weights)"
        return {"weights": f"{self.digest}{own}", "pictures": "299 x 299, bilinear as in TensorFlow 1"}

    def network(self, shape: tuple[int, ...]) -> nn.Module:
        """Return the network."""
        return Bytes(self.inner)


class Bytes(nn.Module):
    """Hands pictures in [-1, 1] on as the bytes that InceptionV3 was fed in TensorFlow."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """``x [N, 3, H, W]`` -> features ``[N, 2048]`` and logits ``[N, 1008]``."""
        features, logits = self.inner(x.add(1).mul(127.5).round().byte())
        return features, logits


def _find(options: InceptionOptions, url: str) -> Path:
    """Return the file of the weights."""
    cached = Path(torch.hub.get_dir()) / "checkpoints" / FILE
    path = Path(options.weights) if options.weights is not None else cached
    if path.is_file():
        return path
    if options.weights is None and options.allow_download:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), hash_prefix=KNOWN)
        except (OSError, RuntimeError) as error:  # no network, or another file than expected
            given = f"cannot be fetched ({' '.join(str(error).split())[:120]})"
            raise FileError(url, given, "a network", "fetch it elsewhere: --inception.weights FILE") from error
        return path
    given = "does not exist" if options.weights else "is not there, and nothing is fetched unasked"
    hint = f"fetch {url}, or type: --inception.allow-download"
    raise FileError(str(path), given, "the weights of InceptionV3: --inception.weights FILE", hint)


def _load(module: Any, path: Path) -> nn.Module:
    state = read_torch(path)
    tensors = isinstance(state, dict) and all(isinstance(value, Tensor) for value in state.values())
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / FILE
        torch.save(state if tensors else {}, copy)
        try:
            network: nn.Module = module.FeatureExtractorInceptionV3("inception", [FEATURES, LOGITS], str(copy))
        except RuntimeError as error:
            given = "does not hold the weights of InceptionV3"
            raise FileError(
                str(path), given, f"{FILE} of torch-fidelity", f"fetch {module.URL_INCEPTION_V3}"
            ) from error
    return network.eval()
