"""Sizes and widths against the published tables, blocks against their formulas, norms against torch's."""

import math

import pytest
import torch
from gantool_resnet.architecture import Resnet, sizes
from gantool_resnet.blocks import CodedNorm, DiscriminatorBlock, FirstBlock, GeneratorBlock, double, halve
from gantool_resnet.settings import ResnetOptions
from torch import nn
from torch.nn import functional as F

from gantool import Spec, Tier, UserError, load_plugins, resolve

SMALL = {"channels": 4, "max_channels": 8}


def spec(*shape, **changes):
    return Spec(shape, 128, **{"input_dim": 128, **changes})


def networks(shape, **options):
    """Return G and D without memory for their weights."""
    with torch.device("meta"):
        part = Resnet(ResnetOptions(**options))
        return part.build_generator(spec(*shape)), part.build_discriminator(spec(*shape, critic_norms=("none",)))


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def conv(width, out, kernel=3):
    return width * out * kernel**2 + out


def up(width, out):
    """Parameters of a block that doubles: two batch norms, two convolutions, the shortcut."""
    return 2 * width + conv(width, out) + 2 * out + conv(out, out) + conv(width, out, 1)


def down(width, out):
    """Parameters of a block with a shortcut that is a convolution."""
    return conv(width, width) + conv(width, out) + conv(width, out, 1)


def flat(width):
    return 2 * conv(width, width)


def first(out):
    return conv(3, out) + conv(out, out) + conv(3, out, 1)


def test_parameters_of_miyatos_table_3():
    widths = {"channels": 256, "max_channels": 256, "channels_d": 128, "max_channels_d": 128}
    G, D = networks((3, 32, 32), flat_d=2, **widths)
    assert count(G) == 129 * 4 * 4 * 256 + 3 * up(256, 256) + 2 * 256 + conv(256, 3) == 4_276_739
    assert count(D) == first(128) + down(128, 128) + 2 * flat(128) + 129 == 1_053_825


def test_parameters_of_miyatos_table_4():
    G, D = networks((3, 48, 48), channels=64, max_channels=1024)
    assert count(G) == 129 * 6 * 6 * 512 + up(512, 256) + up(256, 128) + up(128, 64) + 2 * 64 + conv(64, 3)
    assert count(D) == first(64) + down(64, 128) + down(128, 256) + down(256, 512) + down(512, 1024) + 1025


def test_parameters_of_miyatos_table_5():
    G, D = networks((3, 128, 128), channels=64, max_channels=1024)
    outer = up(512, 256) + up(256, 128) + up(128, 64) + 2 * 64 + conv(64, 3)
    assert count(G) == 129 * 4 * 4 * 1024 + up(1024, 1024) + up(1024, 512) + outer
    inner = down(64, 128) + down(128, 256) + down(256, 512) + down(512, 1024)
    assert count(D) == first(64) + inner + flat(1024) + 1025


@pytest.mark.parametrize(
    ("side", "flat_d", "expected"),
    [
        (32, 2, [16, 8, 8, 8]),
        (48, 1, [24, 12, 6, 3, 3]),
        (64, 0, [32, 16, 8, 4, 2]),
        (128, 1, [64, 32, 16, 8, 4, 4]),
        (8, 16, [4, 4]),
    ],
)
def test_sides_behind_the_discriminators_blocks(side, flat_d, expected):
    D = Resnet(ResnetOptions(channels=2, flat_d=flat_d)).build_discriminator(spec(3, side, side))
    x, found = torch.zeros(1, 3, side, side), []
    for block in D.blocks:
        x = block(x)
        found.append(x.shape[-1])
    assert found == expected


@pytest.mark.parametrize(("side", "start"), [(32, 4), (48, 6), (64, 4), (128, 4), (28, 4), (6, 3), (1, 1)])
def test_side_at_which_the_generator_starts(side, start):
    assert networks((3, side, side), **SMALL)[0].start[:2] == (start, start)


def test_sizes_are_halved_with_the_half_pixel_rounded_up():
    assert sizes(50, 23, smallest=6) == [(50, 23), (25, 12), (13, 6)]


def test_doubling_repeats_pixels_and_crops():
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert double(x, (4, 3)).tolist() == [[[[1, 1, 2], [1, 1, 2], [3, 3, 4], [3, 3, 4]]]]


@pytest.mark.parametrize("side", [1, 2, 3, 7, 16, 37, 64])
def test_doubling_to_an_odd_side_is_doubling_and_cropping(side):
    x = torch.randn(1, 1, side, side)
    whole = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.equal(double(x, (2 * side, 2 * side - 1)), whole[:, :, :, :-1])


def test_halving_averages_the_pixels_that_are_there():
    x = torch.tensor([[[[1.0, 3.0, 5.0], [5.0, 7.0, 9.0], [2.0, 4.0, 6.0]]]])
    assert halve(x).tolist() == [[[[4, 7], [3, 6]]]]


def convolved(layer, x):
    return F.conv2d(x, layer.weight, layer.bias, padding=layer.kernel_size[0] // 2)


def repeated(x):
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def averaged(x):
    return x.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))


def test_generator_block_as_published():
    """The shortcut doubles first and convolves then, as in both papers' code."""
    block = GeneratorBlock(5, 3, (8, 8), norm_name="none", code_dim=0)
    x = torch.randn(2, 5, 4, 4)
    branch = convolved(block.conv2, convolved(block.conv1, repeated(x.relu())).relu())
    torch.testing.assert_close(block(x, None), branch + convolved(block.shortcut, repeated(x)))


def test_discriminator_block_as_published():
    """The shortcut convolves first and averages then, as in both papers' code."""
    block = DiscriminatorBlock(5, 3, norm_name="none", halves=True)
    x = torch.randn(2, 5, 8, 8)
    branch = averaged(convolved(block.conv2, convolved(block.conv1, x.relu()).relu()))
    torch.testing.assert_close(block(x), branch + averaged(convolved(block.shortcut, x)))


def test_first_block_as_published():
    block = FirstBlock(3, 4)
    x = torch.randn(2, 3, 8, 8)
    branch = averaged(convolved(block.conv2, convolved(block.conv1, x).relu()))
    torch.testing.assert_close(block(x), branch + convolved(block.shortcut, averaged(x)))


def test_a_flat_block_whose_branch_is_zero_is_the_identity():
    block = DiscriminatorBlock(4, 4, norm_name="layer", halves=False)
    nn.init.zeros_(block.conv2.weight)
    x = torch.randn(2, 4, 5, 7)
    assert torch.equal(block(x), x)


def test_a_doubling_block_whose_branch_is_zero_is_its_shortcut():
    block = GeneratorBlock(2, 2, (6, 6), norm_name="batch", code_dim=0)
    nn.init.zeros_(block.conv2.weight)
    nn.init.dirac_(block.shortcut.weight)
    x = torch.randn(2, 2, 3, 3)
    assert torch.equal(block(x, None), repeated(x))


@pytest.mark.parametrize(("norm", "axes"), [("batch", (0, 2, 3)), ("layer", (1, 2, 3))])
def test_norms_of_the_discriminator(norm, axes):
    x = torch.randn(6, 4, 8, 8) * 3 + 5
    block = DiscriminatorBlock(4, 4, norm_name=norm, halves=True)
    found = block.norm1(x)
    torch.testing.assert_close(found.mean(axes), torch.zeros(x.mean(axes).shape), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.var(axes, correction=0), torch.ones(x.mean(axes).shape), atol=1e-4, rtol=0)


def test_conditional_batch_norm_is_batch_norm_with_the_classs_scale_and_shift():
    torch.manual_seed(0)
    norm, width = CodedNorm("batch", 3, 4), 3
    nn.init.normal_(norm.scale_and_shift.weight)
    x, c = torch.randn(8, width, 5, 5), torch.tensor([0, 1, 2, 3, 3, 2, 1, 0])
    found = norm(x, F.one_hot(c, 4).float())
    for number in range(4):
        one = nn.BatchNorm2d(width)
        values = (norm.scale_and_shift.weight[:, number] + norm.scale_and_shift.bias).detach()
        one.weight.data, one.bias.data = values[:width], values[width:]
        torch.testing.assert_close(found[c == number], one(x)[c == number])
    torch.testing.assert_close(norm.norm.running_mean, one.running_mean)
    torch.testing.assert_close(norm.norm.running_var, one.running_var)


def test_scales_and_shifts_of_attributes_add_up():
    norm = CodedNorm("none", 1, 2)
    with torch.no_grad():
        norm.scale_and_shift.weight.copy_(torch.tensor([[1.0, 10.0], [2.0, 20.0]]))
    x, code = torch.full((3, 1, 1, 1), 5.0), torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    assert norm(x, code).flatten().tolist() == [5.0, (1 + 1) * 5.0 + 2, (1 + 11) * 5.0 + 22]


def test_a_class_changes_a_picture_through_the_norms_alone():
    G = Resnet(ResnetOptions(**SMALL)).build_generator(spec(3, 16, 16, code_dim=2))
    assert G.project.in_features == 128
    for module in G.modules():
        if isinstance(module, CodedNorm):
            nn.init.zeros_(module.scale_and_shift.weight)
    z = torch.randn(1, 128).expand(2, -1)
    one, other = G.eval()(z, torch.eye(2))
    assert torch.equal(one, other)


def pooled(pooling):
    D = Resnet(ResnetOptions(**SMALL, pooling=pooling)).build_discriminator(spec(3, 16, 16))
    D.blocks = nn.Identity()
    return D.features(torch.tensor([[[[1.0, -2.0], [3.0, 0.0]], [[-1.0, 5.0], [6.0, 7.0]]]])).tolist()


def test_global_pooling_sums_what_is_positive():
    assert pooled("sum") == [[4.0, 18.0]]


def test_global_pooling_averages_over_all_pixels():
    assert pooled("mean") == [[1.0, 4.5]]


@pytest.mark.parametrize("norm", ["none", "layer"])
def test_second_derivatives_of_the_discriminator(norm):
    torch.manual_seed(0)
    part = Resnet(ResnetOptions(channels=2, max_channels=3))
    D = part.build_discriminator(spec(1, 3, 4, critic_norms=(norm,))).double()
    x = torch.randn(2, 1, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: D.score(D.features(x)), x)


def test_first_weights_are_glorots_with_gain_sqrt_2_in_the_branch():
    torch.manual_seed(0)
    block = DiscriminatorBlock(32, 64, norm_name="none", halves=True)
    fans = {block.conv1: 9 * (32 + 32), block.conv2: 9 * (32 + 64), block.shortcut: 32 + 64}
    for layer, fan in fans.items():
        variance = (2 if layer is block.shortcut else 4) / fan
        assert layer.weight.var().item() == pytest.approx(variance, rel=0.05)
        assert layer.weight.abs().max().item() <= math.sqrt(3 * variance)
        assert not layer.bias.any()


def chosen(**tree):
    config = resolve(load_plugins().registry, [Tier("test", {"data": "shapes", "arch": "resnet", **tree})])
    return config.options["arch"].norm_d


def test_the_norm_follows_the_enforcer():
    assert chosen(loss="bce", lipschitz="none") == "batch"
    assert chosen(loss="wgan-gp") == "layer"
    assert chosen(loss="wgan-gp", arch={"name": "resnet", "norm_d": "none"}) == "none"


def test_a_norm_that_the_enforcer_rules_out_is_refused():
    with pytest.raises(UserError, match=r"--arch\.norm-d layer"):
        chosen(loss="wgan-gp", arch={"name": "resnet", "norm_d": "batch"})
    with pytest.raises(UserError, match="allowed here: layer"):
        Resnet(ResnetOptions(norm_d="batch")).build_discriminator(spec(3, 32, 32, critic_norms=("layer",)))


def test_an_enforcer_that_allows_no_norm_of_ours_is_refused():
    with pytest.raises(UserError, match="allowed here: instance"):
        Resnet(ResnetOptions()).build_discriminator(spec(3, 32, 32, critic_norms=("instance",)))


def test_vectors_are_refused():
    with pytest.raises(UserError, match="vectors of 2"):
        Resnet(ResnetOptions()).build_generator(spec(2))
