"""PNG for many small pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from gantool.render.png import encode


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
@pytest.mark.parametrize("size", [(1, 1), (5, 9), (64, 33)])
def test_pillow_reads_back_every_pixel_and_text(channels, mode, size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, channels), np.uint8)
    with Image.open(io.BytesIO(encode(pixels, {"gantool": '{"é": 1}', "other": ""}))) as image:
        image.load()
        assert image.mode == mode
        assert image.text == {"gantool": '{"é": 1}', "other": ""}
        assert np.array_equal(np.asarray(image).reshape(pixels.shape), pixels)


def test_a_picture_that_is_not_contiguous_is_encoded_as_its_copy():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 6), np.uint8).transpose(1, 2, 0)
    assert encode(pixels) == encode(np.ascontiguousarray(pixels))


def test_a_flat_picture_takes_little_room():
    assert len(encode(np.full((64, 64, 3), 200, np.uint8))) < 200
