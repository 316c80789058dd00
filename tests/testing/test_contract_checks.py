"""The checks that plugin authors run: a sound plugin passes them all, and each fault fails those that speak of it."""

from __future__ import annotations

import contract_parts
import contract_plugin
import pytest

from gantool import Command, Component, Options
from gantool.errors import OptionError
from gantool.testing import contract_checks, find_checks
from gantool.testing.case import Case, load_plugin
from gantool.testing.dataset import check_missing_root_is_said
from gantool.testing.declaration import check_command_loads, check_recipe_resolves, check_target_loads
from gantool.testing.light import check_description_imports_no_torch, check_imports_no_torch, check_loads
from gantool.testing.table import COMPONENT, KIND

TRAINED = {"resume_is_exact", "sampling_gives_what_was_trained", "trains_in_half_precision"}

# Each fault with all the checks that it fails.
FAULTS = {
    "direction-finder": {
        "UnknownNeed": {"needs_are_known"},
        "Zero": {"directions_lie_in_z"},
        "OwnRandomness": {"seed_decides"},
        "WritesInto": {"inputs_are_left_alone"},
        "LeavesAHook": {"network_is_left_alone"},
    },
    "architecture": {
        "SqueezesAll": {"output_shapes", "critic_without_batch_statistics"},
        "IgnoresCode": {"accepts_codes_and_planes"},
        "Unbounded": {"pictures_stay_in_range"},
        "Probability": {"scores_are_raw"},
        "UnusedParameter": {"gradients_reach_every_parameter", "half_precision_is_finite"},
        "OnceDifferentiable": {"penalty_reaches_the_critic"},
        "ForcesBatchNorm": {"critic_without_batch_statistics"},
        "MixesSamples": {"critic_without_batch_statistics", "samples_are_independent_in_eval"},
        "HiddenState": {"copies_and_states_agree", "sampling_gives_what_was_trained"},
        "OwnRandomness": {"seed_decides", "resume_is_exact"},
        "WritesInto": {
            "inputs_are_left_alone",
            "critic_without_batch_statistics",
            "copies_and_states_agree",
            "samples_are_independent_in_eval",
            "sampling_gives_what_was_trained",
            "resume_is_exact",
        },
        "NeedsFloat32": {"half_precision_is_finite", "trains_in_half_precision"},
        "ViewsMemory": {
            "channels_last_agrees",  # and it is how a run keeps images, unless told otherwise
            "trains_in_half_precision",
            "sampling_gives_what_was_trained",
            "resume_is_exact",
        },
        "NoiseInEval": {
            "samples_are_independent_in_eval",
            "copies_and_states_agree",
            "channels_last_agrees",
            "sampling_gives_what_was_trained",
        },
    },
    "loss": {
        "NoMean": TRAINED | {"finite_scalars", "slopes_reach_the_scores", "generator_should_raise_fakes"},
        "LogOfSigmoid": {"finite_scalars"},
        "SwapsRealAndFake": {"reals_should_score_high"},
        "LowersFakes": {"generator_should_raise_fakes"},
        "Detached": {"slopes_reach_the_scores"},
        "Remembers": {"resume_is_exact"},
    },
    "lipschitz": {
        "Freezes": {"prepared_critic_trains"},
        "PerSample": TRAINED
        | {
            "penalty_is_a_scalar",
            "penalty_reaches_the_critic",
            "penalty_leaves_its_inputs_alone",
            "prepared_critic_trains",
        },
        "NoGraph": {"penalty_reaches_the_critic"},
        "GlobalRandomness": {"step_decides_the_penalty"},
        "DropsLabels": {"penalty_keeps_the_condition"},
        "UsesRealItself": {"penalty_leaves_its_inputs_alone"},
    },
    "conditioning": {
        "SaysWrongWidth": TRAINED | {"generator_side_has_the_widths_it_says"},
        "PlanesInFront": {"discriminator_side_appends_its_channels"},
        "ForgetsLabels": {"labels_make_a_difference"},
        "RandomCodes": {"state_round_trip", "sampling_gives_what_was_trained"},
    },
    "converter": {
        "TakesAll": {"other_makes_are_left_alone"},
        "ForgetsTheStatistics": {"what_is_written_reads_back"},
        "EmptiesTheDict": {"inputs_are_left_alone"},
    },
    "regularizer": {
        "UnknownSlot": {"slots_are_known", "sampling_gives_what_was_trained"},
        "TwinSlots": TRAINED | {"slots_are_known"},
        "PerSample": TRAINED | {"term_is_a_scalar_that_reaches_the_generator"},
        "CutOff": {"term_is_a_scalar_that_reaches_the_generator"},
        "LeavesEval": {"term_leaves_the_generator_alone", "resume_is_exact"},
        "OwnRandomness": {"term_leaves_the_generator_alone"},
    },
    "augmentation": {
        "Flattens": TRAINED | {"shape_and_slope_are_kept"},
        "Quantises": {"shape_and_slope_are_kept", "twice_differentiable"},
        "OnceDifferentiable": {"twice_differentiable"},
        "GlobalRandomness": {"step_decides_the_look", "share_decides_nothing"},
        "CountsRows": {"share_decides_nothing"},
        "WritesInto": {
            "inputs_are_left_alone",
            "step_decides_the_look",
            "share_decides_nothing",
            *TRAINED,
        },
        "Trains": {"adapts_its_buffers_alone"},
        "Overflows": TRAINED
        | {
            "adapts_its_buffers_alone",
            "shape_and_slope_are_kept",
            "twice_differentiable",
            "step_decides_the_look",
            "share_decides_nothing",
        },
        "HiddenState": {"step_decides_the_look", "share_decides_nothing", "resume_is_exact"},
    },
    "observer": {
        "NoBase": {"is_an_observer"},
        "DeafToFindings": {"hears_a_run", "hears_a_run_that_is_resumed"},
        "NeedsALength": {"hears_a_run_by_the_clock"},
        "OncePerFolder": {"hears_a_run_that_is_resumed"},
    },
    "dataset": {
        "SaysWrongLength": {"description_agrees_with_the_data"},
        "StrayLabel": {"labels_fit_their_names"},
        "OtherEachTime": {"loading_again_gives_the_same", "resume_is_exact"},
    },
    "classifier": {
        "TwinNames": {"names_are_unique"},
        "OneOutputTooMany": {"network_gives_its_outputs"},
        "CutOff": {"network_follows_its_input"},
        "BatchStatistics": {"pictures_are_independent_in_eval"},
        "HiddenWeights": {"state_round_trip"},
        "PicturesOnly": {
            "network_gives_its_outputs",
            "network_follows_its_input",
            "pictures_are_independent_in_eval",
            "state_round_trip",
        },
    },
    "extractor": {
        "FlatFeatures": {"network_gives_features"},
        "NamesTooFew": {"names_fit_the_logits"},
        "BatchStatistics": {"pictures_are_independent"},
        "Trains": {"network_is_frozen"},
        "SaysLittle": {"description_names_the_weights"},
    },
    "metric": {
        "UnknownNeed": {"says_what_it_needs"},
        "OutsideItsInterval": {"figure_is_a_number_in_its_interval"},
        "OwnRandomness": {"seed_decides"},
        "WritesInto": {"inputs_are_left_alone"},
    },
    "diagnostic": {
        "SpeaksOfNothing": {"silent_without_readings"},
        "Impatient": {"silent_on_a_healthy_run"},
        "NeedsEveryNumber": {"copes_with_broken_numbers"},
        "Remembers": {"same_vitals_give_the_same_answer"},
        "UnknownFlag": {"flags_start_a_run"},
    },
}
HOMES = {
    "diagnostic": "contract_diagnostics",
    "extractor": "contract_evaluation",
    "metric": "contract_evaluation",
    "direction-finder": "contract_finders",
    "classifier": "contract_classifiers",
    "regularizer": "contract_regularizers",
    "augmentation": "contract_watching",
    "observer": "contract_watching",
}
DECLARED = {
    "OptionCalledName": {"no_option_is_called_name"},
    "DefaultOutOfRange": {"defaults_are_valid", "flags_toml_and_json_agree"},
    "Undescribed": {"options_are_described"},
    "CommaInAList": {"flags_toml_and_json_agree"},
}


def case_of(kind, target, options=Options, small=None, **rest):
    """Return the case of a component called ``broken``, beside the built-in ones."""
    registry = load_plugin("gantool_classic")[1]
    component = Component(kind, "broken", target, "Broken.", options, **rest)
    registry.add([component])
    partners = {"shapes": {"size": 16, "length": 64}, "dcgan": {"channels": 4, "max_channels": 8}}
    return Case(component, registry, "contract_plugin", {**partners, "broken": small or {}})


def name(check):
    return check.__name__.removeprefix("check_")


def failing(case, checks):
    """Return the names of the checks that fail, whatever they raise."""
    found = set()
    for check in checks:
        try:
            check(case)
        except Exception:
            found.add(name(check))
    return found


@contract_checks("contract_plugin")
def test_a_sound_plugin_that_is_not_installed_passes(check):
    check()


@pytest.mark.parametrize(("kind", "fault"), [(kind, fault) for kind, faults in FAULTS.items() for fault in faults])
def test_a_fault_fails_the_checks_that_speak_of_it(kind, fault):
    checks = [check for check in KIND[kind] if check is not check_description_imports_no_torch]
    target = f"{HOMES.get(kind, 'contract_parts')}:{fault}"
    assert failing(case_of(kind, target), checks) == FAULTS[kind][fault]


@pytest.mark.parametrize("kind", KIND)
def test_every_check_is_failed_by_some_fault(kind):
    checks = {name(check) for check in KIND[kind]} - TRAINED - {"description_imports_no_torch"}
    assert set().union(*FAULTS[kind].values()) - TRAINED == checks


@pytest.mark.parametrize("fault", DECLARED)
def test_a_wrong_declaration_fails_its_check(fault):
    case = case_of("loss", "contract_parts:Loss", getattr(contract_parts, fault))
    assert failing(case, COMPONENT) == DECLARED[fault]


def test_an_architecture_that_refuses_everything_fails_every_check():
    checks = KIND["architecture"]
    case = case_of("architecture", "contract_parts:RefusesAll")
    assert failing(case, checks) == {name(check) for check in checks}


def test_a_check_has_the_names_of_kind_component_and_check():
    found = [known for known in find_checks("contract_plugin") if known.startswith("loss")]
    assert found == [f"loss-sound-{name(check)}" for check in (*COMPONENT, *KIND["loss"])]


def test_a_dataset_is_read_where_its_root_is_given():
    given = find_checks("contract_plugin", options={"rooted": {"root": "here"}})
    assert "dataset-rooted-description_agrees_with_the_data" in given
    assert "dataset-rooted-missing_root_is_said" not in given
    given["dataset-rooted-description_agrees_with_the_data"]()


def test_a_dataset_that_crashes_without_its_root_fails():
    options = contract_plugin.RootOptions
    with pytest.raises(TypeError):
        check_missing_root_is_said(case_of("dataset", "contract_parts:CrashesWithoutRoot", options))
    with pytest.raises(AssertionError, match="give a small one by options="):
        check_missing_root_is_said(case_of("dataset", "contract_parts:Data"))


def test_a_run_that_is_refused_says_which_argument_helps():
    checks = find_checks("gantool_classic")
    with pytest.raises(AssertionError, match=r"lipschitz none.*contract_checks\(..., settings=\{'wgan': \{...\}\}\)"):
        checks["loss-wgan-resume_is_exact"]()


def test_settings_reach_the_run_of_their_component():
    case = case_of("loss", "contract_parts:Loss")
    settings = {"arch": {"name": "mlp", "hidden_g": [5]}, "training": {"n_critic": 2}}
    config = Case(case.component, case.registry, case.module, case.options, settings).config()
    assert (config.name("loss"), config.name("arch"), config.training.n_critic) == ("broken", "mlp", 2)
    assert config.options["arch"].hidden_g == (5,)
    assert config.options["data"].size == 16


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Return a function that writes a plugin of one component and loads it; it finds an empty torch, for speed."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "torch.py").touch()
    (tmp_path / "heavy_target.py").write_text("import torch\nfrom contract_data import Data\n")

    def write(module, rule="None", first=""):
        head = f"from gantool import Component, hookimpl\n{first}\nGANTOOL_API = 1\ndef heavy(config): import torch\n"
        component = f"Component('dataset', 'heavy', 'heavy_target:Data', 'Heavy.', requires={rule})"
        hook = f"@hookimpl\ndef gantool_components(): return [{component}]\n"
        (tmp_path / f"{module}.py").write_text(head + hook)
        return load_plugin(module)

    return write


def test_a_plugin_that_imports_torch_is_named(written):
    plugin, _ = written("heavy_module", first="import torch")
    with pytest.raises(AssertionError, match="importing heavy_module and calling its hooks imports torch"):
        check_imports_no_torch(plugin)


def test_a_rule_that_imports_torch_is_named(written):
    plugin, _ = written("heavy_rule", rule="heavy")
    with pytest.raises(AssertionError, match=r"resolving a run with the dataset heavy \(its requires or resolve\)"):
        check_imports_no_torch(plugin)


def test_a_description_that_imports_torch_is_named(written):
    plugin, registry = written("heavy_data")
    with pytest.raises(AssertionError, match=r"describe\(\) of the dataset heavy imports torch"):
        check_description_imports_no_torch(Case(plugin.components[0], registry, plugin.module))


def test_a_recipe_that_sets_an_unknown_option_fails(tmp_path, monkeypatch):
    (tmp_path / "recipes_of_a_plugin").mkdir()
    (tmp_path / "recipes_of_a_plugin" / "__init__.py").touch()
    (tmp_path / "recipes_of_a_plugin" / "bad.toml").write_text("[training]\nstep = 5\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(OptionError, match=r"broken: training.step: is not an option; .* did you mean steps"):
        check_recipe_resolves(case_of("recipe", "recipes_of_a_plugin:bad.toml"))


def test_a_plugin_that_gantool_does_not_take_up_fails_with_the_reason():
    with pytest.raises(AssertionError, match="no_such_module is failed: ModuleNotFoundError"):
        check_loads(load_plugin("no_such_module")[0])
    with pytest.raises(AssertionError, match="json is incompatible: states no GANTOOL_API"):
        check_loads(load_plugin("json")[0])


def test_a_target_that_is_missing_or_cannot_be_called_fails():
    for target in ("contract_parts:Missing", "contract_parts:NOT_CALLABLE"):
        assert failing(case_of("loss", target), [check_target_loads]) == {"target_loads"}


def test_a_command_must_be_a_click_command():
    check_command_loads(Command("train", "Train.", "gantool.cli.train:command"))
    with pytest.raises(AssertionError, match="contract_parts:Loss is a type, not a click"):
        check_command_loads(Command("hinge", "Hinge.", "contract_parts:Loss"))
