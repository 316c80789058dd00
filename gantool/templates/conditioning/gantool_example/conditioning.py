"""The condition's two sides: what it adds to the generator's input, and how the discriminator looks at it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantool import Condition
from gantool_example.settings import ExampleOptions


class Example:
    """G gets a learned code of the label behind z; D adds <w(label), features> to its score.

    A label is a class, or a set of attributes, of which each has its own code and vector; they are added up.
    """

    uses_labels = True

    def __init__(self, options: ExampleOptions) -> None:
        self.width: int = options.width

    def extra_channels(self, condition: Condition) -> int:
        """Return 0: nothing is added to the picture that D sees."""
        return 0

    def generator_side(self, latent_dim: int, condition: Condition) -> nn.Module:
        """Return the module that belongs to G."""
        return GeneratorSide(latent_dim, condition, self.width)

    def discriminator_side(self, feature_dim: int, condition: Condition) -> nn.Module:
        """Return the module that belongs to D."""
        return DiscriminatorSide(feature_dim, condition)


class Code(nn.Module):
    """A learned vector for each class or attribute."""

    def __init__(self, condition: Condition, width: int) -> None:
        super().__init__()
        self.classes: int | None = len(condition) if condition.kind == "classes" else None
        self.vectors: nn.Linear = nn.Linear(len(condition), width, bias=False)
        nn.init.normal_(self.vectors.weight)  # of unit scale, like z

    def forward(self, c: Tensor) -> Tensor:
        """``c`` int64 [N] or float [N, A] -> [N, width]."""
        known = F.one_hot(c, self.classes) if self.classes else c
        code: Tensor = self.vectors(known.to(self.vectors.weight.dtype))
        return code


class GeneratorSide(nn.Module):
    """z and the code side by side."""

    def __init__(self, latent_dim: int, condition: Condition, width: int) -> None:
        super().__init__()
        self.code: Code = Code(condition, width)
        self.input_dim: int = latent_dim + width
        self.code_dim: int = 0

    def forward(self, z: Tensor, c: Tensor) -> tuple[Tensor, None]:
        """``z [N, latent_dim]``, ``c`` -> ``[N, input_dim]`` and no code besides."""
        return torch.cat([z, self.code(c).to(z.dtype)], 1), None


class DiscriminatorSide(nn.Module):
    """A term of the score."""

    def __init__(self, feature_dim: int, condition: Condition) -> None:
        super().__init__()
        self.code: Code = Code(condition, feature_dim)

    def inputs(self, x: Tensor, c: Tensor) -> Tensor:
        """Return x as it is."""
        return x

    def score_term(self, h: Tensor, c: Tensor) -> Tensor:
        """``h [N, F]``, ``c`` -> ``<w(c), h> [N]``."""
        return (self.code(c) * h).sum(1)
