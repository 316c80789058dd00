import torch

from gantool import Condition, Options
from gantool_classic.conditioning import Embedding, OneHot, Unconditional
from gantool_classic.settings import EmbeddingOptions

CLASSES = Condition("classes", ("circle", "square", "triangle"))
ATTRIBUTES = Condition("attributes", ("Smiling", "Eyeglasses"))


def test_the_generator_gets_z_and_a_one_hot_code():
    side = OneHot(Options()).generator_side(4, CLASSES)
    z = torch.randn(2, 4)
    joined, code = side(z, torch.tensor([2, 0]))
    assert side.input_dim == 7
    assert code is None
    assert torch.equal(joined, torch.cat([z, torch.tensor([[0.0, 0, 1], [1, 0, 0]])], 1))


def test_the_discriminator_gets_a_plane_of_ones_for_the_class_and_zeros_for_the_others():
    conditioning = OneHot(Options())
    x = torch.randn(2, 3, 5, 4)
    seen = conditioning.discriminator_side(10, CLASSES).inputs(x, torch.tensor([2, 0]))
    assert seen.shape == (2, 3 + conditioning.extra_channels(CLASSES), 5, 4)
    assert torch.equal(seen[:, :3], x)
    assert torch.equal(seen[0, 3:], torch.stack([torch.zeros(5, 4), torch.zeros(5, 4), torch.ones(5, 4)]))
    assert torch.equal(seen[1, 3:], torch.stack([torch.ones(5, 4), torch.zeros(5, 4), torch.zeros(5, 4)]))


def test_attributes_are_multi_hot_on_both_sides():
    c = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    joined, _ = OneHot(Options()).generator_side(1, ATTRIBUTES)(torch.zeros(2, 1), c)
    assert torch.equal(joined[:, 1:], c)
    planes = OneHot(Options()).discriminator_side(1, ATTRIBUTES).inputs(torch.zeros(2, 1, 2, 2), c)
    assert torch.equal(planes[:, 1:].mean((2, 3)), c)


def test_points_get_the_code_as_further_coordinates():
    seen = OneHot(Options()).discriminator_side(1, CLASSES).inputs(torch.ones(1, 2), torch.tensor([1]))
    assert torch.equal(seen, torch.tensor([[1.0, 1, 0, 1, 0]]))


def test_an_embedding_is_a_row_of_a_learned_matrix_and_the_sides_learn_one_each():
    conditioning = Embedding(EmbeddingOptions(width=5))
    G, D = conditioning.generator_side(2, CLASSES), conditioning.discriminator_side(1, CLASSES)
    joined, _ = G(torch.zeros(1, 2), torch.tensor([1]))
    assert torch.equal(joined[0, 2:], G.code.matrix.weight[:, 1])
    assert conditioning.extra_channels(CLASSES) == 5
    assert not torch.equal(G.code.matrix.weight, D.code.matrix.weight)


def test_without_conditioning_z_and_x_pass_unchanged():
    z, x = torch.randn(2, 3), torch.randn(2, 1, 4, 4)
    conditioning = Unconditional(Options())
    assert conditioning.generator_side(3, None)(z, None)[0] is z
    assert conditioning.discriminator_side(1, None).inputs(x, None) is x
    assert conditioning.extra_channels(None) == 0
