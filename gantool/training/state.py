"""Everything that changes during training, as named tensors: networks, average and both optimizers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from gantool.config import RunConfig, TrainingOptions
from gantool.errors import FileError, OptionError
from gantool.files.checkpoint import Checkpoint
from gantool.interfaces import Augmentation, Condition, Lipschitz, Regularizer, Slot
from gantool.latent import seeds
from gantool.latent.prior import Prior
from gantool.networks import (
    ConditionedDiscriminator,
    ConditionedGenerator,
    build_discriminator,
    build_generator,
)
from gantool.training.average import WeightAverage
from gantool.training.batch_norm import synchronised

__all__ = ["TrainingState", "build_state"]

QUANTITIES: Mapping[type, set[str]] = {
    torch.optim.Adam: {"step", "exp_avg", "exp_avg_sq"},
    torch.optim.RMSprop: {"step", "square_avg"},
}
NetworkType = TypeVar("NetworkType", bound=nn.Module)


@dataclass
class TrainingState:
    """A run at the end of ``step`` generator steps."""

    G: ConditionedGenerator
    D: ConditionedDiscriminator
    lipschitz: Lipschitz  # the one that prepared D
    average: WeightAverage | None
    optimizer_g: torch.optim.Optimizer
    optimizer_d: torch.optim.Optimizer
    prior: Prior
    regularizers: Mapping[str, Regularizer]  # by name, in the order of their slots in z
    owned: Mapping[str, nn.Module]  # what regularizers own, by their names; trained by G's optimizer
    augmentations: Mapping[str, Augmentation]  # by name, in the order that D sees them
    views: Mapping[str, nn.Module]  # what augmentations keep in buffers, by their names
    dtype: torch.dtype = torch.float32  # of weights, losses and pictures
    step: int = 0

    @property
    def sampler(self) -> nn.Module:
        """The generator that pictures are made with: the average where there is one."""
        return self.average.module if self.average else self.G

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors by the names they have in a checkpoint."""
        found = _named("generator.", self.G.state_dict())
        if self.average:
            found |= _named("generator_ema.", self.average.module.state_dict())
        found |= _named("discriminator.", self.D.state_dict())
        for name, module in self.owned.items():
            found |= _named(f"regularizer.{name}.", module.state_dict())
        for name, module in self.views.items():
            found |= _named(f"augmentation.{name}.", module.state_dict())
        found |= _named("optimizer_g.", optimizer_tensors(self.optimizer_g, self._parameters_g()))
        found |= _named("optimizer_d.", optimizer_tensors(self.optimizer_d, dict(self.D.named_parameters())))
        return found

    def _parameters_g(self) -> dict[str, nn.Parameter]:
        return dict(self.G.named_parameters()) | {
            f"regularizer.{name}.{key}": parameter
            for name, module in self.owned.items()
            for key, parameter in module.named_parameters()
        }

    def restore(self, stored: Checkpoint) -> None:
        """Take over a checkpoint. Raises FileError where its tensors do not fit this run."""
        where = str(stored.path)
        restore_module(self.G, stored.part("generator."), where)
        if self.average:
            restore_module(self.average.module, stored.part("generator_ema."), where)
        restore_module(self.D, stored.part("discriminator."), where)
        for name, module in self.owned.items():
            restore_module(module, stored.part(f"regularizer.{name}."), where)
        for name, module in self.views.items():
            restore_module(module, stored.part(f"augmentation.{name}."), where)
        restore_optimizer(self.optimizer_g, self._parameters_g(), stored.part("optimizer_g."), where)
        parameters = dict(self.D.named_parameters())
        restore_optimizer(self.optimizer_d, parameters, stored.part("optimizer_d."), where)
        self.step = stored.meta["step"]


def build_state(
    config: RunConfig, shape: tuple[int, ...], condition: Condition | None, device: torch.device
) -> TrainingState:
    """Build both networks and their optimizers; the first weights follow the seed."""
    training = config.training
    dtype = torch.float64 if training.precision == "fp64" else torch.float32
    regularizers: dict[str, Regularizer] = config.create_list("regularizer")
    noise = Slot("noise", training.latent_prior, training.latent_dim)
    prior = Prior((noise, *(slot for part in regularizers.values() for slot in part.slots())))
    _check_names(prior)

    def built(build: Callable[..., NetworkType], stream: str) -> NetworkType:
        torch.manual_seed(seeds.number(training.seed, stream))
        network = build(config, shape, condition, prior.dim).to(device, dtype)
        if training.sync_batch_norm:
            network = synchronised(network)
        return network.to(memory_format=torch.channels_last) if training.channels_last else network

    G = built(build_generator, "initial G")
    D = built(build_discriminator, "initial D")
    lipschitz: Lipschitz = config.create("lipschitz")
    lipschitz.prepare(D)
    owned: dict[str, nn.Module] = {}
    for name, part in regularizers.items():
        torch.manual_seed(seeds.number(training.seed, f"initial {name}"))
        if (module := part.module(shape, D.feature_dim, condition)) is not None:
            owned[name] = module.to(device, dtype)
    augmentations: dict[str, Augmentation] = config.create_list("augmentation")
    modules = {name: part.module(shape) for name, part in augmentations.items()}
    heads = [parameter for module in owned.values() for parameter in module.parameters()]
    return TrainingState(
        G=G,
        D=D,
        lipschitz=lipschitz,
        average=WeightAverage(G, training.ema) if training.ema else None,
        optimizer_g=_optimizer([*G.parameters(), *heads], training, training.lr_g),
        optimizer_d=_optimizer(D.parameters(), training, training.lr_d),
        prior=prior,
        regularizers=regularizers,
        owned=owned,
        augmentations=augmentations,
        views={name: module.to(device, dtype) for name, module in modules.items() if module is not None},
        dtype=dtype,
    )


def _check_names(prior: Prior) -> None:
    """Refuse two slots of one name: latents and directions are asked for by it."""
    names = [slot.name.casefold() for slot in prior.slots]
    for name in names:
        if names.count(name) > 1:
            raise OptionError("--regularizer", f"two slots of z would be called {name!r}", "a name of its own for each")


def _optimizer(trained: Iterable[nn.Parameter], training: TrainingOptions, lr: float) -> torch.optim.Optimizer:
    parameters = [parameter for parameter in trained if parameter.requires_grad]
    if training.optimizer == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=lr, foreach=True)
    beta1, beta2 = training.betas
    return torch.optim.Adam(parameters, lr=lr, betas=(beta1, beta2), fused=True)


def optimizer_tensors(optimizer: torch.optim.Optimizer, parameters: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """Return an optimizer's state as ``quantity.parameter`` -> tensor."""
    return {
        f"{quantity}.{name}": value
        for name, parameter in parameters.items()
        for quantity, value in optimizer.state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(
    optimizer: torch.optim.Optimizer,
    parameters: Mapping[str, nn.Parameter],
    tensors: Mapping[str, Tensor],
    where: str,
) -> None:
    """Put an optimizer's state back, in each parameter's own memory format.

    A moment that lies in memory in another order than its parameter makes fused Adam compute wrong in silence.
    """
    for key, value in tensors.items():
        quantity, _, name = key.partition(".")
        parameter = parameters.get(name)
        fits = parameter is not None and value.is_floating_point() and value.shape in (parameter.shape, torch.Size())
        if parameter is None or not fits:
            raise FileError(where, f"its optimizer state {key!r} does not fit the networks", "the run's own checkpoint")
        if value.dim():
            own = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
        else:
            own = value.clone().to(parameter.device)
        cast(dict[str, Any], optimizer.state[parameter])[quantity] = own
    for state in optimizer.state.values():
        if set(state) != QUANTITIES[type(optimizer)]:
            raise FileError(where, "its optimizer state is not complete", "the run's own checkpoint")


def restore_module(module: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Copy tensors into a module. Raises FileError where names or shapes differ."""
    try:
        module.load_state_dict(dict(tensors), strict=True)
    except RuntimeError as error:
        hint = "the file belongs to other settings"
        raise FileError(
            where, f"its tensors do not fit the networks ({str(error).splitlines()[-1].strip()})", hint
        ) from error


def _named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}
