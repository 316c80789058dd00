"""The discriminator of a checkpoint, as it was trained."""

from __future__ import annotations

from gantool.config import RunConfig
from gantool.errors import FileError
from gantool.files.checkpoint import Checkpoint
from gantool.interfaces import Condition
from gantool.latent.model import restore_plan
from gantool.networks import ConditionedDiscriminator, build_discriminator
from gantool.registry import Registry

__all__ = ["restore_critic"]


def restore_critic(stored: Checkpoint, registry: Registry) -> ConditionedDiscriminator:
    """Build a checkpoint's discriminator and give it its weights; it is in eval mode, fp32 and frozen.

    Raises FileError where the checkpoint has none or it does not fit its own settings, and PluginError where a
    component's plugin is missing.
    """
    tensors = stored.part("discriminator.")
    if not tensors:
        needed = "a run folder or a checkpoint of gantool train; converted generators have none"
        raise FileError(str(stored.path), "holds no discriminator", needed, "type: gantool train --help")
    return restore_plan(stored, registry).network(_prepared, tensors)


def _prepared(
    config: RunConfig, shape: tuple[int, ...], condition: Condition | None, latent_dim: int
) -> ConditionedDiscriminator:
    """Build D as it stood before its first step: an enforcer may have changed its parameters."""
    D = build_discriminator(config, shape, condition, latent_dim)
    config.create("lipschitz").prepare(D)
    return D
