"""Checks of kind ``architecture``: shapes, raw scores, gradients of first and second order, state, precision."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gantool.errors import UserError
from gantool.interfaces import Spec
from gantool.testing.case import Case, require

__all__ = [
    "check_accepts_codes_and_planes",
    "check_channels_last_agrees",
    "check_copies_and_states_agree",
    "check_critic_without_batch_statistics",
    "check_gradients_reach_every_parameter",
    "check_half_precision_is_finite",
    "check_inputs_are_left_alone",
    "check_output_shapes",
    "check_penalty_reaches_the_critic",
    "check_pictures_stay_in_range",
    "check_samples_are_independent_in_eval",
    "check_scores_are_raw",
    "check_seed_decides",
]

SHAPES = ((3, 32, 32), (1, 28, 28), (4, 48, 80), (3, 64, 64), (2, 17, 5), (1, 1, 1), (2,))
PENALTY_NORMS = ("layer", "instance", "none")  # what a gradient penalty allows in the critic
N, LATENT = 4, 6


def spec_of(shape: tuple[int, ...], **changes: Any) -> Spec:
    """Return the spec of an unconditional model; ``changes`` are further fields."""
    return Spec(shape, LATENT, **{"input_dim": LATENT, **changes})


def networks(case: Case, spec: Spec, seed: int = 0) -> tuple[Any, Any] | None:
    """Build G and D with the first weights of a seed; None where the spec is refused with a UserError."""
    torch.manual_seed(seed)
    try:
        part = case.create()
        return part.build_generator(spec), part.build_discriminator(spec)
    except UserError:
        return None


def accepted(case: Case, **changes: Any) -> Iterator[tuple[Spec, Any, Any]]:
    """Yield each spec of ``SHAPES`` that the architecture builds, with G and D. Fails where there is none."""
    found = False
    for shape in SHAPES:
        spec = spec_of(shape, **changes)
        built = networks(case, spec)
        if built:
            found = True
            yield spec, *built
    require(found, f"refuses every shape of {SHAPES} with {changes or 'the plainest spec'}")


def first(case: Case, **changes: Any) -> tuple[Spec, Any, Any]:
    """Return the first spec that the architecture builds, with G and D."""
    return next(accepted(case, **changes))


def scores(D: Any, x: Tensor) -> Tensor:
    """``x [N, C, H, W]`` or ``[N, D]`` -> raw scores ``[N]``."""
    found: Tensor = D.score(D.features(x))
    return found


def data(spec: Spec, n: int = N, seed: int = 1) -> Tensor:
    """Return ``[n, C + extra, H, W]`` or ``[n, D + extra]`` uniform in [-1, 1]."""
    random = torch.Generator().manual_seed(seed)
    return torch.rand(n, spec.shape[0] + spec.extra_channels, *spec.shape[1:], generator=random) * 2 - 1


def latents(spec: Spec, n: int = N, seed: int = 2) -> Tensor:
    """Return ``z [n, input_dim]``."""
    return torch.randn(n, spec.input_dim, generator=torch.Generator().manual_seed(seed))


def check_output_shapes(case: Case) -> None:
    """Require G -> ``[N, *shape]``, features ``[N, feature_dim]``, scores ``[N]``; a batch of one in eval too."""
    for spec, G, D in accepted(case):
        for n, training in ((N, True), (1, False)):
            G.train(training), D.train(training)
            x, h = G(latents(spec, n)), D.features(data(spec, n))
            found = (tuple(x.shape), tuple(h.shape), tuple(D.score(h).shape))
            expected = ((n, *spec.shape), (n, D.feature_dim), (n,))
            require(found == expected, f"images, features, scores are {found} for {spec.shape}, expected {expected}")


def check_accepts_codes_and_planes(case: Case) -> None:
    """Require that a code of the condition changes G's output, and the condition's planes D's features."""
    spec, G, D = first(case, input_dim=LATENT + 3, code_dim=5, extra_channels=2)
    z, code = latents(spec), torch.zeros(N, spec.code_dim)
    other = code.clone()
    other[:, 0] = 1.0
    images = G.eval()(z, code)
    require(tuple(images.shape) == (N, *spec.shape), f"G(z, code) is {tuple(images.shape)} for {spec.shape}")
    require(not torch.equal(images, G(z, other)), "G(z, code) does not depend on the code")
    x = data(spec)
    changed = x.clone()
    changed[:, spec.shape[0] :] *= -1
    require(not torch.equal(D.eval().features(x), D.features(changed)), "features(x) ignores the extra channels")


def check_pictures_stay_in_range(case: Case) -> None:
    """Require pictures in [-1, 1], for latents far out too."""
    for spec, G, _ in accepted(case):
        if len(spec.shape) == 3:
            most = G(latents(spec) * 1000).abs().max().item()
            require(most <= 1.0, f"pictures of {spec.shape} reach {most:.3g}; end G with a Tanh")


def check_scores_are_raw(case: Case) -> None:
    """Require scores outside [0, 1] for features far out: the sigmoid belongs to the loss."""
    _, _, D = first(case)
    h = torch.randn(64, D.feature_dim, generator=torch.Generator().manual_seed(3)) * 1e4
    found = D.eval().score(h)
    inside = bool(((found >= 0) & (found <= 1)).all() or (found.abs() <= 1).all())
    require(not inside, "scores of large features stay in [0, 1] or [-1, 1]; return them raw, without a sigmoid")


def check_gradients_reach_every_parameter(case: Case) -> None:
    """Require a finite gradient at every parameter of both networks."""
    for spec, G, D in accepted(case):
        images, found = G(latents(spec)), scores(D, data(spec))
        (images * torch.randn(images.shape)).sum().backward()
        torch.dot(found, torch.randn(N)).backward()  # type: ignore[no-untyped-call]
        for network, name, parameter in _parameters(G, D):
            where = f"{network}.{name} for {spec.shape}"
            require(parameter.grad is not None, f"no gradient reaches {where}")
            require(bool(parameter.grad.isfinite().all()), f"the gradient at {where} is not finite")


def _parameters(G: nn.Module, D: nn.Module) -> Iterator[tuple[str, str, Any]]:
    for network, module in (("G", G), ("D", D)):
        for name, parameter in module.named_parameters():
            yield network, name, parameter


def check_penalty_reaches_the_critic(case: Case) -> None:
    """Require that a penalty on the slope at x can be minimised: a second backward pass through D."""
    spec, _, D = first(case, critic_norms=PENALTY_NORMS)
    x = data(spec).requires_grad_()
    (slope,) = torch.autograd.grad(scores(D, x).sum(), x, create_graph=True)
    require(slope.requires_grad, "the gradient of D at x has no graph: some operation is not twice differentiable")
    (slope.flatten(1).norm(dim=1) - 1).square().mean().backward()
    found = [parameter.grad for parameter in D.parameters() if parameter.grad is not None]
    require(all(bool(grad.isfinite().all()) for grad in found), "the penalty's gradient is not finite")
    require(any(bool(grad.any()) for grad in found), "the penalty's gradient is zero at every parameter of D")


def check_critic_without_batch_statistics(case: Case) -> None:
    """Require that a sample's score depends on no other sample, unless D has batch norm and the spec allows it.

    gantool passes reals and fakes through D in one call where D has no batch norm.
    """
    for norms in (None, PENALTY_NORMS):
        spec, _, D = first(case, critic_norms=norms)
        batch = any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in D.modules())
        require(not (batch and norms), f"D has batch norm, and critic_norms allows {PENALTY_NORMS}")
        if not batch:
            x = data(spec)
            together, apart = scores(D, x), torch.cat([scores(D, row[None]) for row in x])
            close = torch.allclose(together, apart, rtol=1e-3, atol=1e-5)
            require(close, "in training a score depends on the other samples of its batch, without batch norm")


def check_samples_are_independent_in_eval(case: Case) -> None:
    """Require that in eval a picture, and a score, is the same alone and in a batch."""
    spec, G, D = first(case)
    z, x = latents(spec), data(spec)
    G(z), D.features(x)  # batch statistics have moved away from their first values
    G.eval(), D.eval()
    difference = (G(z)[:1] - G(z[:1])).abs().max().item()
    require(difference < 1 / 255, f"a sample alone differs by {difference:.2g} from the same one in a batch")
    require(torch.allclose(scores(D, x)[:1], scores(D, x[:1]), rtol=1e-3, atol=1e-5), "a score alone differs")


def check_copies_and_states_agree(case: Case) -> None:
    """Require equal outputs in eval from a deep copy, and from a new network that was given the state."""
    spec, *old = first(case)
    new = networks(case, spec, seed=1) or ()
    for network, one, other, values in zip("GD", old, new, (latents(spec), data(spec)), strict=True):
        call = one.features if network == "D" else one
        call(values)
        twin = copy.deepcopy(one)
        other.load_state_dict(one.state_dict())
        expected = _output(one.eval(), network, values)
        require(torch.equal(_output(twin.eval(), network, values), expected), f"a deep copy of {network} differs")
        require(
            torch.equal(_output(other.eval(), network, values), expected), f"{network} has state outside state_dict"
        )


def _output(network: Any, name: str, values: Tensor) -> Tensor:
    return scores(network, values) if name == "D" else network(values)


def check_seed_decides(case: Case) -> None:
    """Require that torch's seed gives the first weights, and the outputs in training."""
    spec, *_ = first(case)
    runs = [_seeded(case, spec, seed) for seed in (0, 0, 1)]
    for name, value in runs[0].items():
        require(torch.equal(value, runs[1][name]), f"{name} differs between two builds with one seed")
    require(any(not torch.equal(value, runs[2][name]) for name, value in runs[0].items()), "the seed changes nothing")


def _seeded(case: Case, spec: Spec, seed: int) -> dict[str, Tensor]:
    """Return the first weights of a seed and what the networks make of one batch in training."""
    G, D = networks(case, spec, seed) or (nn.Module(), nn.Module())
    weights = {f"{network}.{name}": value.detach().clone() for network, name, value in _parameters(G, D)}
    torch.manual_seed(seed)
    return {**weights, "G's output": G(latents(spec)), "D's score": scores(D, data(spec))}


def check_inputs_are_left_alone(case: Case) -> None:
    """Require that neither network writes into its input: both phases share one batch of fakes."""
    spec, G, D = first(case)
    z, x = latents(spec), data(spec)
    G(z), scores(D, x)
    require(torch.equal(z, latents(spec)), "G changes z in place")
    require(torch.equal(x, data(spec)), "D changes x in place")


def check_half_precision_is_finite(case: Case) -> None:
    """Require finite outputs and gradients under autocast to bfloat16."""
    spec, G, D = first(case)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        images, found = G(latents(spec)), scores(D, data(spec))
    require(bool(images.isfinite().all() and found.isfinite().all()), "an output in bfloat16 is not finite")
    (images.float().square().mean() + found.float().mean()).backward()
    for network, name, parameter in _parameters(G, D):
        finite = parameter.grad is not None and bool(parameter.grad.isfinite().all())
        require(finite, f"the gradient at {network}.{name} in bfloat16 is missing or not finite")


def check_channels_last_agrees(case: Case) -> None:
    """Require the same outputs where pictures keep their channels last in memory."""
    for spec, G, D in accepted(case):
        if len(spec.shape) == 3:
            G.eval(), D.eval()
            expected = G(latents(spec)), scores(D, data(spec))
            G.to(memory_format=torch.channels_last), D.to(memory_format=torch.channels_last)
            x = data(spec).contiguous(memory_format=torch.channels_last)
            for name, one, other in zip("GD", expected, (G(latents(spec)), scores(D, x)), strict=True):
                close = torch.allclose(one, other, rtol=1e-3, atol=1e-4)
                require(close, f"{name} differs with channels_last for {spec.shape}; use reshape, not view")
