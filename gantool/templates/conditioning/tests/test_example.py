"""The score's term, by hand."""

import torch
from gantool_example.conditioning import Example
from gantool_example.settings import ExampleOptions

from gantool import Condition


def test_the_term_is_the_product_with_the_vectors_of_the_label() -> None:
    side = Example(ExampleOptions()).discriminator_side(2, Condition("attributes", ("old", "bald")))
    with torch.no_grad():
        side.code.vectors.weight.copy_(torch.tensor([[1.0, 10.0], [2.0, 20.0]]))
    h = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    assert side.score_term(h, torch.tensor([[1.0, 1.0], [0.0, 1.0]])).tolist() == [33.0, 10.0]
