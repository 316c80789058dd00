"""A direction from two latents."""

from __future__ import annotations

from gantool import Direction, Evidence, Options
from gantool_classic.finders.settings import Needs


class Pair:
    """The difference of two latents; its intercept lies half way between them."""

    needs: Needs = ("pair",)

    def __init__(self, options: Options) -> None: ...

    def find(self, evidence: Evidence) -> list[Direction]:
        """Return one direction, called as was asked, or ``pair``."""
        assert evidence.pair is not None  # the finder needs it
        start, end = (latent.double() for latent in evidence.pair)
        vector = end - start
        middle = float(vector @ (start + end) / 2)
        name = evidence.names[0] if evidence.names else "pair"
        return [Direction(name, vector.float(), -middle, {"distance": float(vector.norm())})]
