"""Which of a group of processes this one is, as ``torchrun`` tells each by its environment; alone, it is 0 of 1."""

from __future__ import annotations

import os

from gantool.errors import OptionError

__all__ = ["local_rank", "local_world_size", "rank", "world_size"]

MOST = 10**6  # processes of a group


def world_size() -> int:
    """Return how many processes there are. Raises OptionError where ``WORLD_SIZE`` is not a count."""
    return _number("WORLD_SIZE", 1, 1, MOST)


def rank() -> int:
    """Return this process's number among them, from 0. Raises OptionError where ``RANK`` is not one of these."""
    return _number("RANK", 0, 0, world_size() - 1)


def local_rank() -> int:
    """Return its number among those of its machine. Raises OptionError where ``LOCAL_RANK`` is not one of these."""
    return _number("LOCAL_RANK", 0, 0, world_size() - 1)


def local_world_size() -> int:
    """Return how many there are on its machine. Raises OptionError where ``LOCAL_WORLD_SIZE`` is not a count."""
    return _number("LOCAL_WORLD_SIZE", 1, 1, world_size())


def _number(name: str, default: int, least: int, most: int) -> int:
    text = os.environ.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and least <= int(text) <= most):
        allowed = f"a whole number from {least} to {most}; torchrun sets it"
        raise OptionError(name, f"the environment has {text!r}", allowed, f"alone, type: unset {name}")
    return int(text)
