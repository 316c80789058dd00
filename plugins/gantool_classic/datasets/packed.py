"""The dataset ``packed``: a pack file."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from gantool.errors import DataError
from gantool.files.dataset import describe_pack, read_pack
from gantool.interfaces import DataInfo, Samples
from gantool_classic.datasets.listing import given_root
from gantool_classic.datasets.settings import PackedOptions
from gantool_classic.datasets.subset import thinned

__all__ = ["Packed"]


class Packed:
    """Dataset ``packed``: uint8 ``[N, C, H, W]``, memory-mapped; with ``limit``, a copy in memory."""

    def __init__(self, options: PackedOptions) -> None:
        self.options = options

    def describe(self) -> DataInfo:
        """Say what the pack holds, by its header. Raises FileError where it is not a pack."""
        info, limit = describe_pack(self._path(), self.options.split), self.options.limit
        if limit is None or limit >= info.length:
            return info
        fingerprint = hashlib.sha256(f"{info.fingerprint} {limit}".encode()).hexdigest()
        return replace(info, length=limit, fingerprint=fingerprint)

    def load(self, split: str | None = None) -> Samples:
        """Open a split. Raises FileError where the file is not a sound pack."""
        info, samples = read_pack(self._path(), split or self.options.split)
        rows = thinned(info.length, self.options.limit)
        labels = samples.labels if samples.labels is None else samples.labels[rows]
        return Samples(samples.values[rows], labels)

    def _path(self) -> Path:
        path = given_root(self.options.root, "a file that gantool data pack wrote")
        if path.is_dir():
            hint = f"type: --data folder --data.root {path}"
            raise DataError(f"--data.root {path}", "is a folder", "a file that gantool data pack wrote", hint)
        return path
