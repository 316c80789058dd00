"""How steep a critic is: its gradients at real, generated and mixed points, its weights, and its layers' norms."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.conv import _ConvNd

from gantool import Figure, Subject
from gantool.errors import UserError
from gantool_classic.metrics.settings import LipschitzOptions

__all__ = ["LipschitzAudit", "convolution_norm", "gradient_norms"]

AT_ONCE = 64  # samples in one pass through D
FEW = 2  # samples that show which layers the picture passes, and its size there
NORMAL = 1.959963984540054  # standard errors to either side of a mean that hold 95 %
QUANTILES = {"5 %": 0.05, "50 %": 0.5, "95 %": 0.95, "max": 1.0}
ROUNDING = 1e-6  # of a weight at its bound, relative
TINY = 1e-30  # keeps the norm of a layer without weights at 0


class LipschitzAudit:
    """Mean norm of the critic's gradient at points between real and generated ones; 1 is what a penalty asks for.

    Each point lies anywhere on the line from a generated to a real one of one label, as in training (Gulrajani et al.
    2017, algorithm 1). The details have the norms at both ends too; the share of weights at the bound of an
    enforcer that clips, where they tend to gather (section 3 there); and the spectral norm of each layer that x passes,
    for a convolution that of its map from all of its input, the condition's planes among it. Their product bounds the
    slope of a critic without norm layers (Miyato et al. 2018, equation 7).
    """

    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    better = None

    def __init__(self, options: LipschitzOptions) -> None:
        self.options = options

    def refuses(self, subject: Subject) -> str | None:
        """Refuse a model without a discriminator, and one whose discriminator scores batches."""
        try:
            D = subject.critic
        except UserError as error:
            return "; ".join(part for part in (error.given, error.allowed, error.hint) if part)
        if any(getattr(module, "batch_statistics", False) for module in D.modules()):
            return "its discriminator compares the samples of a batch, so that one alone has no slope"
        return None

    def measure(self, subject: Subject) -> Figure:
        """Return the mean at mixed points, its interval by the normal approximation, and the details."""
        D, random = subject.critic, torch.Generator().manual_seed(subject.seed)
        real, c = subject.examples(self.options.count)
        fake, asked = subject.samples(min(self.options.count, subject.count))
        paired = fake if c is None else subject.samples(min(len(fake), len(real)), c[: len(fake)])[0]
        mixed = _mixed(real, paired, random)
        norms = {
            "real": gradient_norms(D, real, c),
            "fake": gradient_norms(D, fake, asked),
            "mixed": gradient_norms(D, mixed, None if c is None else c[: len(mixed)]),
        }
        details = {f"{place} {name}": value for place, of in norms.items() for name, value in _spread(of).items()}
        bound = getattr(subject.config.create("lipschitz"), "bound", None)
        if bound is not None:
            details["share of weights at the bound"] = _share_at(D, bound)
        for name, norm in _spectral_norms(D, real[:FEW], None if c is None else c[:FEW], self.options.iterations):
            details[f"spectral {name}"] = norm
        mean = details["mixed mean"]
        if len(mixed) < 2:
            return Figure(mean, details=details)
        error = NORMAL * norms["mixed"].std().item() / len(mixed) ** 0.5
        return Figure(mean, mean - error, mean + error, details)


def gradient_norms(D: nn.Module, x: Tensor, c: Tensor | None, size: int = AT_ONCE) -> Tensor:
    """Return ``||grad_x D(x, c)||_2`` of each of ``x [N, ...]`` over all its axes, in fp32: ``[N]``."""
    norms = []
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        point, label = _placed(D, x[part], None if c is None else c[part])
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(D(point, label).sum(), point)
        norms.append(torch.linalg.vector_norm(gradient.flatten(1), dim=1).cpu())
    return torch.cat(norms)


def convolution_norm(layer: nn.Module, shape: tuple[int, ...], iterations: int) -> float:
    """Return the largest singular value of a convolution J without its bias, for inputs of a shape ``(C, ...)``.

    By power iteration on J^T J, J^T being the layer's derivative: it approaches the value from below. The norm of the
    kernel as a matrix is another number (Sedghi et al. 2019).
    """
    weight, bias = next(layer.parameters()), layer.bias
    unbiased = {"bias": torch.zeros_like(bias)} if isinstance(bias, Tensor) else {}
    v = torch.randn(1, *shape, generator=torch.Generator().manual_seed(0)).to(weight)
    norm = 0.0
    for _ in range(iterations):
        v = (v / torch.linalg.vector_norm(v).clamp_min(TINY)).requires_grad_()
        with torch.enable_grad():
            y = functional_call(layer, unbiased, (v,))
            (v,) = torch.autograd.grad(y, v, y.detach())
        norm = torch.linalg.vector_norm(y.detach()).item()
    return norm


def _placed(D: nn.Module, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Return copies of points in fp32 and of labels where D is; a gradient reaches the points."""
    device = next(D.parameters()).device
    point = x.detach().to(device, torch.float32, copy=True).requires_grad_()
    return point, None if c is None else c.to(device)


def _mixed(real: Tensor, fake: Tensor, random: torch.Generator) -> Tensor:
    """Return a point on the line between each real and fake, as many as there are pairs."""
    count = min(len(real), len(fake))
    eps = torch.rand(count, generator=random).view(-1, *[1] * (real.dim() - 1))
    return torch.lerp(fake[:count].float(), real[:count].float(), eps)


def _spread(norms: Tensor) -> dict[str, float]:
    quantiles = norms.double().quantile(torch.tensor(list(QUANTILES.values()), dtype=torch.float64)).tolist()
    return {"mean": norms.double().mean().item(), **dict(zip(QUANTILES, quantiles, strict=True))}


def _share_at(D: nn.Module, bound: float) -> float:
    """Return the share of D's numbers that are as large as a bound."""
    sizes = torch.cat([parameter.detach().flatten().abs() for parameter in D.parameters()])
    return (sizes >= bound * (1 - ROUNDING)).double().mean().item()


def _spectral_norms(D: nn.Module, x: Tensor, c: Tensor | None, iterations: int) -> Iterator[tuple[str, float]]:
    """Yield the name and the spectral norm of each linear layer and convolution that x passes, in their order."""
    for name, layer, shape in _passed(D, x, c):
        if isinstance(layer, nn.Linear):
            yield name, torch.linalg.matrix_norm(layer.weight.detach().float(), 2).item()
        else:
            yield name, convolution_norm(layer, shape, iterations)


def _passed(D: nn.Module, x: Tensor, c: Tensor | None) -> list[tuple[str, nn.Module, tuple[int, ...]]]:
    """Return the name of each layer whose input depends on x, the layer, and the shape of one sample's input."""
    found: dict[nn.Module, tuple[int, ...]] = {}

    def see(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if inputs[0].requires_grad:
            found.setdefault(layer, tuple(inputs[0].shape[1:]))

    names: dict[nn.Module, str] = {
        layer: name for name, layer in D.named_modules() if isinstance(layer, (nn.Linear, _ConvNd))
    }
    hooks = [layer.register_forward_hook(see) for layer in names]
    try:
        with torch.enable_grad():
            D(*_placed(D, x, c))
    finally:
        for hook in hooks:
            hook.remove()
    return [(names[layer], layer, shape) for layer, shape in found.items()]
