"""Seeds and priors: the latent of a seed is a function of the seed, and has the distribution that it should."""

import numpy as np
import pytest
import torch
from scipy import stats

from gantool.errors import FileError, OptionError, UnsafeFileError
from gantool.files import envelope, latents
from gantool.latent import seeds
from gantool.latent.prior import Prior, Slot, _quantile

NORMAL = Prior((Slot("noise", "normal", 16),))
UNIFORM = Prior((Slot("noise", "uniform", 16),))
MIXED = Prior((Slot("noise", "normal", 6), Slot("code", "uniform", 3)))
MANY = range(500)  # of 16 dimensions: 8,000 numbers


def numbers(prior, truncation=None):
    return prior.latents(MANY, truncation).flatten().numpy()


# Seeds


def test_the_numbers_behind_seeds_never_change():
    assert seeds.number(7, "latent") == 4887962498793507326
    assert seeds.number(7, "latent", 1) == 3237417766080409200


def test_seeds_streams_and_steps_are_unrelated():
    triples = [(seed, stream, step) for seed in range(5) for stream in ("latent", "label") for step in range(5)]
    found = {seeds.number(*triple) for triple in triples}
    assert len(found) == len(triples)
    assert all(0 <= number < 2**63 for number in found)


@pytest.mark.parametrize("prior", [NORMAL, UNIFORM, MIXED], ids=["normal", "uniform", "mixed"])
@pytest.mark.parametrize("truncation", [None, 0.7])
def test_the_latent_of_a_seed_is_bit_equal_alone_and_in_any_batch(prior, truncation):
    alone = prior.latents([7], truncation)
    for batch, row in (([7, 8], 0), (range(64), 7), ([7] * 3, 2), ([2**62, 7], 1)):
        assert torch.equal(prior.latents(batch, truncation)[row], alone[0])


def test_the_global_generator_neither_matters_nor_moves():
    torch.manual_seed(1)
    first = MIXED.latents([7])
    state = torch.get_rng_state()
    torch.manual_seed(2)
    assert torch.equal(MIXED.latents([7]), first)
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)


def test_different_seeds_give_different_latents():
    assert len(torch.unique(NORMAL.latents(range(50)), dim=0)) == 50


# Distributions


def test_untruncated_normal_latents_are_standard_normal():
    z = numbers(NORMAL)
    assert stats.kstest(z, "norm").pvalue > 0.01
    assert abs(z.mean()) < 3 / len(z) ** 0.5
    assert abs(z.var() - 1) < 3 * (2 / len(z)) ** 0.5


@pytest.mark.parametrize("t", [0.3, 0.7, 1.0, 2.0])
def test_truncated_latents_follow_the_truncated_normal(t):
    z = numbers(NORMAL, t)
    assert np.abs(z).max() <= t
    assert stats.kstest(z, stats.truncnorm(-t, t).cdf).pvalue > 0.01


@pytest.mark.parametrize("t", [1e-3, 0.3, 0.7, 2.0, 5.0])
def test_truncation_is_the_inverse_cdf_of_scipy(t):
    u = torch.linspace(0, 1, 201, dtype=torch.float64)
    np.testing.assert_allclose(_quantile("normal", u, t), stats.truncnorm.ppf(u, -t, t), rtol=1e-9, atol=1e-9 * t)


def test_without_truncation_the_quantile_is_that_of_scipy():
    u = torch.linspace(0.001, 0.999, 201, dtype=torch.float64)
    np.testing.assert_allclose(_quantile("normal", u, None), stats.norm.ppf(u), rtol=1e-9, atol=1e-9)


def test_the_extremes_of_the_generator_give_finite_latents():
    extremes = torch.tensor([0, 2.0**-53, 1 - 2.0**-53], dtype=torch.float64)
    assert _quantile("normal", extremes, None).isfinite().all()


def test_a_smaller_truncation_moves_every_number_towards_the_middle_and_keeps_its_side():
    wide, narrow = NORMAL.latents([3], 1.0), NORMAL.latents([3], 0.5)
    assert (narrow.abs() < wide.abs()).all()
    assert torch.equal(narrow.sign(), wide.sign())


def test_a_very_wide_truncation_changes_nothing():
    torch.testing.assert_close(NORMAL.latents(range(20), 100.0), NORMAL.latents(range(20)), rtol=0, atol=0)


def test_uniform_latents_fill_the_range_from_minus_1_to_1():
    z = numbers(UNIFORM)
    assert stats.kstest(z, stats.uniform(-1, 2).cdf).pvalue > 0.01
    assert (z.min() >= -1, z.max() <= 1) == (True, True)


def test_truncation_scales_uniform_latents_and_never_widens_them():
    torch.testing.assert_close(UNIFORM.latents([1, 2], 0.25), UNIFORM.latents([1, 2]) * 0.25)
    assert torch.equal(UNIFORM.latents([1, 2], 3.0), UNIFORM.latents([1, 2]))


@pytest.mark.parametrize("truncation", [0, -1, 101, float("nan"), float("inf")])
def test_a_truncation_that_means_nothing_is_refused(truncation):
    for prior in (NORMAL, UNIFORM):
        with pytest.raises(OptionError, match=r"--truncation: .* was given; a number above 0, at most 100; try 0.7"):
            prior.latents([1], truncation)


def test_slots_lie_one_behind_the_other():
    z = MIXED.latents(MANY)
    assert z.shape == (len(MANY), 9)
    assert (z[:, 6:].abs() <= 1).all()
    assert (z[:, :6].abs() > 1).any()


def test_draws_for_training_follow_their_generator():
    first, again = (MIXED.draw(400, seeds.generator(0, "z", 5)) for _ in range(2))
    assert torch.equal(first, again)
    assert stats.kstest(first[:, :6].flatten().numpy(), "norm").pvalue > 0.01
    assert stats.kstest(first[:, 6:].flatten().numpy(), stats.uniform(-1, 2).cdf).pvalue > 0.01


# What is stored


def test_a_prior_is_restored_from_its_description():
    assert Prior.restore(MIXED.describe(), "f") == MIXED
    assert MIXED.dim == 9


SLOT = {"name": "noise", "distribution": "normal", "dim": 4}


@pytest.mark.parametrize(
    "nonsense",
    [
        [],
        ["noise"],
        [None],
        [3],
        [{"name": "noise", "dim": 4}],
        [SLOT | {"distribution": "cauchy"}],
        [SLOT | {"distribution": ["normal"]}],
        [SLOT | {"dim": 0}],
        [SLOT | {"dim": -4}],
        [SLOT | {"dim": 4.0}],
        [SLOT | {"dim": True}],
        [SLOT | {"dim": "4"}],
        [SLOT | {"dim": 2**20 + 1}],
        [SLOT | {"dim": 2**20}, SLOT],
    ],
)
def test_a_prior_that_means_nothing_is_refused(nonsense):
    with pytest.raises(FileError, match=r"^some\.file: has "):
        Prior.restore(nonsense, "some.file")


@pytest.mark.parametrize("c", [None, torch.tensor([2, 0, 1]), torch.eye(3)], ids=["none", "classes", "attributes"])
def test_latents_come_back_bit_for_bit_with_the_way_to_their_model(tmp_path, c):
    z = NORMAL.latents([1, 2, 3])
    model = tmp_path / "runs" / "a" / "checkpoints" / "step-00000005.safetensors"
    latents.write(tmp_path / "out" / "z.safetensors", z, c, model, {"model_hash": "abc", "seeds": [1, 2, 3]})
    back, condition, meta = latents.read(tmp_path / "out" / "z.safetensors")
    assert torch.equal(back, z)
    assert (condition is None) if c is None else torch.equal(condition, c)
    assert (meta["model"], meta["model_hash"]) == ("../runs/a/checkpoints/step-00000005.safetensors", "abc")


def test_latents_for_other_tools_load_as_tensors_only(tmp_path):
    z, c = NORMAL.latents([1, 2]), torch.tensor([0, 1])
    latents.write(tmp_path / "z.pt", z, c, tmp_path / "m", {"model_hash": "abc"})
    found = torch.load(tmp_path / "z.pt", weights_only=True)
    assert torch.equal(found["z"], z)
    assert torch.equal(found["c"], c)
    assert '"model_hash": "abc"' in found["gantool"]


@pytest.mark.parametrize(
    "tensors",
    [
        {"c": torch.ones(2)},
        {"z": torch.ones(4)},
        {"z": torch.ones(2, 4, dtype=torch.int64)},
        {"z": torch.ones(2, 4), "c": torch.ones(3)},
    ],
)
def test_a_latents_file_without_sound_latents_is_refused(tmp_path, tensors):
    envelope.write(tmp_path / "z", "latents", tensors, {})
    with pytest.raises(FileError, match=r"holds no latents z \[N, D\]"):
        latents.read(tmp_path / "z")


ONE = torch.zeros(1)
HOLLOW = {
    "stretched": ONE.expand(10**6, 32_000),
    "sparse": torch.sparse_coo_tensor(
        torch.zeros(2, 1, dtype=torch.int64), ONE, (10**6, 32_000), check_invariants=True
    ),
    "without numbers": torch.zeros(10**6, 32_000, device="meta"),
}


@pytest.mark.parametrize("inside", [False, True], ids=["bare", "in a dict"])
@pytest.mark.parametrize("tensor", HOLLOW.values(), ids=HOLLOW)
def test_a_small_file_of_a_huge_tensor_is_refused(tmp_path, tensor, inside):
    path = tmp_path / "z.pt"
    torch.save({"z": tensor, "gantool": "{}"} if inside else tensor, path)
    assert path.stat().st_size < 10_000
    with pytest.raises(UnsafeFileError, match=r"z\.pt: holds a tensor \(1000000, 32000\) whose numbers are not all in"):
        latents.read(path)


def test_latents_that_were_being_learnt_are_plain_numbers(tmp_path):
    z = torch.nn.Parameter(torch.ones(2, 3))
    for content in (z, {"z": z, "gantool": "{}"}):
        torch.save(content, tmp_path / "z.pt")
        found, _, _ = latents.read(tmp_path / "z.pt")
        assert found.numpy().tolist() == [[1, 1, 1], [1, 1, 1]]


def test_numbers_too_large_for_single_precision_are_refused_without_a_warning(tmp_path, recwarn):
    np.save(tmp_path / "z.npy", np.full((1, 3), 1e300))
    with pytest.raises(FileError, match="not finite"):
        latents.read(tmp_path / "z.npy")
    assert not recwarn
