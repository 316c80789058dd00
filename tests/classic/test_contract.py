"""The contract checks that every plugin's author can run, on the built-in plugin."""

from __future__ import annotations

from gantool.testing import contract_checks


@contract_checks("gantool_classic", settings={"wgan": {"lipschitz": "gp"}})
def test_contract(check):
    check()
