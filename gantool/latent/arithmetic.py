"""Vector algebra on latents and directions: ``seed:3 + seed:2 - seed:1``, ``seed:1 + 1.5*Smiling - Eyeglasses``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from gantool.errors import OptionError
from gantool.files.directions import Directions

__all__ = ["FLAG", "Term", "combine", "parse"]

FLAG = "--arith"
NUMBER = re.compile(r"(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(?:e[+-]?\d{1,2})?")
TOKEN = re.compile(rf"""\s*(?:"([^"]+)"|'([^']+)'|([+*-])|({NUMBER.pattern}(?=\s*[*]|\s|$)|[^\s"'+*-]+))""")
FORM = "as in seed:1 + 1.5*Smiling - 'my file.png'; names with spaces or hyphens are quoted"


@dataclass(frozen=True)
class Term:
    """A coefficient and what it multiplies: a latent or, in units of its standard deviation, a direction."""

    coefficient: float
    name: str


def parse(text: str) -> list[Term]:
    """Return the terms of a sum. Raises OptionError, with the place, where it is none."""
    tokens = _tokens(text)
    terms: list[Term] = []
    place = 0
    while place < len(tokens):
        sign = 1.0
        if tokens[place][0] in "+-":
            sign = -1.0 if tokens[place][0] == "-" else 1.0
            place += 1
        elif terms:
            raise _malformed(text, f"+ or - is missing before {tokens[place][1]!r}")
        if [kind for kind, _ in tokens[place : place + 2]] == ["number", "*"]:
            sign *= float(tokens[place][1])
            place += 2
        if place >= len(tokens) or tokens[place][0] not in ("name", "number"):
            raise _malformed(text, "a name is missing")
        terms.append(Term(sign, tokens[place][1]))
        place += 1
    if not terms:
        raise _malformed(text, "it is empty")
    return terms


def _tokens(text: str) -> list[tuple[str, str]]:
    """Cut a text into ``(kind, text)``: an operator is its own kind; others are ``name`` and ``number``."""
    tokens: list[tuple[str, str]] = []
    place, text = 0, text.rstrip()
    while place < len(text):
        match = TOKEN.match(text, place)
        if not match:
            raise _malformed(text, "a quote is not closed")
        double, single, operator, bare = match.groups()
        word = double or single or bare
        kind = operator or ("number" if bare and NUMBER.fullmatch(bare) else "name")
        tokens.append((kind, operator or word))
        place = match.end()
    return tokens


def _malformed(text: str, why: str) -> OptionError:
    return OptionError(FLAG, f"{text!r} was given: {why}", FORM)


def combine(
    terms: Sequence[Term], latents: Mapping[str, tuple[Tensor, Tensor | None]], directions: Directions | None
) -> tuple[Tensor, Tensor | None]:
    """Return the sum ``z [1, D]`` and the condition of its first latent.

    ``latents`` holds one row by name; other names are directions, 1 being one standard deviation of the projection.
    Raises OptionError where a name is neither, or where no latent is there to start from.
    """
    first = next((latents[term.name] for term in terms if term.name in latents), None)
    if first is None:
        raise OptionError(FLAG, "names no latent", "a latent to start from, such as seed:1", FORM)
    z = first[0].new_zeros(first[0].shape).double()
    for term in terms:
        if term.name in latents:
            z += term.coefficient * latents[term.name][0].double()
            continue
        if directions is None:
            given = f"{term.name!r} is no seed, class or file"
            raise OptionError(FLAG, given, FORM, "give a file of directions with --directions")
        row = directions.index(term.name, FLAG)
        z += term.coefficient * float(directions.std[row]) * directions.vectors[row].double()
    return z.float(), first[1]
