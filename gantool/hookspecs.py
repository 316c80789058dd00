"""The hooks that a plugin may implement; each *returns* specs and imports nothing heavy.

A plugin is a light module named by an entry point in the group ``gantool``; it states the API that it was written for
as ``GANTOOL_API = 1``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from gantool.registry import Command, Component

API = 1
"""The number of this version of the hooks and contracts."""

hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker("gantool")
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker("gantool")


@hookspec
def gantool_components() -> Iterable[Component]:
    """Return the components that the plugin provides."""
    raise NotImplementedError


@hookspec
def gantool_commands() -> Iterable[Command]:
    """Return the commands that the plugin adds to ``gantool``."""
    raise NotImplementedError
