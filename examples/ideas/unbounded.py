"""Train a Wasserstein critic without a bound on its slope, with clipped weights, and with the gradient penalty.

    python examples/ideas/unbounded.py -o unbounded.png
    python examples/ideas/unbounded.py --steps 200

Real points are N(0, I) in the plane, fakes the same 2 to the right, so that the Earth Mover's distance is 2. Drawn are
the critic's loss, without the penalty, and the mean norm of its gradient between the two. Takes half a minute.
"""

from __future__ import annotations

import argparse

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from gantool import load_plugins

SHIFT, BATCH, LR, EVERY = 2.0, 256, 1e-3, 20
ENFORCERS: dict[str, dict[str, float]] = {"none": {}, "clip": {"bound": 0.1}, "gp": {"weight": 10.0}}
Course = list[tuple[int, float, float]]  # critic steps, loss, slope


class Draws:
    """A step of training as an enforcer asks for it: its number, and random numbers."""

    def __init__(self, number: int) -> None:
        self.number = number

    def rand(self, stream: str, *shape: int) -> Tensor:
        return torch.rand(shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1500, help="of each critic [1500]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", default="unbounded.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    figure = Figure(figsize=(9, 3.2), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, options in ENFORCERS.items():
        D, found = train(name, options, args.steps, args.seed)
        numbers, losses, slopes = zip(*found, strict=True)
        label = "no bound" if name == "none" else f"{name}, {' '.join(f'{key} {n:g}' for key, n in options.items())}"
        left.plot(numbers, losses, label=label)
        right.plot(numbers, slopes, label=label)
        print(f"{label:<18} after {numbers[-1]} steps: loss {losses[-1]:.4g}, mean slope {slopes[-1]:.4g}", end="")
        print(f", {share_at(D, options['bound']):.1%} of the weights at the bound" if "bound" in options else "")
    left.axhline(-SHIFT, color="0.5", linestyle="--", linewidth=1)
    left.set(title="critic's loss", yscale="symlog", ylim=(-4e4, 3))
    right.axhline(1, color="0.5", linestyle="--", linewidth=1)
    right.set(title="mean norm of the critic's gradient", yscale="log")
    for axes in (left, right):
        axes.set(xlabel="critic steps")
        axes.grid(alpha=0.3)
    left.legend(fontsize=8)
    figure.savefig(args.out)


def train(name: str, options: dict[str, float], steps: int, seed: int) -> tuple[nn.Module, Course]:
    """Train a critic; return it, and its loss and its slope every 20 steps."""
    torch.manual_seed(seed)
    registry = load_plugins().registry
    component = registry.get("lipschitz", name)
    loss, enforcer = registry.get("loss", "wgan").create(), component.create(component.options(**options))
    D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    D.append(nn.Flatten(0))  # scores [N]
    enforcer.prepare(D)
    adam, found = torch.optim.Adam(D.parameters(), LR, betas=(0.0, 0.9)), []
    for step in range(1, steps + 1):
        real, fake = torch.randn(BATCH, 2), torch.randn(BATCH, 2) + torch.tensor([SHIFT, 0.0])
        value = loss.discriminator(D(real), D(fake))
        penalty = enforcer.penalty(lambda x, c: D(x), real, fake, None, Draws(step))
        adam.zero_grad()
        (value if penalty is None else value + penalty).backward()
        adam.step()
        enforcer.after_step(D)
        if step % EVERY == 0 or step == steps:
            found.append((step, value.item(), mean_slope(D, torch.lerp(fake, real, torch.rand(BATCH, 1)))))
    return D, found


def share_at(D: nn.Module, bound: float) -> float:
    """Return the share of all parameters that lie at the bound."""
    sizes = torch.cat([part.detach().abs().flatten() for part in D.parameters()])
    return (sizes > 0.999999 * bound).float().mean().item()


def mean_slope(D: nn.Module, points: Tensor) -> float:
    points.requires_grad_()
    (gradients,) = torch.autograd.grad(D(points).sum(), points)
    return gradients.norm(dim=1).mean().item()


if __name__ == "__main__":
    main()
