"""Draw what gantool's losses say of one score, and how strongly each pulls at it.

    python examples/ideas/losses.py -o losses.png
    python examples/ideas/losses.py --losses bce,wgan --reach 12

Every curve is measured: a loss component of gantool gets one score, and autograd gives the slope there.
"""

from __future__ import annotations

import argparse

import torch
from matplotlib.figure import Figure
from torch import Tensor

from gantool import load_plugins
from gantool.interfaces import Loss

SHOWN = (-6.0, -2.0, 0.0, 2.0, 6.0)  # scores of the printed table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--losses", default="bce,minimax,wgan", help="components to draw [bce,minimax,wgan]")
    parser.add_argument("--reach", type=float, default=8.0, help="scores from -REACH to REACH [8]")
    parser.add_argument("-o", "--out", default="losses.png")
    args = parser.parse_args()
    registry = load_plugins().registry
    losses = {name: registry.get("loss", name).create() for name in args.losses.split(",")}
    print_table(losses)
    draw(losses, torch.linspace(-args.reach, args.reach, 401), args.out)


def of_discriminator(loss: Loss, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return D's loss for a real example at each score and for a fake there; the other side has the score 0."""
    zero = torch.zeros(1)
    at_zero = loss.discriminator(zero, zero) / 2
    real = torch.stack([loss.discriminator(score[None], zero) for score in scores]) - at_zero
    fake = torch.stack([loss.discriminator(zero, score[None]) for score in scores]) - at_zero
    return real, fake


def of_generator(loss: Loss, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return G's loss for a fake at each score, and its slope there."""
    scores = scores.clone().requires_grad_()
    values = torch.stack([loss.generator(score[None]) for score in scores])
    (slopes,) = torch.autograd.grad(values.sum(), scores)
    return values.detach(), slopes


def print_table(losses: dict[str, Loss]) -> None:
    print("slope of G's loss at the score of a fake")
    print(f"{'score':<10}" + "".join(f"{score:>10g}" for score in SHOWN))
    for name, loss in losses.items():
        _, slopes = of_generator(loss, torch.tensor(SHOWN))
        print(f"{name:<10}" + "".join(f"{slope:>10.4f}" for slope in slopes.tolist()))


def draw(losses: dict[str, Loss], scores: Tensor, out: str) -> None:
    figure = Figure(figsize=(9, 3.2), dpi=100, layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    first = next(iter(losses))
    for values, label in zip(of_discriminator(losses[first], scores), ("a real example", "a fake"), strict=True):
        left.plot(scores, values, label=label, color="0.2", linestyle="--" if label == "a fake" else "-")
    for name, loss in losses.items():
        values, slopes = of_generator(loss, scores)
        middle.plot(scores, values, label=name)
        right.plot(scores, slopes, label=name)
    left.set(title=f"D's loss, {first}", xlabel="score")
    middle.set(title="G's loss", xlabel="score of a fake")
    right.set(title="slope of G's loss", xlabel="score of a fake", ylim=(-1.1, 0.1))
    for axes in (left, middle, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(out)


if __name__ == "__main__":
    main()
