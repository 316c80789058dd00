"""gantool's contract: one test for each thing that it relies on."""

from collections.abc import Callable

from gantool.testing import contract_checks


@contract_checks("gantool_example")
def test_contract(check: Callable[[], None]) -> None:
    check()
