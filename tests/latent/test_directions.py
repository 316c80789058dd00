"""Directions found in a generator whose directions are known, and what is made of them.

The numbers of checks are those of the acceptance table of the latent tools.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from oracle import BACKGROUND, COLOUR, NAMES, SIZE, measure, oracle_model, oracle_scorer, true_directions

from gantool.errors import FileError, OptionError, UnsafeFileError
from gantool.files import directions as files
from gantool.files import envelope
from gantool.files.scores import Scores
from gantool.interfaces import Condition, Direction, Slot
from gantool.latent.directions import assemble, find_directions, import_boundary, orthogonalize, projection
from gantool.latent.effects import scores_of
from gantool.latent.evidence import Ask
from gantool.latent.prior import Prior
from gantool.plugins import load_plugins

STRENGTH = 1.5  # standard deviations to either side


def finder(name, **options):
    component = load_plugins().registry.get("direction-finder", name)
    return component.create(component.options(**options))


def find(method, count, **ask):
    given = {} if method in ("pca", "sefa") else {"scorer": oracle_scorer()}
    return find_directions(oracle_model(), finder(method), method, Ask(count, **given, **ask))


@dataclass(frozen=True)
class Fits:
    """Directions by method, and their effects on 4000 samples."""

    z: torch.Tensor
    directions: dict
    effects: dict


@pytest.fixture(scope="module")
def fits():
    """Four fits from 4000 labelled samples."""
    z = oracle_model().latents(range(4000))
    found = {method: find(method, 4000) for method in ("ridge", "boundary", "mean-difference", "gradient")}
    moved = {method: effects(directions, z) for method, directions in found.items()}
    return Fits(z, found, moved)


@pytest.fixture(scope="module")
def z():
    return oracle_model().latents(range(10_000, 11_000))


def measured(model, z):
    return scores_of(model.G, oracle_scorer(), z)


def effects(directions, z, rows=range(5)):
    """Return E ``[rows, factors]``: what 1.5 to either side changes, in standard deviations of each factor."""
    model = oracle_model()
    spread = measured(model, z).std(0)
    moves = [STRENGTH * directions.std[row] * directions.vectors[row] for row in rows]
    rows = [measured(model, z + move).mean(0) - measured(model, z - move).mean(0) for move in moves]
    return torch.stack(rows) / spread


def cosines(directions):
    return (directions.vectors * true_directions()).sum(1)


def test_the_oracle_measures_what_it_draws(z):
    """The fixture's own acceptance: correlation at least .999 with the truth."""
    model = oracle_model()
    truth, measured = model.G.factors(z), measure(model.samples(z))
    for left, right in zip(truth.T, measured.T, strict=True):
        assert torch.corrcoef(torch.stack([left, right]))[0, 1] >= 0.999
    rows = true_directions()
    expected = torch.eye(5)
    expected[SIZE, COLOUR] = expected[COLOUR, SIZE] = 0.6
    assert torch.allclose(rows @ rows.T, expected, atol=1e-6)


@pytest.mark.parametrize("method", ["ridge", "boundary"])
def test_check_8_a_thousand_labels_give_the_true_directions(method):
    found = find(method, 1000)
    assert found.names == NAMES
    assert torch.allclose(found.vectors.norm(dim=1), torch.ones(5), atol=1e-6)
    assert cosines(found).mean() >= 0.97


def test_check_9_ridge_needs_a_hundred_labels():
    assert cosines(find("ridge", 100)).mean() >= 0.95


@pytest.mark.parametrize("method", ["ridge", "boundary"])
def test_check_10_orthogonal_factors_stay(fits, method):
    effect = fits.effects[method]
    related = torch.eye(5, dtype=torch.bool)
    related[SIZE, COLOUR] = related[COLOUR, SIZE] = True
    assert effect[~related].abs().max() <= 0.08
    assert effect.diagonal().min() > 2


@pytest.mark.parametrize("method", ["ridge", "boundary"])
def test_checks_11_and_12_what_leaks_is_projected_out(fits, method):
    before = fits.effects[method][SIZE]
    cleaned = orthogonalize(fits.directions[method], "size", ["colour"])
    (after,) = effects(cleaned, fits.z, [SIZE])
    assert 0.60 <= before[COLOUR] / before[SIZE] <= 0.75
    assert abs(after[COLOUR] / after[SIZE]) <= 0.05
    assert after[SIZE] / before[SIZE] >= 0.80
    assert cleaned.figures[SIZE]["kept_norm"] == pytest.approx(0.8, abs=0.02)
    assert cleaned.figures[SIZE]["orthogonal_to"] == ["colour"]


@pytest.mark.parametrize("method", ["ridge", "boundary", "mean-difference", "gradient"])
def test_check_13_projected_to_zero_a_sample_lies_at_the_threshold(fits, z, method):
    """The background is above its threshold in 84 % of the samples: without its intercept 0 lies at 0.379."""
    found = fits.directions[method]
    v, b = found.vectors[BACKGROUND], found.intercept[BACKGROUND]
    at_zero = measure(oracle_model().samples(z - (z @ v + b)[:, None] * v))[:, BACKGROUND]
    without = measure(oracle_model().samples(z - (z @ v)[:, None] * v))[:, BACKGROUND]
    assert oracle_scorer().thresholds[BACKGROUND] == pytest.approx(0.225)
    assert at_zero.mean() == pytest.approx(0.225, abs=0.01)
    assert without.mean() == pytest.approx(0.379, abs=0.02)


def test_the_four_methods_agree_on_all_directions(fits):
    """Check 20, without its time: four fits from 4000 samples."""
    vectors = torch.stack([fits.directions[method].vectors for method in fits.directions])
    cosines = torch.einsum("mkd,nkd->mnk", vectors, vectors)
    assert cosines.shape == (4, 4, 5)
    assert cosines.min() >= 0.97


def test_the_mean_gradient_is_the_true_direction(fits):
    assert cosines(fits.directions["gradient"]).min() >= 0.99
    assert min(row["agreement"] for row in fits.directions["gradient"].figures) >= 0.97


def test_figures_say_how_well_a_fit_tells_and_how_common_the_feature_is(fits):
    for method in ("ridge", "boundary"):
        figures = fits.directions[method].figures[BACKGROUND]
        assert figures["present"] == pytest.approx(0.84, abs=0.02)
        assert figures["accuracy"] >= 0.97
        assert 0.85 < figures["r2"] < 0.95  # the factor is a bent function of the projection


def test_names_choose_features_whatever_their_case_and_a_repeated_one_counts_once():
    found = find("ridge", 50, toward=("Colour", "x", "colour"))
    assert found.names == ("colour", "x")
    with pytest.raises(OptionError, match="did you mean colour"):
        find("ridge", 50, toward=("color",))


def test_stored_scores_give_what_the_classifier_gives():
    model, scorer = oracle_model(), oracle_scorer()
    z = model.latents(range(200))
    scores = scorer.scores(model.samples(z))
    thresholds = tuple(scorer.thresholds.tolist())
    stored = Scores(NAMES, thresholds, scores, scores, {"label": "measured"}, model_hash="oracle", seeds=(*range(200),))
    asked = find_directions(model, finder("ridge"), "ridge", Ask(stored=stored, toward=("size",)))
    assert asked.names == ("size",)
    whole = find("ridge", 200)
    assert torch.allclose(asked.vectors[0], whole.vectors[SIZE], atol=1e-6)
    assert asked.intercept[0] == pytest.approx(float(whole.intercept[SIZE]), abs=1e-5)
    for wrong in (replace(stored, model_hash="other"), replace(stored, model_hash=None), replace(stored, seeds=None)):
        with pytest.raises(FileError):
            find_directions(model, finder("ridge"), "ridge", Ask(stored=wrong))
    with pytest.raises(OptionError, match="did you mean size"):
        find_directions(model, finder("ridge"), "ridge", Ask(stored=stored, toward=("sise",)))


def test_a_finder_is_not_given_what_it_cannot_use():
    model, scorer = oracle_model(), oracle_scorer()
    stored = Scores(("x",), (0.0,), torch.zeros(1, 1), torch.zeros(1, 1), {}, model_hash="oracle", seeds=(0,))
    ends = (torch.zeros(16), torch.ones(16))
    wrong = {
        ("ridge", "needs scores"): Ask(),
        ("gradient", "needs the slope of a classifier"): Ask(stored=stored),
        ("pca", "are not used"): Ask(scorer=scorer),
        ("pair", "needs two latents"): Ask(),
        ("ridge", "takes no pair"): Ask(scorer=scorer, pair=ends),
        ("codes", "-n: 50 was given; --method codes learns nothing from samples"): Ask(50),
        ("sefa", "learns nothing from samples"): Ask(50),
        ("codes", "at most 0 names"): Ask(toward=("size",)),
        ("pair", "at most 1 names"): Ask(pair=ends, toward=("a", "b")),
    }
    for (method, message), ask in wrong.items():
        with pytest.raises(OptionError, match=message):
            find_directions(model, finder(method), method, ask)


def test_the_projection_over_the_prior_is_known_from_its_slots():
    slots = (Slot("noise", "normal", 2), Slot("code", "uniform", 2), Slot("kind", "categorical", 3))
    vectors = torch.tensor(
        [[3.0, 4, 0, 0, 0, 0, 0], [0, 0, 3, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0], [1, 0, 1, 0, 1, 2, 3]]
    )
    mean, std = projection(slots, vectors)
    third = 1 / 3
    assert mean.tolist() == pytest.approx([0, 0, third, 2])
    variances = [25, 3, third - third**2, 1 + third + 14 / 3 - 4]
    assert std.square().tolist() == pytest.approx(variances, abs=1e-5)


def test_the_projection_is_that_of_samples_of_the_prior():
    prior = Prior((Slot("noise", "normal", 3), Slot("code", "uniform", 2)))
    vectors = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    mean, std = projection(prior.slots, vectors)
    drawn = prior.draw(100_000, torch.Generator().manual_seed(1)) @ vectors.T
    assert torch.allclose(drawn.mean(0), mean, atol=0.03)
    assert torch.allclose(drawn.std(0), std, rtol=0.02)


def test_lengths_and_intercepts_are_those_of_unit_vectors():
    long = Direction("a", torch.eye(16)[2] * 4, 2.0, {"accuracy": 0.9})
    found = assemble(oracle_model(), [long, Direction("b", torch.eye(16)[3])], "pair", {"samples": 3})
    assert torch.equal(found.vectors, torch.eye(16)[2:4])
    assert found.intercept[0] == 0.5
    assert found.intercept[1].isnan()
    assert found.figures == [{"accuracy": 0.9}, {}]
    with pytest.raises(OptionError, match="no direction for 'c'"):
        assemble(oracle_model(), [Direction("c", torch.zeros(16))], "ridge", {})


def plain(vectors, intercept=None, names="abcdefgh", slots=None):
    rows = [Direction(name, row, intercept) for name, row in zip(names, torch.tensor(vectors), strict=False)]
    model = replace(oracle_model(), prior=Prior(slots or (Slot("noise", "normal", len(vectors[0])),)))
    return assemble(model, rows, "pair", {})


def test_orthogonalizing_takes_off_several_at_once_and_keeps_the_others():
    given = plain([[1.0, 1, 1, 1], [1.0, 1, 0, 0], [0.0, 1, 1, 0], [1.0, 2, 1, 0]], 1.0)
    cleaned = orthogonalize(given, "A", ["b", "c"])
    assert torch.allclose(cleaned.vectors[0] @ cleaned.vectors[1:3].T, torch.zeros(2), atol=1e-6)
    assert torch.equal(cleaned.vectors[1:], given.vectors[1:])
    b, c = torch.tensor([1.0, 1, 0, 0]), torch.tensor([0.0, 1, 1, 0])
    n = torch.ones(4) / 2 - (torch.ones(4) / 2 @ b) * b / 2
    c = c - (c @ b) * b / 2
    n = n - (n @ c) * c / (c @ c)  # Gram-Schmidt by hand
    assert torch.allclose(cleaned.vectors[0], n / n.norm(), atol=1e-6)
    assert cleaned.figures[0]["kept_norm"] == pytest.approx(float(n.norm()), abs=1e-6)
    rest = orthogonalize(given, "a", ["rest"])  # d = b + c, so it spans no more
    assert rest.figures[0]["orthogonal_to"] == ["b", "c", "d"]
    assert torch.allclose(rest.vectors[0], cleaned.vectors[0], atol=1e-6)


def test_the_intercept_of_what_is_kept_lies_at_the_old_threshold_in_the_mean():
    slots = (Slot("noise", "normal", 2), Slot("kind", "categorical", 3))
    given = plain([[1.0, 1, 1, 0, 0], [1.0, 0, 1, 0, 0]], 0.7, slots=slots)
    cleaned = orthogonalize(given, "a", ["b"])
    kinds = torch.eye(3)[torch.randint(3, (20_000,), generator=torch.Generator().manual_seed(0))]
    z = torch.cat([torch.randn(20_000, 2, generator=torch.Generator().manual_seed(1)), kinds], 1)
    v, b = cleaned.vectors[0], cleaned.intercept[0]
    moved = z - (z @ v + b)[:, None] * v
    assert (moved @ given.vectors[0] + given.intercept[0]).mean().abs() < 0.01
    assert cleaned.std[0] == pytest.approx(float((z @ v).std()), rel=0.02)
    assert cleaned.mean[0] == pytest.approx(float((z @ v).mean()), abs=0.02)


def test_what_keeps_less_than_a_tenth_is_refused():
    given = plain([[1.0, 0.09, 0], [1.0, 0, 0], [0.0, 0, 1]])
    with pytest.raises(OptionError, match=r"--off: keeps 0\.090 of a"):
        orthogonalize(given, "a", ["b"])
    assert orthogonalize(plain([[1.0, 0.11, 0], [1.0, 0, 0]]), "a", ["b"]).figures[0]["kept_norm"] > 0.1
    with pytest.raises(OptionError, match="--off: there is no direction 'bb'; known: a, b, c"):
        orthogonalize(given, "a", ["bb"])
    for off in (["b", "a"], ["rest", "a"]):
        with pytest.raises(OptionError, match="others than a"):
            orthogonalize(given, "a", off)
    with pytest.raises(OptionError, match="--off: there is no direction 'typo'; known: a, b, c"):
        orthogonalize(given, "a", ["rest", "typo"])
    with pytest.raises(OptionError, match="nothing was given"):
        orthogonalize(given, "a", [])


def test_a_file_holds_what_was_found(fits, tmp_path):
    path = tmp_path / "d.safetensors"
    files.write(path, fits.directions["ridge"], tmp_path / "run" / "model.safetensors")
    again, meta = files.read(path)
    assert again.names == fits.directions["ridge"].names
    assert torch.equal(again.vectors, fits.directions["ridge"].vectors)
    assert again.figures == fits.directions["ridge"].figures
    assert meta["model"] == str(Path("run", "model.safetensors"))
    assert again.slots == [{"name": "z", "distribution": "normal", "dim": 16}]


BROKEN = {
    "mean": torch.tensor([torch.nan]),
    "std": torch.tensor([torch.inf]),
    "intercept": torch.tensor([-torch.inf]),
    "slots": [{"name": "z", "distribution": "normal", "dim": 3}],
}
SLOTS = ([{}], ["z"], [{"name": "z", "distribution": "cauchy", "dim": 2}], [{"name": 1, "distribution": "normal"}])


@pytest.mark.parametrize("change", [*({name: value} for name, value in BROKEN.items()), *({"slots": s} for s in SLOTS)])
def test_a_file_with_numbers_or_slots_that_mean_nothing_is_refused(change, tmp_path):
    sound = plain([[1.0, 0]])
    files.write(tmp_path / "d.safetensors", sound)
    assert files.read(tmp_path / "d.safetensors")[0].intercept.isnan().all()
    meta = {"model_hash": "", "slots": sound.slots, "names": ["a"], "figures": [{}], "source": {}, "method": "pair"}
    tensors = {"directions": sound.vectors, "intercept": sound.intercept, "mean": sound.mean, "std": sound.std}
    tensors |= {name: value for name, value in change.items() if name != "slots"}
    meta |= {name: value for name, value in change.items() if name == "slots"}
    envelope.write(tmp_path / "d.safetensors", files.KIND, tensors, meta)
    with pytest.raises(FileError, match="holds no directions"):
        files.read(tmp_path / "d.safetensors")


def test_where_the_model_is_told_every_feature_by_its_label_none_is_left_to_find():
    condition = Condition("classes", NAMES)
    model = replace(oracle_model(), condition=condition, label_rows=torch.arange(5))
    with pytest.raises(OptionError, match="--toward: was not given, and every feature of the measurement is told"):
        find_directions(model, finder("ridge"), "ridge", Ask(20, scorer=oracle_scorer()))


def test_a_boundary_of_interfacegan_becomes_a_unit_direction_without_an_intercept(tmp_path):
    path = tmp_path / "smile.npy"
    boundary = np.arange(16, dtype=np.float32)[None]
    np.save(path, boundary)
    found = import_boundary(path, oracle_model(), ["smile"])
    assert found.names == ("smile",)
    assert np.allclose(found.vectors.numpy(), boundary / np.linalg.norm(boundary))
    assert found.intercept.isnan().all()
    assert found.std.tolist() == pytest.approx([1.0])
    np.save(path, np.eye(16)[:3])
    assert import_boundary(path, oracle_model(), ["a", "b", "c"]).vectors.shape == (3, 16)


def test_arrays_that_are_no_boundary_are_refused(tmp_path):
    model, path = oracle_model(), tmp_path / "b.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UnsafeFileError, match="holds pickled objects"):
        import_boundary(path, model, ["a"])
    np.save(path, np.ones((1, 512)))
    with pytest.raises(FileError, match="holds directions of 512 dimensions; 16 for"):
        import_boundary(path, model, ["a"])
    np.save(path, np.ones((2, 16)))
    with pytest.raises(OptionError, match="--name: 1 given for 2 directions"):
        import_boundary(path, model, ["a"])
    for wrong in (np.zeros((1, 16)), np.full((1, 16), np.nan)):
        np.save(path, wrong)
        with pytest.raises(FileError, match="zero or not finite"):
            import_boundary(path, model, ["a"])
    for wrong in (np.ones((1, 1, 16)), np.ones((1, 16), dtype=int)):
        np.save(path, wrong)
        with pytest.raises(FileError, match="is an array"):
            import_boundary(path, model, ["a"])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FileError, match="is damaged"):
        import_boundary(path, model, ["a"])
    path.write_bytes(b"text")
    with pytest.raises(FileError, match="is no numpy array"):
        import_boundary(path, model, ["a"])
