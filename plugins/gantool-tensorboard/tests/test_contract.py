"""gantool's contract for every component of this plugin."""

from gantool.testing import contract_checks


@contract_checks("gantool_tensorboard")
def test_contract(check):
    check()
