import pytest
import torch
from torch import nn

from gantool import Spec, Tier, UserError, load_plugins, resolve
from gantool.networks import build_discriminator, build_generator
from gantool.options import build
from gantool.recipes import read_recipe
from gantool_classic.dcgan import Dcgan, sizes
from gantool_classic.mlp import Mlp
from gantool_classic.norms import InstanceNorm
from gantool_classic.settings import DcganOptions, MlpOptions

SHAPES = [(1, 28, 28), (3, 48, 80), (4, 64, 64), (3, 128, 128), (2, 17, 5), (3, 3, 3), (1, 1, 1)]


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def recipe(name):
    registry = load_plugins().registry
    return resolve(registry, [Tier(f"recipe {name}", read_recipe(registry, name))])


def dcgan(shape, **options):
    builder = Dcgan(build(DcganOptions, {"channels": 4, **options}))
    spec = Spec(shape, latent_dim=6, input_dim=6, critic_norms=("layer", "instance", "none"))
    return builder.build_generator(spec), builder.build_discriminator(spec)


def test_faces128_has_the_published_parameter_and_tensor_counts():
    config = recipe("faces128")
    G = build_generator(config, (3, 128, 128), None, config.training.latent_dim)
    D = build_discriminator(config, (3, 128, 128), None, config.training.latent_dim)
    assert (parameters(G), len(G.state_dict())) == (4_428_195, 37)
    assert (parameters(D), len(D.state_dict())) == (701_681, 12)


def test_dcgan_at_64_pixels_is_the_published_generator():
    G, _ = dcgan((3, 64, 64), channels=64)
    widths = [G.project.weight.shape[1], *(double.conv.weight.shape[1] for double in G.doublings)]
    assert widths == [512, 256, 128, 64, 3]
    # 3,576,704 parameters with z of 100 in the best-known code, whose last layer has no bias
    spec = Spec((3, 64, 64), latent_dim=100, input_dim=100)
    assert parameters(Dcgan(DcganOptions()).build_generator(spec)) == 3_576_704 + 3


def test_sizes_are_halved_with_the_ceiling():
    assert sizes(28, 28) == [(28, 28), (14, 14), (7, 7), (4, 4)]
    assert sizes(48, 80) == [(48, 80), (24, 40), (12, 20), (6, 10), (3, 5)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize("upsample", ["transposed", "nearest", "bilinear"])
def test_dcgan_fits_any_height_width_and_channels(shape, kernel, upsample):
    G, D = dcgan(shape, kernel=kernel, upsample=upsample)
    fake = G(torch.randn(2, 6))
    assert fake.shape == (2, *shape)
    assert fake.abs().max() <= 1
    h = D.features(fake)
    assert h.shape == (2, D.feature_dim)
    assert D.score(h).shape == (2,)


@pytest.mark.parametrize("norm", ["batch", "layer", "instance", "none"])
def test_the_norms_of_both_networks_are_chosen_apart(norm):
    kinds = {"batch": nn.BatchNorm2d, "layer": nn.GroupNorm, "instance": InstanceNorm}
    spec = Spec((1, 16, 16), latent_dim=3, input_dim=3)
    builder = Dcgan(DcganOptions(channels=4, norm_d=norm, norm_g="none"))
    G, D = builder.build_generator(spec), builder.build_discriminator(spec)
    found = [module for module in D.modules() if isinstance(module, tuple(kinds.values()))]
    assert all(isinstance(module, kinds[norm]) for module in found)
    assert bool(found) == (norm != "none")
    assert not [module for module in G.modules() if isinstance(module, tuple(kinds.values()))]


def test_a_layer_norm_spans_channels_and_pixels_of_one_sample():
    spec = Spec((1, 16, 16), latent_dim=3, input_dim=3)
    D = Dcgan(DcganOptions(channels=4, norm_d="layer")).build_discriminator(spec)
    x = torch.randn(2, 8, 4, 4)
    norm = next(module for module in D.modules() if isinstance(module, nn.GroupNorm))
    assert torch.allclose(norm(x), torch.layer_norm(x, [8, 4, 4]), atol=1e-6)


def test_auto_follows_what_the_enforcer_allows():
    registry = load_plugins().registry
    for loss, norm in (("bce", "batch"), ("wgan-clip", "batch"), ("wgan-gp", "layer")):
        tiers = [Tier("test", {"loss": loss, "arch": "dcgan", "data": "cifar10"})]
        assert resolve(registry, tiers).options["arch"].norm_d == norm


def test_published_weights_are_drawn_around_zero_and_norm_scales_around_one():
    torch.manual_seed(0)
    G, _ = dcgan((3, 32, 32), channels=32)
    convolutions = torch.cat([m.weight.flatten() for m in G.modules() if isinstance(m, nn.ConvTranspose2d)])
    scales = torch.cat([m.weight for m in G.modules() if isinstance(m, nn.BatchNorm2d)])
    assert convolutions.std().item() == pytest.approx(0.02, rel=0.02)
    assert (scales.mean().item(), scales.std().item()) == (pytest.approx(1, abs=0.01), pytest.approx(0.02, rel=0.3))


def test_dcgan_refuses_points_and_names_mlp():
    with pytest.raises(UserError, match="--arch mlp"):
        Dcgan(DcganOptions()).build_generator(Spec((2,), latent_dim=3, input_dim=3))


@pytest.mark.parametrize("shape", [(2,), (1, 28, 28), (3, 8, 12)])
def test_mlp_fits_points_and_pictures(shape):
    builder = Mlp(build(MlpOptions, {"hidden_g": [8], "hidden_d": [8, 4]}))
    spec = Spec(shape, latent_dim=3, input_dim=5, extra_channels=2)
    out = builder.build_generator(spec)(torch.randn(4, 5))
    assert out.shape == (4, *shape)
    D = builder.build_discriminator(spec)
    seen = torch.cat([out, torch.zeros(4, 2, *shape[1:])], 1)
    assert D.score(D.features(seen)).shape == (4,)


def test_mlp_has_the_reference_sizes_by_default():
    G = Mlp(MlpOptions()).build_generator(Spec((1, 28, 28), latent_dim=10, input_dim=10))
    widths = [layer.out_features for layer in G.modules() if isinstance(layer, nn.Linear)]
    assert widths == [128, 256, 512, 1024, 784]
    D = Mlp(MlpOptions()).build_discriminator(Spec((1, 28, 28), latent_dim=10, input_dim=10))
    assert [layer.out_features for layer in D.modules() if isinstance(layer, nn.Linear)] == [512, 256, 128, 1]
