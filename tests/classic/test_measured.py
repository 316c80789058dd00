"""The measured settings of a dataset apply where the components they were measured with are chosen, and only there."""

import pytest

from gantool import Tier, load_plugins, resolve


def settle(**tree):
    return resolve(load_plugins().registry, [Tier("test", tree)])


def test_shapes_with_wgan_gp_takes_the_measured_rates_and_a_penalty_every_second_step():
    config = settle(data="shapes", loss="wgan-gp")
    assert (config.training.n_critic, config.training.lr_g, config.training.lr_d) == (1, 1e-3, 1e-3)
    assert (config.name("lipschitz"), config.options["lipschitz"].every) == ("gp", 2)
    assert config.options["arch"].norm_d == "layer"
    assert config.origins["training.betas"] == "loss wgan-gp"


def test_the_published_recipe_is_one_flag_away():
    from gantool.recipes import read_recipe

    registry = load_plugins().registry
    config = resolve(registry, [Tier("recipe wgan-gp-2017", read_recipe(registry, "wgan-gp-2017"))])
    assert (config.training.n_critic, config.training.lr_g, config.training.batch_size) == (5, 1e-4, 64)
    assert (config.options["lipschitz"].every, config.options["arch"].channels) == (1, 64)


@pytest.mark.parametrize("data", ["shapes", "fashion-mnist", "mnist"])
def test_another_loss_or_architecture_keeps_its_own_rates(data):
    assert settle(data=data, loss="minimax").training.lr_g == 2e-4
    assert settle(data=data, loss="wgan-gp", arch="mlp").training.lr_g == 1e-4


def test_grey_pictures_with_bce_take_the_measured_rates():
    config = settle(data="mnist")
    assert (config.training.lr_g, config.training.lr_d) == (1e-3, 5e-4)
    assert (config.training.betas, config.training.lr_schedule) == ((0.5, 0.99), "linear")


def test_grey_pictures_with_wgan_gp_take_the_measured_rates_and_the_published_doubling():
    config = settle(data="fashion-mnist", loss="wgan-gp")
    assert (config.training.lr_g, config.training.lr_d, config.training.n_critic) == (2e-3, 1e-3, 1)
    assert (config.options["arch"].upsample, config.options["arch"].kernel) == ("transposed", 4)


def test_another_enforcer_is_not_overruled_by_the_dataset():
    config = settle(data="shapes", loss="wgan-gp", lipschitz="clip")
    assert config.name("lipschitz") == "clip"
    assert config.training.lr_g == 2e-4  # neither the measured nor the published rates of the penalty


def test_points_choose_mlp_and_flags_may_choose_otherwise():
    assert settle(data="gaussians").name("arch") == "mlp"
    assert settle(data="gaussians", arch="dcgan").name("arch") == "dcgan"


def test_shapes_are_conditioned_on_their_classes_unless_told_otherwise():
    assert settle(data="shapes").name("condition") == "onehot"
    assert settle(data="shapes", condition="none").name("condition") == "none"
