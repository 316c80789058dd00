"""The two networks as they are trained: an architecture joined to its conditioning.

G(z, c) = net(*side(z, c))
D(x, c) = score(h) + score_term(h, c)   with   h = features(inputs(x, c))
"""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor, nn

from gantool.config import RunConfig
from gantool.errors import OptionError
from gantool.interfaces import Condition, Spec

__all__ = [
    "ConditionedDiscriminator",
    "ConditionedGenerator",
    "build_discriminator",
    "build_generator",
    "used_condition",
]


class ConditionedGenerator(nn.Module):
    """A generator and its side of the conditioning."""

    def __init__(self, net: nn.Module, side: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.side = side

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """``z [N, latent_dim]``, ``c`` -> images ``[N, C, H, W]`` or vectors ``[N, D]``."""
        return cast(Tensor, self.net(*self.side(z, c)))


class ConditionedDiscriminator(nn.Module):
    """A discriminator and its side of the conditioning."""

    def __init__(self, net: nn.Module, side: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.side = side
        self._score_term = getattr(side, "score_term", None)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """``x [N, C, H, W]`` or ``[N, D]``, ``c`` -> raw scores ``[N]``."""
        return self.scored(x, c)[0]

    def scored(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return raw scores ``[N]`` and the features ``h [N, F]`` that they come from."""
        net, side = cast(Any, self.net), cast(Any, self.side)
        h: Tensor = net.features(side.inputs(x, c))
        scores: Tensor = net.score(h)
        return (scores if self._score_term is None else scores + self._score_term(h, c)), h

    @property
    def feature_dim(self) -> int:
        """The width of the features ``h``."""
        return int(cast(Any, self.net).feature_dim)

    @property
    def compares_samples(self) -> bool:
        """Whether a score depends on the other samples of the batch in eval mode too, as the network declares."""
        return bool(getattr(self.net, "batch_statistics", False))

    def has_batch_statistics(self) -> bool:
        """Whether a score depends on the other samples of the batch: by a batch norm, or as the network declares."""
        return self.compares_samples or any(
            isinstance(module, nn.modules.batchnorm._BatchNorm) for module in self.modules()
        )


def used_condition(config: RunConfig, condition: Condition | None) -> Condition | None:
    """Return what the networks are conditioned on: None where the conditioning uses no labels.

    Raises OptionError where it does and the data has none.
    """
    if not config.create("condition").uses_labels:
        return None
    if condition is None:
        name = config.name("condition")
        allowed = "labels are needed: class sub-folders, or a dataset with classes or attributes"
        raise OptionError(f"--condition {name}", "the data has no labels", allowed, "type: --condition none")
    return condition


def build_generator(
    config: RunConfig, shape: tuple[int, ...], condition: Condition | None, latent_dim: int
) -> ConditionedGenerator:
    """Build G for data of a shape; its first weights follow torch's global generator."""
    side = config.create("condition").generator_side(latent_dim, condition)
    spec = _spec(config, shape, condition, latent_dim, side)
    return ConditionedGenerator(config.create("arch").build_generator(spec), side)


def build_discriminator(
    config: RunConfig, shape: tuple[int, ...], condition: Condition | None, latent_dim: int
) -> ConditionedDiscriminator:
    """Build D for data of a shape; its first weights follow torch's global generator."""
    conditioning = config.create("condition")
    spec = _spec(config, shape, condition, latent_dim, conditioning.generator_side(latent_dim, condition))
    net = config.create("arch").build_discriminator(spec)
    return ConditionedDiscriminator(net, conditioning.discriminator_side(net.feature_dim, condition))


def _spec(
    config: RunConfig, shape: tuple[int, ...], condition: Condition | None, latent_dim: int, side: nn.Module
) -> Spec:
    dims = cast(Any, side)
    extra = config.create("condition").extra_channels(condition)
    return Spec(shape, latent_dim, dims.input_dim, dims.code_dim, extra, config.critic_norms, condition)
