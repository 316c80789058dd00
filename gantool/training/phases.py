"""One step of training: the D phase ``n_critic`` times, then the G phase."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from gantool.config import RunConfig
from gantool.interfaces import Generated, Lipschitz, Loss, Real
from gantool.latent import seeds
from gantool.training.batches import Batches, to_device
from gantool.training.state import TrainingState
from gantool.training.statistics import Statistics

__all__ = ["Phases", "TrainingStep"]


@dataclass(frozen=True)
class TrainingStep:
    """One step as a component sees it; its draws follow from the run's seed and the step's number."""

    number: int
    seed: int
    device: torch.device

    def rand(self, stream: str, *shape: int) -> Tensor:
        """Draw uniform numbers in [0, 1) of a shape, on the step's device."""
        return torch.rand(shape, generator=seeds.generator(self.seed, stream, self.number)).to(self.device)


class Phases:
    """The two phases over one state; losses and penalties see D only as a callable ``D(x, c)``."""

    def __init__(self, config: RunConfig, state: TrainingState, batches: Batches, device: torch.device) -> None:
        self.state, self.batches, self.device = state, batches, device
        self.training = config.training
        self.loss: Loss = config.create("loss")
        self.lipschitz: Lipschitz = config.create("lipschitz")
        self.memory_format = torch.channels_last if self.training.channels_last else torch.contiguous_format
        self.bf16 = self.training.precision == "bf16"
        # Scores that depend on the batch's other samples must see real and fake apart.
        self.joint = not state.D.has_batch_statistics()
        self.statistics = Statistics()
        self._critics = [parameter for parameter in state.D.parameters() if parameter.requires_grad]

    def step(self, lr_factor: float = 1.0) -> None:
        """Make one generator step, and ``n_critic`` critic steps before it."""
        self._set_rates(lr_factor)
        shared = self.training.n_critic == 1  # one graph of G serves both phases
        for i in range(self.training.n_critic):
            number = self.state.step * self.training.n_critic + i
            torch.manual_seed(seeds.number(self.training.seed, "network noise", number))
            real, c = self._real(number)
            z = self._latents(number, len(real))
            with torch.set_grad_enabled(shared):
                fake = self._fake(z, c)
            self._critic_step(real, fake, c, TrainingStep(number, self.training.seed, self.device))
        if not shared:
            z = self._latents(number, len(real), "latent of G")
            fake = self._fake(z, c)
        self._generator_step(real, z, fake, c)
        self.state.step += 1
        if self.state.average:
            self.state.average.update(self.state.G, self.state.step)

    def critic(self, x: Tensor, c: Tensor | None) -> Tensor:
        """Return D's raw scores ``[N]`` in fp32."""
        with self._autocast():
            scores: Tensor = self.state.D(x, c)
        return scores.float()

    def _scored(self, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return D's raw scores ``[N]`` and its features ``[N, F]`` in fp32."""
        with self._autocast():
            scores, features = self.state.D.scored(x, c)
        return scores.float(), features.float()

    def _autocast(self) -> Any:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16)

    def _real(self, number: int) -> tuple[Tensor, Tensor | None]:
        values, labels = self.batches[number]
        real = to_device(values, self.device, self.memory_format)
        return real, None if labels is None else labels.to(self.device)

    def _latents(self, number: int, n: int, stream: str = "latent of D") -> Tensor:
        return self.state.prior.draw(n, seeds.generator(self.training.seed, stream, number)).to(self.device)

    def _fake(self, z: Tensor, c: Tensor | None) -> Tensor:
        with self._autocast():
            fake: Tensor = self.state.G(z, c)
        return fake.float()

    def _critic_step(self, real: Tensor, fake: Tensor, c: Tensor | None, step: TrainingStep) -> None:
        real_scores, fake_scores = self._scores(real, fake.detach(), c)
        loss = self.loss.discriminator(real_scores, fake_scores)
        self._note("loss_d", loss)
        self._note("score_real", real_scores.mean())
        self._note("score_fake", fake_scores.mean())
        penalty = self.lipschitz.penalty(self.critic, real, fake.detach(), c, step)
        if penalty is not None:
            self._note("penalty", penalty)
            loss = loss + penalty
        self.state.optimizer_d.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.state.optimizer_d.step()
        self.lipschitz.after_step(self.state.D)

    def _scores(self, real: Tensor, fake: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        if not self.joint:
            return self.critic(real, c), self.critic(fake, c)
        scores = self.critic(torch.cat([real, fake]), None if c is None else torch.cat([c, c]))
        return scores[: len(real)], scores[len(real) :]

    def _generator_step(self, real: Tensor, z: Tensor, fake: Tensor, c: Tensor | None) -> None:
        self._freeze_critic(True)
        try:
            fake_scores, features = self._scored(fake, c) if self.state.regularizers else (self.critic(fake, c), None)
            real_scores = self.critic(real, c) if self.loss.needs_real_for_generator else None
            loss = self.loss.generator(fake_scores, real_scores)
            self._note("loss_g", loss)
            if features is not None:
                loss = loss + self._regularization(real, Generated(z, c, fake, features, z))
            self.state.optimizer_g.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.state.optimizer_g.step()
        finally:
            self._freeze_critic(False)

    def _regularization(self, real: Tensor, fake: Generated) -> Tensor:
        """Return the sum of the regularizers' terms; each sees the codes that its own slots fill."""
        step = TrainingStep(self.state.step, self.training.seed, self.device)
        data = Real(real, fake.c, lambda: self._features(real, fake.c))
        total = torch.zeros((), device=self.device)
        start = self.training.latent_dim
        for name, regularizer in self.state.regularizers.items():
            end = start + sum(slot.dim for slot in regularizer.slots())
            own = replace(fake, codes=fake.z[:, start:end])
            term = regularizer.term(self.state.G, own, data, self.state.owned.get(name), step)
            if term is not None:
                self._note(name, term)
                total = total + term
            start = end
        return total

    @torch.no_grad()
    def _features(self, x: Tensor, c: Tensor | None) -> Tensor:
        return self._scored(x, c)[1]

    def _freeze_critic(self, frozen: bool) -> None:
        """Spare the G phase the gradients of D; what its author froze stays frozen."""
        for parameter in self._critics:
            parameter.requires_grad_(not frozen)

    def _note(self, name: str, value: Tensor) -> None:
        self.statistics.add(name, value, self.state.step + 1)

    def _set_rates(self, factor: float) -> None:
        for optimizer, rate in (
            (self.state.optimizer_g, self.training.lr_g),
            (self.state.optimizer_d, self.training.lr_d),
        ):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
