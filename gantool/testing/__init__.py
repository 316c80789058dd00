"""Contract tests for a plugin, one pytest test for each check.

A plugin's whole contract test::

    from gantool.testing import contract_checks

    @contract_checks("gantool_sngan")  # the plugin's module, as its entry point names it
    def test_contract(check): check()

Each check has an id such as ``loss-hinge-reals_should_score_high``, so ``pytest -k hinge`` runs those of one component.
Components are trained for a few steps beside small partners. Where the defaults of yours are large, or where they need
particular partners, say so by their names::

    @contract_checks(
        "gantool_sngan",
        options={"resnet": {"channels": 8}},  # small options of a component
        settings={"hinge-wgan": {"lipschitz": "gp"}},  # what a run with this component needs besides
    )

Two fixtures, to call the command line and to hide other plugins, are in ``gantool.fixtures``.

Where components of two kinds share a name, write ``"KIND NAME"``. A dataset whose option ``root`` is not given by
``options`` is not read; it must say so with a UserError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from gantool.testing.case import Case, load_plugin

if TYPE_CHECKING:
    import pytest

__all__ = ["Case", "contract_checks", "find_checks"]

Named = Mapping[str, Mapping[str, Any]]  # by a component's name

# Components of gantool that others are trained beside, small enough for a test.
SMALL: Named = {
    "dcgan": {"channels": 4, "max_channels": 8},
    "mlp": {"hidden_g": [16], "hidden_d": [16]},
    "shapes": {"size": 16, "length": 64},
    "gaussians": {"length": 64},
}


def contract_checks(
    module: str, *, options: Named | None = None, settings: Named | None = None
) -> pytest.MarkDecorator:
    """Return the decorator that gives a test function every ``check`` of a plugin, by the name of its module.

    ``options``: small options by a component's name. ``settings``: by a component's name, a tree of further settings
    for the short runs that it is trained in.
    """
    import pytest

    checks = find_checks(module, options=options, settings=settings)
    return pytest.mark.parametrize("check", [pytest.param(call, id=name) for name, call in checks.items()])


def find_checks(
    module: str, *, options: Named | None = None, settings: Named | None = None
) -> dict[str, Callable[[], None]]:
    """Return the checks of a plugin by name, ``KIND-COMPONENT-CHECK``; each raises AssertionError where it fails."""
    from gantool.testing import table

    plugin, registry = load_plugin(module)
    found: dict[str, Callable[[], None]] = {}
    for check in table.PLUGIN:
        found[f"plugin-{_name(check)}"] = partial(check, plugin)
    for command in plugin.commands:
        for run in table.COMMAND:
            found[f"command-{command.name}-{_name(run)}"] = partial(run, command)
    for part in plugin.components:
        case = Case(part, registry, module, {**SMALL, **(options or {})}, (settings or {}).get(part.name, {}))
        for test in table.checks_of(case):
            found[f"{part.kind}-{part.name}-{_name(test)}"] = partial(test, case)
    return found


def _name(check: Callable[..., None]) -> str:
    return check.__name__.removeprefix("check_")
