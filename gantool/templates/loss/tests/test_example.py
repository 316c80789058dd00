"""The loss of known scores, by hand."""

import pytest
import torch
from gantool_example.losses import Example
from gantool_example.settings import ExampleOptions


def test_known_scores() -> None:
    loss = Example(ExampleOptions())
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 2.0])
    assert loss.discriminator(real, fake).item() == pytest.approx((0 + 4) / 4 + (0 + 4) / 4)
    assert loss.generator(fake).item() == pytest.approx((1 + 1) / 4)
