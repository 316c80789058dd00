"""Settings: tiers, what each may say, and what is resolved."""

import itertools
from typing import Annotated, Literal

import pytest

from gantool import Component, Meta, Options, Registry, Tier, load_plugins, resolve
from gantool.config import RunConfig, choose, merge_trees, values
from gantool.errors import OptionError, PluginError, UserError
from gantool.recipes import read_recipe

NOWHERE = "no_such_module:Nothing"  # to resolve settings, no target is imported


class NetOptions(Options, frozen=True):
    width: Annotated[int, Meta(ge=1, le=64)] = 8
    norm: Literal["auto", "batch", "none"] = "auto"
    depth: int | None = None


class OtherOptions(Options, frozen=True):
    hidden: int = 3


class PenaltyOptions(Options, frozen=True):
    weight: float = 10.0


def auto_norm(config):
    return {"norm": "none" if config.name("lipschitz") == "penalty" else "batch", "width": 1}


def needs_penalty(config):
    return "wants --lipschitz penalty" if config.name("lipschitz") == "none" else None


def part(kind, name, options=Options, **fields):
    return Component(kind, name, NOWHERE, name, options, **fields)


def registry(*more, recipes=None):
    """A registry of one small component or two of each kind; ``recipes`` gives some of them a recipe by name."""
    made = Registry()
    parts = [
        part("architecture", "net", NetOptions, resolve=auto_norm),
        part("architecture", "other", OtherOptions),
        part("loss", "plain"),
        part("loss", "critic", requires=needs_penalty),
        part("lipschitz", "none"),
        part("lipschitz", "penalty", PenaltyOptions, critic_norms=("none",)),
        part("dataset", "dots"),
        part("conditioning", "none"),
        *more,
    ]
    for item in parts:
        recipe = (recipes or {}).get(item.name, item.recipe)
        made.add([Component(**{**vars(item), "recipe": recipe})])
    return made


CHOSEN = {"arch": "net", "loss": "plain", "lipschitz": "none", "data": "dots", "condition": "none"}
BUILT_IN = {"data": "packed", "loss": "bce", "arch": "dcgan", "lipschitz": "none", "condition": "none"}


def settle(*trees, base=CHOSEN, **fields):
    named = [Tier(f"tier {number}", tree) for number, tree in enumerate(trees, 1)]
    return resolve(registry(**fields), [Tier("base", base), *named])


def shipped():
    return load_plugins(True).registry


def names(config):
    return {section: component.name for section, component in config.components.items()}


# Tiers


def test_defaults_hold_where_nothing_is_given():
    config = settle()
    assert values(config.options["arch"]) == {"width": 8, "norm": "batch", "depth": None}
    assert config.training.batch_size == 64


TIERS = ("arch net", "loss plain", "data dots", "recipe r", "config c", "flags")


@pytest.mark.parametrize("strongest", TIERS)
def test_a_stronger_tier_wins_and_is_named_as_the_origin(strongest):
    present = TIERS[: TIERS.index(strongest) + 1]
    size = {tier: {"training": {"batch_size": number}} for number, tier in enumerate(TIERS, 2) if tier in present}
    recipes = {name: size.get(f"{section} {name}", {}) for section, name in CHOSEN.items() if name != "none"}
    asked = [Tier(tier, size[tier]) for tier in TIERS[3:] if tier in present]
    config = resolve(registry(recipes=recipes), [Tier("base", CHOSEN), *asked])
    assert config.training.batch_size == 2 + TIERS.index(strongest)
    assert config.origins["training.batch_size"] == strongest


def test_an_option_keeps_the_value_of_a_weaker_tier_where_a_stronger_one_is_silent():
    config = settle({"arch": {"width": 4}}, {"arch": {"depth": 2}})
    assert (config.options["arch"].width, config.options["arch"].depth) == (4, 2)
    assert (config.origins["arch.width"], config.origins["arch.depth"]) == ("tier 1", "tier 2")


def test_the_default_recipe_stands_under_all_others():
    config = resolve(shipped(), [Tier("flags", {"data": "packed"})])  # a dataset without a recipe of its own
    assert names(config) == BUILT_IN
    assert config.origins["loss.name"] == "default"


def test_a_section_that_nothing_names_is_asked_for():
    with pytest.raises(OptionError) as refusal:
        resolve(registry(), [Tier("flags", {"data": "dots", "loss": "plain"})])
    assert str(refusal.value) == "--arch: was not given; known: net, other; type: --arch NAME"


# Recipes of components


def test_a_losss_recipe_chooses_its_enforcer_and_its_training():
    config = resolve(shipped(), [Tier("flags", {"loss": "wgan-gp", "data": "packed"})])
    assert config.name("lipschitz") == "gp"
    assert (config.training.n_critic, config.training.betas, config.training.lr_g) == (5, (0.0, 0.9), 1e-4)
    assert config.origins["training.n_critic"] == "loss wgan-gp"


def test_both_wasserstein_recipes_share_one_loss():
    parts = [shipped().get("loss", name) for name in ("wgan", "wgan-gp", "wgan-clip")]
    assert len({component.target for component in parts}) == 1


def test_the_recipe_of_a_component_that_was_not_chosen_is_silent():
    config = settle(recipes={"other": {"training": {"steps": 7}}})
    assert config.training.steps == 1000


def test_a_recipe_is_dropped_as_a_whole_where_a_component_that_it_names_was_replaced():
    recipes = {"dots": {"arch": "other", "loss": "critic", "training": {"steps": 7}}}
    base = {"data": "dots", "lipschitz": "none", "condition": "none"}
    config = settle({"arch": "net", "loss": "plain"}, base=base, recipes=recipes)
    assert (names(config), config.training.steps) == (CHOSEN, 1000)


def test_a_recipe_that_does_not_apply_chooses_nothing_either():
    recipes = {"plain": {"arch": "other", "lipschitz": "penalty"}}
    asked = {"data": "dots", "loss": "plain", "condition": "none", "arch": "net"}
    with pytest.raises(OptionError, match="--lipschitz: was not given"):
        settle(base=asked, recipes=recipes)


def test_of_two_recipes_that_contradict_each_other_the_stronger_one_chooses():
    recipes = {"dots": {"lipschitz": "none"}, "plain": {"lipschitz": "penalty", "training": {"steps": 9}}}
    base = {"data": "dots", "loss": "plain", "arch": "net", "condition": "none"}
    config = settle(base=base, recipes=recipes)
    assert (config.name("lipschitz"), config.training.steps) == ("none", 1000)
    assert config.origins["lipschitz.name"] == "data dots"


def test_a_case_of_when_applies_only_to_the_components_that_it_names():
    case = {"loss": "critic", "lipschitz": {"name": "penalty", "weight": 3}, "training": {"steps": 7}}
    recipes = {"net": {"training": {"steps": 5}, "when": [case]}}
    plain = settle(recipes=recipes)
    critic = settle({"loss": "critic", "lipschitz": "penalty"}, recipes=recipes)
    assert (plain.training.steps, plain.name("lipschitz")) == (5, "none")
    assert (critic.training.steps, critic.options["lipschitz"].weight) == (7, 3.0)
    assert critic.origins["training.steps"] == "arch net"


def test_a_later_case_of_when_wins_over_an_earlier_one():
    cases = [{"loss": "plain", "training": {"steps": steps}} for steps in (7, 9)]
    assert settle(recipes={"net": {"when": cases}}).training.steps == 9


def test_a_recipe_with_an_unknown_section_is_blamed_by_its_components_name():
    with pytest.raises(OptionError, match=r"^arch net: trainning: is unknown; .*; did you mean training\?$"):
        settle(recipes={"net": {"trainning": {"steps": 5}}})


# What a tier may say


def test_a_name_may_stand_alone_or_in_a_table():
    assert settle({"arch": "other"}).name("arch") == settle({"arch": {"name": "other"}}).name("arch") == "other"


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (
            {"archh": "net"},
            "tier 1: archh: is unknown; known: arch, loss, lipschitz, data, condition, regularizer, augmentation, ",
        ),
        (
            {"arch": {"widht": 4}},
            "tier 1: arch.widht: is not an option; known: width, norm, depth; did you mean width?",
        ),
        ({"training": {"stesp": 4}}, "tier 1: training.stesp: is not an option; known: steps, "),
        ({"training": {"name": "x", "steps": 4}}, "tier 1: training.name: is not an option; known: steps, "),
        ({"arch": {"width": 65}}, "tier 1: arch.width: 65 was given; allowed: an integer from 1 to 64; type: "),
        ({"lipschitz": {"name": "penalty", "weight": float("nan")}}, "tier 1: lipschitz.weight: nan was given; "),
        ({"training": {"lr_g": float("inf")}}, "tier 1: training.lr_g: inf was given; allowed: a finite number "),
        ({"training": {"betas": [0.0, float("-inf")]}}, "tier 1: training.betas: [0.0, -inf] was given; "),
        ({"training": "fast"}, "tier 1: training: 'fast' was given; a table, as in [training]"),
        ({"arch": 3}, "tier 1: arch: 3 was given; a table, as in [arch]"),
        ({"arch": {"name": 3}}, "tier 1: arch.name: 3 was given; the name of a component"),
        ({"arch": "nett"}, "tier 1: arch: there is no architecture 'nett'; known: net, other; did you mean net?"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_the_tier_that_gave_it(tree, said):
    with pytest.raises(UserError) as refusal:
        settle(tree)
    assert str(refusal.value).startswith(said)


def test_a_tier_may_say_by_itself_where_a_value_stands():
    tier = Tier("flags", {"arch": {"width": 65}}, lambda section, option: f"--{section}.{option}")
    with pytest.raises(OptionError, match=r"^--arch\.width: 65 was given"):
        resolve(registry(), [Tier("base", CHOSEN), tier])


def test_options_of_another_component_do_not_carry_over():
    config = settle({"arch": {"name": "net", "width": 4}}, {"arch": "other"})
    assert values(config.options["arch"]) == {"hidden": 3}
    assert config.given["arch"] == {"name": "other"}


def test_options_come_back_with_their_component():
    config = settle({"arch": {"name": "net", "width": 4}}, {"arch": "other"}, {"arch": "net"})
    assert config.options["arch"].width == 4
    assert config.given["arch"] == {"name": "net", "width": 4}


# What was given, and what was resolved


def test_what_was_given_is_kept_beside_what_was_resolved():
    asked = {"loss": "wgan-gp", "data": "packed", "training": {"steps": 9}}
    config = resolve(shipped(), [Tier("flags", asked)])
    assert config.given == {"loss": {"name": "wgan-gp"}, "data": {"name": "packed"}, "training": {"steps": 9}}
    assert config.tree()["lipschitz"] == {"name": "gp", "weight": 10.0, "target": 1.0, "one_sided": False, "every": 1}


def test_an_option_without_its_components_name_stays_given_when_the_name_is_given_too():
    config = resolve(shipped(), [Tier("config", {"arch": {"channels": 4}}), Tier("flags", {"arch": "dcgan"})])
    assert config.options["arch"].channels == 4
    assert config.given == {"arch": {"channels": 4, "name": "dcgan"}}


def test_a_run_starts_again_from_what_was_given_with_another_losss_own_recipe():
    first = resolve(shipped(), [Tier("flags", {"loss": "wgan-gp", "training": {"steps": 9}})])
    again = resolve(shipped(), [Tier("config", first.given), Tier("flags", {"loss": "bce"})])
    assert (again.name("lipschitz"), again.training.n_critic, again.training.steps) == ("none", 1, 9)


def test_resolved_settings_resolve_to_themselves():
    first = resolve(shipped(), [Tier("flags", {"loss": "wgan-clip", "condition": "embedding"})])
    assert resolve(shipped(), [Tier("checkpoint", first.tree())]).tree() == first.tree()


def test_trees_merge_as_their_tiers_do():
    trees = [{"a": {"name": "x", "one": 1}}, {"a": {"two": 2}, "b": {"three": 3}}, {"a": {"name": "y"}}]
    assert merge_trees(trees) == {"a": {"two": 2, "name": "y"}, "b": {"three": 3}}


# What is left at auto, and the rules that join components


def test_a_value_at_auto_is_resolved_by_its_component():
    config = settle({"lipschitz": "penalty"})
    assert (config.options["arch"].norm, config.origins["arch.norm"]) == ("none", "auto")


def test_a_value_that_was_given_is_not_resolved_anew():
    config = settle({"arch": {"norm": "none", "width": 5}})
    assert (config.options["arch"].norm, config.options["arch"].width) == ("none", 5)
    assert config.origins["arch.norm"] == "tier 1"


def test_precision_at_auto_is_resolved_to_what_the_processor_does():
    assert settle().training.precision in ("fp32", "bf16")
    assert settle().origins["training.precision"] == "auto"
    assert settle({"training": {"precision": "bf16"}}).training.precision == "bf16"


def test_the_critics_norm_follows_the_enforcer():
    found = {
        enforcer: resolve(shipped(), [Tier("flags", {"loss": "wgan", "lipschitz": enforcer})]).options["arch"].norm_d
        for enforcer in ("clip", "gp")
    }
    assert found == {"clip": "batch", "gp": "layer"}


def test_batch_norm_in_a_critic_with_the_gradient_penalty_is_refused():
    with pytest.raises(OptionError) as refusal:
        resolve(shipped(), [Tier("flags", {"loss": "wgan-gp", "arch": {"norm_d": "batch"}})])
    assert str(refusal.value) == (
        "--arch dcgan: norm-d batch was given with --lipschitz gp; allowed there: layer, instance, none; "
        "type: --arch.norm-d layer"
    )


def test_what_a_component_requires_is_checked_on_the_resolved_settings():
    with pytest.raises(OptionError, match=r"^--loss critic: wants --lipschitz penalty$"):
        settle({"loss": "critic"})
    assert settle({"loss": "critic", "lipschitz": "penalty"}).name("loss") == "critic"


# What is shipped


@pytest.mark.parametrize("recipe", shipped().names("recipe"))
def test_every_shipped_recipe_resolves_to_what_it_says(recipe):
    tree = read_recipe(shipped(), recipe)
    config = resolve(shipped(), [Tier(f"recipe {recipe}", tree)])
    assert isinstance(config, RunConfig)
    resolved = config.tree()
    for section, table in tree.items():
        said = {"name": table} if isinstance(table, str) else table
        assert said.items() <= resolved[section].items()


LOSSES, NETS, DATA = (shipped().names(kind) for kind in ("loss", "architecture", "dataset"))


@pytest.mark.parametrize(("loss", "arch", "data"), list(itertools.product(LOSSES, NETS, DATA)))
def test_every_combination_resolves_or_says_what_it_needs(loss, arch, data):
    tiers = [Tier("flags", {"loss": loss, "arch": arch, "data": data})]
    if loss == "wgan":
        with pytest.raises(OptionError, match="needs an enforcer"):
            resolve(shipped(), tiers)
    else:
        assert (config := resolve(shipped(), tiers)).name("loss") == loss
        assert "auto" not in [
            value for table in config.tree().values() for key, value in table.items() if "norm" in key
        ]


def test_choosing_components_asks_for_no_options():
    chosen = choose(registry(), [Tier("base", CHOSEN), Tier("flags", {"arch": {"widht": 3}})])
    assert {section: component.name for section, component in chosen.items()} == CHOSEN


def test_a_target_is_imported_when_its_component_is_made_and_not_before():
    config = settle({"lipschitz": "penalty"})
    with pytest.raises(PluginError, match=r"^lipschitz penalty: cannot import no_such_module:Nothing"):
        config.create("lipschitz")


def test_a_recipe_whose_file_is_gone_is_blamed_on_its_plugin():
    made = registry(Component("recipe", "faces", "gantool_classic:recipes/no-such.toml", "Gone."))
    with pytest.raises(PluginError, match=r"^--recipe faces: cannot be read \(.*no-such.toml.*\); try: "):
        read_recipe(made, "faces")


# Lists: kinds of which a run has any number


class TermOptions(Options, frozen=True):
    weight: Annotated[float, Meta(ge=0)] = 1.0
    mode: Literal["auto", "fast"] = "auto"


def needs_big_weight(config):
    return "weighs too little" if config.options["term"].weight < 0.5 else None


TERM = part(
    "regularizer",
    "term",
    TermOptions,
    requires=needs_big_weight,
    resolve=lambda config: {"mode": "fast", "weight": 9.0},
)
OTHER = part("regularizer", "other-term")


@pytest.mark.parametrize("given", ["term", ["term"], {"names": ["term"]}, ["term", "term"]])
def test_a_list_is_given_as_a_name_as_names_or_written_out(given):
    config = resolve(registry(TERM, OTHER), [Tier("base", CHOSEN), Tier("file", {"regularizer": given})])
    assert [item.name for item in config.lists["regularizer"]] == ["term"]
    assert config.tree()["regularizer"] == {"names": ["term"]}
    assert config.tree()["term"] == {"weight": 1.0, "mode": "fast"}  # only what was left at auto is resolved
    assert (config.origins["regularizer.names"], config.origins["term.mode"]) == ("file", "auto")
    assert [source["name"] for source in config.provided()["regularizer"]] == ["term"]


def test_the_strongest_tier_names_the_list_and_tables_of_options_are_merged():
    tiers = [
        Tier("base", CHOSEN),
        Tier("file", {"regularizer": ["term", "other-term"], "term": {"weight": 2.0}}),
        Tier("flags", {"regularizer": ["term"], "term": {"mode": "fast"}}),
    ]
    config = resolve(registry(TERM, OTHER), tiers)
    assert config.tree()["regularizer"] == {"names": ["term"]}
    assert (config.tree()["term"], config.origins["term.weight"]) == ({"weight": 2.0, "mode": "fast"}, "file")
    assert "other-term" not in config.tree()
    cleared = resolve(registry(TERM, OTHER), [*tiers, Tier("more", {"regularizer": "none"})])
    assert cleared.tree()["regularizer"] == {"names": []}
    assert "term" not in cleared.tree()
    again = resolve(registry(TERM, OTHER), [Tier("stored", config.tree())])
    assert again.tree() == config.tree()


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (
            {"regularizer": "trem"},
            "file: regularizer: there is no regularizer 'trem'; known: other-term, term; did you",
        ),
        ({"regularizer": [3]}, "file: regularizer: [3] was given; a list of names of components"),
        ({"regularizer": {"name": "term"}}, "file: regularizer.name: is not an option; known: names; options go into"),
        ({"regularizer": {"names": ["term"], "weight": 5}}, "file: regularizer.weight: is not an option; known: names"),
        ({"term": {"wieght": 2}}, "file: term.wieght: is not an option; known: weight, mode; did you mean weight?"),
        ({"regularizer": "none", "term": {"weight": -1}}, "file: term.weight: -1 was given; allowed: "),
        ({"term": {"weight": 2}, "terms": {}}, "file: terms: is unknown; known: arch, "),
        (
            {"regularizer": "term", "term": {"wieght": 2}},
            "file: term.wieght: is not an option; known: weight, mode; did",
        ),
        ({"regularizer": "term", "term": {"weight": -1}}, "file: term.weight: -1 was given; allowed: "),
        ({"regularizer": "term", "term": {"weight": 0.1}}, "--regularizer term: weighs too little"),
    ],
)
def test_a_list_that_cannot_be_is_refused_by_its_place(tree, said):
    with pytest.raises(UserError) as refusal:
        resolve(registry(TERM, OTHER), [Tier("base", CHOSEN), Tier("file", tree)])
    assert str(refusal.value).startswith(said)


def test_a_part_of_a_list_may_not_be_named_like_a_table_of_settings():
    assert "is that of a table" in str(part("regularizer", "data").problem())
    assert "is that of a table" in str(part("regularizer", "none").problem())
    assert "is that of a table" in str(part("metric", "data").problem())  # commands have --data beside their tools
    assert part("metric", "lipschitz").problem() is None
    assert part("dataset", "data").problem() is None
    assert part("regularizer", "x", recipe={"loss": "y"}).problem() == "a regularizer brings no recipe"


def test_a_recipe_may_name_a_list():
    made = registry(TERM, recipes={"plain": {"regularizer": ["term"], "term": {"weight": 3.0}}})
    config = resolve(made, [Tier("base", CHOSEN)])
    assert (config.tree()["regularizer"], config.tree()["term"]["weight"]) == ({"names": ["term"]}, 3.0)
    assert config.origins["regularizer.names"] == "loss plain"
