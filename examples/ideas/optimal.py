"""Hold a trained discriminator against the best one there is, and its loss against the Jensen-Shannon divergence.

    python examples/ideas/optimal.py -o optimal.png
    python examples/ideas/optimal.py --steps 300

Real numbers come from N(0, 1), fakes from N(mu, 1). A discriminator learns to tell them apart with gantool's loss
`bce`; the best one, p_real / (p_real + p_fake), and the divergence are integrated numerically. Takes half a minute.
"""

from __future__ import annotations

import argparse
import math

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from gantool import load_plugins
from gantool.interfaces import Loss

SHIFTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
DRAWN = 2.0  # the shift whose discriminators are drawn
BATCH, LR = 512, 3e-3
FRESH = 100_000  # numbers of each side that the loss is measured on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=800, help="of each discriminator [800]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", default="optimal.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    loss = load_plugins().registry.get("loss", "bce").create()
    trained = {shift: train(loss, shift, args.steps, args.seed) for shift in SHIFTS}
    measured = {shift: fresh_loss(loss, D, shift) for shift, D in trained.items()}
    print(f"{'mu':<6}{'JS, nats':>10}{'JS, bits':>10}{'least loss':>12}{'trained':>10}")
    for shift, value in measured.items():
        js = jensen_shannon(shift)
        print(f"{shift:<6g}{js:>10.4f}{js / math.log(2):>10.4f}{math.log(4) - 2 * js:>12.4f}{value:>10.4f}")
    draw(trained[DRAWN], measured, args.out)


def train(loss: Loss, shift: float, steps: int, seed: int) -> nn.Module:
    """Train a discriminator of numbers; its rate falls to 0."""
    torch.manual_seed(seed)
    D = nn.Sequential(nn.Linear(1, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    adam = torch.optim.Adam(D.parameters(), LR)
    for step in range(steps):
        adam.param_groups[0]["lr"] = LR * (1 - step / steps)
        total = loss.discriminator(D(torch.randn(BATCH, 1))[:, 0], D(torch.randn(BATCH, 1) + shift)[:, 0])
        adam.zero_grad()
        total.backward()
        adam.step()
    return D


@torch.no_grad()
def fresh_loss(loss: Loss, D: nn.Module, shift: float) -> float:
    """Return D's loss on numbers that it did not see."""
    random = torch.Generator().manual_seed(1)
    real, fake = (torch.randn(FRESH, 1, generator=random) + mean for mean in (0.0, shift))
    return loss.discriminator(D(real)[:, 0], D(fake)[:, 0]).item()


def density(x: Tensor, mean: float) -> Tensor:
    return torch.exp(-((x - mean) ** 2) / 2) / math.sqrt(2 * math.pi)


def jensen_shannon(shift: float) -> float:
    """Return the Jensen-Shannon divergence of N(0, 1) and N(shift, 1) in nats, by the trapezoidal rule."""
    x = torch.linspace(-12, 12 + shift, 20_001, dtype=torch.float64)
    p, q = density(x, 0.0), density(x, shift)
    middle = (p + q) / 2
    return sum(torch.trapezoid(torch.xlogy(side, side / middle), x).item() for side in (p, q)) / 2


@torch.no_grad()
def draw(D: nn.Module, measured: dict[float, float], out: str) -> None:
    figure = Figure(figsize=(9, 3.4), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2)
    x = torch.linspace(-5, 5 + DRAWN, 401)
    p, q = density(x, 0.0), density(x, DRAWN)
    left.fill_between(x, p, color="0.6", alpha=0.5, label="density of real")
    left.fill_between(x, q, color="tab:orange", alpha=0.4, label="density of fake")
    left.plot(x, D(x[:, None])[:, 0].sigmoid(), color="tab:blue", linewidth=4, alpha=0.5, label="trained D(x)")
    left.plot(x, p / (p + q), color="0.2", linestyle="--", label="best D(x)")
    left.set(xlabel="x", title=f"mu = {DRAWN:g}")
    shifts = torch.linspace(0, max(SHIFTS), 121).tolist()
    right.plot(shifts, [math.log(4) - 2 * jensen_shannon(shift) for shift in shifts], "--", color="0.2")
    right.lines[0].set_label("log 4 - 2 JS")
    right.plot(list(measured), list(measured.values()), "o", color="tab:blue", label="loss of a trained D")
    right.axhline(math.log(4), color="0.7", linewidth=1)
    right.annotate("log 4", (max(SHIFTS), math.log(4)), ha="right", va="top", color="0.4")
    right.set(xlabel="mu", title="D's loss", ylim=(-0.05, 1.5))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(out)


if __name__ == "__main__":
    main()
