"""Films: their frames, their time, and one palette."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from gantool.errors import OptionError
from gantool.render.animation import save_film, save_gif, still
from gantool.render.grid import grid

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def flat(*colours, size=(6, 4)):
    return [Image.new("RGB", size, colour) for colour in colours]


def shown(path):
    """Return each frame's middle pixel and its duration in milliseconds."""
    found = []
    with Image.open(path) as film:
        for index in range(film.n_frames):
            film.seek(index)
            found.append((film.convert("RGB").getpixel((2, 2)), film.info["duration"]))
        return found, film.info.get("loop")


def test_a_gif_repeats_its_frames_in_equal_time_and_holds_none(tmp_path):
    save_film(flat(RED, GREEN, BLUE), tmp_path / "a.gif", 25)
    assert shown(tmp_path / "a.gif") == ([(RED, 40), (GREEN, 40), (BLUE, 40)], 0)


def test_a_grey_film_keeps_every_grey(tmp_path):
    ramp = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (4, 1)))
    save_gif([ramp, ramp], tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as film:
        assert np.array_equal(np.asarray(film.convert("L")), np.asarray(ramp))


def test_colours_of_few_pixels_are_kept_in_a_film(tmp_path):
    """The rest is a ramp of greys, on which median cut spends nearly all of its palette."""
    pixels = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (64, 1))[..., None], 3, 2)
    colours = np.random.default_rng(0).integers(0, 256, (64, 3), dtype=np.uint8)
    pixels[:, :2] = colours[:, None]
    save_gif([Image.fromarray(pixels)] * 2, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as film:
        error = np.abs(np.asarray(film.convert("RGB")).astype(int) - pixels)[:, :2]
    assert error.max() < 64


def test_the_film_of_a_training_holds_its_last_frame(tmp_path):
    save_gif(flat(RED, GREEN), tmp_path / "a.gif")
    assert shown(tmp_path / "a.gif") == ([(RED, 120), (GREEN, 1440)], 0)


def test_a_rate_that_is_no_whole_number_of_ticks_keeps_the_time(tmp_path):
    save_film(flat(*[RED, GREEN] * 15), tmp_path / "a.gif", 30)
    frames, _ = shown(tmp_path / "a.gif")
    assert {duration for _, duration in frames} == {30, 40}
    assert sum(duration for _, duration in frames) == 1000


def test_a_gif_never_asks_for_less_than_20_milliseconds(tmp_path):
    save_film(flat(RED, GREEN), tmp_path / "a.gif", 120)
    assert [duration for _, duration in shown(tmp_path / "a.gif")[0]] == [20, 20]


def test_every_part_of_a_film_has_its_share_of_the_palette(tmp_path):
    shades = range(100, 250, 10)
    save_film(flat(*((s, 0, 0) if s < 170 else (0, 0, s) for s in shades)), tmp_path / "a.gif", 25)
    found, _ = shown(tmp_path / "a.gif")
    assert sum(duration for (red, _, blue), duration in found if red > 90 and not blue) == 7 * 40
    assert sum(duration for (red, _, blue), duration in found if blue > 160 and not red) == 8 * 40


def test_all_frames_of_a_gif_share_one_palette(tmp_path):
    frames = [Image.fromarray(np.random.default_rng(i).integers(0, 255, (8, 8, 3), np.uint8)) for i in range(3)]
    save_film(frames, tmp_path / "a.gif", 10)
    data = (tmp_path / "a.gif").read_bytes()
    assert data[10] & 0x80  # a global table of colours
    places = [at for at in range(len(data) - 10) if data[at : at + 5] == b"\x2c\0\0\0\0"]
    assert len(places) == 3
    assert not any(data[at + 9] & 0x80 for at in places)  # and no frame has its own


def test_a_webp_repeats_its_frames(tmp_path):
    save_film(flat(RED, GREEN, BLUE, size=(16, 16)), tmp_path / "a.webp", 25)
    with Image.open(tmp_path / "a.webp") as film:
        assert (film.n_frames, film.info["loop"], film.size) == (3, 0, (16, 16))
        film.seek(1)
        assert film.convert("RGB").getpixel((8, 8)) == pytest.approx(GREEN, abs=12)


def test_without_pyav_an_mp4_is_refused_with_the_line_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(OptionError, match=r"-o: .*a.mp4 was given.*pip install 'gantool\[video\]', or -o .*a.webp$"):
        save_film(flat(RED), tmp_path / "a.mp4", 25)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(find_spec("av") is None, reason="PyAV is an extra")
def test_an_mp4_has_every_frame_at_its_rate_and_even_sides(tmp_path):
    import av

    save_film(flat(*[RED, BLUE] * 5, size=(33, 16)), tmp_path / "a.mp4", 25)
    with av.open(str(tmp_path / "a.mp4")) as film:
        stream = film.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)]
        assert (len(frames), stream.average_rate, frames[0].shape) == (10, 25, (16, 34, 3))
    assert frames[0][8, 8].tolist() == pytest.approx(RED, abs=12)
    assert frames[9][8, 8].tolist() == pytest.approx(BLUE, abs=12)


def test_a_film_of_another_suffix_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"a film is one of \.gif, \.webp, \.mp4"):
        save_film(flat(RED), tmp_path / "a.avi", 25)


def test_one_picture_is_enlarged_by_a_whole_factor_and_several_are_a_grid():
    pixels = np.arange(2 * 5 * 7, dtype=np.uint8).reshape(2, 5, 7, 1)
    one = still(pixels[:1])
    assert one.size == (7 * 39, 5 * 39)  # 195 is the first multiple of 5 from 192
    assert np.array_equal(np.asarray(one)[::39, ::39], pixels[0, :, :, 0])
    assert still(pixels[:1], 1).size == (7, 5)
    assert np.array_equal(np.asarray(still(pixels)), np.asarray(grid(pixels)))
