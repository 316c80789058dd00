"""Lay the cones of slope 1 on curves: a 1-Lipschitz function stays inside the cone of each of its points.

    python examples/ideas/cones.py -o cones.png

Prints the steepest slope of each curve, by autograd, and the steepest line between two of its points.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

CURVES: dict[str, tuple[Callable[[Tensor], Tensor], tuple[float, ...]]] = {  # each with the tips of its cones
    "x^2": (torch.square, (0.5,)),
    "sin x": (torch.sin, (-1.6, 1.2)),
    "softplus(x) = log(1 + e^x)": (torch.nn.functional.softplus, (-1.5, 1.5)),
}
REACH = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", default="cones.png")
    args = parser.parse_args()
    figure = Figure(figsize=(9, 3.2), dpi=100, layout="constrained")
    x = torch.linspace(-REACH, REACH, 601)
    for axes, (name, (curve, tips)) in zip(figure.subplots(1, 3), CURVES.items(), strict=True):
        print(
            f"{name:<28} steepest slope {steepest(curve, x):.3f}, between two points {steepest_line(curve(x), x):.3f}"
        )
        for tip, colour in zip(tips, ("tab:blue", "tab:green"), strict=False):
            draw_cone(axes, curve, tip, x, colour)
        axes.plot(x, curve(x), color="0.2")
        axes.set(title=name, xlim=(-REACH, REACH), ylim=(-3, 4))
        axes.grid(alpha=0.3)
    figure.savefig(args.out)


def steepest(curve: Callable[[Tensor], Tensor], x: Tensor) -> float:
    x = x.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(curve(x).sum(), x)
    return slopes.abs().max().item()


def steepest_line(y: Tensor, x: Tensor) -> float:
    """Return the largest |f(a) - f(b)| / |a - b| of all pairs of points."""
    rises, ways = (value[:, None] - value for value in (y, x))
    return (rises / ways.fill_diagonal_(1)).abs().max().item()


def draw_cone(axes: Axes, curve: Callable[[Tensor], Tensor], tip: float, x: Tensor, colour: str) -> None:
    """Shade where |y - f(tip)| <= |x - tip|, and mark the part of the curve that leaves it."""
    height, reach = curve(torch.tensor(tip)).item(), (x - tip).abs()
    axes.fill_between(x, height - reach, height + reach, color=colour, alpha=0.15, linewidth=0)
    outside = (curve(x) - height).abs() > reach + 1e-6
    axes.plot(x, torch.where(outside, curve(x), torch.nan), color="tab:red", linewidth=4, alpha=0.5)
    axes.plot(tip, height, "o", color=colour, markersize=6)


if __name__ == "__main__":
    main()
