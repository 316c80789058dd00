"""The instance norm and the LeakyReLU of the critic are torch's, in value and in both derivatives."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gantool_classic.norms import InstanceNorm, leaky_relu


def norm(affine):
    torch.manual_seed(0)
    module = InstanceNorm(3, affine).double()
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module, torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)


def torchs_norm(x, module):
    return F.instance_norm(x, weight=module.weight, bias=module.bias)


def penalty(call, x, weights):
    """Return the slope at x, and the derivatives of a gradient penalty by x and by the weights."""
    (slope,) = torch.autograd.grad(call(x).square().sum(), x, create_graph=True)
    term = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    return [slope, *torch.autograd.grad(term, [x, *weights], materialize_grads=True)]


@pytest.mark.parametrize("affine", [True, False])
def test_a_penalty_through_a_norm_is_that_of_torchs(affine):
    module, x = norm(affine)
    weights = list(module.parameters())
    torch.testing.assert_close(module(x), torchs_norm(x, module))
    own = penalty(lambda x: leaky_relu(module(x), 0.2), x, weights)
    torchs = penalty(lambda x: F.leaky_relu(torchs_norm(x, module), 0.2), x, weights)
    for mine, theirs in zip(own, torchs, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


def test_both_derivatives_of_a_norm_are_those_of_its_differences():
    module, x = norm(affine=True)
    assert torch.autograd.gradcheck(module, (x,))
    assert torch.autograd.gradgradcheck(module, (x,))


def test_a_third_derivative_is_refused():
    module, x = norm(affine=False)
    (first,) = torch.autograd.grad(module(x).pow(3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.pow(3).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        second.sum().backward()


def test_half_precision_keeps_its_type_and_the_mean_and_variance():
    x = torch.randn(4, 8, 16, 16).bfloat16() * 3 + 5
    y = InstanceNorm(8, affine=False)(x.contiguous(memory_format=torch.channels_last))
    assert y.dtype == torch.bfloat16
    var, mean = torch.var_mean(y.float(), (2, 3), correction=0)
    assert torch.allclose(mean, torch.zeros(()), atol=0.02)
    assert torch.allclose(var, torch.ones(()), atol=0.02)


def test_a_leaky_relu_sends_nothing_back_where_its_second_derivative_is_zero():
    torch.manual_seed(0)
    x = torch.randn(50, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(leaky_relu(x, 0.2).sum(), x, create_graph=True)
    assert torch.allclose(slope, torch.where(x > 0, 1.0, 0.2).double())
    assert not slope.requires_grad
    (slope,) = torch.autograd.grad(leaky_relu(x, 0.2).square().sum(), x, create_graph=True)
    assert torch.allclose(torch.autograd.grad(slope.sum(), x)[0], torch.where(x > 0, 2.0, 2 * 0.2**2).double())
