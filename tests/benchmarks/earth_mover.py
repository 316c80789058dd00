"""Does the critic's loss estimate the Earth Mover's distance, and what is left for the generator as distances grow?

    python tests/benchmarks/earth_mover.py                      # 5 minutes on one core
    python tests/benchmarks/earth_mover.py --quick
    python tests/benchmarks/earth_mover.py --part gradient --seeds 5

`--part distance` trains critics on two finite sets of points, by the penalty and by clipping. Printed are the exact
distance of the sets, by the assignment problem; the critic's raw estimate, -(loss without penalty); its slope between
the sets; and the estimate over the mean slope. `--part gradient` trains discriminators on N(0, I) against N(mu, I) and
prints the slope of the generator's loss at a fake's score, times the number of fakes, and at the fake itself, beside
those of the optimum. The generators are never trained. Figures are means over seeds, with standard errors.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Any

import torch
from scipy.integrate import quad
from scipy.optimize import linear_sum_assignment
from scipy.special import expit
from scipy.stats import norm
from torch import Tensor, nn

from gantool import RunConfig, Samples, Tier, load_plugins, resolve
from gantool.interfaces import Loss
from gantool.training.phases import TrainingStep
from gantool.training.state import build_state
from gantool_classic.metrics.lipschitz import gradient_norms

SEPARATIONS = (0.5, 1.0, 2.0, 4.0, 8.0)
SHIFTS = (0.0, 1.0, 2.0, 4.0, 8.0)
POINTS = 500  # in each set: the assignment takes a second
FAKES = 50_000  # to measure gradients at
LAMBDA = 10.0
# Whatever matters is given here, so that the figures do not change with gantool's recipe for points.
MLP = {"name": "mlp", "hidden_d": [128, 128, 128], "norm_d": "none"}
NETWORK = {"data": "gaussians", "arch": MLP, "condition": "none"}
ADAM = {"optimizer": "adam", "lr_d": 1e-3, "betas": [0.0, 0.9]}
PENALTY = {"loss": "wgan", "lipschitz": {"name": "gp", "weight": LAMBDA}, "training": ADAM}
DISCRIMINATOR = {"loss": "bce", "lipschitz": "none", "training": ADAM}  # minimax trains the same one

Tree = Mapping[str, Any]
Pair = tuple[Tensor, Tensor]  # real and fake, each [N, 2]


@dataclass(frozen=True)
class Estimate:
    """What one critic says of a distance."""

    exact: float
    raw: float
    slope: float  # the mean at mixed points
    steepest: float

    @property
    def corrected(self) -> float:
        """The estimate of a critic whose slope is 1."""
        return self.raw / self.slope


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["distance", "gradient"], help="both if not given")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=600, help="of each critic [600]")
    parser.add_argument("--bound", type=float, default=0.01, help="of clipped weights [0.01]")
    parser.add_argument("--quick", action="store_true", help="2 seeds, 300 steps")
    args = parser.parse_args()
    if args.quick:
        args.seeds, args.steps = 2, 300
    torch.set_num_threads(1)
    print(f"{args.seeds} seeds, {args.steps} steps, lambda {LAMBDA:g}, bound {args.bound:g}\n")
    if args.part != "gradient":
        print_distances(args.seeds, args.steps, args.bound)
    if args.part != "distance":
        print_gradients(args.seeds, args.steps)


def print_distances(seeds: int, steps: int, bound: float) -> None:
    """Print what the critics of each enforcer say of each pair of sets."""
    enforcers = {"gp": PENALTY, "clip": clipping(bound)}
    print_row("sets", "exact", "", "raw", "slope, mean", "slope, max", "corrected", "error, raw", "error, corrected")
    for title, sets in pairs().items():
        known = [(pair, exact_distance(*pair)) for pair in map(sets, range(seeds))]
        for enforcer, tree in enforcers.items():
            found = [estimate(tree, pair, exact, seed, steps) for seed, (pair, exact) in enumerate(known)]
            print_row(
                title,
                spread([one.exact for one in found]),
                enforcer,
                spread([one.raw for one in found]),
                spread([one.slope for one in found]),
                spread([one.steepest for one in found]),
                spread([one.corrected for one in found]),
                percent([one.raw / one.exact - 1 for one in found]),
                percent([one.corrected / one.exact - 1 for one in found]),
            )
    print()


def pairs() -> dict[str, Callable[[int], Pair]]:
    """Return pairs of sets by a title, each a function of the seed; the last has no linear optimum."""

    def two(separation: float) -> Callable[[int], Pair]:
        def sets(seed: int) -> Pair:
            found = points("two-gaussians", seed, 2 * POINTS, separation=separation)
            return torch.from_numpy(found.values[found.labels == 1]), torch.from_numpy(found.values[found.labels == 0])

        return sets

    def layouts(seed: int) -> Pair:
        real, fake = (torch.from_numpy(points(layout, seed, POINTS).values) for layout in ("ring", "grid"))
        return real, fake

    return {f"two Gaussians, {mu:g} apart": two(mu) for mu in SEPARATIONS} | {"ring and grid": layouts}


def points(layout: str, seed: int, length: int, **options: float) -> Samples:
    """Draw points of the dataset ``gaussians``."""
    component = load_plugins().registry.get("dataset", "gaussians")
    samples: Samples = component.create(component.options(layout=layout, seed=seed, length=length, **options)).load()
    return samples


def exact_distance(real: Tensor, fake: Tensor) -> float:
    """Return W1 of two sets of as many points, by the assignment of least cost."""
    cost = torch.cdist(real.double(), fake.double()).numpy()
    return float(cost[linear_sum_assignment(cost)].mean())


def estimate(tree: Tree, pair: Pair, exact: float, seed: int, steps: int) -> Estimate:
    """Train a critic on two sets and return what it says of their distance."""
    random = torch.Generator().manual_seed(seed)

    def batch(size: int) -> Pair:
        real, fake = (side[torch.randint(len(side), (size,), generator=random)] for side in pair)
        return real, fake

    D, loss = trained(settings(tree, seed), batch, steps)
    real, fake = pair
    with torch.no_grad():
        raw = -loss.discriminator(D(real), D(fake)).item()
    left, right = batch(4 * POINTS)
    slopes = gradient_norms(D, torch.lerp(left, right, torch.rand(len(left), 1, generator=random)), None)
    return Estimate(exact, raw, slopes.mean().item(), slopes.max().item())


def clipping(bound: float) -> Tree:
    """Return settings of weight clipping; Arjovsky et al. 2017 have the bound 0.01 and the rate 5e-5."""
    training = {"optimizer": "rmsprop", "lr_d": bound / 200}
    return {"loss": "wgan", "lipschitz": {"name": "clip", "bound": bound}, "training": training}


def settings(tree: Tree, seed: int) -> RunConfig:
    """Return a whole configuration for points."""
    training = {**tree["training"], "batch_size": 256, "seed": seed}
    return resolve(load_plugins().registry, [Tier("benchmark", {**NETWORK, **tree, "training": training})])


def trained(config: RunConfig, batch: Callable[[int], Pair], steps: int) -> tuple[nn.Module, Loss]:
    """Train a discriminator alone, its rate falling to 0 over the second half; return it and its loss."""
    device = torch.device("cpu")
    state = build_state(config, (2,), None, device)  # the generator in it is not used
    loss, enforcer, training = config.create("loss"), config.create("lipschitz"), config.training
    for number in range(steps):
        for group in state.optimizer_d.param_groups:
            group["lr"] = training.lr_d * min(1.0, 2 * (1 - number / steps))
        real, fake = batch(training.batch_size)
        total = loss.discriminator(state.D(real), state.D(fake))
        penalty = enforcer.penalty(state.D, real, fake, None, TrainingStep(number, training.seed, device))
        state.optimizer_d.zero_grad()
        (total if penalty is None else total + penalty).backward()
        state.optimizer_d.step()
        enforcer.after_step(state.D)
    return state.D, loss


def print_gradients(seeds: int, steps: int) -> None:
    """Print the generator's gradients under three losses, as two Gaussians move apart."""
    registry = load_plugins().registry
    print_row("mu", "loss", "score, trained", "score, optimum", "fake, trained", "fake, optimum")
    for shift in SHIFTS:
        discriminators, critics = (
            [shifted(tree, shift, seed, steps) for seed in range(seeds)] for tree in (DISCRIMINATOR, PENALTY)
        )
        for name, networks in (("minimax", discriminators), ("bce", discriminators), ("wgan", critics)):
            loss = registry.get("loss", name).create()
            found = [gradients(D, loss, shift, seed) for seed, D in enumerate(networks)]
            at_score, at_fake = (spread(side) for side in zip(*found, strict=True))
            best_at_score, best_at_fake = optimum(name, shift)
            print_row(f"{shift:g}", name, at_score, f"{best_at_score:.3g}", at_fake, f"{best_at_fake:.3g}")


def shifted(tree: Tree, shift: float, seed: int, steps: int) -> nn.Module:
    """Train a discriminator on fresh points of N(0, I) against N((shift, 0), I)."""
    random = torch.Generator().manual_seed(seed)

    def batch(size: int) -> Pair:
        return torch.randn(size, 2, generator=random), fakes(size, shift, random)

    return trained(settings(tree, seed), batch, steps)[0]


def fakes(count: int, shift: float, random: torch.Generator) -> Tensor:
    return torch.randn(count, 2, generator=random) + torch.tensor([shift, 0.0])


def gradients(D: nn.Module, loss: Loss, shift: float, seed: int) -> tuple[float, float]:
    """Return the mean size of the slope of the generator's loss at a score and at a fake, both times N."""
    fake = fakes(FAKES, shift, torch.Generator().manual_seed(1000 + seed)).requires_grad_()
    scores = D(fake)
    at_score, at_fake = torch.autograd.grad(loss.generator(scores), (scores, fake))
    return at_score.abs().sum().item(), at_fake.norm(dim=1).sum().item()


def optimum(loss: str, shift: float) -> tuple[float, float]:
    """Return the same two slopes for the best discriminator there is.

    It is d*(x) = log p_real(x) - log p_fake(x) (Goodfellow et al. 2014, proposition 1), for two Gaussians of one
    covariance a linear function of slope ``shift``; at a fake, d* ~ N(-shift^2 / 2, shift^2). The slope of minimax at a
    score is -sigmoid(d), that of bce -sigmoid(-d). The critic under the penalty is linear too, of slope
    1 + shift / (2 lambda).
    """
    if loss == "wgan":
        return 1.0, 1 + shift / (2 * LAMBDA)

    def integrand(n: float) -> float:
        return float(expit(-(shift**2) / 2 - shift * n) * norm.pdf(n))

    saturating = quad(integrand, -12, 12, points=[-shift / 2])[0]
    slope = saturating if loss == "minimax" else 1 - saturating
    return slope, shift * slope


def spread(values: Sequence[float]) -> str:
    """Return the mean with its standard error."""
    return f"{fmean(values):.3g}" + (f" ± {standard_error(values):.2g}" if len(values) > 1 else "")


def percent(values: Sequence[float]) -> str:
    """Return the mean of shares with its standard error."""
    return f"{fmean(values):+.1%}" + (f" ± {standard_error(values):.1%}" if len(values) > 1 else "")


def standard_error(values: Sequence[float]) -> float:
    return stdev(values) / sqrt(len(values))


def print_row(first: str, *cells: str) -> None:
    print(f"| {first:<24} | " + " | ".join(f"{cell:>17}" for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
