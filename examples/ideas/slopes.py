"""Draw how steep critics are between real and generated examples, and where their weights lie.

    python examples/ideas/slopes.py RUN_OF_WGAN_CLIP RUN_OF_WGAN_GP -o slopes.png

For each run: the norm of the critic's gradient, over all axes but the batch's, at a point on the line between each real
example and a sample of the same class; and all numbers of the critic. `gantool evaluate RUN --metrics lipschitz` tells
the same in figures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from gantool import Model, load_plugins, open_model
from gantool.evaluation.critic import restore_critic
from gantool.files import checkpoint

AT_ONCE = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("-n", "--count", type=int, default=1000, help="points [1000]")
    parser.add_argument("-o", "--out", default="slopes.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    registry = load_plugins().registry
    figure = Figure(figsize=(9, 2.6 * len(args.runs)), dpi=90, layout="constrained")
    for run, (left, right) in zip(args.runs, figure.subplots(len(args.runs), 2, squeeze=False), strict=True):
        model = open_model(run)
        D = restore_critic(checkpoint.read(model.path), registry)
        real, c = real_examples(model, args.count)
        fake = model.samples(model.latents(range(len(real))), c)
        eps = torch.rand(len(real), *[1] * (real.dim() - 1), generator=torch.Generator().manual_seed(0))
        norms = gradient_norms(D, torch.lerp(fake, real, eps), c)
        weights = torch.cat([part.detach().flatten() for part in D.parameters()])
        left.hist(norms, 50, color="tab:blue")
        right.hist(weights, 100, color="tab:blue")
        left.set(title=run.name, xlabel="norm of the critic's gradient", ylabel="points")
        right.set(title=run.name, xlabel="weight of the critic", yscale="log")
        right.locator_params(axis="x", nbins=5)
        low, high = norms.quantile(torch.tensor([0.05, 0.95])).tolist()
        print(f"{run.name}: norms {norms.mean():.3g} in the mean, {low:.3g} to {high:.3g} for nine in ten,", end=" ")
        print(f"{high / low:.1f} times; weights up to {weights.abs().max():.3g}")
    figure.savefig(args.out)


def real_examples(model: Model, count: int) -> tuple[Tensor, Tensor | None]:
    """Return the first examples of the model's data as D sees them, and their labels where the model knows labels."""
    samples = model.config.create("data").load()
    x = torch.from_numpy(samples.values[:count])
    x = x.float() / 127.5 - 1 if x.dtype == torch.uint8 else x
    return x, None if model.condition is None else torch.from_numpy(samples.labels[:count])


def gradient_norms(D: nn.Module, x: Tensor, c: Tensor | None) -> Tensor:
    """Return the norm of D's gradient at each point: ``[N]``."""
    norms = []
    for start in range(0, len(x), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        point = x[part].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(D(point, None if c is None else c[part]).sum(), point)
        norms.append(gradient.flatten(1).norm(dim=1))
    return torch.cat(norms)


if __name__ == "__main__":
    main()
