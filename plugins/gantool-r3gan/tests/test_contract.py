"""gantool's contract for every component of this plugin."""

from gantool.testing import contract_checks


@contract_checks("gantool_r3gan")
def test_contract(check):
    check()
