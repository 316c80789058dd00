"""Who provided the components of a checkpoint, and whether they are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gantool.errors import PluginError
from gantool.registry import LISTS, SECTIONS, Kind, Registry

__all__ = ["check_sources", "way_back"]


def check_sources(meta: Mapping[str, Any], registry: Registry, where: str) -> None:
    """Raise PluginError, with the line that installs it, where a component of a checkpoint's metadata is missing."""
    components = meta.get("components")
    for kind, source in _sources(components if isinstance(components, dict) else {}):
        if not registry.providers(kind.name, str(source.get("name"))):
            needed = f"it comes from {source.get('dist') or source.get('plugin')} {source.get('version', '')}".rstrip()
            raise PluginError(where, f"needs the {kind.name} {source.get('name')!r}", needed, way_back(source))


def way_back(source: Mapping[str, Any]) -> str:
    """Say what to type to have a component that a file names again."""
    return f"type: pip install {source['dist']}" if source.get("dist") else "give its file with --plugin"


def _sources(components: Mapping[str, Any]) -> Iterator[tuple[Kind, dict[str, Any]]]:
    """Yield who provides each component; what is malformed is left out."""
    for section, kind in {**SECTIONS, **LISTS}.items():
        found = components.get(section)
        yield from (
            (kind, source) for source in (found if isinstance(found, list) else [found]) if isinstance(source, dict)
        )
