"""The processes that train one model together: each has a share of every batch, and all make the same steps.

``torchrun`` starts them and says who is who. Gradients are averaged in one exchange before each step of an optimizer,
and with them travels what all must agree on: the statistics of the step, the clock of the first process, and whether
somebody was asked to stop.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from gantool import processes
from gantool.errors import OptionError, TrainingError
from gantool.training.signals import SIGNALS

__all__ = ["Group", "joined"]

LONGEST_TEXT = 4096  # bytes
PATIENCE = timedelta(days=1)  # of those that wait while the first evaluates; one that died is noticed at once


class Group:
    """``size`` processes of which this is number ``rank``; of one alone nothing is exchanged."""

    def __init__(self, rank: int = 0, size: int = 1, device: torch.device | None = None) -> None:
        self.rank = rank
        self.size = size
        self.device = device
        self.seconds: float = 0.0  # what all have agreed on, as the signal
        self.signal: int = 0
        self._seconds, self._signal = 0.0, 0  # what this process has seen

    @property
    def leads(self) -> bool:
        """Whether this process writes and speaks for all."""
        return self.rank == 0

    def tell(self, seconds: float, stopped_by: int) -> None:
        """Say how long this process has trained and which signal it got; all hear of it with the next gradients."""
        self._seconds, self._signal = seconds, stopped_by
        if self.size == 1:
            self.seconds, self.signal = seconds, stopped_by

    def average(self, gradients: Sequence[Tensor], numbers: Tensor) -> Tensor:
        """Replace gradients by their mean over all processes, and return that of ``numbers`` [M].

        Raises TrainingError where a process of the group is gone.
        """
        if self.size == 1:
            return numbers
        first = gradients[0]
        mine = [self._seconds * self.size if self.leads else 0.0, *(float(self._signal == known) for known in SIGNALS)]
        parts = [*gradients, numbers.to(first.dtype), torch.tensor(mine, dtype=first.dtype, device=first.device)]
        whole = torch.cat([part.flatten() for part in parts])
        self._sum(whole)
        found = torch.split(whole.div_(self.size), [part.numel() for part in parts])
        means = [mean.view_as(gradient) for mean, gradient in zip(found, gradients, strict=False)]
        torch._foreach_copy_(list(gradients), means)
        self._hear(found[-1])
        return found[-2]

    def _hear(self, told: Tensor) -> None:
        seconds, *stopped = told.tolist()
        self.seconds = seconds
        self.signal = next((int(known) for known, asked in zip(SIGNALS, stopped, strict=True) if asked), 0)

    def _sum(self, whole: Tensor) -> None:
        try:
            dist.all_reduce(whole)
        except RuntimeError as error:
            hint = "the last checkpoint is whole; go on from it with --resume"
            said = re.sub(r"^\[[^]]*\] *", "", str(error).strip().partition("\n")[0])  # where in torch it was raised
            given = f"another one has ended, or cannot be reached ({said})"
            raise TrainingError(_name(self.rank, self.size), given, "all train together", hint) from error

    def share(self, text: str | None) -> str:
        """Return the text of at most 4096 bytes that the first process gives, and the others do not have."""
        if self.size == 1:
            return text or ""
        data = list((text or "").encode().ljust(LONGEST_TEXT, b"\0"))
        numbers = torch.tensor(data, dtype=torch.uint8, device=self.device)
        self._sum(numbers)
        return bytes(numbers.tolist()).rstrip(b"\0").decode()


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Group]:
    """Join the group that ``torchrun`` started this process in; without it, be a group of one.

    Raises OptionError where the environment names a group that cannot be met.
    """
    rank, size = processes.rank(), processes.world_size()
    if size == 1:
        yield Group()
        return
    if device.type == "cuda":
        there, asked = torch.cuda.device_count(), processes.local_world_size()
        if asked > there:
            hint = f"type: torchrun --nproc-per-node {there} -m gantool train ..., or add --device cpu"
            raise OptionError("--device cuda", f"{asked} processes on {there} GPU(s)", "a GPU for each process", hint)
        torch.cuda.set_device(device)
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    except (ValueError, RuntimeError) as error:  # torch.distributed's own errors are of these
        said = " ".join(str(error).split())
        hint = "type: torchrun --nproc-per-node K -m gantool train ..."
        raise OptionError(
            _name(rank, size), f"cannot meet the others ({said})", "processes that torchrun starts", hint
        ) from error
    try:
        yield Group(rank, size, device)
        with contextlib.suppress(RuntimeError):  # one that died after the last step; the work is done
            dist.barrier()  # who leaves early pulls the others' connections down
    finally:
        dist.destroy_process_group()


def _name(rank: int, size: int) -> str:
    return f"process {rank} of {size}"
