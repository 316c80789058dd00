"""The manifest of a folder of samples, ``sample.json``: what its pictures are of, so that others can be added to them.

It is written first, and by one process alone: whichever of a group finds the folder new makes it, the others join.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gantool import __version__
from gantool.errors import FileError
from gantool.files import strict
from gantool.files.envelope import write_text
from gantool.files.names import numbered

__all__ = ["NAME", "claim"]

NAME = "sample.json"
MOST_BYTES = 2**24
PATIENCE = 3.0  # seconds that another process may take to write a manifest that it has opened

Describe = Callable[[int], Mapping[str, Any]]


def claim(path: Path, count: int, describe: Describe) -> Path:
    """Return the folder for ``count`` pictures: ``path``, or with -2, -3, ... the first that is new, empty or begun.

    ``describe(n)`` says what the first n pictures are; a folder is begun where its manifest says the same of as many
    as it counts, at most ``count``. Raises FileError where no folder can be made.
    """
    return next(folder for folder in numbered(path) if _joined(folder, count, describe))


def _joined(folder: Path, count: int, describe: Describe) -> bool:
    """Whether the folder is for these pictures, now if not before."""
    manifest = folder / NAME
    try:
        if os.path.lexists(folder) and not folder.is_dir():
            return False
        folder.mkdir(parents=True, exist_ok=True)
        names = {entry.name for entry in folder.iterdir()}
        if not names and _create(manifest, _text(describe(count))):
            return True
        if names and NAME not in names:
            return False
        found = _read(manifest)
    except OSError as error:
        given = f"cannot be written ({error.strerror})"
        raise FileError(str(folder), given, "a folder with room", "choose another place with -o") from error
    begun = found.get("count")
    if type(begun) is not int or not 0 < begun <= count or found != {**describe(begun), "count": begun}:
        return False
    if begun < count:
        write_text(manifest, _text(describe(count)))  # every process of the group writes the same
    return True


def _text(said: Mapping[str, Any]) -> str:
    return json.dumps({**said, "gantool": __version__}, indent=1, sort_keys=True) + "\n"


def _create(manifest: Path, text: str) -> bool:
    """Write a new manifest; False where another process was faster."""
    try:
        with manifest.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError:
        manifest.unlink(missing_ok=True)  # a full disk
        raise
    return True


def _read(manifest: Path) -> dict[str, Any]:
    """Return what a manifest says, without gantool's version; nothing where it is not one, also after a while."""
    until = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(ValueError):
            with manifest.open(encoding="utf-8") as file:
                found = strict.loads(file.read(MOST_BYTES))
            return {key: found[key] for key in found if key != "gantool"} if isinstance(found, dict) else {}
        if time.monotonic() > until:
            return {}
        time.sleep(0.02)
