"""Discovery of plugins: each is kept apart, has a status, and takes nothing else down."""

import hashlib
import os
import sys
from importlib.metadata import EntryPoint, entry_points

import pytest

from gantool.commands import COMMANDS
from gantool.errors import PluginError
from gantool.plugins import discover, load_local, load_plugins

pytestmark = pytest.mark.usefixtures("plugin_modules")

BROKEN = {
    "fails_to_import": ("failed", "RuntimeError: the sky fell"),
    "exits_at_import": ("failed", "SystemExit: 3"),
    "misspelt_hook": (
        "failed",
        "gantool_component is not a hook; known: gantool_components, gantool_commands; "
        "did you mean gantool_components?",
    ),
    "unknown_hook": (
        "failed",
        "components is marked as a hook and is none; known: gantool_components, gantool_commands",
    ),
    "unmarked_hook": ("failed", "gantool_components is not marked as a hook; write @gantool.hookimpl above it"),
    "wrong_signature": ("failed", "gantool_components(registry)"),
    "raises_halfway": ("failed", "ValueError: half-way"),
    "too_new": ("incompatible", "was written for API 2; this gantool has 1"),
    "states_no_api": ("incompatible", "states no GANTOOL_API; this gantool has 1"),
    "shadows_command": ("failed", "the command 'train' is built in; choose another name"),
    "shadows_builtin": ("failed", "the loss 'bce' is built in; choose another name"),
    "provides_twice": ("failed", "provides the loss 'twin' twice"),
    "commands_twice": ("failed", "provides the command 'twin' twice"),
    "returns_text": ("failed", "gantool_components returned a str; return Component(...)"),
    "returns_nothing": ("failed", "TypeError: 'NoneType' object is not iterable"),
    "odd_options": ("failed", "TypeError: option 'table': a field may be int, float, bool, str, "),
    "unknown_kind": ("failed", "unknown kind 'losses'; known: architecture, loss, "),
    "no_such_module": ("failed", "ModuleNotFoundError: No module named 'no_such_module'"),
}
SHADOW = """
from gantool import Component, hookimpl
GANTOOL_API = 1
@hookimpl
def gantool_components():
    return [Component({kind!r}, {name!r}, f"{{__name__}}:Made", {summary!r})]
class Made:
    word = {summary!r}
    def __init__(self, options): pass
"""


def points(*names):
    """The built-in plugin, and modules of tests/plugins under their own names."""
    (classic,) = entry_points(group="gantool", name="classic")
    return [classic, *(EntryPoint(name, name, "gantool") for name in names)]


def status(found):
    return {plugin.name: plugin.status for plugin in found.plugins}


def local_file(path, kind="loss", name="mine", summary="first"):
    path.write_text(SHADOW.format(kind=kind, name=name, summary=summary))
    return path


# Isolation


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_gets_a_status_and_a_reason_and_the_others_go_on(name):
    expected, reason = BROKEN[name]
    found = discover(points("sound", name))
    assert status(found) == {"classic": "ok", name: expected, "sound": "ok"}
    (broken,) = found.broken()
    assert reason in broken.reason
    assert "\n" not in broken.reason
    assert (broken.components, broken.commands) == ([], [])
    assert found.registry.names("loss") == discover(points("sound")).registry.names("loss")
    assert sorted(found.registry.commands) == ["greet", "vanished"]


def test_all_broken_plugins_together_leave_the_sound_ones_alone():
    found = discover(points(*BROKEN, "sound"))
    assert {name for name, state in status(found).items() if state == "ok"} == {"classic", "sound"}


def test_built_in_plugins_load_first_whatever_their_name():
    (classic,) = points()
    early = EntryPoint("aaa", "shadows_builtin", "gantool")
    found = discover([early, classic])
    assert status(found) == {"classic": "ok", "aaa": "failed"}
    assert found.registry.get("loss", "bce").provider.dist == "gantool"


def test_components_are_stamped_with_the_plugin_that_provides_them(install):
    install("sound")
    provider = load_plugins().registry.get("loss", "sound").provider
    assert (provider.plugin, provider.dist, provider.version) == ("sound", "gantool-extra", "1.2")
    assert provider.install == "pip install gantool-extra"


def test_strict_mode_raises_what_the_plugin_raised(monkeypatch):
    monkeypatch.setenv("GANTOOL_STRICT", "1")
    with pytest.raises(RuntimeError, match="the sky"):
        discover(points("fails_to_import"))
    assert status(discover(points("too_new")))["too_new"] == "incompatible"


def test_an_interrupt_during_an_import_is_not_taken_for_a_broken_plugin(tmp_path, monkeypatch):
    (tmp_path / "interrupted.py").write_text("raise KeyboardInterrupt")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        discover(points("interrupted"))


# Clashes


def test_two_third_parties_with_one_name_clash_when_it_is_used():
    registry = discover(points("clash_right", "clash_left")).registry
    with pytest.raises(PluginError) as refusal:
        registry.get("loss", "hinge")
    assert str(refusal.value) == (
        "--loss: the loss 'hinge' is provided by clash_left and clash_right; one plugin may provide a name; "
        "keep one: GANTOOL_PLUGINS=clash_left"
    )


def test_what_else_two_clashing_plugins_provide_can_be_used():
    found = discover(points("clash_right", "clash_left"))
    assert status(found) == {"classic": "ok", "clash_left": "ok", "clash_right": "ok"}
    assert [found.registry.get("loss", name).summary for name in ("left", "right")] == ["Left.", "Right."]


def test_what_the_message_of_a_clash_says_to_type_ends_it():
    registry = discover(points("clash_right", "clash_left"), {"clash_left"}).registry
    assert registry.get("loss", "hinge").summary == "Left."


def test_a_command_that_another_plugin_provides_is_refused():
    again = EntryPoint("zzz", "sound", "gantool")
    found = discover([*points("sound"), again])
    assert found.plugins[-1].reason == "the command 'greet' is provided by sound"


# What is wanted


def test_a_plugin_that_is_not_wanted_is_not_imported():
    found = discover(points("sound", "clash_left"), {"clash_left"})
    assert status(found) == {"classic": "ok", "clash_left": "ok", "sound": "disabled"}
    assert ("sound" in sys.modules, "clash_left" in sys.modules) == (False, True)
    assert found.broken() == []


@pytest.mark.parametrize(
    ("wanted", "imported"),
    [
        (None, {"sound", "clash_left", "clash_right"}),
        ("sound", {"sound"}),
        ("sound, clash_left", {"sound", "clash_left"}),
        ("", set()),
    ],
)
def test_the_variable_keeps_what_it_names_before_anything_is_imported(install, monkeypatch, wanted, imported):
    install("sound", "clash_left", "clash_right")
    if wanted is not None:
        monkeypatch.setenv("GANTOOL_PLUGINS", wanted)
    found = load_plugins()
    assert {"sound", "clash_left", "clash_right"} & set(sys.modules) == imported
    assert {plugin.name for plugin in found.plugins if plugin.status == "ok"} == {"classic", *imported}


def test_no_plugins_keeps_the_built_in_ones_whatever_the_variable_names(install, monkeypatch):
    install("sound")
    monkeypatch.setenv("GANTOOL_PLUGINS", "sound")
    found = load_plugins(no_plugins=True)
    assert (found.registry.names("loss"), "sound" in sys.modules) == (discover(points()).registry.names("loss"), False)


def test_the_flag_no_plugins_keeps_a_plugin_from_being_imported_for_a_help_text(install, run_cli):
    install("sound")
    assert "greet" not in run_cli("--help", "--no-plugins").out
    assert "sound" not in sys.modules


# Commands


def test_a_plugins_command_is_listed_without_importing_its_target(install, run_cli):
    install("sound")
    assert "  greet        Say hello.\n" in run_cli("--help").out
    assert ("sound" in sys.modules, "sound_commands" in sys.modules) == (True, False)


def test_a_plugins_command_runs_with_the_plugins_that_were_found(install, run_cli):
    install("sound")
    assert run_cli("greet", "Ada").out == "hello Ada, A loss.\n"


def test_a_plugins_command_that_fails_in_clicks_way_gives_one_line(install, run_cli):
    install("sound")
    result = run_cli("greet", "nobody")
    assert (result.code, result.out, result.err) == (1, "", "error: gantool: there is nobody\n")


def test_a_command_whose_target_is_gone_is_blamed_on_its_plugin(install, run_cli):
    install("sound")
    result = run_cli("vanished")
    assert result.code == 2
    assert result.err.startswith("error: gantool vanished: cannot import sound_commands:vanished (AttributeError: ")
    assert result.err.endswith("it belongs to the plugin sound; try: pip install gantool-extra\n")


def test_a_broken_plugin_is_mentioned_on_one_line_and_explained_by_plugin_show(install, run_cli):
    install("sound", "fails_to_import")
    listed = run_cli("components", "loss")
    assert listed.code == 0
    assert listed.err == ("plugin fails_to_import is not used (failed); type: gantool plugin show fails_to_import\n")
    shown = run_cli("plugin", "show", "fails_to_import")
    assert shown.out.startswith("fails_to_import: failed (RuntimeError: the sky fell)\nfrom gantool-extra 1.2, ")
    assert shown.out.endswith("Next: pip install -U gantool-extra\n")


def test_a_name_in_gantool_plugins_that_is_not_installed_is_said(install, run_cli, monkeypatch):
    install("sound")
    monkeypatch.setenv("GANTOOL_PLUGINS", "sound,souund")
    result = run_cli("components", "loss")
    assert result.code == 0
    assert result.err == "GANTOOL_PLUGINS names 'souund', which is not installed; type: gantool plugin list\n"


def test_with_a_broken_plugin_every_command_has_its_help(install, run_cli):
    install("sound", "fails_to_import")
    for name in COMMANDS:
        result = run_cli(name, "--help")
        assert result.code == 0
        assert result.out.startswith(f"Usage: gantool {name} ")


def test_a_process_lists_every_plugin_with_its_status(install, run_process):
    install("sound", "exits_at_import", "too_new")
    result = run_process("plugin", "list", GANTOOL_PLUGINS="sound,exits_at_import")
    rows = [line.split("\t")[:2] for line in result.out.splitlines()]
    assert (result.code, rows) == (
        0,
        [["classic", "ok"], ["exits_at_import", "failed"], ["sound", "ok"], ["too_new", "disabled"]],
    )


# Local files


def test_a_local_file_adds_its_components_with_its_sha256(tmp_path):
    path = local_file(tmp_path / "my loss.py")
    found = discover(points())
    plugin = load_local(str(path), found)
    provider = found.registry.get("loss", "mine").provider
    assert provider.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (provider.plugin, provider.dist, plugin.status) == (str(path), "", "ok")
    assert found.registry.get("loss", "mine").create().word == "first"


def test_a_local_file_that_is_given_twice_is_loaded_once(tmp_path):
    path = local_file(tmp_path / "mine.py")
    found = discover(points())
    assert load_local(str(path), found) is load_local(str(path), found)
    assert found.registry.get("loss", "mine").summary == "first"


def test_what_runs_is_what_was_hashed_even_where_the_file_changed_within_its_time_stamp(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = local_file(tmp_path / "mine.py", summary="first")
    stamp = path.stat().st_mtime_ns
    load_local(str(path), discover(points()))
    local_file(path, summary="other")
    os.utime(path, ns=(stamp, stamp))
    found = discover(points())
    load_local(str(path), found)
    assert found.registry.get("loss", "mine").create().word == "other"


def test_a_local_file_cannot_shadow_a_built_in_component(tmp_path):
    path = local_file(tmp_path / "mine.py", name="bce")
    found = discover(points())
    with pytest.raises(PluginError) as refusal:
        load_local(str(path), found)
    assert str(refusal.value).startswith(f"--plugin {path}: the loss 'bce' is built in; choose another name; ")
    assert found.registry.get("loss", "bce").provider.plugin == "classic"


def test_a_local_file_and_an_installed_plugin_with_one_name_clash(tmp_path):
    path = local_file(tmp_path / "mine.py", name="left")
    found = discover(points("clash_left"))
    load_local(str(path), found)
    with pytest.raises(PluginError, match=r"is provided by clash_left and .*mine\.py"):
        found.registry.get("loss", "left")


@pytest.mark.parametrize("name", ["fails_to_import", "exits_at_import", "too_new", "misspelt_hook", "raises_halfway"])
def test_a_broken_local_file_is_an_error_of_usage_and_leaves_nothing(plugin_modules, name):
    found = discover(points())
    before = set(sys.modules)
    with pytest.raises(PluginError) as refusal:
        load_local(str(plugin_modules / f"{name}.py"), found)
    assert BROKEN[name][1] in str(refusal.value)
    assert refusal.value.exit_code == 2
    assert status(found) == {"classic": "ok"}
    assert not [module for module in set(sys.modules) - before if "fails" in module or "exits" in module]


def test_a_local_file_that_is_not_there_is_an_error_of_usage(tmp_path, run_cli):
    result = run_cli("components", "--plugin", tmp_path / "gone.py")
    assert result.code == 2
    assert result.err == (
        f"error: --plugin {tmp_path}/gone.py: is not a file; a Python file with gantool hooks; "
        "type: gantool plugin list\n"
    )


def test_a_local_files_components_are_listed_and_forgotten_by_the_next_call(tmp_path, run_cli):
    path = local_file(tmp_path / "mine.py")
    assert f"loss\tmine\tfirst\t{path}\n" in run_cli("components", "loss", "--plugin", path).out
    assert "mine" not in run_cli("components", "loss").out


def test_a_local_files_command_is_listed_and_runs(plugin_modules, run_cli):
    path = plugin_modules / "sound.py"
    assert "greet " in run_cli("--plugin", path, "--help").out
    assert run_cli("greet", "Ada", f"--plugin={path}").out == "hello Ada, A loss.\n"


# Fixtures for authors


def test_the_fixture_only_plugins_hides_the_others(install, only_plugins, gantool_cli):
    install("sound", "sound_commands")
    only_plugins("sound")
    rows = [line.split("\t")[:2] for line in gantool_cli("plugin", "list").out.splitlines()]
    assert rows == [["classic", "ok"], ["sound", "ok"], ["sound_commands", "disabled"]]


FAULTY = """
import click
from gantool import Command, hookimpl

GANTOOL_API = 1

@hookimpl
def gantool_commands():
    return [Command("fail", "Fail.", f"{__name__}:fail")]

@click.command()
def fail():
    int("four")
"""


def test_an_error_in_a_plugin_is_laid_at_its_door(tmp_path, run_cli):
    (tmp_path / "mine.py").write_text(FAULTY)
    done = run_cli("--plugin", tmp_path / "mine.py", "fail")
    assert done.code == 1
    said = f"error: the plugin {tmp_path}/mine.py: failed (ValueError: invalid literal for int() with base 10: 'four')"
    assert done.err == f"{said}; tell its author the output of the same command and --debug\n"
