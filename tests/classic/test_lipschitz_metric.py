"""The audit of a critic's slope, against critics whose slopes and layers are known in closed form."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gantool.errors import FileError
from gantool.options import build
from gantool_classic.convolution import Conv2d
from gantool_classic.lipschitz import Clip, GradientPenalty, Unbounded
from gantool_classic.metrics.lipschitz import LipschitzAudit, convolution_norm, gradient_norms
from gantool_classic.metrics.settings import LipschitzOptions
from gantool_classic.settings import ClipOptions, PenaltyOptions

SHAPE = (2, 3, 5)


@dataclass(eq=False)
class Critiqued:
    """What the audit asks of a subject."""

    D: nn.Module
    real: torch.Tensor
    fake: torch.Tensor
    c: torch.Tensor | None = None
    asked: torch.Tensor | None = None
    enforcer: object = None
    seed: int = 0

    @property
    def config(self):
        return SimpleNamespace(create={"lipschitz": self.enforcer or Unbounded(None)}.__getitem__)

    @property
    def count(self):
        return len(self.fake)

    @property
    def critic(self):
        return self.D.eval()

    def examples(self, count):
        return self.real[:count], None if self.c is None else self.c[:count]

    def samples(self, count, c=None):
        """Return the fakes, each moved by the label that is asked for."""
        if c is not None:
            return self.fake[:count] + c.view(-1, *[1] * (self.fake.dim() - 1)), c
        return self.fake[:count], None if self.asked is None else self.asked[:count]


class Linear(nn.Module):
    """D(x) = <w, x> + 1: its gradient is w everywhere."""

    def __init__(self, shape=SHAPE):
        super().__init__()
        self.w = nn.Parameter(torch.randn(shape, generator=torch.Generator().manual_seed(3)))

    def forward(self, x, c=None):
        return (x * self.w).flatten(1).sum(1) + 1


class Square(nn.Module):
    """D(x, c) = c ||x||^2 / 2: its gradient is c x."""

    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, x, c=None):
        return self.one * x.flatten(1).square().sum(1) / 2 * (1 if c is None else c)


class Network(nn.Module):
    """A conditional critic with a convolution, a linear layer, and another one that only the label passes."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = Conv2d(3, 4, 4, 2, 1)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4 * 3 * 2, 1)
        self.of_label = nn.Linear(3, 6 * 4, bias=False)
        self.requires_grad_(False)

    def forward(self, x, c=None):
        plane = self.of_label(F.one_hot(c, 3).float()).view(-1, 1, 6, 4)
        h = F.leaky_relu(self.norm(self.conv(torch.cat([x, plane], 1))), 0.2)
        return self.head(h.flatten(1)).squeeze(1)


def points(count, seed=0, shape=SHAPE):
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))


def audit(subject, **options):
    return LipschitzAudit(build(LipschitzOptions, options)).measure(subject)


def test_every_norm_of_a_linear_critic_is_that_of_its_weights():
    D = Linear()
    found = audit(Critiqued(D, points(90), points(80, 1)))
    norm = D.w.norm().item()
    assert (found.value, found.low, found.high) == pytest.approx((norm, norm, norm), rel=1e-5)
    places = {
        f"{place} {name}" for place in ("real", "fake", "mixed") for name in ("mean", "5 %", "50 %", "95 %", "max")
    }
    assert found.details.keys() == places
    assert list(found.details.values()) == pytest.approx([norm] * 15, rel=1e-6)


def test_the_norms_at_both_ends_are_those_of_the_samples_there():
    real, fake = points(200), 3 * points(200, 1)
    found = audit(Critiqued(Square(), real, fake), count=150)
    for place, x in (("real", real[:150]), ("fake", fake[:150])):
        norms = x.flatten(1).norm(dim=1)
        expected = [norms.mean(), norms.quantile(0.05), norms.median(), norms.quantile(0.95), norms.max()]
        named = [found.details[f"{place} {name}"] for name in ("mean", "5 %", "50 %", "95 %", "max")]
        assert named[0] == pytest.approx(expected[0].item(), rel=1e-5)
        assert named[1] == pytest.approx(expected[1].item(), rel=1e-5)
        assert named[3:] == pytest.approx([number.item() for number in expected[3:]], rel=1e-5)
        assert norms.kthvalue(75).values.item() <= named[2] <= norms.kthvalue(76).values.item()


def test_each_mixed_point_lies_anywhere_on_its_own_line():
    """The gradient of ||x||^2 / 2 is x: with real = e and fake = 0 its norm is eps, uniform in [0, 1]."""
    real = torch.zeros(4000, *SHAPE)
    real[:, 0, 0, 0] = 1.0
    found = audit(Critiqued(Square(), real, torch.zeros_like(real)), count=4000)
    error = (1 / 12 / 4000) ** 0.5
    assert found.value == pytest.approx(0.5, abs=4 * error)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.05)
    assert (found.low + found.high) / 2 == pytest.approx(found.value)
    assert [found.details[f"mixed {name}"] for name in ("5 %", "50 %", "95 %")] == pytest.approx(
        [0.05, 0.5, 0.95], abs=0.03
    )
    assert found.details["real mean"] == pytest.approx(1)
    assert found.details["fake max"] == 0


def test_mixed_points_follow_the_subjects_seed():
    first, again, other = (audit(Critiqued(Square(), points(30), points(30, 1), seed=seed)).value for seed in (1, 1, 2))
    assert first == again != other


def test_mixed_points_have_the_labels_of_the_real_ones_and_fakes_their_own():
    real, fake = points(50), points(40, 1)
    c, asked = torch.full((50,), 2.0), torch.full((40,), 7.0)
    found = audit(Critiqued(Square(), real, fake, c, asked))
    plain = audit(Critiqued(Square(), real, fake))
    for place, times in (("real", 2), ("fake", 7)):
        assert found.details[f"{place} max"] == pytest.approx(times * plain.details[f"{place} max"], rel=1e-5)
    paired = audit(Critiqued(Square(), real, fake + 2))  # fakes of the real ones' label
    assert found.details["mixed max"] == pytest.approx(2 * paired.details["mixed max"], rel=1e-5)


@torch.no_grad()
def test_the_share_of_weights_at_the_bound_is_counted():
    D = nn.Sequential(nn.Flatten(), nn.Linear(30, 10), nn.Linear(10, 1), nn.Flatten(0))
    for parameter in D.parameters():
        parameter.uniform_(-0.009, 0.009)
    D[1].weight[:3] = 0.01
    D[1].bias[0] = -0.01
    D[2].weight[0, 0] = 0.02  # clamped like the others
    clip = Clip(ClipOptions(bound=0.01))
    clip.after_step(D)
    wrapped = Wrapped(D)
    found = audit(Critiqued(wrapped, points(5), points(5, 1), enforcer=clip))
    assert found.details["share of weights at the bound"] == pytest.approx((90 + 1 + 1) / (310 + 11))
    for other in (None, GradientPenalty(PenaltyOptions())):
        found = audit(Critiqued(wrapped, points(5), points(5, 1), enforcer=other))
        assert "share of weights at the bound" not in found.details


class Wrapped(nn.Module):
    """An unconditional network as D(x, c)."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, c=None):
        return self.net(x)


def matrix(layer, shape):
    """Return the matrix of a convolution's linear part, column by column."""
    size = torch.Size(shape).numel()
    with torch.no_grad():
        columns = layer(torch.eye(size).view(size, *shape)) - layer(torch.zeros(1, *shape))
    return columns.flatten(1).T


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: nn.Conv2d(2, 3, 3, padding=1), (2, 6, 5)),
        (lambda: Conv2d(3, 4, 4, 2, 1), (3, 8, 8)),
        (lambda: Conv2d(64, 64, 3, 2, 1), (64, 4, 4)),  # a product of matrices
        (lambda: nn.Conv2d(4, 4, 3, groups=2, dilation=2, padding_mode="circular", padding=2), (4, 5, 5)),
        (lambda: nn.ConvTranspose2d(2, 3, 4, 2, 1), (2, 4, 4)),
        (lambda: nn.Conv1d(2, 5, 3), (2, 9)),
    ],
)
def test_a_convolutions_norm_is_the_largest_singular_value_of_its_matrix(layer, shape):
    torch.manual_seed(0)
    layer = layer()
    with torch.no_grad():
        layer.bias.fill_(10.0)  # does not matter
    exact = torch.linalg.matrix_norm(matrix(layer, shape).double(), 2).item()
    found = convolution_norm(layer, shape, 200)
    assert found == pytest.approx(exact, rel=1e-3)
    assert found <= exact * (1 + 1e-5)


def test_the_norm_of_a_layer_without_weights_is_nothing():
    layer = nn.Conv2d(1, 1, 3)
    with torch.no_grad():
        layer.weight.zero_()
    assert convolution_norm(layer, (1, 4, 4), 5) == 0.0


def test_layers_that_the_picture_passes_are_listed_at_the_size_that_they_see():
    D, c = Network(), torch.tensor([0, 1, 2, 0])
    x = points(4, 0, (2, 6, 4))
    found = audit(Critiqued(D, x, points(4, 1, (2, 6, 4)), c, c)).details
    spectral = {name: value for name, value in found.items() if name.startswith("spectral ")}
    assert list(spectral) == ["spectral conv", "spectral head"]
    conv = torch.linalg.matrix_norm(matrix(D.conv, (3, 6, 4)), 2).item()
    assert spectral["spectral conv"] == pytest.approx(conv, rel=1e-3)
    assert spectral["spectral head"] == pytest.approx(D.head.weight.norm().item(), rel=1e-6)  # of one row


def test_norms_do_not_depend_on_the_batch_and_match_one_gradient_at_a_time():
    D = Network().eval()
    x, c = points(9, 0, (2, 6, 4)), torch.tensor([0, 1, 2] * 3)
    alone = []
    for row in range(9):
        one = x[row : row + 1].clone().requires_grad_()
        D(one, c[row : row + 1]).backward()
        alone.append(one.grad.norm())
    for size in (1, 4, 64):
        assert torch.allclose(gradient_norms(D, x, c, size), torch.stack(alone), rtol=1e-5)


def test_what_is_measured_leaves_the_critic_as_it_was():
    D, c = Network().eval(), torch.tensor([0, 1, 2, 0])
    before = {name: tensor.clone() for name, tensor in D.state_dict().items()}
    audit(Critiqued(D, points(4, 0, (2, 6, 4)), points(4, 1, (2, 6, 4)), c, c))
    assert all(torch.equal(before[name], tensor) for name, tensor in D.state_dict().items())
    assert all(parameter.grad is None for parameter in D.parameters())
    assert not D.conv._forward_hooks


def test_samples_that_were_made_in_inference_mode_can_be_audited():
    with torch.inference_mode():
        real, fake = points(6), points(6, 1)
    assert audit(Critiqued(Linear(), real, fake)).value > 0


def test_a_model_without_a_discriminator_is_refused_with_its_reason():
    class Without(Critiqued):
        @property
        def critic(self):
            raise FileError("run", "holds no discriminator", "a checkpoint of gantool train")

    metric = LipschitzAudit(LipschitzOptions())
    assert metric.refuses(Without(None, None, None)) == "holds no discriminator; a checkpoint of gantool train"
    assert metric.refuses(Critiqued(Linear(), None, None)) is None


def test_a_discriminator_that_compares_the_samples_of_a_batch_is_refused():
    net = nn.Linear(2, 1)
    net.batch_statistics = True
    assert "compares the samples of a batch" in LipschitzAudit(LipschitzOptions()).refuses(
        Critiqued(Wrapped(net), None, None)
    )
