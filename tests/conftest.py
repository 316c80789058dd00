"""What every test has: one thread, a cache of its own, no settings from outside, and two ways to call ``gantool``."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # read once, when torch is first imported
os.environ["MKL_NUM_THREADS"] = "1"

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from gantool.plugins import load_plugins

pytest_plugins = ["gantool.fixtures"]

PLUGINS = Path(__file__).parent / "plugins"  # sound, broken, clashing and too-new plugins


@pytest.fixture(scope="session", autouse=True)
def _apart(tmp_path_factory):
    """Keep what is set outside out of the tests, and their cache out of the user's."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("GANTOOL_PLUGINS", "GANTOOL_STRICT"):
            patch.delenv(variable, raising=False)
        patch.setenv("GANTOOL_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("COLUMNS", "120")
        yield


@pytest.fixture(scope="session", autouse=True)
def _signals():
    """Take signals as a terminal's programs do: what runs behind ``&`` or ``nohup`` ignores them, its children too."""
    usual = {"SIGINT": signal.default_int_handler, "SIGHUP": signal.SIG_DFL}
    for number, handler in ((getattr(signal, name, None), handler) for name, handler in usual.items()):
        if number is not None and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    """Undo the ``--threads`` of an earlier test, and the paths that ``plugin check FILE`` adds."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture
def workdir(tmp_path, monkeypatch):
    """A new folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run_cli(gantool_cli):
    """Call ``gantool`` in this process."""
    return gantool_cli


@pytest.fixture
def run_process():
    """Call ``gantool`` as a process of its own; keywords are variables of its environment."""

    from gantool.fixtures import Result  # pytest imports it first, to rewrite its assertions

    def call(*arguments: object, **environment: str):
        line = [sys.executable, "-m", "gantool", *map(str, arguments)]
        done = subprocess.run(line, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def plugin_modules(monkeypatch):
    """Make the modules of tests/plugins importable, and forget them afterwards."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    known = {path.stem for path in PLUGINS.glob("*.py")}
    for name in known:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield PLUGINS
    for name in known:
        sys.modules.pop(name, None)


@pytest.fixture
def register():
    """Return a function that writes what pip leaves of a distribution in ``site``: plugins are entry points by name."""

    def call(site: Path, dist: str, version: str, plugins: Mapping[str, str]) -> None:
        info = site / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        points = "".join(f"{name} = {module}\n" for name, module in plugins.items())
        (info / "entry_points.txt").write_text(f"[gantool]\n{points}")

    return call


@pytest.fixture
def install(tmp_path, monkeypatch, plugin_modules, register):
    """Install modules of tests/plugins as pip does, in this process and in those that it starts."""

    def call(*modules: str, dist: str = "gantool-extra", version: str = "1.2") -> None:
        site = tmp_path / "site"
        register(site, dist, version, dict(zip(modules, modules, strict=True)))
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(plugin_modules)]))
        load_plugins.cache_clear()

    yield call
    load_plugins.cache_clear()
