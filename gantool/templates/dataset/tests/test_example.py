"""The pictures show what their labels say."""

from gantool_example.data import Example
from gantool_example.settings import ExampleOptions


def test_the_square_lies_in_the_half_that_the_class_names() -> None:
    samples = Example(ExampleOptions(size=16, length=50)).load()
    bright = samples.values[:, 0].sum(1)  # [N, width]
    assert (bright.argmax(1) // 8 == samples.labels).all()
    assert (bright.sum(1) == 4 * 4 * 255).all()
