"""A new plugin package, from templates: a working component of a kind, its contract test, and what publishes it.

The templates are packages of their own, called ``gantool-example``; what they are called is replaced.
"""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePath

from gantool import __version__
from gantool.errors import FileError, OptionError, nearest, typed
from gantool.registry import KINDS, Registry

__all__ = ["kinds", "scaffold"]

COMMON = "common"
PREFIX = "gantool-"
NAME = re.compile(r"[a-z][a-z0-9-]*")
HIDDEN = ("github", "gitignore")  # get their dot back: packaging tools leave hidden files out


def kinds() -> list[str]:
    """Return the kinds that there are templates for."""
    found = {entry.name for entry in _templates().iterdir() if entry.is_dir()}
    return [kind for kind in KINDS if kind in found]


def scaffold(name: str, kind: str, registry: Registry, folder: Path | None = None) -> Path:
    """Write the package ``gantool-NAME`` with the component NAME of a kind, and return its folder.

    ``folder`` is where it lies, by default the package's name. Raises OptionError for a name that cannot be or is taken
    and a kind without a template, and FileError where the folder is there already or cannot be written.
    """
    name = name.removeprefix(PREFIX)
    _check(name, kind, registry)
    folder = folder or Path(PREFIX + name)
    if folder.is_symlink() or folder.exists():
        hint = f"type: {typed('plugin', 'new', name, '-o', 'FOLDER')}"
        raise FileError(str(folder), "is there already", "a new folder", hint)
    words = _words(name, kind)
    texts = {path: _replace(text, words) for template in (COMMON, kind) for path, text in _read(template)}
    try:
        for path, text in texts.items():
            target = folder / _replace(str(path), words)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except OSError as error:
        given = f"cannot be written ({error.strerror})"
        raise FileError(str(folder), given, "a folder with room", "choose another place with -o") from error
    return folder


def _check(name: str, kind: str, registry: Registry) -> None:
    if not NAME.fullmatch(name):
        allowed = "lower-case letters, digits and hyphens, a letter first"
        raise OptionError("gantool plugin new", f"the name {name!r} was given", allowed)
    if kind not in kinds():
        known = ", ".join(kinds())
        raise OptionError("--kind", f"{kind!r} was given", f"known here: {known}", nearest(kind, kinds()))
    providers = registry.providers(kind, name)
    if providers:
        raise OptionError(
            "gantool plugin new", f"the {kind} {name!r} is provided by {providers[0].plugin}", "a name of its own"
        )


def _words(name: str, kind: str) -> dict[str, str]:
    """Return what stands in the templates and what it becomes; a longer word goes before its parts."""
    return {
        "gantool_example": (PREFIX + name).replace("-", "_"),
        "gantool-example": PREFIX + name,
        "Example": "".join(part.capitalize() for part in name.split("-")),
        "example": name,
        "KIND": kind,
        "SECTION": KINDS[kind].section,
        "VERSION": __version__,
    }


def _replace(text: str, words: dict[str, str]) -> str:
    return re.sub("|".join(words), lambda found: words[found.group()], text)


def _templates() -> Traversable:
    return files("gantool") / "templates"


def _read(template: str) -> list[tuple[PurePath, str]]:
    """Return the files of a template by their paths in the package."""
    found: list[tuple[PurePath, str]] = []

    def walk(entry: Traversable, path: PurePath) -> None:
        for inner in sorted(entry.iterdir(), key=lambda inner: inner.name):
            name = f".{inner.name}" if inner.name in HIDDEN else inner.name
            if inner.is_dir() and inner.name != "__pycache__":
                walk(inner, path / name)
            elif inner.is_file():
                found.append((path / name, inner.read_text(encoding="utf-8")))

    walk(_templates() / template, PurePath())
    return found
