"""A sound augmentation and a sound observer, and below them the ways to get one wrong."""

from __future__ import annotations

import torch
from torch import nn

from gantool import Observer


class Strength(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("strength", torch.zeros(()))


class Augmentation:
    """Scales each sample by a draw of its own, the more the surer D is of real ones."""

    def __init__(self, options):
        pass

    def module(self, shape):
        return Strength()

    def augment(self, x, module, step):
        draw = step.rand("scale", len(x)).view(-1, *[1] * (x.dim() - 1))
        return x * (0.5 + draw + module.strength)

    def measure(self, real_scores, fake_scores):
        return real_scores.sign().mean()

    def adapt(self, module, measured, images):
        module.strength.add_(measured.sign() * images / 10000)


class Flattens(Augmentation):
    def augment(self, x, module, step):
        return super().augment(x, module, step).flatten(1)


class Quantises(Augmentation):
    def augment(self, x, module, step):
        return (super().augment(x, module, step) * 128).round() / 128


class OnceDifferentiable(Augmentation):
    class Frozen(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, slope):
            return slope * 2

    def augment(self, x, module, step):
        return self.Frozen.apply(x)


class GlobalRandomness(Augmentation):
    def augment(self, x, module, step):
        return x * torch.rand(())


class CountsRows(Augmentation):
    def augment(self, x, module, step):
        return x * (0.5 + torch.arange(len(x)).view(-1, *[1] * (x.dim() - 1)))


class WritesInto(Augmentation):
    def augment(self, x, module, step):
        with torch.no_grad():
            x.mul_(0.5)
        return super().augment(x, module, step)


class Trains(Augmentation):
    def module(self, shape):
        found = Strength()
        found.weight = nn.Parameter(torch.zeros(()))
        return found


class Overflows(Augmentation):
    def adapt(self, module, measured, images):
        module.strength.div_(0)


class HiddenState(Augmentation):
    """Keeps its strength where no checkpoint finds it."""

    def __init__(self, options):
        self.steps = 0

    def augment(self, x, module, step):
        self.steps += 1
        return super().augment(x, module, step) * (1 + self.steps / 10)


class Watcher(Observer):
    """Writes a line for each report into the run's folder."""

    def __init__(self, options):
        self.path = None

    def on_start(self, start):
        self.path = start.folder / "watched.txt"
        with self.path.open("a") as file:
            file.write(f"{start.step}\n")

    def on_interval(self, report):
        with self.path.open("a") as file:
            file.write(f"{report.step} {report.stats['loss_d']}\n")


class NoBase:
    def __init__(self, options):
        pass

    def __getattr__(self, name):
        return lambda *arguments: None


class DeafToFindings(Watcher):
    def on_finding(self, step, name):
        pass


class NeedsALength(Watcher):
    def on_start(self, start):
        super().on_start(start)
        self.share = 1 / start.steps


class OncePerFolder(Watcher):
    def on_start(self, start):
        (start.folder / "watched").mkdir()

    def on_interval(self, report):
        pass
