"""gantool's contract for every component of this plugin."""

from gantool.testing import contract_checks


@contract_checks("gantool_resnet", options={"resnet": {"channels": 4, "max_channels": 8}})
def test_contract(check):
    check()
