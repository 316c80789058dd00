"""The penalty on a linear critic, whose slope is its weight."""

import pytest
import torch
from gantool_example.lipschitz import Example
from gantool_example.settings import ExampleOptions
from torch import nn


def test_a_linear_critic_pays_for_its_weight() -> None:
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0]]))
    x = torch.zeros(5, 2)
    penalty = Example(ExampleOptions(weight=2.0)).penalty(lambda x, c: layer(x).squeeze(1), x, x, None, None)
    assert penalty.item() == pytest.approx(2 / 2 * 25)
