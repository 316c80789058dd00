"""What to try: flags for the next run, that change what the settings of the last one leave to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gantool import RunConfig

__all__ = ["another_loss", "heavier_penalty", "lower_rates", "stronger_critic", "weaker_critic"]

HIGHEST_RATE = 1e-3  # measured on the ring of 8 and on shapes
MOST_CRITIC_STEPS = 5  # as published for WGAN and WGAN-GP


def another_loss(config: RunConfig) -> str:
    """Return the flags of WGAN-GP, whose critic has a slope everywhere; where it is in use, those of a better critic.

    What was given goes on to the next run: an enforcer or a norm that WGAN-GP refuses is changed too, and so are rates
    that would spoil it.
    """
    given = config.given
    if config.name("loss") == "wgan-gp":
        return stronger_critic(config)
    flags = ["--loss wgan-gp"]
    if given.get("lipschitz", {}).get("name", "gp") != "gp":
        flags.append("--lipschitz gp")
    if given.get("arch", {}).get("norm_d") == "batch":
        flags.append("--arch.norm-d auto")
    if given.get("training", {}).keys() & {"lr_g", "lr_d"}:
        flags += _sound_rates(config)
    return " ".join(flags)


def _sound_rates(config: RunConfig) -> list[str]:
    """Return flags that mend rates that are high or unlike each other."""
    lr_g, lr_d = config.training.lr_g, config.training.lr_d
    if max(lr_g, lr_d) > HIGHEST_RATE:
        return [f"--lr-g {HIGHEST_RATE:g} --lr-d {HIGHEST_RATE:g}"]
    return [f"--lr-d {lr_g:.3g}"] if lr_d != lr_g else []


def weaker_critic(config: RunConfig) -> str:
    """Return flags that hold D back: fewer steps and no higher a rate than G's; else another loss."""
    training = config.training
    flags = ["--n-critic 1"] if training.n_critic > 1 else []
    if training.lr_d > training.lr_g:
        flags.append(f"--lr-d {training.lr_g:.3g}")
    return " ".join(flags) or another_loss(config)


def stronger_critic(config: RunConfig) -> str:
    """Return flags that let D learn more between two steps of G."""
    training = config.training
    if training.lr_d < training.lr_g:
        return f"--lr-d {training.lr_g:.3g}"
    if training.n_critic < MOST_CRITIC_STEPS:
        return f"--n-critic {MOST_CRITIC_STEPS}"
    return f"--lr-g {training.lr_g / 4:.3g}"


def lower_rates(config: RunConfig) -> str:
    """Return learning rates of a tenth."""
    return f"--lr-g {config.training.lr_g / 10:.3g} --lr-d {config.training.lr_d / 10:.3g}"


def heavier_penalty(config: RunConfig) -> str:
    """Return flags that bind D to its enforcer's slope more strongly."""
    options = config.options["lipschitz"]
    if config.name("lipschitz") != "gp":
        return "--lipschitz gp"
    if (weight := options.weight) < 100:  # type: ignore[attr-defined]
        return f"--lipschitz.weight {max(10.0, 10 * weight):.3g}"
    return f"--lr-d {config.training.lr_d / 4:.3g}"
