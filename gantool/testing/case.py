"""What a check is given: one component, the registry around it, and small options. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from gantool.config import RunConfig, Tier, choose, resolve
from gantool.options import Options, build
from gantool.plugins import GROUP, HOST, Plugin, discover
from gantool.registry import KINDS, Component, Registry

__all__ = ["Case", "load_plugin", "require"]


@dataclass(frozen=True)
class Case:
    """A component under test; ``options`` are small ones by a component's name, ``settings`` a tree for its runs.

    Where two kinds have a component of one name, ``KIND NAME`` tells them apart.
    """

    component: Component
    registry: Registry
    module: str
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def own_options(self) -> Options:
        """The component's options: those that its author gave, else its defaults."""
        return build(self.component.options, self._small)

    @property
    def _small(self) -> Mapping[str, Any]:
        part = self.component
        return self.options.get(f"{part.kind} {part.name}", self.options.get(part.name, {}))

    def create(self) -> Any:
        """Make the component. Raises UserError where it refuses its options."""
        return self.component.create(self.own_options)

    @property
    def needs_root(self) -> bool:
        """Whether the component reads files that nobody pointed at."""
        return getattr(self.own_options, "root", "none needed") is None

    def config(self, **training: Any) -> RunConfig:
        """Return the settings of a tiny run with this component.

        Raises UserError where its own rules refuse that run.
        """
        tiny = {"batch_size": 4, "latent_dim": 8, "precision": "fp32", **training}
        kind = KINDS[self.component.kind]
        asked = [
            Tier("the contract checks", {"data": "shapes", "condition": "none", "training": tiny}),
            Tier("the component under test", {} if kind.use == "command" else {kind.section: self.component.name}),
            Tier(f"settings of {self.component.name}", self.settings),
        ]
        chosen = choose(self.registry, asked)
        small = {
            section: {"name": part.name, **self.options[part.name]}
            for section, part in chosen.items()
            if part.name in self.options
        }
        if kind.use == "list":
            small[self.component.name] = dict(self._small)
        return resolve(self.registry, [Tier("small options", small), *asked])


def load_plugin(module: str) -> tuple[Plugin, Registry]:
    """Load one plugin beside the built-in ones, whether it is installed or only importable."""
    installed = entry_points(group=GROUP)
    builtin = [point for point in installed if point.dist is not None and point.dist.name == HOST]
    named = [point for point in installed if point.value == module] or [EntryPoint(module, module, GROUP)]
    found = discover([*builtin, *named[:1]])
    return next(plugin for plugin in found.plugins if plugin.module == module), found.registry


def require(condition: bool, message: str) -> None:
    """Raise AssertionError with the message unless the condition holds; ``python -O`` does not switch it off."""
    __tracebackhide__ = True  # pytest shows the line that asked
    if not condition:
        raise AssertionError(message)
