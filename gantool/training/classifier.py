"""Training of classifiers: one network, a head for each feature, held-out figures and calibrated logits.

Batch k and the first weights follow from the seed alone, so the same call gives the same file.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from gantool.errors import DataError, TrainingError
from gantool.files.classifier import Head, TrainedClassifier
from gantool.interfaces import Classifier, Samples
from gantool.latent import seeds
from gantool.latent.scorer import head_scores
from gantool.training.batches import Batches, to_device
from gantool.training.calibration import expected_calibration_error, temperature
from gantool.training.targets import Task

__all__ = ["Recipe", "Split", "split_rows", "train_classifier"]

HELD_OUT, MOST_HELD_OUT = 0.1, 5000  # of each of two parts: one to choose and calibrate on, one to report on
FEWEST = 30  # examples
LOOKS = 10  # times that the network is tried on held-out data
EVALUATED = 256  # examples at once
SHOWN, LEAST_STEPS = 5, 500  # examples to show, in times of all the data; over 91 % on Fashion-MNIST
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to learn.

    ``steps`` None shows five times as many examples as the data has, the held-out ones counted (up to 6.25 passes over
    the others), and makes at least 500 steps.
    """

    steps: int | None = None
    batch_size: int = 128
    lr: float = 2e-3
    seed: int = 0

    def length(self, examples: int) -> int:
        """Return the number of steps for data of so many examples, the held-out ones counted."""
        return self.steps or max(LEAST_STEPS, math.ceil(SHOWN * examples / self.batch_size))


Rows = np.ndarray[Any, np.dtype[np.int64]]
Watch = Callable[[int, float], object]


@dataclass(frozen=True)
class Split:
    """Rows of the data: those learnt from, those the best network is chosen on, and those the figures are of."""

    train: Rows
    valid: Rows
    test: Rows


def split_rows(count: int, seed: int) -> Split:
    """Deal rows 0 to count - 1 out by the seed. Raises DataError for too few."""
    if count < FEWEST:
        raise DataError("--data", f"holds {count} examples", f"at least {FEWEST} to learn from and to hold out")
    held = min(math.ceil(count * HELD_OUT), MOST_HELD_OUT)
    order = torch.randperm(count, generator=seeds.generator(seed, "held out")).numpy()
    return Split(order[2 * held :], np.sort(order[:held]), np.sort(order[held : 2 * held]))


def train_classifier(
    part: Classifier,
    samples: Samples,
    tasks: tuple[Task, ...],
    recipe: Recipe,
    *,
    component: Mapping[str, Any],
    data: Mapping[str, Any],
    watch: Watch = lambda step, loss: None,
) -> TrainedClassifier:
    """Train a network on the tasks and return it with its figures; ``watch(step, loss)`` is told of each step.

    Adam with a rate that falls to zero by a cosine; of ten looks at held-out data the best network is kept.
    ``component`` and ``data`` are written into the file. Raises DataError for too few examples and TrainingError where
    the loss is not finite.
    """
    split = split_rows(len(samples.values), recipe.seed)
    shape = tuple(samples.values.shape[1:])
    outputs = sum(len(task.head.names) for task in tasks)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.number(recipe.seed, "initial classifier"))
        network = part.network(shape, outputs)
        _learn(network, samples.values, tasks, split, recipe, watch)
    network.eval()
    valid, test = (_outputs(network, samples.values, rows) for rows in (split.valid, split.test))
    heads = []
    for task, on_valid, on_test in zip(tasks, _cut(tasks, valid), _cut(tasks, test), strict=True):
        heads.append(_measured(task, on_valid, task.targets[split.valid], on_test, task.targets[split.test]))
    return TrainedClassifier(component, shape, tuple(heads), network.state_dict(), data, recipe.seed)


def _learn(
    network: nn.Module,
    values: np.ndarray[Any, Any],
    tasks: tuple[Task, ...],
    split: Split,
    recipe: Recipe,
    watch: Watch,
) -> None:
    """Train, and leave the network as it was at its best on the validation rows."""
    steps = recipe.length(len(values))
    network.to(memory_format=torch.channels_last)  # faster on a processor
    optimizer = torch.optim.Adam(network.parameters(), recipe.lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: (1 + math.cos(math.pi * k / steps)) / 2)
    batches = Batches(Samples(split.train), recipe.batch_size, recipe.seed)
    looks = {steps * look // LOOKS for look in range(1, LOOKS + 1)}
    best, kept = math.inf, copy.deepcopy(network.state_dict())
    for step in range(1, steps + 1):
        rows = batches[step - 1][0]
        loss = _loss(tasks, network.train()(_inputs(values, rows.numpy())), rows)
        if not loss.isfinite():
            raise TrainingError("classifier", f"the loss is {loss.item()} at step {step}", "", "give a lower --lr")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        watch(step, loss.item())
        if step in looks:
            held = torch.from_numpy(split.valid)
            found = _loss(tasks, _outputs(network.eval(), values, split.valid), held).item()
            if found < best:
                best, kept = found, copy.deepcopy(network.state_dict())
    network.load_state_dict(kept)


def _inputs(values: np.ndarray[Any, Any], rows: Rows) -> Tensor:
    """Return ``x [n, ...]`` in [-1, 1] for rows of the data."""
    layout = torch.channels_last if values.ndim == 4 else torch.contiguous_format
    return to_device(torch.from_numpy(np.ascontiguousarray(values[rows])), CPU, layout)


@torch.no_grad()
def _outputs(network: nn.Module, values: np.ndarray[Any, Any], rows: Rows) -> Tensor:
    """Return the network's outputs ``[n, K]`` for rows of the data, in eval mode."""
    starts = range(0, len(rows), EVALUATED)
    return torch.cat([network(_inputs(values, rows[start : start + EVALUATED])) for start in starts])


def _cut(tasks: Sequence[Task], outputs: Tensor) -> tuple[Tensor, ...]:
    """Cut outputs ``[n, K]`` into those of each head."""
    return torch.split(outputs, [len(task.head.names) for task in tasks], 1)


def _loss(tasks: Sequence[Task], outputs: Tensor, rows: Tensor) -> Tensor:
    """Return the sum over heads: cross-entropy, binary cross-entropy, or squared error of what is standardised."""
    losses = []
    for task, part in zip(tasks, _cut(tasks, outputs), strict=True):
        targets = task.targets[rows]
        if task.head.kind == "classes":
            losses.append(cross_entropy(part, targets))
        elif task.head.kind == "attributes":
            losses.append(binary_cross_entropy_with_logits(part, targets))
        else:
            losses.append(mse_loss(part, targets))
    return torch.stack(losses).sum()


def _measured(task: Task, valid: Tensor, on_valid: Tensor, test: Tensor, on_test: Tensor) -> Head:
    """Return a head with its temperature, fitted to validation outputs, and its figures on test outputs."""
    head = task.head
    if head.kind == "value":
        r2 = 1 - (((test - on_test) ** 2).mean() / on_test.var(correction=0)).item()
        return replace(head, figures={"r2": r2} if math.isfinite(r2) else {})  # of a single value there is no variance
    if head.kind == "circle":
        cosine = (head_scores(head, test) * on_test).sum(1)  # of the angle between the two
        return replace(head, figures={"degrees": cosine.clamp(-1, 1).arccos().rad2deg().mean().item()})
    T = temperature(valid, on_valid)
    right = test.argmax(1) == on_test if head.kind == "classes" else (test > 0) == (on_test > 0.5)
    figures = {
        "accuracy": right.float().mean().item(),
        "ece_before": expected_calibration_error(test, on_test),
        "ece": expected_calibration_error(test / T, on_test),
    }
    return replace(head, temperature=T, figures=figures)
