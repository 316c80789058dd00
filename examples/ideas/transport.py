"""Move one pile of points onto another: the best plan, its cost, and that of a plan made at random.

    python examples/ideas/transport.py -o transport.png
    python examples/ideas/transport.py -n 100 --seed 3

On a line the best plan keeps the order, so that sorting finds it. In the plane it is the assignment of least cost
(scipy; pip install 'gantool[metrics]' brings it). The mean length of the moves is the Earth Mover's distance.
"""

from __future__ import annotations

import argparse

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Points = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--count", type=int, default=30, help="points in each set [30]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", default="transport.png")
    args = parser.parse_args()
    random = np.random.default_rng(args.seed)
    piles = np.array([0, 0, 0, 0, 1, 1, 2, 5], float), np.array([3, 4, 4, 5, 5, 5, 6, 6], float)
    shape = (args.count, 2)
    sets = random.normal(0, (0.3, 1.5), shape), random.normal(0, (1.5, 0.3), shape)
    plan = assignment(*sets)
    shuffled = random.permutation(args.count)
    figure = Figure(figsize=(9, 3.2), dpi=100, layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.1, 1, 1])
    draw_piles(left, *piles)
    draw_plan(middle, "the best plan", *sets, plan)
    draw_plan(right, "a plan made at random", *sets, shuffled)
    figure.savefig(args.out)
    print(f"two piles: {np.abs(np.sort(piles[0]) - np.sort(piles[1])).mean():.3f} by sorting,", end=" ")
    print(f"{area_between(*piles):.3f} as the area between the shares that lie to the left of x")
    print(f"two sets: {cost(*sets, plan):.3f} by the best plan, {cost(*sets, shuffled):.3f} at random,", end=" ")
    print(f"{np.linalg.norm(sets[1].mean(0) - sets[0].mean(0)):.3f} between their means")


def assignment(a: Points, b: Points) -> NDArray[np.intp]:
    """Return for each row of ``a`` the row of ``b`` that it goes to, so that the sum of all lengths is least."""
    return linear_sum_assignment(np.linalg.norm(a[:, None] - b[None], axis=2))[1]


def cost(a: Points, b: Points, plan: NDArray[np.intp]) -> float:
    return float(np.linalg.norm(a - b[plan], axis=1).mean())


def area_between(a: Points, b: Points) -> float:
    """Return the area between the cumulative distributions of two piles, which is their distance on a line."""
    edges = np.unique(np.concatenate([a, b]))
    shares = [np.searchsorted(np.sort(pile), edges[:-1], side="right") / len(pile) for pile in (a, b)]
    return float((np.abs(shares[0] - shares[1]) * np.diff(edges)).sum())


def heights(pile: Points) -> Points:
    """Return how high each block of a sorted pile lies."""
    return np.array([(pile[:number] == place).sum() for number, place in enumerate(pile)], float)


def draw_piles(axes: Axes, a: Points, b: Points) -> None:
    a, b = np.sort(a), np.sort(b)
    for pile, colour, sign in ((a, "tab:orange", 1), (b, "0.6", -1)):
        lowest = heights(pile) if sign == 1 else -heights(pile) - 1
        axes.bar(pile, 0.9, 0.9, bottom=lowest, color=colour, edgecolor="white")
    for start, end, up, down in zip(a, b, heights(a), heights(b), strict=True):
        middle = (start, up + 0.45), (end, -down - 0.55)
        axes.annotate("", middle[1], middle[0], arrowprops={"arrowstyle": "->", "color": "0.3", "lw": 0.8})
    axes.axhline(0, color="0.2", linewidth=1)
    axes.set(title="two piles", xlabel="place", yticks=[])


def draw_plan(axes: Axes, title: str, a: Points, b: Points, plan: NDArray[np.intp]) -> None:
    for start, end in zip(a, b[plan], strict=True):
        axes.plot(*zip(start, end, strict=True), color="0.7", linewidth=0.8)
    axes.plot(*a.T, "o", color="tab:orange", markersize=4)
    axes.plot(*b.T, "o", color="0.4", markersize=4)
    axes.set(title=f"{title}: {cost(a, b, plan):.2f}", aspect="equal")


if __name__ == "__main__":
    main()
