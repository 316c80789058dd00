"""The terms of the built-in regularizers, against closed forms, and what a run with them leaves."""

import json
import math

import pytest
import torch
from torch import nn

from gantool import Generated, Real, open_model
from gantool.files import checkpoint
from gantool.files import classifier as classifiers
from gantool.latent.scorer import Target
from gantool.training.phases import TrainingStep
from gantool_classic.regularizers.auxiliary import Auxiliary
from gantool_classic.regularizers.classifier import ClassifierSlots, Fingerprint, correlation
from gantool_classic.regularizers.curvature import (
    HessianPenalty,
    OrthogonalJacobian,
    hessian_variance,
    jacobian_variance,
)
from gantool_classic.regularizers.infogan import InfoGan
from gantool_classic.regularizers.settings import (
    AuxiliaryOptions,
    ClassifierSlotsOptions,
    HessianOptions,
    InfoGanOptions,
    OroJarOptions,
)

STEP = TrainingStep(0, 0, torch.device("cpu"))
TINY = "--arch mlp --arch.hidden-g 8 --arch.hidden-d 8 --steps 2 --batch-size 6 --latent-dim 3 --data.size 8".split()
TINY += "--data.length 64 --precision fp32 -q".split()


def signs(draws, n, dim):
    return (torch.rand(draws, n, dim, generator=torch.Generator().manual_seed(0)) < 0.5).float() * 2 - 1


def generated(x, z=None, c=None, codes=None, h=None):
    nothing = torch.zeros(len(x), 0)
    given = [nothing if part is None else part for part in (z, h, codes)]
    return Generated(given[0], c, x, given[1], given[2])


# Curvature: acceptance check 18


def test_the_hessian_of_a_product_has_an_off_diagonal_of_one():
    # z0 z1 has H_01 = H_10 = 1, so 2 * sum_{i != j} H_ij^2 = 4.
    z = torch.randn(3, 2, generator=torch.Generator().manual_seed(1))
    found = hessian_variance(lambda z: (z[:, 0] * z[:, 1])[:, None], z, signs(4096, 3, 2), 0.1)
    assert found.shape == (3, 1)
    torch.testing.assert_close(found, torch.full((3, 1), 4.0), rtol=0, atol=0.02)


def test_the_hessian_penalty_of_a_separable_function_is_zero():
    z = torch.randn(3, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = hessian_variance(lambda z: z.square() + z.sin(), z, signs(64, 3, 2).double(), 0.1)
    assert found.abs().max() < 1e-9


def test_orojar_of_a_linear_function_is_that_of_its_matrix():
    J = torch.randn(5, 4, generator=torch.Generator().manual_seed(2))
    gram = J.T @ J
    true = 2 * (gram.square().sum() - gram.diagonal().square().sum())
    z = torch.randn(1, 4, generator=torch.Generator().manual_seed(3))
    found = jacobian_variance(lambda z: z @ J.T, z, signs(20_000, 1, 4), 0.1)
    torch.testing.assert_close(found[0], true, rtol=0.03, atol=0)


class Product(nn.Module):
    """z -> (z0 z1, z0): one entangled output and one that is not."""

    def forward(self, z, c=None):
        return torch.stack([z[:, 0] * z[:, 1], z[:, 0]], 1)


@pytest.mark.parametrize(("reduce", "expected"), [("max", 4.0), ("mean", 2.0)])
def test_the_hessian_term_reduces_over_the_outputs_and_is_weighted(reduce, expected):
    options = HessianOptions(weight=0.5, draws=64, reduce=reduce, every=3)
    part, z = HessianPenalty(options), torch.randn(16, 2, generator=torch.Generator().manual_seed(0))
    found = part.term(Product(), generated(Product()(z), z), None, None, STEP)
    assert found.item() == pytest.approx(0.5 * 3 * expected, rel=0.1)
    assert part.term(Product(), generated(Product()(z), z), None, None, TrainingStep(1, 0, torch.device("cpu"))) is None


def test_the_orojar_term_does_not_grow_with_the_number_of_pixels():
    J = torch.randn(6, 3, generator=torch.Generator().manual_seed(2))
    z = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    part = OrthogonalJacobian(OroJarOptions(draws=32, every=1))

    class Linear(nn.Module):
        def __init__(self, matrix):
            super().__init__()
            self.matrix = matrix

        def forward(self, z, c=None):
            return z @ self.matrix.T

    terms = []
    for G in (Linear(J), Linear(J.repeat(10, 1))):
        terms.append(part.term(G, generated(G(z), z), None, None, STEP).item())
    assert terms[0] > 0
    assert terms[1] == pytest.approx(terms[0], rel=1e-4)


# InfoGAN


def test_infogan_is_the_likelihood_of_the_codes_under_its_head():
    part = InfoGan(InfoGanOptions(continuous=2, categories=(3,), weight=2.0, continuous_weight=0.5))
    assert [(slot.name, slot.distribution, slot.dim) for slot in part.slots()] == [
        ("code", "uniform", 2),
        ("category-1", "categorical", 3),
    ]
    random = torch.Generator().manual_seed(0)
    read = torch.randn(5, 7, generator=random)
    codes = torch.cat([torch.rand(5, 2, generator=random), torch.eye(3)[[0, 2, 1, 1, 0]]], 1)
    found = part.term(None, generated(torch.zeros(5, 1), codes=codes, h=read), None, nn.Identity(), STEP)
    normal = torch.distributions.Normal(read[:, :2], read[:, 2:4].div(2).exp())
    likelihood = normal.log_prob(codes[:, :2]).sum(1).mean() + math.log(2 * math.pi)  # two codes, half a log each
    categories = torch.distributions.Categorical(logits=read[:, 4:]).log_prob(torch.tensor([0, 2, 1, 1, 0])).mean()
    torch.testing.assert_close(found, 2 * (0.5 * -likelihood - categories))


def test_a_run_with_infogan_keeps_its_codes_and_its_head_in_the_checkpoint(workdir, run_cli):
    given = "train --regularizer infogan --infogan.continuous 2 --infogan.categories 3,4 --condition none -o run --json"
    trained = run_cli(*given.split(), *TINY)
    assert trained.code == 0, trained.err
    stored = checkpoint.read(checkpoint.find("run"))
    assert [(slot["name"], slot["distribution"], slot["dim"]) for slot in stored.meta["prior"]] == [
        ("noise", "normal", 3),
        ("code", "uniform", 2),
        ("category-1", "categorical", 3),
        ("category-2", "categorical", 4),
    ]
    assert stored.meta["resolved"]["regularizer"] == {"names": ["infogan"]}
    assert stored.meta["resolved"]["infogan"]["categories"] == [3, 4]
    assert any(name.startswith("regularizer.infogan.") for name in stored.tensors)
    assert any(name.startswith("optimizer_g.exp_avg.regularizer.infogan.") for name in stored.tensors)
    rows = [json.loads(line) for line in (workdir / "run" / "log.jsonl").read_text().splitlines()]
    assert any("infogan" in row for row in rows)
    z = open_model("run").latents(range(64))
    assert z.shape == (64, 12)
    assert z[:, 3:5].abs().max() <= 1
    for first, last in ((5, 8), (8, 12)):  # each seed has one category of each set, and all occur
        assert torch.equal(z[:, first:last].sum(1), torch.ones(64))
        assert z[:, first:last].sum(0).min() > 0


# A trained classifier


class Reader:
    """Scores that are three fixed numbers of the sample."""

    names = ("a", "b", "c")
    hash = "00" * 32
    shape = (3,)
    network = nn.Identity()

    def scores(self, x):
        return x

    def target(self, name, flag="--toward"):
        column = self.names.index(name)
        return Target(name, torch.eye(3)[column], (column,), lambda scores: scores[:, column])


def test_the_classifier_term_is_one_minus_the_correlation_and_the_leaks():
    part = ClassifierSlots(ClassifierSlotsOptions(file="x", features=("b", "c"), weight=2.0, leak_weight=3.0))
    assert [(slot.name, slot.distribution, slot.dim) for slot in part.slots()] == [
        ("b", "normal", 1),
        ("c", "normal", 1),
    ]
    part.scorer = Reader()
    part.targets = [part.scorer.target(name) for name in ("b", "c")]
    random = torch.Generator().manual_seed(0)
    x, codes = torch.randn(20, 3, generator=random), torch.randn(20, 2, generator=random)
    r = torch.corrcoef(torch.cat([codes, x], 1).T)[:2, 2:]  # of each code with each score
    aligned = (1 - r[0, 1]) + (1 - r[1, 2])
    leaks = r[0, [0, 2]].square().mean() + r[1, [0, 1]].square().mean()
    found = part.term(None, generated(x, codes=codes), None, Fingerprint(part.scorer), STEP)
    torch.testing.assert_close(found, (2 * aligned + 3 * leaks) / 2)


def test_a_constant_score_has_no_correlation():
    assert correlation(torch.arange(4.0), torch.ones(4, 1)).item() == 0


@pytest.fixture
def classifier(workdir, run_cli):
    """A classifier of shapes, one step old."""
    given = "--data shapes --data.size 8 --data.length 200 --convnet.width 4 --convnet.hidden 8 --steps 1 -q"
    trained = run_cli("classifier", "train", *given.split(), "--seed", 1, "-o", "eyes.safetensors")
    assert trained.code == 0, trained.err
    return workdir / "eyes.safetensors"


TIED = "--regularizer classifier --classifier.file eyes.safetensors --classifier.features size,hue=0.33".split()


def test_a_run_goes_on_with_the_classifier_that_it_began_with_wherever_that_lies(classifier, workdir, run_cli):
    begun = run_cli("train", *TIED, "-o", "run", *TINY)
    assert begun.code == 0, begun.err
    stored = checkpoint.read(checkpoint.find("run"))
    assert [slot["name"] for slot in stored.meta["prior"]] == ["noise", "size", "hue=0.33"]
    assert bytes(stored.tensors["regularizer.classifier.sha256"].numpy()).hex() == classifiers.read(classifier).hash
    assert run_cli("sample", "run", "-o", "s.png").code == 0

    classifier.rename(workdir / "moved.safetensors")
    lost = run_cli("train", "--resume", "run", "--steps", 3, "-q")
    assert lost.code == 2
    assert lost.err.startswith("error: --classifier.file: ")
    moved = run_cli("train", "--resume", "run", "--steps", 3, "--classifier.file", "moved.safetensors", "-q")
    assert moved.code == 0, moved.err

    given = "--data shapes --data.size 8 --data.length 200 --convnet.width 4 --convnet.hidden 8 --steps 1 -q"
    assert run_cli("classifier", "train", *given.split(), "--seed", 2, "-o", "other.safetensors").code == 0
    before = sorted(path.name for path in (workdir / "run" / "checkpoints").iterdir())
    other = run_cli("train", "--resume", "run", "--steps", 4, "--classifier.file", "other.safetensors", "-q")
    assert other.code == 2
    assert "is another classifier than the run began with" in other.err
    assert sorted(path.name for path in (workdir / "run" / "checkpoints").iterdir()) == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "--classifier.file none.safetensors --classifier.features size",
            "none.safetensors is neither a file nor",
        ),
        (
            "--classifier.file eyes.safetensors --classifier.features colour",
            "--classifier.features: eyes.safetensors knows",
        ),
        (
            "--classifier.file eyes.safetensors --classifier.features size,SIZE",
            "--regularizer: two slots of z would be",
        ),
        (
            "--classifier.file eyes.safetensors --classifier.features size --data.size 12",
            "eyes.safetensors: was trained on pictures of 3 x 8 x 8; pictures of 3 x 12 x 12 are given",
        ),
    ],
)
def test_a_classifier_that_does_not_fit_is_refused_before_a_folder_is_made(line, said, classifier, workdir, run_cli):
    refused = run_cli("train", "--regularizer", "classifier", *TINY, *line.split(), "-o", "run")
    assert refused.code == 2
    assert said in refused.err
    assert refused.err.count("\n") == 1
    assert not (workdir / "run").exists()


# A label in fixed coordinates


def test_the_auxiliary_head_learns_from_real_examples_alone():
    part = Auxiliary(AuxiliaryOptions(weight=0.7))
    head = nn.Linear(4, 3)
    random = torch.Generator().manual_seed(0)
    real_h, h = torch.randn(6, 4, generator=random), torch.randn(6, 4, generator=random, requires_grad=True)
    c, x = torch.arange(6) % 3, torch.zeros(6, 1)
    found = part.term(None, generated(x, c=c, h=h), Real(x, c, lambda: real_h), head, STEP)
    cross = nn.functional.cross_entropy
    torch.testing.assert_close(found, cross(head(real_h), c) + 0.7 * cross(head(h), c))
    slopes = torch.autograd.grad(found, [head.weight, h])
    torch.testing.assert_close(slopes[0], torch.autograd.grad(cross(head(real_h), c), head.weight)[0])
    torch.testing.assert_close(slopes[1], torch.autograd.grad(0.7 * cross(head(h), c), h)[0])


def test_a_label_slot_is_seen_by_the_generator_and_not_by_the_discriminator(workdir, run_cli):
    trained = run_cli("train", "--condition", "slot", "--regularizer", "auxiliary", "-o", "run", *TINY)
    assert trained.code == 0, trained.err
    stored = checkpoint.read(checkpoint.find("run"))
    assert stored.part("discriminator.")["net.layers.0.weight"].shape[1] == 3 * 8 * 8
    model = open_model("run")
    z = model.latents([0, 0, 0])
    first, second, third = model.samples(z, torch.arange(3))
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)


# What is refused


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--regularizer infogann", "--regularizer: there is no regularizer 'infogann'; known: "),
        ("--regularizer infogan --infogan.continuous 0", "--regularizer infogan: has no code; type: "),
        ("--regularizer infogan --infogan.continuous -1", "--infogan.continuous: -1 was given; allowed: "),
        ("--regularizer auxiliary --condition none", "--regularizer auxiliary: asks the sample to show a label"),
        ("--regularizer auxiliary --condition onehot", "--regularizer auxiliary: would read the label off what D is"),
        ("--regularizer classifier", "--regularizer classifier: needs a classifier and the features to tie"),
        ("--infogan.weight 1", "--infogan.weight: there is no such option"),
    ],
)
def test_wrong_settings_of_a_regularizer_get_one_line(line, said, workdir, run_cli):
    refused = run_cli("train", *line.split(), "-o", "run", *TINY)
    assert refused.code == 2
    assert refused.err.startswith(f"error: {said}")
    assert refused.err.count("\n") == 1
    assert not (workdir / "run").exists()


def test_two_regularizers_add_their_slots_in_their_order_and_share_the_settings_file(workdir, run_cli):
    line = "--regularizer hessian --regularizer infogan --hessian.every 1 --infogan.continuous 1 --condition none"
    assert run_cli("train", *line.split(), "-o", "run", *TINY).code == 0
    again = run_cli("train", "--config", "run", "-o", "again", "-q")
    assert again.code == 0, again.err
    first, second = (checkpoint.read(checkpoint.find(name)) for name in ("run", "again"))
    assert first.meta["model_hash"] == second.meta["model_hash"]
    assert first.meta["resolved"]["regularizer"] == {"names": ["hessian", "infogan"]}
    without = run_cli("train", "--config", "run", "--regularizer", "none", "-o", "without", "-q")
    assert without.code == 0, without.err
    bare = checkpoint.read(checkpoint.find("without"))
    assert [slot["name"] for slot in bare.meta["prior"]] == ["noise"]
    same = run_cli("train", "--resume", "without", "--regularizer", "none", "--steps", 3, "-q")
    assert same.code == 0, same.err
    refused = run_cli("train", "--resume", "run", "--regularizer", "none", "--steps", 4)
    assert refused.code == 2
    assert "on resume only the length" in refused.err
    resumed = run_cli("train", "--resume", "run", "--steps", 3, "-q")
    assert resumed.code == 0, resumed.err
