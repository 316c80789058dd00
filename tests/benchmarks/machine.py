"""How much of a step is its layers' own work? Times every layer by itself, and the whole step.

    python tests/benchmarks/machine.py
    python tests/benchmarks/machine.py --case wgan-gp-64 --precision fp32

A layer is a convolution with its norm and activation. Each is timed alone, on the tensors that it sees in the step:
forward, forward and backward, and for the penalty forward, backward and the backward of that; the best of many times,
and of three ways to compute it: gantool's convolutions, and torch's with channels last and with channels first. The
sum over the layers, as often as a step uses them, over the step's time is the share that is printed. What is missing
from it is all that is not a layer: optimizers, losses, data, and what the layers cost each other in caches.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import torch
from speed import CASES, Gantool, pictures, timed
from torch import Tensor, nn

from gantool.training.phases import Phases
from gantool_classic.convolution import Conv2d, ConvTranspose2d
from gantool_classic.dcgan import DcganDiscriminator, DcganGenerator

SECONDS = 0.4  # for each time that is taken
STEPS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=CASES, help="bce-64 and wgan-gp-64 if not given")
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"])
    parser.add_argument("--threads", type=int, help="torch decides if not given")
    args = parser.parse_args()
    args.set, args.device = [], "cpu"
    if args.threads:
        torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        for name in args.case or ["bce-64", "wgan-gp-64"]:
            case = CASES[name]
            side = Gantool(case, pictures(case, Path(folder) / f"{name}.safetensors"), args)
            timed(side, 2)
            step = median(timed(side, 1) for _ in range(STEPS))
            uses = bce(side.run.phases) if case.n_critic == 1 else wgan_gp(side.run.phases, case.n_critic)
            whole = sum(uses.values())
            print(f"{name} in {side.run.config.training.precision}, {torch.get_num_threads()} threads")
            for use, seconds in uses.items():
                print(f"  {use:40} {1000 * seconds:8.1f} ms")
            print(f"  layers {1000 * whole:.1f} ms of a step of {1000 * step:.1f} ms: {whole / step:.0%}", flush=True)


def bce(phases: Phases) -> dict[str, float]:
    """Return the seconds that the layers need in a step of ``bce``, by use."""
    n = phases.training.batch_size
    G, D = layers(phases, n)
    return {
        "G, forward and backward": total(phases, G, trained),
        "D on real and fake, forward and backward": 2 * total(phases, D, trained),
        "D, frozen, in the phase of G": total(phases, D, frozen),
    }


def wgan_gp(phases: Phases, n_critic: int) -> dict[str, float]:
    """Return the seconds that the layers need in a step of ``wgan-gp``, by use."""
    n = phases.training.batch_size
    (G, D), (_, D_both) = layers(phases, n), layers(phases, 2 * n)
    return {
        "G, forward alone": n_critic * total(phases, G, forward),
        "D on real and fake, forward and backward": n_critic * total(phases, D_both, trained),
        "D in the penalty": n_critic * total(phases, D, penalised),
        "G, forward and backward": total(phases, G, trained),
        "D, frozen, in the phase of G": total(phases, D, frozen),
    }


Layer = tuple[
    list[nn.Module], Callable[[Tensor], Tensor], Tensor, bool
]  # modules, call, input, whether it is the first


def layers(phases: Phases, n: int) -> tuple[list[Layer], list[Layer]]:
    """Return the layers of G and of D with their inputs for ``n`` samples."""
    G: DcganGenerator = phases.state.G.net
    D: DcganDiscriminator = phases.state.D.net
    z = torch.randn(n, phases.training.latent_dim)
    seen: dict[nn.Module, Tensor] = {}
    parts = [G.project, *G.doublings, *G.norms, *D.blocks, D.head]
    hooks = [
        part.register_forward_pre_hook(lambda part, given: seen.update({part: given[0].detach()})) for part in parts
    ]
    with torch.no_grad(), phases._autocast():
        D.score(D.features(G(z).float()))
    for hook in hooks:
        hook.remove()
    first = ([G.project], G.project, seen[G.project], True)
    doublings = [
        ([norm, double], lambda x, norm=norm, double=double: double(norm(x).relu()), seen[norm], False)
        for norm, double in zip(G.norms, G.doublings, strict=True)
    ]
    halvings = [([block], block, seen[block], block is D.blocks[0]) for block in D.blocks]
    return [first, *doublings], [*halvings, ([D.head], D.head, seen[D.head], False)]


def total(phases: Phases, parts: list[Layer], use: Callable[..., Callable[[], Any]]) -> float:
    """Add up the best times of layers in one use."""
    return sum(min(alone(phases, layer, use, way) for way in WAYS) for layer in parts)


def alone(phases: Phases, layer: Layer, use: Callable[..., Callable[[], Any]], way: Callable[..., Any]) -> float:
    """Return the best seconds of one layer in one use, computed in one way."""
    modules, call, x, first = layer
    with way(modules) as layout, phases._autocast():
        x = x.contiguous(memory_format=layout) if x.dim() == 4 else x
        parameters = [parameter for module in modules for parameter in module.parameters()]
        work = use(call, x, parameters, first)
        work()
        best, until = float("inf"), time.perf_counter() + SECONDS
        while time.perf_counter() < until or best == float("inf"):
            began = time.perf_counter()
            work()
            best = min(best, time.perf_counter() - began)
    return best


def forward(call: Callable[[Tensor], Tensor], x: Tensor, parameters: list[nn.Parameter], first: bool) -> Any:
    """Forward without a graph."""

    def work() -> None:
        with torch.no_grad():
            call(x)

    return work


def trained(call: Callable[[Tensor], Tensor], x: Tensor, parameters: list[nn.Parameter], first: bool) -> Any:
    """Forward, and backward to the weights and, but for the first layer, to the input."""
    x = x.detach().requires_grad_(not first)
    wanted = parameters if first else [x, *parameters]
    g = torch.randn_like(call(x))
    return lambda: torch.autograd.grad(call(x), wanted, g)


def frozen(call: Callable[[Tensor], Tensor], x: Tensor, parameters: list[nn.Parameter], first: bool) -> Any:
    """Forward, and backward to the input alone."""
    x = x.detach().requires_grad_()
    g = torch.randn_like(call(x))

    def work() -> None:
        for parameter in parameters:
            parameter.requires_grad_(False)
        torch.autograd.grad(call(x), x, g)
        for parameter in parameters:
            parameter.requires_grad_()

    return work


def penalised(call: Callable[[Tensor], Tensor], x: Tensor, parameters: list[nn.Parameter], first: bool) -> Any:
    """Forward, backward to the input with a graph, and the backward of both."""
    x = x.detach().requires_grad_()
    y = call(x)
    g, u = torch.randn_like(y).requires_grad_(), torch.randn_like(x)
    wanted = [*parameters, g] if first else [*parameters, g, x]

    def work() -> None:
        y = call(x)
        (slope,) = torch.autograd.grad(y, x, g, create_graph=True)
        torch.autograd.grad([slope, y], wanted, [u, g.detach()], allow_unused=True)

    return work


@contextlib.contextmanager
def own(modules: list[nn.Module]) -> Iterator[torch.memory_format]:
    """Compute as gantool does."""
    yield torch.channels_last


@contextlib.contextmanager
def channels_last(modules: list[nn.Module]) -> Iterator[torch.memory_format]:
    """Compute with torch's convolutions, channels last."""
    with torchs():
        yield torch.channels_last


@contextlib.contextmanager
def channels_first(modules: list[nn.Module]) -> Iterator[torch.memory_format]:
    """Compute with torch's convolutions, channels first."""
    for module in modules:
        module.to(memory_format=torch.contiguous_format)
    with torchs():
        yield torch.contiguous_format
    for module in modules:
        module.to(memory_format=torch.channels_last)


@contextlib.contextmanager
def torchs() -> Iterator[None]:
    """Put torch's forward in the place of gantool's."""
    kept = Conv2d.forward, ConvTranspose2d.forward
    Conv2d.forward, ConvTranspose2d.forward = nn.Conv2d.forward, nn.ConvTranspose2d.forward
    try:
        yield
    finally:
        Conv2d.forward, ConvTranspose2d.forward = kept


WAYS = (own, channels_last, channels_first)

if __name__ == "__main__":
    main()
