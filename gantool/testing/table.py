"""Which checks a component gets, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gantool.plugins import Plugin
from gantool.registry import Command
from gantool.testing import (
    architecture,
    augmentation,
    classifier,
    conditioning,
    converter,
    dataset,
    declaration,
    diagnostic,
    extractor,
    finder,
    light,
    lipschitz,
    loss,
    metric,
    observer,
    regularizer,
    run,
)
from gantool.testing.case import Case

__all__ = ["COMMAND", "COMPONENT", "KIND", "PLUGIN", "TRAINED", "checks_of"]

Check = Callable[[Case], None]

PLUGIN: tuple[Callable[[Plugin], None], ...] = (light.check_loads, light.check_imports_no_torch)
COMMAND: tuple[Callable[[Command], None], ...] = (declaration.check_command_loads,)
COMPONENT: tuple[Check, ...] = (
    declaration.check_target_loads,
    declaration.check_no_option_is_called_name,
    declaration.check_options_are_described,
    declaration.check_defaults_are_valid,
    declaration.check_flags_toml_and_json_agree,
)
TRAINED: tuple[Check, ...] = (
    run.check_resume_is_exact,
    run.check_sampling_gives_what_was_trained,
    run.check_trains_in_half_precision,
)
KIND: Mapping[str, tuple[Check, ...]] = {
    "architecture": (
        architecture.check_output_shapes,
        architecture.check_accepts_codes_and_planes,
        architecture.check_pictures_stay_in_range,
        architecture.check_scores_are_raw,
        architecture.check_gradients_reach_every_parameter,
        architecture.check_penalty_reaches_the_critic,
        architecture.check_critic_without_batch_statistics,
        architecture.check_samples_are_independent_in_eval,
        architecture.check_copies_and_states_agree,
        architecture.check_seed_decides,
        architecture.check_inputs_are_left_alone,
        architecture.check_half_precision_is_finite,
        architecture.check_channels_last_agrees,
        *TRAINED,
    ),
    "loss": (
        loss.check_finite_scalars,
        loss.check_slopes_reach_the_scores,
        loss.check_reals_should_score_high,
        loss.check_generator_should_raise_fakes,
        *TRAINED,
    ),
    "lipschitz": (
        lipschitz.check_prepared_critic_trains,
        lipschitz.check_penalty_is_a_scalar,
        lipschitz.check_penalty_reaches_the_critic,
        lipschitz.check_step_decides_the_penalty,
        lipschitz.check_penalty_keeps_the_condition,
        lipschitz.check_penalty_leaves_its_inputs_alone,
        *TRAINED,
    ),
    "conditioning": (
        conditioning.check_generator_side_has_the_widths_it_says,
        conditioning.check_discriminator_side_appends_its_channels,
        conditioning.check_labels_make_a_difference,
        conditioning.check_state_round_trip,
        *TRAINED,
    ),
    "regularizer": (
        regularizer.check_slots_are_known,
        regularizer.check_term_is_a_scalar_that_reaches_the_generator,
        regularizer.check_term_leaves_the_generator_alone,
        *TRAINED,
    ),
    "augmentation": (
        augmentation.check_shape_and_slope_are_kept,
        augmentation.check_twice_differentiable,
        augmentation.check_step_decides_the_look,
        augmentation.check_share_decides_nothing,
        augmentation.check_inputs_are_left_alone,
        augmentation.check_adapts_its_buffers_alone,
        *TRAINED,
    ),
    "observer": (
        observer.check_is_an_observer,
        observer.check_hears_a_run,
        observer.check_hears_a_run_by_the_clock,
        observer.check_hears_a_run_that_is_resumed,
    ),
    "direction-finder": (
        finder.check_needs_are_known,
        finder.check_directions_lie_in_z,
        finder.check_seed_decides,
        finder.check_inputs_are_left_alone,
        finder.check_network_is_left_alone,
    ),
    "converter": (
        converter.check_other_makes_are_left_alone,
        converter.check_what_is_written_reads_back,
        converter.check_inputs_are_left_alone,
    ),
    "dataset": (
        light.check_description_imports_no_torch,
        dataset.check_description_agrees_with_the_data,
        dataset.check_labels_fit_their_names,
        dataset.check_loading_again_gives_the_same,
        *TRAINED,
    ),
    "classifier": (
        classifier.check_names_are_unique,
        classifier.check_network_gives_its_outputs,
        classifier.check_network_follows_its_input,
        classifier.check_pictures_are_independent_in_eval,
        classifier.check_state_round_trip,
    ),
    "extractor": (
        extractor.check_network_gives_features,
        extractor.check_names_fit_the_logits,
        extractor.check_pictures_are_independent,
        extractor.check_network_is_frozen,
        extractor.check_description_names_the_weights,
    ),
    "metric": (
        metric.check_says_what_it_needs,
        metric.check_figure_is_a_number_in_its_interval,
        metric.check_seed_decides,
        metric.check_inputs_are_left_alone,
    ),
    "diagnostic": (
        diagnostic.check_silent_without_readings,
        diagnostic.check_silent_on_a_healthy_run,
        diagnostic.check_copes_with_broken_numbers,
        diagnostic.check_same_vitals_give_the_same_answer,
        diagnostic.check_flags_start_a_run,
    ),
}


def checks_of(case: Case) -> tuple[Check, ...]:
    """Return the checks of a component; a kind that is not in the table gets those of every component."""
    if case.component.kind == "recipe":
        return (declaration.check_recipe_resolves,)
    if case.component.kind == "dataset" and case.needs_root:
        return (*COMPONENT, dataset.check_missing_root_is_said)
    return (*COMPONENT, *KIND.get(case.component.kind, ()))
