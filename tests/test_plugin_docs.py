"""The pages for plugin authors: their plugins keep the contract, the tutorial works, commands and names are right."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch

import gantool
import gantool.testing
from gantool import hookspecs
from gantool.files import envelope
from gantool.files.checkpoint import find
from gantool.plugins import discover, load_local
from gantool.registry import KINDS
from gantool.testing import find_checks
from gantool.testing import loss as loss_checks

ROOT = Path(__file__).parent.parent
PAGES = {path.name: path.read_text() for path in sorted((ROOT / "docs" / "plugins").glob("*.md"))}
IN_A_PROCESS = ("plugin-imports_no_torch", "description_imports_no_torch")  # each starts one; here it is one for all
SMALL = {
    "shallow": {"width": 8},
    "stripes": {"size": 16, "length": 24},
    **tomllib.loads(re.search(r"```toml\n(# small.toml\n.*?)```", PAGES["kinds.md"], re.DOTALL).group(1))["options"],
}
TINY = "--batch-size 4 --latent-dim 4 --steps 2 --precision fp32 -q".split()


def blocks(text):
    """Return the code blocks of a page, each with its language."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def files_of(text):
    """Return the files that a page shows in full: their first line is their name."""
    found = [re.match(r"# (\S+\.(?:py|toml))\n", block) for _, block in blocks(text)]
    return {match.group(1): match.string for match in found if match}


def sections_of(text):
    """Return what stands below each heading of the second level."""
    _, *parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def prose_of(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def squeezed(text):
    return " ".join(text.split())


def commands_of(text):
    """Return the lines of a page that call gantool, in blocks and in sentences."""
    lines = [line for language, block in blocks(text) if not language for line in block.splitlines()]
    lines += [squeezed(found) for found in re.findall(r"`(gantool [^`]+)`", prose_of(text))]
    return [line for line in lines if line.startswith("gantool ")]


EXAMPLES = {title: files for title, part in sections_of(PAGES["kinds.md"]).items() if (files := files_of(part))}
COMMANDS = sorted({(page, line) for page, text in PAGES.items() for line in commands_of(text)})


def write(folder, files):
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


@pytest.fixture
def shown(workdir, monkeypatch, register):
    """Write the files of kinds.md and README.md into the current folder, which is importable."""
    files = {**files_of(PAGES["kinds.md"]), **files_of(PAGES["README.md"])}
    write(workdir, files)
    register(workdir, "gantool-quick", "0.1.0", {"quick": "gantool_quick"})
    monkeypatch.syspath_prepend(str(workdir))
    modules = {path.split("/")[0].removesuffix(".py") for path in files}
    for module in modules:
        monkeypatch.delitem(sys.modules, module, raising=False)
    yield workdir
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def tutorial(workdir, monkeypatch, run_cli, register):
    """Do what the tutorial says up to its tests, and return the package's folder, which counts as installed."""
    first = next(line for line in commands_of(PAGES["tutorial.md"]) if "plugin new" in line)
    assert run_cli(*shlex.split(first)[1:]).code == 0
    folder = workdir / "gantool-ralsgan"
    files = files_of(PAGES["tutorial.md"])
    assert [path for path in files if not (folder / path).is_file()] == ["tests/conftest.py"]
    write(folder, files)
    register(folder, "gantool-ralsgan", "0.1.0", {"ralsgan": "gantool_ralsgan"})
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    yield folder
    for name in [name for name in sys.modules if name.startswith("gantool_ralsgan")]:
        del sys.modules[name]


# kinds.md


def test_every_kind_has_a_section_and_an_example():
    assert list(EXAMPLES) == [*KINDS, "command"]


@pytest.mark.parametrize("kind", EXAMPLES)
def test_an_example_is_of_its_kind_and_keeps_the_contract(kind, shown):
    module = next(iter(EXAMPLES[kind])).split("/")[0].removesuffix(".py")
    checks = find_checks(module, options=SMALL)
    own = [name for name in checks if not name.startswith("plugin-")]
    assert own
    assert all(name.startswith(f"{kind}-") for name in own)
    for name, check in checks.items():
        if not name.endswith(IN_A_PROCESS):
            check()


def test_no_example_imports_torch_before_it_is_used(shown):
    modules = [path.split("/")[0].removesuffix(".py") for files in EXAMPLES.values() for path in files if ".py" in path]
    asked = [(module, "stripes" if module == "stripes" else "") for module in [*modules, "my_plugin"]]
    code = f"from gantool.testing.light import main\nfor module, data in {asked}: main(module, data)"
    environment = {**os.environ, "PYTHONPATH": str(shown)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_single_files_train_together_and_their_checkpoint_names_them(shown, run_cli):
    """Every kind that a run is made of at once, each by ``--plugin``."""
    kinds = ["architecture", "loss", "lipschitz", "dataset", "conditioning", "regularizer", "augmentation"]
    files = [f"./{next(iter(EXAMPLES[kind]))}" for kind in kinds]
    given = [word for file in files for word in ("--plugin", file)]
    names = "--arch shallow --loss least-squares --lipschitz dragan --data stripes --data.size 8 --data.length 20"
    line = f"{names} --condition planes --regularizer mode-seeking --augmentation mirror --observer losses-table"
    trained = run_cli("train", *line.split(), *TINY, *given, "--plugin", "./losses_table.py", "-o", "run")
    assert trained.code == 0, trained.err
    assert Path("run/losses.csv").read_text().startswith("step,loss_d,loss_g\n1,")
    source = envelope.read_header(find("run")).meta["components"]["loss"]
    digest = hashlib.sha256(Path("least_squares.py").read_bytes()).hexdigest()
    assert (source["plugin"], source["sha256"]) == ("./least_squares.py", digest)
    assert run_cli("sample", "run").err.endswith("give its file with --plugin\n")
    with Path("least_squares.py").open("a") as file:
        file.write("# another text, and another digest: it is recorded and not compared (policy.md)\n")
    weighed = run_cli("weigh", "run", *given, "--plugin", "./weigh.py")
    assert weighed.out == f"{(6 * 64 + 64) + (64 * 64 + 64)} parameters\n", weighed.err
    figure = "--metrics brightness -n 8 --plugin ./brightness.py".split()
    assert run_cli("evaluate", "run", *figure, *given).out.startswith("brightness")
    chance = "direction find run --method chance --chance.count 3 --plugin ./chance.py".split()
    assert "3 directions" in run_cli(*chance, *given).out


def test_a_converter_reads_a_file_of_another_tool(shown, run_cli):
    torch.save({"to_pixels.weight": torch.randn(3 * 8 * 8, 5), "to_pixels.bias": torch.zeros(3 * 8 * 8)}, "theirs.pt")
    converted = run_cli("convert", "theirs.pt", "ours.safetensors", "--plugin", "./one_layer.py")
    assert converted.code == 0, converted.err
    back = run_cli("convert", "ours.safetensors", "back.pt", "--as", "one-layer", "--plugin", "./one_layer.py")
    assert back.code == 0, back.err
    theirs, mine = torch.load("theirs.pt"), torch.load("back.pt")
    assert all(torch.equal(value, mine[name]) for name, value in theirs.items())


# tutorial.md


@pytest.mark.slow
def test_the_tutorials_package_passes_its_own_tests(tutorial):
    line = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(line, cwd=tutorial, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout).group(1)) > 15


def test_what_the_tutorial_shows_is_what_is_printed(tutorial, run_cli, monkeypatch):
    monkeypatch.chdir(tutorial)
    text = squeezed(re.sub(r"step-\d+", "step-N", PAGES["tutorial.md"]))
    points = next(block for language, block in blocks(PAGES["tutorial.md"]) if language == "toml")
    assert points in Path("pyproject.toml").read_text()
    small = "--data.size 16 --data.length 40 --arch.channels 4".split()
    folder = "runs/shapes-dcgan-ralsgan"
    assert run_cli("train", "--loss", "ralsgan", *small, *TINY, "-o", folder).code == 0
    assert "loss ralsgan (gantool-ralsgan 0.1.0)" in run_cli("inspect", folder).out
    said = [
        run_cli("components", "loss", "ralsgan").out,
        run_cli("train", "--loss", "ralsgan", "--accumulate", 2).err,
        run_cli("sample", folder, "--no-plugins").err,
    ]
    for line in "".join(said).splitlines():
        assert squeezed(re.sub(r"step-\d+", "step-N", line)) in text
    failed = re.search(r"generator_should_raise_fakes: (.*)", PAGES["tutorial.md"]).group(1)
    assert failed in inspect.getsource(loss_checks)
    dry = run_cli("train", "--loss", "ralsgan", "--dry-run", *small).out
    assert re.search(r"training.batch_size\s+32\s+loss ralsgan", dry)


# README.md and policy.md


def test_the_entry_page_shows_a_plugin_that_loads(shown):
    plugin = load_local("my_plugin.py", discover([]))
    assert [(part.kind, part.name) for part in plugin.components] == [("loss", "least-squares")]


def test_the_entry_page_lists_every_package_of_this_repository():
    rows = re.findall(r"^\| `(gantool-\w+)` \|", sections_of(PAGES["README.md"])["Of this repository"], re.MULTILINE)
    assert set(rows) == {path.name for path in (ROOT / "plugins").glob("gantool-*")}


# Commands of all pages


def test_there_are_commands_to_look_at():
    assert len(COMMANDS) > 40


def test_every_command_line_names_commands_and_flags_that_exist(shown, tutorial, run_cli, monkeypatch):
    monkeypatch.chdir(shown)
    (shown / "RUN").write_text('loss = "bce"\n')  # stands for a run folder where --config is read
    for page, line in COMMANDS:
        found = run_cli(*shlex.split(line, comments=True)[1:], "--help")
        assert (found.code, found.err) == (0, ""), f"{page}: {line}: {found.err}"


def test_a_flag_that_does_not_exist_would_be_seen(run_cli):
    assert run_cli("train", "--los", "bce", "--help").code == 2
    assert run_cli("trane", "--help").code == 2


# reference.md


@pytest.fixture
def reference():
    """Import the script that writes the page."""
    spec = importlib.util.spec_from_file_location("reference_script", ROOT / "scripts" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where msgspec looks for the types of its struct
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_the_reference_is_what_the_code_says(reference):
    assert reference.page() == PAGES["reference.md"], "type: python scripts/reference.py"


def test_a_stale_reference_is_said(reference, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["reference.py", "--check"])
    monkeypatch.setattr(reference, "page", lambda: PAGES["reference.md"])
    reference.main()
    monkeypatch.setattr(reference, "page", lambda: "another")
    with pytest.raises(SystemExit, match=r"reference.md is stale; type: python scripts/reference.py"):
        reference.main()


def test_the_reference_has_every_hook_with_its_signature():
    hooks = {name: hook for name, hook in vars(hookspecs).items() if hasattr(hook, "gantool_spec")}
    assert hooks
    for name, hook in hooks.items():
        assert f"\n{name}{inspect.signature(hook)}\n".replace("'", "") in PAGES["reference.md"]


def test_the_reference_has_every_public_name():
    for name in gantool.__all__:
        assert f"| `{name}` |" in PAGES["reference.md"]
    for name in gantool.testing.__all__:
        assert f"### {name}\n" in PAGES["reference.md"]


def test_the_pages_name_every_status_and_variable(reference):
    for name in [*reference.statuses(), *reference.variables()]:
        assert f"`{name}" in PAGES["reference.md"]
        assert f"`{name}" in PAGES["policy.md"]
