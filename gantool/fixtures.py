"""Fixtures for the tests of a plugin, above all other layers. In its ``conftest.py``::

    pytest_plugins = ["gantool.fixtures"]

``gantool_cli("train", "--loss", "hinge", "--steps", 2)`` calls the command line in this process and says how it ended;
``only_plugins("hinge")`` hides other plugins that happen to be installed, from this process and from those it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from gantool.cli.main import run
from gantool.plugins import load_plugins

__all__ = ["Result", "gantool_cli", "only_plugins"]


@dataclass(frozen=True)
class Result:
    """How a call of ``gantool`` ended and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def gantool_cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Call ``gantool`` in this process; local plugins of other calls are forgotten."""

    def call(*arguments: object) -> Result:
        load_plugins.cache_clear()
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            run([str(argument) for argument in arguments])
        load_plugins.cache_clear()
        printed = capsys.readouterr()
        return Result(int(stop.value.code or 0), printed.out, printed.err)

    return call


@pytest.fixture
def only_plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Use the built-in plugin and those that are named, and discover no others."""

    def choose(*names: str) -> None:
        monkeypatch.setenv("GANTOOL_PLUGINS", ",".join(names))
        load_plugins.cache_clear()

    yield choose
    load_plugins.cache_clear()
