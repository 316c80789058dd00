"""Train the plain loops' networks with the steps of torch-mimicry and torchgan, for the columns of speed.py.

    pip install --no-deps torch-mimicry==0.1.16 torchgan==0.1.0

Both make the training step, the losses and the calls of the optimizers; data, networks, batch, learning rates and
critic steps are those of examples/. Both draw z from N(0, 1), where plain_dcgan.py draws it uniformly. What their
trainers do around a step (printing, TensorBoard, checkpoints) is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from speed import Case  # which imports this file

EXAMPLES = Path(__file__).parents[2] / "examples"
PARTS_OF_MIMICRY = ("nets.gan.gan", "nets.wgan_gp.wgan_gp_base", "training.metric_log")


class Toolkit:
    """One toolkit: the networks, data and settings of a plain loop, which its own step trains."""

    G: Any  # the toolkit's classes around the loop's networks
    D: Any

    def __init__(self, case: Case, pack: Path, args: argparse.Namespace) -> None:
        self.case, self.device = case, torch.device(args.device)
        self.module = example(case.loop)
        self.losses: dict[str, float] = {}  # of the latest step, as the toolkit reports them
        torch.manual_seed(0)
        self.batches = self.module.batches(self.module.pictures("packed", str(pack), None), case.batch, self.device)

    @staticmethod
    def trains(case: Case) -> bool:
        """Whether it can train this case."""
        return True

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Return G, and D with scores [N, 1], as the plain loop begins with them."""
        build = getattr(self.module, "critic", None) or self.module.discriminator
        shape = self.case.colours, self.case.size, self.case.channels
        return self.module.generator(*shape), nn.Sequential(build(*shape), nn.Unflatten(0, (-1, 1)))

    def adopt(self, G: nn.Module, D: nn.Module) -> None:
        """Put the networks on the device, and make the plain loop's optimizers for them."""
        self.G, self.D = G.to(self.device), D.to(self.device)
        self.optimizer_g, self.optimizer_d = (
            torch.optim.Adam(network.parameters(), self.module.LR, self.module.BETAS) for network in (G, D)
        )

    def step(self) -> None:
        """Make one step of the generator and the critic steps before it."""
        raise NotImplementedError


class Mimicry(Toolkit):
    """torch-mimicry's `train_step` of G and D, loss "gan" (BCE, G's not saturating) or its WGAN-GP.

    `import torch_mimicry` fails with PyTorch 2: it needs torch._six, and TensorFlow for its scores. The files of the
    step need neither and are imported unchanged, past the package's own `__init__`. WGAN-GP takes 3 colours alone,
    for its penalty views the mixing weights as [N, 3, H, W].
    """

    def __init__(self, case: Case, pack: Path, args: argparse.Namespace) -> None:
        super().__init__(case, pack, args)
        wasserstein = case.n_critic > 1
        gan, wgan_gp, metric_log = mimicry()
        self.new_log = metric_log.MetricLog
        base_g = wgan_gp.WGANGPBaseGenerator if wasserstein else gan.BaseGenerator
        base_d = wgan_gp.WGANGPBaseDiscriminator if wasserstein else gan.BaseDiscriminator
        loss = "wasserstein" if wasserstein else "gan"
        G, D = self.networks()
        self.adopt(
            around(base_g, G, nz=self.module.LATENT, ngf=case.channels, bottom_width=4, loss_type=loss),
            around(base_d, D, ndf=case.channels, loss_type=loss),
        )

    @staticmethod
    def trains(case: Case) -> bool:
        """Its WGAN-GP takes pictures of 3 colours alone."""
        return case.n_critic == 1 or case.colours == 3

    def step(self) -> None:
        log = self.new_log()
        for _ in range(self.case.n_critic):
            batch = (next(self.batches), None)  # no labels
            log = self.D.train_step(batch, self.G, self.optimizer_d, log, device=self.device)
        log = self.G.train_step(batch, self.D, self.optimizer_g, log, device=self.device)
        self.losses = {name: log[name] for name in ("errD", "errG")}


class TorchGan(Toolkit):
    """torchgan's losses, each of which makes a step of its own by `train_ops`, as its trainer calls them.

    Its WGAN-GP is not quite the plain loop's: the critic takes one optimizer step for the scores and one for the
    penalty, each with new fakes; the penalty mixes a whole batch by one number, takes the norm of the whole batch's
    gradient, and goes back through G too.
    """

    def __init__(self, case: Case, pack: Path, args: argparse.Namespace) -> None:
        super().__init__(case, pack, args)
        losses = importlib.import_module("torchgan.losses")
        models = importlib.import_module("torchgan.models")
        if case.n_critic > 1:
            self.loss_g = losses.WassersteinGeneratorLoss()
            penalty = losses.WassersteinGradientPenalty(lambd=self.module.PENALTY)
            self.losses_d = [losses.WassersteinDiscriminatorLoss(), penalty]
        else:
            self.loss_g, self.losses_d = losses.MinimaxGeneratorLoss(), [losses.MinimaxDiscriminatorLoss()]
        G, D = self.networks()
        self.adopt(
            around(models.Generator, G, encoding_dims=self.module.LATENT),
            around(models.Discriminator, D, input_dims=case.colours),
        )

    def step(self) -> None:
        for _ in range(self.case.n_critic):
            real = next(self.batches)
            for loss in self.losses_d:
                value = loss.train_ops(self.G, self.D, self.optimizer_d, real, self.device)
                self.losses[type(loss).__name__] = value
        value = self.loss_g.train_ops(self.G, self.D, self.optimizer_g, self.device, self.case.batch)
        self.losses[type(self.loss_g).__name__] = value


def installed() -> dict[str, type[Toolkit]]:
    """Return those of the two that can be imported, by the names of their columns."""
    kits: dict[str, tuple[type[Toolkit], Callable[[], object]]] = {
        "mimicry": (Mimicry, mimicry),
        "torchgan": (TorchGan, lambda: importlib.import_module("torchgan")),
    }
    found: dict[str, type[Toolkit]] = {}
    for name, (kit, attempt) in kits.items():
        try:
            attempt()
        except ImportError:
            continue
        found[name] = kit
    return found


def mimicry() -> list[ModuleType]:
    """Import PARTS_OF_MIMICRY past the `__init__` of the packages that need TensorFlow, TensorBoard or torch._six."""
    for name in ("torch_mimicry", "torch_mimicry.training"):
        if name not in sys.modules:
            spec = importlib.util.find_spec(name)
            if spec is None:
                raise ModuleNotFoundError(f"No module named {name!r}")
            sys.modules[name] = importlib.util.module_from_spec(spec)  # its folder alone: nothing of it is run
    return [importlib.import_module(f"torch_mimicry.{part}") for part in PARTS_OF_MIMICRY]


def around(base: Any, network: nn.Module, **settings: object) -> nn.Module:
    """Return a network of a toolkit's base class that calls another."""

    class Around(base):
        def __init__(self) -> None:
            super().__init__(**settings)
            self.network = network

        def forward(self, given: Tensor) -> Tensor:
            return self.network(given)

    return Around()


def example(name: str) -> ModuleType:
    """Import a loop of examples/."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
