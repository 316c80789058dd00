"""What an extractor says of many pictures: blocks of them side by side, and those of real data only once."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gantool.errors import FileError
from gantool.files import features as files
from gantool.files.cache import cache_folder
from gantool.interfaces import Judged
from gantool.latent.blocks import in_turn, side_by_side, without_tf32

__all__ = ["cached", "channel_rule", "fit_channels", "floats", "judge", "rounded"]

AT_ONCE = 64  # pictures in one pass through an extractor
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow turns colour into grey


def floats(values: Tensor) -> Tensor:
    """Turn stored uint8 pictures into floats in [-1, 1]; vectors are left as they are."""
    return values.float().div(127.5).sub(1) if values.dtype == torch.uint8 else values


def rounded(x: Tensor) -> Tensor:
    """Round pictures in [-1, 1] to the 256 levels that a file has."""
    return x.clamp(-1, 1).add(1).mul(127.5).round().div(127.5).sub(1)


def fit_channels(x: Tensor, channels: int | None) -> Tensor:
    """Turn pictures ``[N, C, H, W]`` in [-1, 1] into what an extractor takes: grey is repeated, alpha lies on white."""
    if channels is None or x.shape[1] == channels:
        return x
    if x.shape[1] in (2, 4):
        alpha = x[:, -1:].add(1).div(2)
        x = x[:, :-1] * alpha + (1 - alpha)
    if x.shape[1] == channels:
        return x
    if x.shape[1] == 1:
        return x.expand(-1, channels, -1, -1)
    return (x * torch.tensor(LUMA).view(1, 3, 1, 1).to(x)).sum(1, keepdim=True)


def channel_rule(given: int, wanted: int | None) -> str:
    """Say what ``fit_channels`` does to pictures of so many channels."""
    if wanted is None or given == wanted:
        return "as they are"
    clear = ["transparency lies on white"] if given in (2, 4) else []
    colours = given - len(clear)
    if colours != wanted:
        clear.append("grey is repeated three times" if colours == 1 else "colour becomes grey, by ITU-R BT.601")
    return ", ".join(clear)


@torch.inference_mode()
def judge(
    network: nn.Module,
    draw: Callable[[Sequence[int]], Tensor],
    count: int,
    channels: int | None,
    device: torch.device,
    tick: Callable[[int], object],
) -> Judged:
    """Return what a network says of the pictures ``draw(rows) [n, C, H, W]`` for the rows 0 to ``count`` - 1.

    ``tick`` is told how many more are done.
    """
    network = network.to(device).eval()
    features: list[Tensor] = []
    logits: list[Tensor] = []

    def work(rows: Sequence[int]) -> tuple[Tensor, Tensor | None]:
        with torch.inference_mode():  # each thread has a mode of its own
            x = fit_channels(draw(rows), channels)
            with in_turn(device), without_tf32():
                found, said = network(x.to(device))
        return found.float().cpu(), None if said is None else said.float().cpu()

    for found, said in side_by_side(work, range(count), AT_ONCE, device):
        features.append(found)
        logits += [] if said is None else [said]
        tick(len(found))
    return Judged(torch.cat(features), torch.cat(logits) if logits else None)


def cached(source: Mapping[str, Any], make: Callable[[], Judged]) -> Judged:
    """Return what was made of the same ``source`` before, else make and keep it; a cache that is full or damaged is
    done without.
    """
    text = json.dumps(source, sort_keys=True, default=str)
    path = cache_folder("features") / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.safetensors"
    with contextlib.suppress(FileError, KeyError):
        sides, known = files.read(path)
        if json.dumps(known, sort_keys=True) == text:
            return sides["real"]
    made = make()
    with contextlib.suppress(FileError):
        files.write(path, {"real": made}, source)
    return made
