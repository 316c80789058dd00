"""One sound component of each kind, and below each the ways to get it wrong."""

from __future__ import annotations

from math import prod
from typing import Annotated

import numpy as np
import torch
from contract_data import Data, Rooted
from torch import nn

from gantool import Foreign, Meta, Options, Samples, UserError
from gantool_classic.tutorial import TutorialDcgan

NOT_CALLABLE = 1


class Generator(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.shape = spec.shape
        self.layer = nn.Linear(spec.input_dim + spec.code_dim, prod(spec.shape))

    def forward(self, z, code=None):
        return self.end(self.layer(z if code is None else torch.cat([z, code], 1))).view(-1, *self.shape)

    def end(self, x):
        return x.tanh()


class Discriminator(nn.Module):
    feature_dim = 8

    def __init__(self, spec):
        super().__init__()
        self.layer = nn.Linear((spec.shape[0] + spec.extra_channels) * prod(spec.shape[1:]), 8)
        self.head = nn.Linear(8, 1)

    def features(self, x):
        return self.layer(x.flatten(1)).tanh()

    def score(self, h):
        return self.head(h).squeeze(1)


class Architecture:
    G, D = Generator, Discriminator

    def __init__(self, options): ...

    def build_generator(self, spec):
        return self.G(spec)

    def build_discriminator(self, spec):
        return self.D(spec)


class RefusesAll(Architecture):
    def build_generator(self, spec):
        raise UserError("--arch", "no")


class SqueezesAll(Architecture):
    class D(Discriminator):
        def score(self, h):
            return self.head(h).squeeze()


class IgnoresCode(Architecture):
    class G(Generator):
        def forward(self, z, code=None):
            return super().forward(z, None if code is None else torch.zeros_like(code))


class Unbounded(Architecture):
    class G(Generator):
        def end(self, x):
            return x


class Probability(Architecture):
    class D(Discriminator):
        def score(self, h):
            return super().score(h).sigmoid()


class UnusedParameter(Architecture):
    class G(Generator):
        def __init__(self, spec):
            super().__init__(spec)
            self.unused = nn.Parameter(torch.zeros(1))


class Once(torch.autograd.Function):
    """tanh whose backward pass has no graph."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x.tanh())
        return x.tanh()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, slope):
        (y,) = ctx.saved_tensors
        return slope * (1 - y * y)


class OnceDifferentiable(Architecture):
    class D(Discriminator):
        def features(self, x):
            return Once.apply(self.layer(x.flatten(1)))


class ForcesBatchNorm(Architecture):
    class D(Discriminator):
        def __init__(self, spec):
            super().__init__(spec)
            self.layer = nn.Sequential(self.layer, nn.BatchNorm1d(8))

        def features(self, x):
            if self.training and len(x) == 1:
                raise ValueError
            return super().features(x)


class MixesSamples(Architecture):
    class D(Discriminator):
        def features(self, x):
            h = super().features(x)
            return h - h.mean(0) / 2


class HiddenState(Architecture):
    class G(Generator):
        def __init__(self, spec):
            super().__init__(spec)
            self.shift = torch.randn(1)

        def end(self, x):
            return (x + self.shift).tanh()


class OwnRandomness(Architecture):
    class D(Discriminator):
        def __init__(self, spec):
            super().__init__(spec)
            noise = np.random.default_rng().standard_normal((1, 8)).astype(np.float32)
            self.head.weight = nn.Parameter(torch.from_numpy(noise))


class WritesInto(Architecture):
    class D(Discriminator):
        def features(self, x):
            with torch.no_grad():
                x.mul_(0.5)
            return super().features(x)


class NeedsFloat32(Architecture):
    class D(Discriminator):
        def features(self, x):
            h = super().features(x)
            return torch.lerp(h, torch.zeros(h.shape), 0.1)  # lerp takes one dtype


class ViewsMemory(Architecture):
    class D(Discriminator):
        def __init__(self, spec):
            super().__init__(spec)
            self.conv = nn.Conv2d(spec.shape[0] + spec.extra_channels, 4, 1) if len(spec.shape) == 3 else None
            self.layer = nn.Linear(4 * prod(spec.shape[1:]), 8) if self.conv else self.layer

        def features(self, x):
            return super().features(self.conv(x).view(len(x), -1) if self.conv else x)


class NoiseInEval(Architecture):
    class G(Generator):
        def end(self, x):
            return (x + torch.randn(len(x), 1)).tanh()


class Loss:
    needs_real_for_generator = False

    def __init__(self, options): ...

    def discriminator(self, real_scores, fake_scores):
        return (1 - real_scores).relu().mean() + (1 + fake_scores).relu().mean()

    def generator(self, fake_scores, real_scores=None):
        return -fake_scores.mean()


class NoMean(Loss):
    def generator(self, fake_scores, real_scores=None):
        return -fake_scores


class LogOfSigmoid(Loss):
    def generator(self, fake_scores, real_scores=None):
        return -fake_scores.sigmoid().log().mean()


class SwapsRealAndFake(Loss):
    def discriminator(self, real_scores, fake_scores):
        return super().discriminator(fake_scores, real_scores)


class LowersFakes(Loss):
    def generator(self, fake_scores, real_scores=None):
        return fake_scores.mean()


class Detached(Loss):
    def discriminator(self, real_scores, fake_scores):
        return super().discriminator(real_scores, fake_scores.detach())


class Remembers(Loss):
    calls = 0

    def discriminator(self, real_scores, fake_scores):
        self.calls += 1
        return super().discriminator(real_scores, fake_scores) * (1 + self.calls / 1000)


class Enforcer:
    """A penalty on the squared slope between real and fake, towards 0."""

    create_graph = True

    def __init__(self, options): ...

    def prepare(self, D): ...

    def after_step(self, D): ...

    def points(self, real, fake, step):
        return torch.lerp(fake, real, step.rand("r1", len(real)).view(-1, *[1] * (real.dim() - 1))).requires_grad_()

    def slopes(self, D, x, c):
        return torch.autograd.grad(D(x, c).sum(), x, create_graph=self.create_graph)[0].flatten(1).norm(dim=1)

    def penalty(self, D, real, fake, c, step):
        return self.slopes(D, self.points(real, fake, step), c).square().mean()


class Freezes(Enforcer):
    def prepare(self, D):
        for parameter in D.parameters():
            parameter.data = parameter.data.clone()
            parameter.register_hook(torch.zeros_like)


class PerSample(Enforcer):
    def penalty(self, D, real, fake, c, step):
        return self.slopes(D, self.points(real, fake, step), c).square()


class NoGraph(Enforcer):
    create_graph = False


class GlobalRandomness(Enforcer):
    def points(self, real, fake, step):
        return torch.lerp(fake, real, torch.rand(len(real)).view(-1, *[1] * (real.dim() - 1))).requires_grad_()


class DropsLabels(Enforcer):
    def penalty(self, D, real, fake, c, step):
        return super().penalty(D, real, fake, None, step)


class UsesRealItself(Enforcer):
    def points(self, real, fake, step):
        return real.requires_grad_()


class Sides:
    uses_labels = True

    def __init__(self, options): ...

    def extra_channels(self, condition):
        return len(condition)

    def generator_side(self, latent_dim, condition):
        return GeneratorSide(latent_dim, condition)

    def discriminator_side(self, feature_dim, condition):
        return DiscriminatorSide(condition)


class Code(nn.Module):
    def __init__(self, condition):
        super().__init__()
        self.classes = len(condition) if condition.kind == "classes" else 0

    def code(self, c):
        return nn.functional.one_hot(c, self.classes).float() if self.classes else c


class GeneratorSide(Code):
    def __init__(self, latent_dim, condition):
        super().__init__(condition)
        self.input_dim, self.code_dim = latent_dim, len(condition)

    def forward(self, z, c):
        return z, self.code(c)


class DiscriminatorSide(Code):
    def inputs(self, x, c):
        planes = self.code(c).view(len(x), -1, *[1] * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
        return torch.cat([x, planes], 1)


class SaysWrongWidth(Sides):
    def generator_side(self, latent_dim, condition):
        side = super().generator_side(latent_dim, condition)
        side.code_dim = 0
        return side


class PlanesInFront(Sides):
    class D(DiscriminatorSide):
        def inputs(self, x, c):
            return super().inputs(x, c).roll(1, 1)

    def discriminator_side(self, feature_dim, condition):
        return self.D(condition)


class ForgetsLabels(Sides):
    class D(DiscriminatorSide):
        def code(self, c):
            return torch.zeros_like(super().code(c))

    def discriminator_side(self, feature_dim, condition):
        return self.D(condition)


class RandomCodes(Sides):
    class G(GeneratorSide):
        def __init__(self, latent_dim, condition):
            super().__init__(latent_dim, condition)
            self.matrix = torch.randn(len(condition), len(condition))  # not a buffer

        def code(self, c):
            return super().code(c) @ self.matrix

    def generator_side(self, latent_dim, condition):
        return self.G(latent_dim, condition)


class SaysWrongLength(Data):
    length = 13


class StrayLabel(Data):
    def load(self, split=None):
        return Samples(super().load(split).values, np.arange(12) % 3)


class OtherEachTime(Data):
    def load(self, split=None):
        values = np.random.default_rng().integers(0, 256, (12, 1, 8, 8), np.uint8)
        return Samples(values, super().load(split).labels)


class CrashesWithoutRoot(Rooted):
    def describe(self):
        return len(self.root)


class OptionCalledName(Options, frozen=True):
    name: Annotated[str, Meta(description="a name")] = ""


class DefaultOutOfRange(Options, frozen=True):
    share: Annotated[float, Meta(ge=0, le=1, description="a share")] = 2.0


class Undescribed(Options, frozen=True):
    share: float = 0.5


class CommaInAList(Options, frozen=True):
    words: Annotated[tuple[str, ...], Meta(description="words")] = ("a,b",)


class Converter(TutorialDcgan):
    """Reads and writes by the names of another tool what the built-in one does."""


class TakesAll(Converter):
    def read(self, tensors):
        return super().read(tensors) or Foreign({}, {}, (3, 16, 16), 8)


class ForgetsTheStatistics(Converter):
    def write(self, settings, tensors):
        fresh = {name: part * 0 if "running_mean" in name else part for name, part in tensors.items()}
        return super().write(settings, fresh)


class EmptiesTheDict(Converter):
    def read(self, tensors):
        found = super().read(tensors)
        tensors.clear()
        return found
