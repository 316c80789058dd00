"""The sizes of the networks, by hand."""

from gantool_example.networks import Example
from gantool_example.settings import ExampleOptions

from gantool import Spec


def test_parameters_of_a_small_network() -> None:
    networks = Example(ExampleOptions(width=5))
    spec = Spec(shape=(1, 4, 4), latent_dim=3, input_dim=3)
    G, D = networks.build_generator(spec), networks.build_discriminator(spec)
    assert sum(weight.numel() for weight in G.parameters()) == (3 * 5 + 5) + (5 * 5 + 5) + (5 * 16 + 16)
    assert sum(weight.numel() for weight in D.parameters()) == (16 * 5 + 5) + (5 * 5 + 5) + (5 + 1)
