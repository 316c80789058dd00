"""Where gantool keeps what it can make again: ``GANTOOL_CACHE``, or the user's cache directory."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_dir

__all__ = ["cache_folder"]


def cache_folder(name: str) -> Path:
    """Return the folder for one kind of cached files."""
    return Path(os.environ.get("GANTOOL_CACHE") or user_cache_dir("gantool")).expanduser() / name
