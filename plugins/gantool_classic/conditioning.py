"""How a class or a set of attributes reaches the two networks."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantool import Condition, Options
from gantool_classic.settings import EmbeddingOptions


class Unconditional:
    """Labels are not used; G's input is z, D's is x."""

    uses_labels = False

    def __init__(self, options: Options) -> None: ...

    def extra_channels(self, condition: Condition | None) -> int:
        """Return 0: the discriminator sees the picture alone."""
        return 0

    def generator_side(self, latent_dim: int, condition: Condition | None) -> nn.Module:
        """Return a module that passes z on."""
        return Joined(latent_dim, None)

    def discriminator_side(self, feature_dim: int, condition: Condition | None) -> nn.Module:
        """Return a module that passes x on."""
        return Planes(None)


class OneHot:
    """A one-hot code of the class, or the attributes as they are, joins z; D gets one constant plane for each."""

    uses_labels = True
    learned: int | None = None

    def __init__(self, options: Options) -> None: ...

    def extra_channels(self, condition: Condition) -> int:
        """Return the width of the code, a plane for each of its numbers."""
        return self.learned or len(condition)

    def generator_side(self, latent_dim: int, condition: Condition) -> nn.Module:
        """Return the module that appends the code to z."""
        return Joined(latent_dim, Code(condition, self.learned))

    def discriminator_side(self, feature_dim: int, condition: Condition) -> nn.Module:
        """Return the module that appends the code to x as planes."""
        return Planes(Code(condition, self.learned))


class Embedding(OneHot):
    """A learned code of fixed width for the class or the attributes; G and D learn one each."""

    def __init__(self, options: EmbeddingOptions) -> None:
        self.learned: int | None = options.width


class LabelSlot(OneHot):
    """The one-hot or multi-hot code joins z; D sees the picture alone.

    Nothing but a term of the loss, such as the regularizer ``auxiliary``, then makes G use it.
    """

    def extra_channels(self, condition: Condition) -> int:
        """Return 0: the discriminator sees the picture alone."""
        return 0

    def discriminator_side(self, feature_dim: int, condition: Condition) -> nn.Module:
        """Return a module that passes x on."""
        return Planes(None)


class Code(nn.Module):
    """Turn ``c`` into floats ``[N, width]``: a one-hot or multi-hot code, or a learned matrix times it."""

    def __init__(self, condition: Condition, learned: int | None = None) -> None:
        super().__init__()
        self.classes: int | None = len(condition) if condition.kind == "classes" else None
        self.width: int = learned or len(condition)
        self.matrix: nn.Linear | nn.Identity = (
            nn.Linear(len(condition), learned, bias=False) if learned else nn.Identity()
        )
        if isinstance(self.matrix, nn.Linear):
            nn.init.normal_(self.matrix.weight)  # codes of unit scale, like z

    def forward(self, c: Tensor) -> Tensor:
        """``c`` int64 [N] or float [N, A] -> [N, width]."""
        code = F.one_hot(c, self.classes) if self.classes else c
        dtype = self.matrix.weight.dtype if isinstance(self.matrix, nn.Linear) else torch.float32
        return cast(Tensor, self.matrix(code.to(dtype)))


class Joined(nn.Module):
    """The generator's side: z and the code side by side."""

    code_dim = 0

    def __init__(self, latent_dim: int, code: Code | None) -> None:
        super().__init__()
        self.code = code
        self.input_dim: int = latent_dim + (code.width if code else 0)

    def forward(self, z: Tensor, c: Tensor | None) -> tuple[Tensor, None]:
        """``z [N, latent_dim]``, ``c`` -> ``([N, input_dim], None)``."""
        return (z if self.code is None or c is None else torch.cat([z, self.code(c)], 1)), None


class Planes(nn.Module):
    """The discriminator's side: the code as constant planes behind the picture's channels."""

    def __init__(self, code: Code | None) -> None:
        super().__init__()
        self.code = code

    def inputs(self, x: Tensor, c: Tensor | None) -> Tensor:
        """``x [N, C, H, W]`` or ``[N, D]`` -> the same with ``width`` more channels."""
        if self.code is None or c is None:
            return x
        code = self.code(c).to(x.dtype)
        planes = code.view(*code.shape, *[1] * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
        return torch.cat([x, planes], 1)
