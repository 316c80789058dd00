"""Raises while it is imported."""

GANTOOL_API = 1

raise RuntimeError("the sky\nfell")
