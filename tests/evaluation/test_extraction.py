"""What an extractor is shown, and that real pictures are looked at once."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gantool.evaluation.extraction import cached, fit_channels, judge, rounded
from gantool.files import features as files
from gantool.files.cache import cache_folder
from gantool.interfaces import Judged
from gantool.render.grid import to_uint8

CPU = torch.device("cpu")


def pictures(count, channels=3, side=4):
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_rounding_is_that_of_a_file():
    x = pictures(5) * 1.2
    levels = torch.from_numpy(to_uint8(x).copy()).permute(0, 3, 1, 2)
    assert torch.equal(rounded(x).add(1).mul(127.5).round().byte(), levels)


def test_grey_is_repeated_and_colour_becomes_pillows_grey():
    grey = pictures(2, 1)
    assert torch.equal(fit_channels(grey, 3), grey.expand(2, 3, 4, 4))
    colour = rounded(pictures(1))
    pixels = to_uint8(colour)[0]
    expected = np.asarray(Image.fromarray(pixels).convert("L"), dtype=np.float32)
    found = fit_channels(colour, 1).add(1).mul(127.5)[0, 0].numpy()
    assert np.abs(found - expected).max() <= 1


def test_transparency_lies_on_white():
    x = torch.full((1, 4, 1, 2), -1.0)
    x[0, 3, 0, 1] = 1.0  # black: one pixel clear, one opaque
    assert fit_channels(x, 3)[0, 0, 0].tolist() == [1.0, -1.0]


def test_pictures_of_the_wanted_channels_are_left_alone():
    x = pictures(2)
    assert fit_channels(x, 3) is x
    assert fit_channels(x, None) is x


class Means(nn.Module):
    def forward(self, x):
        return x.mean((2, 3)), x.amax((2, 3))


def test_judging_in_blocks_gives_what_one_pass_gives():
    x, done = pictures(150), []
    found = judge(Means(), lambda rows: x[list(rows)], 150, None, CPU, done.append)
    assert torch.allclose(found.features, x.mean((2, 3)))
    assert torch.equal(found.logits, x.amax((2, 3)))
    assert sum(done) == 150
    assert len(done) > 1


def test_real_pictures_are_looked_at_once_for_one_source():
    calls = []

    def make():
        calls.append(1)
        return Judged(torch.ones(3, 2), torch.zeros(3, 4))

    source = {"data": "once", "count": 3}
    first, second = cached(source, make), cached(source, make)
    assert len(calls) == 1
    assert torch.equal(first.features, second.features)
    assert torch.equal(second.logits, torch.zeros(3, 4))
    cached({**source, "count": 4}, make)
    assert len(calls) == 2


def test_a_damaged_cache_is_made_anew():
    source = {"data": "damaged"}
    cached(source, lambda: Judged(torch.ones(3, 2)))
    newest = max(cache_folder("features").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(b"rubbish")
    assert torch.equal(cached(source, lambda: Judged(torch.zeros(1, 1))).features, torch.zeros(1, 1))


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "file"))
    assert len(cached({"data": "nowhere"}, lambda: Judged(torch.ones(3, 2))).features) == 3


@pytest.mark.parametrize("tensors", [{}, {"real.logits": torch.ones(2, 3)}, {"real.features": torch.ones(2)}])
def test_a_file_without_features_is_refused(tensors, tmp_path):
    from gantool.errors import FileError
    from gantool.files import envelope

    envelope.write(tmp_path / "f.safetensors", files.KIND, tensors, {"source": {}})
    with pytest.raises(FileError, match="holds no features"):
        files.read(tmp_path / "f.safetensors")
