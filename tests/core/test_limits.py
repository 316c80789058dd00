"""The core stays small enough to be read at one sitting."""

from pathlib import Path

import gantool


def test_the_core_that_knows_kinds_and_plugins_stays_under_1200_lines():
    home = Path(gantool.__file__).parent
    modules = ("registry", "plugins", "options", "config")
    assert sum(len((home / f"{name}.py").read_text().splitlines()) for name in modules) < 1200
