"""gantool's contract for every component of this plugin."""

from gantool.testing import contract_checks


@contract_checks("gantool_diffaugment", options={"ada": {"p": 0.9}})
def test_contract(check):
    check()
