"""Move one line away from another: what the Jensen-Shannon divergence and the Earth Mover's distance say, and how
strongly each loss pulls a generator back.

    python examples/ideas/parallel_lines.py -o parallel-lines.png
    python examples/ideas/parallel_lines.py --steps 200

The example is that of Arjovsky et al. 2017: real points are (0, y), fakes are (theta, y), with y uniform in [0, 1];
theta is all that the generator has to learn. For each theta a discriminator (gantool's `bce`) and a critic (`wgan` with
the enforcer `gp`) are trained, then read. Takes a minute.
"""

from __future__ import annotations

import argparse
import math

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from gantool import load_plugins
from gantool.interfaces import Lipschitz, Loss

THETAS = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
BATCH, LR = 256, 2e-3
FRESH = 10_000  # points that the trained networks are read at


class Draws:
    """A step of training as an enforcer asks for it: its number, and random numbers."""

    def __init__(self, number: int) -> None:
        self.number = number

    def rand(self, stream: str, *shape: int) -> Tensor:
        return torch.rand(shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=600, help="of each network [600]")
    parser.add_argument("--weight", type=float, default=10.0, help="of the gradient penalty [10]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", default="parallel-lines.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    registry = load_plugins().registry
    gp = registry.get("lipschitz", "gp")
    penalty = gp.create(gp.options(weight=args.weight))
    found = []
    print(f"{'theta':<8}{'JS':>8}{'W1':>8}   pull on theta: {'minimax':>8}{'bce':>8}{'wgan':>8}")
    for theta in THETAS:
        D = train("bce", None, theta, args.steps, args.seed)
        critic = train("wgan", penalty, theta, args.steps, args.seed)
        row = {"JS": math.log(2) - value("bce", D, theta) / 2, "W1": -value("wgan", critic, theta)}
        row |= {"minimax": pull("minimax", D, theta), "bce": pull("bce", D, theta), "wgan": pull("wgan", critic, theta)}
        found.append(row)
        print(f"{theta:<8g}{row['JS']:>8.3f}{row['W1']:>8.3f}{'':<18}", end="")
        print("".join(f"{row[name]:>8.2g}" for name in ("minimax", "bce", "wgan")), flush=True)
    draw({name: [row[name] for row in found] for name in found[0]}, args.weight, args.out)


def loss_of(name: str) -> Loss:
    loss: Loss = load_plugins().registry.get("loss", name).create()
    return loss


def points(theta: float | Tensor, count: int) -> Tensor:
    """Return points ``[N, 2]`` of the line at ``theta``; a gradient reaches it."""
    return torch.stack([torch.zeros(count) + theta, torch.rand(count)], dim=1)


def train(name: str, penalty: Lipschitz | None, theta: float, steps: int, seed: int) -> nn.Module:
    """Train a discriminator or a critic alone; its rate falls to 0 over the second half."""
    torch.manual_seed(seed)
    loss = loss_of(name)
    D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    D.append(nn.Flatten(0))  # scores [N]
    adam = torch.optim.Adam(D.parameters(), LR, betas=(0.5, 0.9))
    for step in range(steps):
        adam.param_groups[0]["lr"] = LR * min(1, 2 * (1 - step / steps))
        real, fake = points(0.0, BATCH), points(theta, BATCH)
        total = loss.discriminator(D(real), D(fake))
        if penalty is not None:
            total = total + penalty.penalty(lambda x, c: D(x), real, fake, None, Draws(step))
        adam.zero_grad()
        total.backward()
        adam.step()
    return D


@torch.no_grad()
def value(name: str, D: nn.Module, theta: float) -> float:
    """Return D's loss, without a penalty."""
    return loss_of(name).discriminator(D(points(0.0, FRESH)), D(points(theta, FRESH))).item()


def pull(name: str, D: nn.Module, theta: float) -> float:
    """Return the slope of the generator's loss over theta: positive where a step moves the line back."""
    place = torch.tensor(theta, requires_grad=True)
    (slope,) = torch.autograd.grad(loss_of(name).generator(D(points(place, FRESH))), place)
    return slope.item()


def draw(found: dict[str, list[float]], weight: float, out: str) -> None:
    figure = Figure(figsize=(9, 3.2), dpi=100, layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    mark(left, THETAS, found["JS"], "from a trained D")
    left.plot(0, 0, "o", color="0.2", markersize=4)
    left.plot([0, 1], [math.log(2)] * 2, "--", color="0.2", label="exact: log 2, and 0 at theta = 0")
    left.plot(0, math.log(2), "o", markersize=4, markerfacecolor="white", markeredgecolor="0.2")
    left.set(title="Jensen-Shannon divergence", ylim=(-0.05, 1.2))
    mark(middle, THETAS, found["W1"], "from a trained critic, raw")
    middle.plot([0, 1], [0, 1], "--", color="0.2", label="exact: theta")
    middle.set(title="Earth Mover's distance", ylim=(-0.05, 1.4))
    for name in ("bce", "minimax", "wgan"):
        right.plot(THETAS[1:], found[name][1:], "o-", markersize=4, label=name)
    right.set(title="pull on theta", yscale="log")
    for axes in (left, middle, right):
        axes.set(xlabel="theta")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(out)


def mark(axes: Axes, x: tuple[float, ...], y: list[float], label: str) -> None:
    axes.plot(x, y, "o", color="tab:blue", markersize=5, label=label)


if __name__ == "__main__":
    main()
