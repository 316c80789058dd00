"""Our convolutions are torch's, in value and in every derivative, whichever way they are computed."""

import pytest
import torch
from torch import nn

from gantool_classic import convolution
from gantool_classic.convolution import Conv2d, ConvTranspose2d

# in, out, side, kernel, stride, padding
PLACES = [
    (256, 256, 8, 4, 2, 1),  # products of matrices in every direction
    (32, 40, 8, 4, 2, 1),  # for the kernel alone
    (33, 32, 4, 3, 1, 1),
    (1, 4, 8, 4, 2, 1),  # one channel has two layouts
    (3, 5, 9, 5, 2, 2),
    (2, 3, 7, 3, 2, 1),
]


def derivatives(call, x, weights):
    """Return a value, the gradient to x, and the derivatives of that gradient's size by x and by the weights."""
    y = call(x)
    (g,) = torch.autograd.grad(y.pow(3).sum(), x, create_graph=True)
    return [y, g, *torch.autograd.grad(g.square().sum(), [x, *weights])]


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("kind", [Conv2d, ConvTranspose2d])
def test_a_convolution_and_its_first_two_derivatives_are_torchs(kind, place):
    torch.manual_seed(0)
    into, out, side, kernel, stride, padding = place
    x = torch.randn(2, into, side, side, dtype=torch.float64)
    if kind is Conv2d:
        module = Conv2d(into, out, kernel, stride, padding).double()
    else:
        x = nn.functional.conv2d(x, torch.zeros(out, into, kernel, kernel, dtype=x.dtype), None, stride, padding)
        x = torch.randn_like(x)
        more = kernel % 2 if stride == 2 else 0
        module = ConvTranspose2d(out, into, kernel, stride, padding, output_padding=more).double()
    x.requires_grad_()
    weights = list(module.parameters())
    own = derivatives(module, x, weights)
    plain = derivatives(lambda x: super(kind, module).forward(x), x, weights)
    for mine, torchs in zip(own, plain, strict=True):
        torch.testing.assert_close(mine, torchs, rtol=1e-10, atol=1e-10 * torchs.detach().abs().max().item())


def test_the_places_are_computed_in_both_ways(monkeypatch):
    ways = []
    pays = convolution._pays
    monkeypatch.setattr(convolution, "_pays", lambda *given: ways.append(pays(*given)) or ways[-1])
    for place, expected in zip(PLACES[:2], ([True, True, True], [False, True, False]), strict=True):
        into, out, side, kernel, stride, padding = place
        module = Conv2d(into, out, kernel, stride, padding)
        module(torch.randn(2, into, side, side, requires_grad=True)).sum().backward()
        assert sorted(ways) == sorted(expected)
        ways.clear()


def test_a_third_derivative_is_right_too():
    torch.manual_seed(0)
    module = Conv2d(2, 3, 4, 2, 1).double()
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)

    def slope(x):
        return torch.autograd.grad(module(x).pow(3).sum(), x, create_graph=True)[0]

    assert torch.autograd.gradgradcheck(slope, (x,))


def test_autocast_computes_in_half_precision_and_gives_gradients_in_full():
    module = Conv2d(3, 4, 4, 2, 1)
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = module(x)
    y.float().sum().backward()
    assert (y.dtype, x.grad.dtype, module.weight.grad.dtype) == (torch.bfloat16, torch.float32, torch.float32)
    assert torch.allclose(y.float(), nn.functional.conv2d(x, module.weight, module.bias, 2, 1), atol=0.05)
