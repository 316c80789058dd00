"""Components by kind and name."""

import pytest

from gantool import Component, Options, Registry
from gantool.errors import PluginError
from gantool.registry import KINDS, SECTIONS, Command, Provider


def loss(name, plugin="mine", **fields):
    target = fields.pop("target", "collections:OrderedDict")
    return Component("loss", name, target, "A loss.", provider=Provider(plugin), **fields)


@pytest.fixture
def registry():
    made = Registry()
    made.add([loss("wgan"), loss("bce"), loss("hinge", "left"), loss("hinge", "right")])
    return made


def test_names_are_sorted_and_each_stands_once(registry):
    assert registry.names("loss") == ["bce", "hinge", "wgan"]
    assert registry.names("architecture") == []


def test_a_component_is_found_by_kind_and_name(registry):
    assert registry.get("loss", "bce").name == "bce"


def test_an_unknown_name_is_refused_with_the_nearest(registry):
    with pytest.raises(PluginError) as refusal:
        registry.get("loss", "wgna")
    assert str(refusal.value) == ("--loss: there is no loss 'wgna'; known: bce, hinge, wgan; did you mean wgan?")


def test_an_unknown_name_without_a_near_one_is_refused_with_the_command_that_lists(registry):
    with pytest.raises(PluginError) as refusal:
        registry.get("architecture", "dcgan", "config run.toml: arch.name")
    assert str(refusal.value) == (
        "config run.toml: arch.name: there is no architecture 'dcgan'; known: none; "
        "type: gantool components architecture"
    )


def test_a_name_that_two_plugins_claim_is_refused_when_it_is_used(registry):
    with pytest.raises(PluginError) as refusal:
        registry.get("loss", "hinge")
    assert str(refusal.value) == (
        "--loss: the loss 'hinge' is provided by left and right; one plugin may provide a name; "
        "keep one: GANTOOL_PLUGINS=left"
    )
    assert [provider.plugin for provider in registry.providers("loss", "hinge")] == ["left", "right"]


def test_each_kind_has_a_flag_of_its_own_and_a_run_has_one_of_five():
    assert len({kind.section for kind in KINDS.values()}) == len(KINDS)
    assert {kind.name for kind in SECTIONS.values()} == {kind.name for kind in KINDS.values() if kind.use == "one"}
    assert set(SECTIONS) == {"arch", "loss", "lipschitz", "data", "condition"}
    assert SECTIONS["arch"].name == "architecture"


@pytest.mark.parametrize(
    ("component", "problem"),
    [
        (Component("losses", "x", "m:X", "s"), "unknown kind 'losses'; known: architecture, loss, "),
        (Component("loss", "Hinge", "m:X", "s"), "the name 'Hinge' must be lower-case letters"),
        (Component("loss", "-x", "m:X", "s"), "the name '-x' must be lower-case letters"),
        (Component("loss", "x", "m.X", "s"), "the target 'm.X' of 'x' must be 'module:attribute'"),
        (Component("loss", "x", "m:X", "s", dict), "the options of 'x' must be a struct derived from gantool.Options"),
    ],
)
def test_a_malformed_description_is_explained(component, problem):
    assert component.problem().startswith(problem)


def test_a_sound_description_has_no_problem():
    assert loss("hinge-2").problem() is None


def test_a_target_is_imported_and_called_with_the_options():
    made = loss("bce", target="gantool.registry:Provider").create(Options())
    assert made == Provider(Options())


def test_a_component_is_made_with_its_defaults_where_none_are_given():
    assert loss("bce", target="gantool.registry:Provider").create() == Provider(Options())


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("no_such_module:X", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("collections:NoSuchName", "AttributeError"),
    ],
)
def test_a_target_that_is_gone_is_blamed_on_its_plugin(target, why):
    with pytest.raises(PluginError) as refusal:
        loss("bce", target=target).load()
    assert str(refusal.value).startswith(f"loss bce: cannot import {target} ({why}")
    assert str(refusal.value).endswith("it belongs to the plugin mine; try: --plugin mine")


def test_a_target_that_ends_the_process_is_blamed_on_its_plugin(plugin_modules):
    command = Command("bye", "Ends.", "exits_at_import:bye", Provider("mine", "gantool-mine", "1"))
    with pytest.raises(PluginError) as refusal:
        command.load()
    assert str(refusal.value) == (
        "gantool bye: cannot import exits_at_import:bye (SystemExit: 3); it belongs to the plugin mine; "
        "try: pip install gantool-mine"
    )
