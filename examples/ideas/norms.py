"""How long is a latent, and what does a straight line between two do to its length?

    python examples/ideas/norms.py -o norms.png

Left: the lengths of latents from N(0, 1), over the square root of their width. Right: the length along the straight
line (lerp) and along the arc (slerp) between many pairs, as the mean and the middle 90 %.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gantool.latent.paths import lerp, slerp

Walk = Callable[[Tensor, Tensor, Tensor], Tensor]  # (a, b, t): from a at 0 to b at 1

WIDTHS = (2, 8, 32, 128)
FRAMES = 41


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--count", type=int, default=20000, help="latents of each width [20000]")
    parser.add_argument("--width", type=int, default=32, help="of the latents that paths are drawn between [32]")
    parser.add_argument("-o", "--out", default="norms.png")
    args = parser.parse_args()
    torch.manual_seed(0)

    figure = Figure(figsize=(8.5, 3.4), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2)
    bins = np.linspace(0, 2.2, 111)
    for width in WIDTHS:
        lengths = torch.randn(args.count, width).norm(dim=1)
        middle = lerp(*torch.randn(2, args.count, width), torch.tensor(0.5)).norm(dim=1)
        below = (lengths < middle.mean()).float().mean()
        print(f"width {width}: mean length {lengths.mean():.2f}, spread {lengths.std():.2f}, ", end="")
        print(f"midpoint of a line {middle.mean() / lengths.mean():.3f} of it; shorter latents: {below:.2%}")
        left.hist((lengths / width**0.5).numpy(), bins, histtype="step", density=True, label=f"width {width}")
    left.set(xlabel="length of z / sqrt(width)", ylabel="density", title="latents lie near a sphere")
    left.legend(fontsize=8)

    pairs = torch.randn(2, min(args.count, 2000), args.width)
    for name, path in (("straight line (lerp)", lerp), ("arc (slerp)", slerp)):
        draw_band(right, name, along(path, pairs))
    low, high = (
        torch.randn(args.count, args.width).norm(dim=1).div(args.width**0.5).quantile(torch.tensor([0.01, 0.99]))
    )
    right.axhspan(float(low), float(high), color="0.9", zorder=0, label="98 % of the prior")
    right.set(xlabel="position on the path", ylabel="length of z / sqrt(width)", title=f"paths, width {args.width}")
    right.set_ylim(0, 1.5)
    right.legend(fontsize=8, loc="lower left")
    figure.savefig(args.out)


def along(path: Walk, pairs: Tensor) -> Tensor:
    """Return the lengths ``[FRAMES, N]`` on the way between pairs ``[2, N, D]``, over the square root of D."""
    t = torch.linspace(0, 1, FRAMES)
    return torch.stack([path(*pairs, share).norm(dim=-1) for share in t]) / pairs.shape[-1] ** 0.5


def draw_band(axes: Axes, name: str, lengths: Tensor) -> None:
    """Draw the mean over all pairs and the middle 90 %."""
    t = np.linspace(0, 1, FRAMES)
    low, high = lengths.quantile(torch.tensor([0.05, 0.95]), dim=1).numpy()
    (line,) = axes.plot(t, lengths.mean(1).numpy(), label=name)
    axes.fill_between(t, low, high, color=line.get_color(), alpha=0.15)


if __name__ == "__main__":
    main()
