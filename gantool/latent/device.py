"""Where to compute."""

from __future__ import annotations

import torch

from gantool.errors import OptionError
from gantool.processes import local_rank, world_size

__all__ = ["pick_device"]


def pick_device(wanted: str) -> torch.device:
    """Return the device to compute on; ``auto`` takes a GPU where there is one, each process of a group one of its own.

    Raises OptionError if it is missing.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    name = next(name for name, usable in there.items() if usable) if wanted == "auto" else wanted
    if not there[name]:
        usable = ", ".join(name for name, found in there.items() if found)
        raise OptionError("--device", f"{wanted} was given and is not there", f"here: {usable}", "type: --device auto")
    if name == "cuda" and world_size() > 1:
        return torch.device(name, local_rank() % torch.cuda.device_count())
    return torch.device(name)
