"""Where the generator's doublings leave a checkerboard: the energy at the stride's frequency in the mean spectrum."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from gantool import Spec
from gantool_classic.dcgan import Dcgan
from gantool_classic.settings import DcganOptions

PATH = Path(__file__).parent.parent / "benchmarks" / "spectrum.py"


@pytest.fixture(scope="module")
def spectrum():
    """The measure of the benchmark."""
    spec = importlib.util.spec_from_file_location("spectrum", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["spectrum"] = module  # a dataclass asks for its module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["spectrum"]


def untrained(upsample, kernel):
    """Pictures of 24 generators as they are built, 16 of each."""
    options = DcganOptions(channels=8, max_channels=16, upsample=upsample, kernel=kernel)
    batches = []
    for seed in range(24):
        torch.manual_seed(seed)
        G = Dcgan(options).build_generator(Spec((3, 32, 32), 16, 16))
        with torch.no_grad():
            batches.append(G(torch.randn(16, 16)))
    return batches


def test_white_noise_has_no_checkerboard_and_stripes_are_one(spectrum):
    noise = torch.randn(400, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert spectrum.checkerboard(noise).peak == pytest.approx(1, abs=0.05)
    stripes = torch.ones(1, 1, 32, 32)
    stripes[..., ::2] = -1
    assert spectrum.checkerboard(stripes).share == pytest.approx(1000 * 2 / 3, rel=1e-3)
    assert spectrum.checkerboard(stripes * stripes.mT).share == pytest.approx(1000 * 8 / 9, rel=1e-3)


@pytest.mark.parametrize(("kernel", "expected"), [(3, 4.0), (4, 1.0), (5, 2.25)])
def test_a_transposed_kernel_is_uneven_by_the_weights_that_meet_in_a_pixel(spectrum, kernel, expected):
    # stride 2: a pixel is a sum over 1, 2, 2 or 4 weights of a 3x3 kernel, 4 of a 4x4, and 4, 6, 6 or 9 of a 5x5
    assert spectrum.unevenness(untrained("transposed", kernel)) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("upsample", ["nearest", "bilinear"])
@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_upsampling_and_convolution_have_no_checkerboard(spectrum, upsample, kernel):
    batches = untrained(upsample, kernel)
    assert spectrum.unevenness(batches) == pytest.approx(1, abs=0.1)
    assert spectrum.checkerboard(torch.cat(batches)).peak < 0.5
    assert spectrum.checkerboard(torch.cat(untrained("transposed", kernel))).peak > 2
