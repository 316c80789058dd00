"""gantool's contract for every component of this plugin."""

import tempfile
from pathlib import Path

from packages import SIDE, make_packages

from gantool.testing import contract_checks

FOLDER = tempfile.TemporaryDirectory()  # goes with the process
ROOT = make_packages(Path(FOLDER.name))


@contract_checks("gantool_emoji", options={"emoji": {"root": str(ROOT), "size": SIDE, "min_count": 2}})
def test_contract(check):
    check()
