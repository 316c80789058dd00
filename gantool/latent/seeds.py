"""Randomness without a state: every draw follows from (seed, stream, step), so nothing needs to be saved to resume."""

from __future__ import annotations

from hashlib import blake2b

import torch

__all__ = ["generator", "number"]


def number(seed: int, stream: str, step: int = 0) -> int:
    """Return the seed, in [0, 2^63), of one step's draw in one stream; different triples are unrelated."""
    digest = blake2b(f"{seed}/{stream}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, stream: str, step: int = 0) -> torch.Generator:
    """Return a CPU generator for one step's draw in one stream."""
    return torch.Generator().manual_seed(number(seed, stream, step))
