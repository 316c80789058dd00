"""Each diagnostic on runs made to fail in its way, its threshold from both sides, and its silence on healthy runs."""

import pytest

from gantool import RunOptions, Tier, Vitals, load_plugins, resolve
from gantool.errors import TrainingError
from gantool.testing import diagnostic
from gantool.testing.diagnostic import READINGS
from gantool.training.loop import lr_factor
from gantool.training.run import prepare
from gantool.training.vitals import Probe

RING = {  # every setting that matters, so that better recipes change no test
    "data": {"name": "gaussians", "length": 4000},
    "arch": {"name": "mlp", "hidden_g": [48, 48], "hidden_d": [48, 48], "norm_g": "none"},
    "training": {
        "batch_size": 64,
        "latent_dim": 8,
        "precision": "fp32",
        "n_critic": 1,
        "lr_g": 2e-4,
        "lr_d": 2e-4,
        "betas": [0.5, 0.999],
        "lr_schedule": "constant",
    },
}
WGAN_GP = {
    "loss": "wgan-gp",
    "lipschitz": {"name": "gp", "weight": 1.0},
    "training": {"lr_g": 1e-3, "lr_d": 1e-3, "n_critic": 2, "betas": [0.0, 0.9], "lr_schedule": "linear"},
}
HEALTHY = {**diagnostic.HEALTHY, "loss_d": -0.3}  # as of a Wasserstein critic
NAMES = (
    "divergence",
    "lipschitz-violation",
    "mode-collapse",
    "saturated-discriminator",
    "superior-generator",
    "vanishing-gradient",
)


def configured(tree, **training):
    return resolve(
        load_plugins().registry, [Tier("the ring", RING), Tier("test", tree), Tier("length", {"training": training})]
    )


def diagnostics():
    return {part.name: part.create() for part in load_plugins().registry.all("diagnostic") if part.name in NAMES}


def findings(tree, steps, seed=0):
    """Train with 60 readings and return the first finding of each diagnostic with its share of the run."""
    config = configured(tree, steps=steps, seed=seed)
    run = prepare(config, RunOptions(device="cpu"))
    probe, asked, seen, found = Probe(run.phases), diagnostics(), [], {}
    try:
        for step in range(1, steps + 1):
            run.phases.step(lr_factor(config.training.lr_schedule, (step - 1) / steps))
            if step * READINGS // steps > len(seen):
                seen.append(Vitals(step, step / steps, probe.take(run.phases.statistics.flush())))
                answers = {name: part.check(tuple(seen), config) for name, part in asked.items()}
                found |= {
                    name: (step / steps, answer) for name, answer in answers.items() if answer and name not in found
                }
    except TrainingError:  # a loss that is not finite ends a run, whatever was found before
        pass
    return found


def series(numbers, count=READINGS, begin=HEALTHY):
    """Return a run's vitals that are healthy but for the last ``count`` readings."""
    rows = [begin] * (READINGS - count) + [{**HEALTHY, **numbers}] * count
    return tuple(Vitals(10 * n, n / READINGS, row) for n, row in enumerate(rows, 1))


def names_found(vitals, tree=None):
    config = configured(tree or {"loss": "bce"})
    return {name for name, part in diagnostics().items() if part.check(vitals, config)}


# Runs made to fail


def test_a_generator_against_a_far_stronger_discriminator_vanishes():
    found = findings({"loss": "minimax", "training": {"lr_d": 1e-2, "n_critic": 5}}, 90)
    assert found.keys() == {"vanishing-gradient", "saturated-discriminator"}
    assert max(share for share, _ in found.values()) < 0.5  # reported long before the end


def test_a_generator_against_a_stronger_discriminator_collapses():
    found = findings({"loss": "minimax", "training": {"lr_d": 2e-3, "n_critic": 3}}, 240)
    assert "mode-collapse" in found
    assert "superior-generator" not in found


def test_a_discriminator_that_hardly_learns_has_a_superior_generator():
    found = findings({"loss": "bce", "training": {"lr_g": 1e-3, "lr_d": 1e-6}}, 240)
    assert found["superior-generator"][1].flags == "--lr-d 0.001"
    assert not {"saturated-discriminator", "vanishing-gradient"} & found.keys()


def test_a_penalty_of_hardly_any_weight_leaves_the_bound_violated():
    rates = {**WGAN_GP["training"], "lr_d": 5e-3}
    found = findings({**WGAN_GP, "lipschitz": {"name": "gp", "weight": 1e-3}, "training": rates}, 90)
    assert found["lipschitz-violation"][1].flags == "--lipschitz.weight 10"


def test_rates_far_too_high_make_a_run_diverge():
    assert "divergence" in findings({**WGAN_GP, "training": {"lr_g": 10.0, "lr_d": 10.0}}, 80)


@pytest.mark.parametrize(
    "tree",
    [WGAN_GP, {**WGAN_GP, "loss": "bce", "lipschitz": {"name": "gp", "weight": 0.1, "target": 0.0}}],
    ids=["wgan-gp", "bce"],
)
def test_a_healthy_run_is_silent(tree):
    assert findings(tree, 300) == {}


# Thresholds


LIMITS = {  # what a diagnostic finds, and what is just healthy
    "mode-collapse": ({"coverage": 0.49}, {"coverage": 0.51}),
    "vanishing-gradient": ({"slope_g": 0.019}, {"slope_g": 0.021}),
    "vanishing-gradient by its norm": ({"gradient_g": 0.9e-8}, {"gradient_g": 1.1e-8}),
    "saturated-discriminator": ({"slope_d": 0.009}, {"slope_d": 0.011}),
    "superior-generator": ({"separation": 0.59, "distance": 0.76}, {"separation": 0.59, "distance": 0.74}),
    "superior-generator by separation": ({"separation": 0.1, "distance": 0.76}, {"separation": 0.61, "distance": 0.76}),
    "superior-generator of noisy data": (
        {"separation": 0.5, "distance": 1.21, "noise": 0.3},
        {"separation": 0.5, "distance": 1.19, "noise": 0.3},
    ),
    "lipschitz-violation": ({"steepness": 4.1}, {"steepness": 3.9}),
    "lipschitz-violation of another bound": ({"steepness": 8.1, "bound": 2.0}, {"steepness": 7.9, "bound": 2.0}),
    "divergence": ({"distance": 5.1}, {"distance": 4.9}),
    "divergence by its loss": ({"loss_d": -1001.0}, {"loss_d": -999.0}),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_threshold_lies_where_its_docstring_says(limit):
    ill, healthy = LIMITS[limit]
    young = {**HEALTHY, "coverage": 0.1, "distance": 5.0, "loss_d": 0.5}  # nothing was ever better than later on
    assert names_found(series(ill, 40, young)) == {limit.split()[0]}
    assert names_found(series(healthy, 40, young)) == set()


@pytest.mark.parametrize("limit", LIMITS)
def test_some_ill_readings_are_not_enough(limit):
    ill, _ = LIMITS[limit]
    enough = 10 if limit.startswith("saturated") else 5
    name = limit.split()[0]
    assert name not in names_found(series(ill, enough - 1))
    assert name in names_found(series(ill, enough))
    assert name not in names_found((*series(ill, enough), *series({}, 1)[-1:], *series(ill, 1)[-1:]))


BEGINNINGS = {
    "vanishing-gradient": (0.1, 0),
    "saturated-discriminator": (0.1, 0),
    "divergence": (0.25, 0),
    "lipschitz-violation": (0.5, 0),
    "mode-collapse": (0.25, 200),
    "superior-generator": (0.25, 200),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_the_beginning_of_a_run_is_not_judged(limit):
    ill, _ = LIMITS[limit]
    share, steps = BEGINNINGS[limit.split()[0]]
    vitals, name = series(ill, READINGS - 3), limit.split()[0]
    young = sum(one.fraction < share or one.step < steps for one in vitals)
    assert name not in names_found(vitals[: young + 4])
    assert name in names_found(vitals[: young + 10])


def test_a_fooled_discriminator_is_no_vanishing_gradient():
    """The slope of cross-entropy is small also where G has won."""
    assert names_found(series({"slope_g": 0.001, "separation": 0.3}, 20)) == set()


def test_variety_that_grows_is_no_collapse_and_variety_that_was_lost_is():
    growing = [{**HEALTHY, "coverage": 0.1 + 0.012 * n} for n in range(READINGS)]
    vitals = [Vitals(n, n / READINGS, row) for n, row in enumerate(growing, 1)]
    assert all("mode-collapse" not in names_found(vitals[:count]) for count in range(15, 35))
    assert names_found(series({"coverage": 0.3}, 5)) == {"mode-collapse"}


def test_samples_that_come_nearer_are_no_superior_generator():
    nearing = [{**HEALTHY, "separation": 0.5, "distance": 5 * 0.97**n} for n in range(READINGS)]
    vitals = [Vitals(n, n / READINGS, row) for n, row in enumerate(nearing, 1)]
    assert names_found(vitals[:40]) == set()


def test_samples_that_were_near_and_went_away_diverge():
    assert names_found(series({"distance": 0.66}, 5)) == {"divergence"}  # 0.15 at their best, and 0.5 further
    assert names_found(series({"distance": 0.64}, 5)) == set()


def test_what_was_never_measured_is_not_judged():
    assert names_found(series({}, 0, {"loss_d": 1e-9})) == set()


# What to try


def found_in(numbers, tree, name):
    return diagnostics()[name].check(series(numbers), configured(tree))


@pytest.mark.parametrize(
    ("name", "numbers", "tree", "flags"),
    [
        ("mode-collapse", {"coverage": 0.2}, {"loss": "bce"}, "--loss wgan-gp"),
        ("mode-collapse", {"coverage": 0.2}, {"loss": "minimax", "training": {"lr_d": 1e-3, "lr_g": 1e-4}},
         "--loss wgan-gp --lr-d 0.0001"),
        ("mode-collapse", {"coverage": 0.2}, {"loss": "bce", "training": {"lr_d": 0.5, "lr_g": 0.5}},
         "--loss wgan-gp --lr-g 0.001 --lr-d 0.001"),
        ("mode-collapse", {"coverage": 0.2}, {"loss": "bce", "lipschitz": "none", "arch": {"norm_d": "batch"}},
         "--loss wgan-gp --lipschitz gp --arch.norm-d auto"),
        ("mode-collapse", {"coverage": 0.2}, WGAN_GP, "--n-critic 5"),
        ("mode-collapse", {"coverage": 0.2}, {**WGAN_GP, "training": {"n_critic": 5}}, "--lr-g 5e-05"),
        ("vanishing-gradient", {"slope_g": 0.0}, {"loss": "minimax"}, "--loss wgan-gp"),
        ("saturated-discriminator", {"slope_d": 0.0}, {"loss": "bce"}, "--loss wgan-gp"),
        ("saturated-discriminator", {"slope_d": 0.0}, {"loss": "bce", "training": {"n_critic": 3, "lr_d": 0.01}},
         "--n-critic 1 --lr-d 0.0002"),
        ("superior-generator", {"separation": 0.5, "distance": 1.0}, {"loss": "bce"}, "--n-critic 5"),
        ("lipschitz-violation", {"steepness": 9.0}, {**WGAN_GP, "lipschitz": {"name": "gp", "weight": 20.0}},
         "--lipschitz.weight 200"),
        ("lipschitz-violation", {"steepness": 9.0}, {**WGAN_GP, "lipschitz": {"name": "gp", "weight": 200.0}},
         "--lr-d 0.00025"),
        ("divergence", {"distance": 9.0}, {"loss": "bce"}, "--lr-g 2e-05 --lr-d 2e-05"),
        ("divergence", {"distance": 9.0, "separation": 0.2}, {"loss": "bce"}, "--n-critic 5"),
    ],
)  # fmt: skip
def test_the_flags_fit_the_run(name, numbers, tree, flags):
    assert found_in(numbers, tree, name).flags == flags


def test_a_message_says_what_was_seen():
    said = {
        "mode-collapse": ({"coverage": 0.125}, "samples show 0.12 of the data's variety"),
        "divergence": ({"distance": 1.23}, "samples are 1.2 times the data's spread away from it, 0.15 at their best"),
        "lipschitz-violation": (
            {"steepness": 7.26},
            "D's slope between real and fake is 7.3, where 1 is asked for",
        ),
    }
    for name, (numbers, seen) in said.items():
        assert diagnostics()[name].check(series(numbers, 5), configured({"loss": "bce"})).seen == seen
