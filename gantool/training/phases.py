"""One step of training: the D phase ``n_critic`` times, then the G phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from gantool.config import RunConfig, TrainingOptions
from gantool.errors import OptionError
from gantool.interfaces import Generated, Lipschitz, Loss, Real
from gantool.latent import seeds
from gantool.training.batches import Batches, to_device
from gantool.training.group import Group
from gantool.training.state import TrainingState
from gantool.training.statistics import Statistics

__all__ = ["Phases", "TrainingStep"]


@dataclass(frozen=True)
class TrainingStep:
    """One step as a component sees it; its draws follow from the run's seed and the step's number.

    ``share`` are the rows of a batch of ``batch`` that the component is shown; another ``scope`` has other draws.
    """

    number: int
    seed: int
    device: torch.device
    dtype: torch.dtype = torch.float32
    share: slice = field(default_factory=lambda: slice(None))
    batch: int | None = None
    scope: str = ""

    def rand(self, stream: str, *shape: int) -> Tensor:
        """Draw uniform numbers in [0, 1) on the step's device; the first of ``shape`` counts the samples."""
        whole = shape if self.batch is None else (self.batch, *shape[1:])
        drawn = torch.rand(whole, generator=seeds.generator(self.seed, self.scope + stream, self.number))
        return drawn[self.share].to(self.device, self.dtype)


@dataclass
class Part:
    """What a phase computes at once: a share of the batch, or all of it."""

    real: Tensor
    c: Tensor | None
    z: Tensor
    step: TrainingStep
    fake: Tensor | None = None  # with a graph, where both phases share it


class Phases:
    """The two phases over one state; losses and penalties see D only as a callable ``D(x, c)``.

    A batch is cut into equal parts: one for each process of the group, and each of these into ``accumulate`` more.
    Where losses are means over samples, the mean of the parts' gradients is the whole batch's.
    """

    def __init__(
        self,
        config: RunConfig,
        state: TrainingState,
        batches: Batches,
        device: torch.device,
        group: Group | None = None,
    ) -> None:
        self.state = state
        self.batches = batches
        self.device = device
        self.group: Group = group or Group()
        self.training: TrainingOptions = config.training
        self.loss: Loss = config.create("loss")
        self.lipschitz: Lipschitz = state.lipschitz
        channels_last = self.training.channels_last
        self.memory_format: torch.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.bf16: bool = self.training.precision == "bf16"
        self.dtype: torch.dtype = state.dtype
        # Scores that depend on the batch's other samples must see real and fake apart.
        self.joint: bool = not state.D.has_batch_statistics()
        self.shares: list[slice] = _shares(self.training, self.group)
        self.statistics: Statistics = Statistics()
        # The scores of the last step's last part, whose ``grad`` is the slope of the loss there: of D's loss the real
        # and the fake ones, of G's the fake ones.
        self.scores_d: tuple[Tensor, Tensor] | None = None
        self.scores_g: Tensor | None = None
        self._notes: dict[str, list[Tensor]] = {}
        self._looks = Looks(state)
        self._critics = [parameter for parameter in state.D.parameters() if parameter.requires_grad]

    def step(self, lr_factor: float = 1.0) -> None:
        """Make one generator step, and ``n_critic`` critic steps before it."""
        self._set_rates(lr_factor)
        n_critic = self.training.n_critic
        shared = n_critic == 1 and len(self.shares) == 1  # one graph of G serves both phases
        for number in range(self.state.step * n_critic, (self.state.step + 1) * n_critic):
            self._seed_noise(number)
            made = self._critic_step(number, shared)
        self._generator_step(number, made if shared else None)
        self.state.step += 1
        if self.state.average:
            self.state.average.update(self.state.G, self.state.step)

    def critic(self, x: Tensor, c: Tensor | None) -> Tensor:
        """Return D's raw scores ``[N]`` in fp32 or fp64, of samples as they are."""
        with self._autocast():
            scores: Tensor = self.state.D(x, c)
        return scores.to(self.dtype)

    def _looking(self, x: Tensor, c: Tensor | None) -> Tensor:
        """Return D's raw scores ``[N]`` of samples as augmentations show them."""
        return self.critic(self._looks(x), c)

    def _scored(self, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return D's raw scores ``[N]`` and its features ``[N, F]`` of samples as augmentations show them."""
        seen = self._looks(x)
        with self._autocast():
            scores, features = self.state.D.scored(seen, c)
        return scores.to(self.dtype), features.to(self.dtype)

    def _autocast(self) -> Any:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16)

    def _seed_noise(self, number: int) -> None:
        """Seed what networks draw for themselves, such as dropout; processes differ."""
        own = f"network noise {self.group.rank}" if self.group.rank else "network noise"
        seed = seeds.number(self.training.seed, own, number)
        torch.default_generator.manual_seed(
            seed
        )  # torch.manual_seed asks every kind of device, and takes a millisecond
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)
        elif self.device.type == "mps":
            torch.mps.manual_seed(seed)

    def _parts(self, number: int, stream: str) -> Iterator[Part]:
        """Yield this process's parts of critic step ``number``'s batch, with latents of a stream."""
        batch = self.training.batch_size
        latents = self.state.prior.draw(batch, seeds.generator(self.training.seed, stream, number))
        for share in self.shares:
            values, labels = self.batches.share(number, share)
            real = to_device(values, self.device, self.memory_format, self.dtype)
            c = None if labels is None else labels.to(self.device)
            step = TrainingStep(number, self.training.seed, self.device, self.dtype, share, batch)
            yield Part(real, c, latents[share].to(self.device, self.dtype), step)

    def generate(self, z: Tensor, c: Tensor | None) -> Tensor:
        """Return G's samples in fp32 or fp64."""
        with self._autocast():
            fake: Tensor = self.state.G(z, c)
        return fake.to(self.dtype)

    def _critic_step(self, number: int, shared: bool) -> Part:
        """Update D on one batch; return its last part, whose fakes have a graph where it is ``shared``."""
        self.state.optimizer_d.zero_grad(set_to_none=True)
        for part in self._parts(number, "latent of D"):
            with torch.set_grad_enabled(shared):
                fake = self.generate(part.z, part.c)
            self._looks.begin(part.step, "D")
            self._backward(self._critic_loss(part, fake.detach()))
            self._penalise(part, fake.detach())
        means = self._update(self.state.optimizer_d)
        self.lipschitz.after_step(self.state.D)
        self._looks.adapt(means, self.training.batch_size)
        for name, value in self._looks.strengths():
            self.statistics.add(name, value, self.state.step + 1)
        return replace(part, fake=fake)

    def _critic_loss(self, part: Part, fake: Tensor) -> Tensor:
        real_scores, fake_scores = self._scores(part.real, fake, part.c)
        self.scores_d = _keeping_slopes(real_scores), _keeping_slopes(fake_scores)
        loss = self.loss.discriminator(real_scores, fake_scores)
        self._note("loss_d", loss)
        self._note("score_real", real_scores.mean())
        self._note("score_fake", fake_scores.mean())
        for name, value in self._looks.measure(real_scores.detach(), fake_scores.detach()):
            self._note(name, value)
        return loss

    def _penalise(self, part: Part, fake: Tensor) -> None:
        """Add the gradients of the enforcer's penalty to the loss's, whose graph is gone by now."""
        penalty = self.lipschitz.penalty(self._looking, part.real, fake, part.c, part.step)
        if penalty is not None:
            self._note("penalty", penalty)
            if penalty.requires_grad:  # not one that is the same for every D
                self._backward(penalty)

    def _scores(self, real: Tensor, fake: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        real, fake = self._looks(real), self._looks(fake)
        if not self.joint:
            return self.critic(real, c), self.critic(fake, c)
        scores = self.critic(torch.cat([real, fake]), None if c is None else torch.cat([c, c]))
        return scores[: len(real)], scores[len(real) :]

    def _generator_step(self, number: int, made: Part | None) -> None:
        """Update G on the fakes that were ``made`` with a graph, or on new ones."""
        self.state.optimizer_g.zero_grad(set_to_none=True)
        self._freeze_critic(True)
        try:
            stream = "latent of D" if self.training.n_critic == 1 else "latent of G"
            for part in [made] if made else self._parts(number, stream):
                fake = self.generate(part.z, part.c) if part.fake is None else part.fake
                self._looks.begin(part.step, "G")
                self._backward(self._generator_loss(part, fake))
            self._update(self.state.optimizer_g)
        finally:
            self._freeze_critic(False)

    def _generator_loss(self, part: Part, fake: Tensor) -> Tensor:
        if not self.state.regularizers:
            fake_scores, features = self._looking(fake, part.c), None
        else:
            fake_scores, features = self._scored(fake, part.c)
        real_scores = self._looking(part.real, part.c) if self.loss.needs_real_for_generator else None
        self.scores_g = _keeping_slopes(fake_scores)
        loss = self.loss.generator(fake_scores, real_scores)
        self._note("loss_g", loss)
        return loss if features is None else loss + self._regularization(part, fake, features)

    def _regularization(self, part: Part, fake: Tensor, features: Tensor) -> Tensor:
        """Return the sum of the regularizers' terms; each sees the codes that its own slots fill."""
        generated = Generated(part.z, part.c, fake, features, part.z)
        step = replace(part.step, number=self.state.step)
        data = Real(part.real, part.c, lambda: self._features(part.real, part.c))
        total = torch.zeros((), device=self.device, dtype=self.dtype)
        start = self.training.latent_dim
        for name, regularizer in self.state.regularizers.items():
            end = start + sum(slot.dim for slot in regularizer.slots())
            own = replace(generated, codes=part.z[:, start:end])
            term = regularizer.term(self.state.G, own, data, self.state.owned.get(name), step)
            if term is not None:
                self._note(name, term)
                total = total + term
            start = end
        return total

    @torch.no_grad()
    def _features(self, x: Tensor, c: Tensor | None) -> Tensor:
        return self._scored(x, c)[1]

    def _backward(self, loss: Tensor) -> None:
        (loss / len(self.shares) if len(self.shares) > 1 else loss).backward()  # type: ignore[no-untyped-call]

    def _update(self, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
        """Average gradients and statistics over the group, then step; return the statistics."""
        names = list(self._notes)
        values = [torch.stack(found).mean() if len(found) > 1 else found[0] for found in self._notes.values()]
        self._notes = {}
        if self.group.size > 1:
            trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            gradients = [parameter.grad for parameter in trained if parameter.grad is not None]
            values = list(self.group.average(gradients, torch.stack(values)))
        means = dict(zip(names, values, strict=True))
        for name, value in means.items():
            self.statistics.add(name, value, self.state.step + 1)
        optimizer.step()
        return means

    def _freeze_critic(self, frozen: bool) -> None:
        """Spare the G phase the gradients of D; what its author froze stays frozen."""
        for parameter in self._critics:
            parameter.requires_grad_(not frozen)

    def _note(self, name: str, value: Tensor) -> None:
        self._notes.setdefault(name, []).append(value.detach())

    def _set_rates(self, factor: float) -> None:
        for optimizer, rate in (
            (self.state.optimizer_g, self.training.lr_g),
            (self.state.optimizer_d, self.training.lr_d),
        ):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor


class Looks:
    """What D sees samples through: a run's augmentations, one behind the other; each look has its own draws."""

    def __init__(self, state: TrainingState) -> None:
        self._state = state
        self._step: TrainingStep | None = None
        self._count = 0

    def begin(self, step: TrainingStep, phase: str) -> None:
        """Begin with a part of a phase, whose looks are numbered."""
        self._step, self._count = replace(step, scope=f"{phase} "), 0

    def __call__(self, x: Tensor) -> Tensor:
        """``x`` -> samples of the same shape, as D sees them; more than the step's part of one are more looks."""
        if not self._state.augmentations:
            return x
        assert self._step is not None  # a phase has begun
        rows = len(range(self._step.batch or len(x))[self._step.share])
        seen = [self._look(part) for part in torch.split(x, rows)]
        return seen[0] if len(seen) == 1 else torch.cat(seen)

    def _look(self, x: Tensor) -> Tensor:
        assert self._step is not None
        first = self._step.share.start or 0
        look = replace(self._step, share=slice(first, first + len(x)))
        for name, augmentation in self._state.augmentations.items():
            own = replace(look, scope=f"{look.scope}look {self._count} {name} ")
            x = augmentation.augment(x, self._state.views.get(name), own)
        self._count += 1
        return x

    def measure(self, real_scores: Tensor, fake_scores: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Yield what each augmentation goes by, as ``NAME.measured``."""
        for name, augmentation in self._state.augmentations.items():
            if (value := augmentation.measure(real_scores, fake_scores)) is not None:
                yield f"{name}.measured", value

    def adapt(self, means: Mapping[str, Tensor], images: int) -> None:
        """Let augmentations follow what they measured, as a mean over the whole batch."""
        for name, augmentation in self._state.augmentations.items():
            if (measured := means.get(f"{name}.measured")) is not None:
                augmentation.adapt(self._state.views.get(name), measured, images)

    def strengths(self) -> Iterator[tuple[str, Tensor]]:
        """Yield each number that an augmentation keeps, as ``NAME.buffer``."""
        for name, module in self._state.views.items():
            for key, value in module.named_buffers():
                if value.dim() == 0:
                    yield f"{name}.{key}", value.clone()


def _keeping_slopes(scores: Tensor) -> Tensor:
    """Let the backward pass leave its gradient at scores, which costs no more than a reference."""
    if scores.requires_grad:
        scores.retain_grad()
    return scores


def _shares(training: TrainingOptions, group: Group) -> list[slice]:
    """Return this process's parts of a batch, as rows of it. Raises OptionError where they would not be equal."""
    parts = group.size * training.accumulate
    size, rest = divmod(training.batch_size, parts)
    if rest or (parts > 1 and size < 2):  # a batch norm needs two samples
        split = f"{group.size} {'process' if group.size == 1 else 'processes'} and --accumulate {training.accumulate}"
        given = f"{training.batch_size} was given for {split}"
        nearest = max(2 * parts, round(training.batch_size / parts) * parts)
        allowed = f"a multiple of {parts}, with at least 2 pictures in each part"
        raise OptionError("--batch-size", given, allowed, f"type: --batch-size {nearest}")
    first = group.rank * training.accumulate
    return [slice(size * part, size * (part + 1)) for part in range(first, first + training.accumulate)]
