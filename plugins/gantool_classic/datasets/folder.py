"""The dataset ``folder``: anybody's pictures, packed once into the user's cache."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from gantool.files.pack_writer import PackReport
from gantool.files.progress import Tick
from gantool.interfaces import DataInfo, Samples
from gantool_classic.datasets.cache import describe_listing, load_listing
from gantool_classic.datasets.folder_listing import list_folder
from gantool_classic.datasets.listing import Listing
from gantool_classic.datasets.packing import conversion_of, pack_listing
from gantool_classic.datasets.settings import FolderOptions

__all__ = ["Folder"]


class Folder:
    """Dataset ``folder``: uint8 ``[N, C, H, W]``, memory-mapped; its classes are the sub-folders."""

    def __init__(self, options: FolderOptions) -> None:
        self.options = options
        self._conversion = conversion_of(options)

    def describe(self) -> DataInfo:
        """Say what the folder holds, by its listing. Raises DataError where that is nothing."""
        return describe_listing(self._listing, self._conversion, self.options.split)

    def load(self, split: str | None = None) -> Samples:
        """Read a split; on first use the folder is packed, and unreadable files are skipped and reported."""
        return load_listing(self._listing, self._conversion, split or self.options.split)

    def pack(self, path: Path, tick: Tick) -> PackReport:
        """Write every split into a pack of the user's own."""
        return pack_listing(self._listing, self._conversion, path, tick)

    @cached_property
    def _listing(self) -> Listing:
        return list_folder(self.options)
