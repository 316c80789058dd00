"""Strips of a walk, and matrices as heat maps."""

import numpy as np
import pytest
from PIL import Image

from gantool.render.strip import HeatMap, save_heat_maps, strip


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_a_strip_has_its_tiles_row_by_row_below_and_beside_its_captions(channels, mode):
    pixels = np.arange(2 * 3, dtype=np.uint8).reshape(2, 3, 1, 1, 1) * 30 + 10
    drawn = strip(np.broadcast_to(pixels, (2, 3, 48, 50, channels)), ["-1", "+0", "+1"], ["seed 7", "8"])
    found = np.asarray(drawn).reshape(drawn.height, drawn.width, -1)[..., 0]
    bottom, right = drawn.height - 2, drawn.width - 2
    tiles = [
        [
            found[bottom - (2 - row) * 50 + 2 : bottom - (1 - row) * 50, right - 52 * (3 - column) + 2 :]
            for column in range(3)
        ]
        for row in range(2)
    ]
    for row in range(2):
        for column in range(3):
            assert (tiles[row][column][:48, :50] == pixels[row, column, 0, 0, 0]).all()
    assert drawn.mode == mode
    assert found[: drawn.height - 102].min() < 128  # the captions are there
    assert found[:, : drawn.width - 158].min() < 128


def test_heat_maps_are_drawn_two_in_a_row_whatever_their_sizes(tmp_path):
    matrix = np.array([[1.0, -0.5, 0.0], [0.2, 0.1, 0.3]])
    maps = [HeatMap(f"map {n}", "ab", "xyz", matrix, most) for n, most in enumerate((None, 1.0, 2.0))]
    save_heat_maps(maps, tmp_path / "three.png")
    save_heat_maps([HeatMap("empty", "a", "b", np.zeros((1, 1)))], tmp_path / "one.png")
    three, one = (Image.open(tmp_path / f"{name}.png") for name in ("three", "one"))
    assert three.height > one.height
    assert len(three.convert("RGB").getcolors(2**20)) > 50
