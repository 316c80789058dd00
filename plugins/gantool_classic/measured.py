"""Settings of the embedded datasets that were measured, not published; docs/results.md holds the figures."""

from __future__ import annotations

from typing import Any

SHAPES: dict[str, Any] = {}
GAUSSIANS: dict[str, Any] = {"arch": "mlp"}
