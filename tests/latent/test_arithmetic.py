"""Vector algebra: what a text means, and what it sums to."""

import pytest
import torch

from gantool.errors import OptionError
from gantool.files.directions import Directions
from gantool.latent.arithmetic import Term, combine, parse

SMILE, GLASSES = torch.eye(4)[2:]
DIRECTIONS = Directions(
    ("Smiling", "Eyeglasses"),
    torch.stack([SMILE, GLASSES]),
    torch.zeros(2),
    torch.zeros(2),
    torch.tensor([2.0, 0.5]),
    "hash",
)
ONE, TWO, THREE = (torch.tensor([[float(n), 1.0, 0, 0]]) for n in (1, 10, 100))
LATENTS = {"seed:1": (ONE, torch.tensor([7])), "seed:2": (TWO, torch.tensor([8])), "seed:3": (THREE, None)}


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("seed:3 + seed:2 - seed:1", [(1, "seed:3"), (1, "seed:2"), (-1, "seed:1")]),
        ("seed:1 + 1.5*Smiling - Eyeglasses", [(1, "seed:1"), (1.5, "Smiling"), (-1, "Eyeglasses")]),
        ("seed:1-seed:2", [(1, "seed:1"), (-1, "seed:2")]),
        ("-.5 * 'my file-1.png' + \"a b\"", [(-0.5, "my file-1.png"), (1, "a b")]),
        ("grid.png:12+2*5_o_Clock_Shadow", [(1, "grid.png:12"), (2, "5_o_Clock_Shadow")]),
        ("  'runs/a-b/z.pt:0'  ", [(1, "runs/a-b/z.pt:0")]),
        ("3*'it*self'", [(3, "it*self")]),
        ("2", [(1, "2")]),
        ("1e-3*smiling - 1e2 * hat", [(0.001, "smiling"), (-100, "hat")]),
    ],
)
def test_a_sum_is_read_term_by_term(text, terms):
    assert parse(text) == [Term(*term) for term in terms]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("seed:1 +", "a name is missing"),
        ("seed:1 + * 3", "a name is missing"),
        ("seed:1 seed:2", "+ or - is missing before 'seed:2'"),
        ("seed:1 + -seed:2", "a name is missing"),
        ("seed:1 + 'open", "a quote is not closed"),
        ("2*", "a name is missing"),
        ("Smiling*2", "+ or - is missing before '*'"),
    ],
)
def test_what_is_no_sum_is_refused_with_the_reason(text, why):
    with pytest.raises(OptionError) as refused:
        parse(text)
    assert f"was given: {why}" in str(refused.value)
    assert "1.5*Smiling" in str(refused.value)


def test_latents_are_added_and_the_first_gives_the_condition():
    z, c = combine(parse("seed:2 + seed:3 - seed:1"), LATENTS, None)
    assert (z.tolist(), c.tolist()) == ([[109, 1, 0, 0]], [8])


def test_a_direction_moves_by_its_standard_deviation():
    z, _ = combine(parse("seed:1 + 1.5*smiling - Eyeglasses"), LATENTS, DIRECTIONS)
    assert z.tolist() == [[1, 1, 1.5 * 2.0, -0.5]]


@pytest.mark.parametrize(
    ("text", "directions", "said"),
    [
        ("Smiling", DIRECTIONS, "names no latent"),
        ("seed:1 + Smilling", DIRECTIONS, "there is no direction 'Smilling'; known: Smiling, Eyeglasses; did you mean"),
        ("seed:1 + Smiling", None, "'Smiling' is no seed, class or file"),
    ],
)
def test_a_name_that_is_nothing_is_refused(text, directions, said):
    with pytest.raises(OptionError, match=r"^--arith: ") as refused:
        combine(parse(text), LATENTS, directions)
    assert said in str(refused.value)
