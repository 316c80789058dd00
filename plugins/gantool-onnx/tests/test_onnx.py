"""Exported files against the models that they came from."""

import json
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import gantool_onnx
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from click.testing import CliRunner
from gantool_onnx.command import command
from gantool_onnx.export import export, keep
from PIL import Image
from torch import nn

from gantool import GantoolError, RunOptions, Tier, UserError, __version__, load_plugins, open_model, resolve, train

README = Path(__file__).parents[1] / "README.md"
TINY = {"batch_size": 4, "latent_dim": 6, "steps": 2, "precision": "fp32"}
# As wide as gantool's convolutions must be to be computed as products of matrices, on a processor.
WIDE = {"name": "dcgan", "channels": 256, "max_channels": 256, "kernel": 4, "upsample": "transposed", "channels_d": 4}
NARROW = {"name": "mlp", "hidden_g": [16], "hidden_d": [16]}


def trained(folder, **settings):
    """Train for two steps, of which every part of G and its average has learnt something."""
    config = resolve(load_plugins().registry, [Tier("test", {"training": TINY, **settings})])
    return train(config, RunOptions(out=str(folder), diagnose=False, device="cpu")).folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a run of pictures by class."""
    folder = tmp_path_factory.mktemp("pictures")
    trained(folder / "run", data={"name": "shapes", "size": 16, "length": 64}, arch=WIDE, condition="onehot")
    return folder


@pytest.fixture(scope="module")
def pictures(folder):
    """What the command printed when it wrote shapes.onnx."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return CliRunner().invoke(command, ["run", "shapes.onnx"], catch_exceptions=False)


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    """A model of points in the plane."""
    folder = tmp_path_factory.mktemp("points") / "run"
    return open_model(trained(folder, data={"name": "gaussians", "length": 64}, arch=NARROW, condition="none"))


@pytest.fixture(scope="module")
def fixed(points, tmp_path_factory):
    """What the command said when it wrote them for batches of 3 in older operators, and the file."""
    path = tmp_path_factory.mktemp("fixed") / "new" / "points.ONNX"
    line = [str(points.path), str(path), "--batch", "3", "--opset", "18", "--json", "-q"]
    return CliRunner().invoke(command, line, catch_exceptions=False), path


def started(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def described(values):
    return {value.name: (value.type, value.shape) for value in values}


def refused(*arguments):
    """Return the message with which the command refuses."""
    error = CliRunner().invoke(command, [str(argument) for argument in arguments]).exception
    assert isinstance(error, UserError), error
    return str(error)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_any_number_of_pictures_are_those_of_the_model(folder, pictures, count):
    model, seeds = open_model(folder / "run"), range(50, 50 + count)
    z, c = model.latents(seeds), torch.arange(count) % 3
    (found,) = started(folder / "shapes.onnx").run(None, {"z": z.numpy(), "c": c.numpy()})
    wanted = model.samples(z, c).numpy()
    assert wanted.std() > 1e-3
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_inputs_and_outputs_have_names_and_a_free_batch(folder, pictures):
    session = started(folder / "shapes.onnx")
    assert described(session.get_inputs()) == {"z": ("tensor(float)", ["batch", 6]), "c": ("tensor(int64)", ["batch"])}
    assert described(session.get_outputs()) == {"images": ("tensor(float)", ["batch", 3, 16, 16])}


def test_the_metadata_say_what_the_model_is(folder, pictures):
    model = open_model(folder / "run")
    about = json.loads(started(folder / "shapes.onnx").get_modelmeta().custom_metadata_map["gantool"])
    assert about == {
        "gantool": __version__,
        "model_hash": model.hash,
        "step": 2,
        "shape": [3, 16, 16],
        "prior": [{"name": "noise", "distribution": "normal", "dim": 6}],
        "condition": {"kind": "classes", "names": ["circle", "square", "triangle"]},
    }


def test_nothing_of_this_machine_is_in_the_file(folder, pictures):
    content = (folder / "shapes.onnx").read_bytes()
    assert not [word for word in (b"networks.py", b"site-packages") if word in content]


def test_the_last_line_says_what_was_written_and_can_be_typed(folder, pictures, monkeypatch, capsys):
    size = (folder / "shapes.onnx").stat().st_size / 1e6
    last = pictures.stdout.splitlines()[-1]
    said = re.fullmatch(r"shapes\.onnx: (\S+) MB, opset \d+, differs from torch by (\S+) at most\. Next: (.*)", last)
    assert (float(said[1]), float(said[2]) <= 1e-4) == (pytest.approx(size, abs=0.05), True)
    monkeypatch.chdir(folder)
    python, flag, code = shlex.split(said[3])
    exec(code)
    assert (python, flag, capsys.readouterr().out) == ("python", "-c", "(4, 3, 16, 16)\n")


def test_the_readme_s_code_draws_pictures(folder, pictures, monkeypatch):
    monkeypatch.chdir(folder)
    exec(re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1], {})
    with Image.open("circles.png") as drawn:
        assert drawn.size == (8 * 16, 16)


def test_nothing_but_the_file_is_left(folder, pictures):
    assert {path.name for path in folder.iterdir()} <= {"run", "shapes.onnx", "circles.png"}


def test_points_of_a_fixed_batch_in_older_operators(points, fixed):
    result, path = fixed
    facts = json.loads(result.stdout)
    assert facts.pop("difference") <= 1e-4
    assert facts == {"out": str(path), "bytes": path.stat().st_size, "opset": 18, "model_hash": points.hash}
    assert result.stderr == ""
    session = started(path)
    assert described(session.get_inputs()) == {"z": ("tensor(float)", [3, 6])}
    assert described(session.get_outputs()) == {"points": ("tensor(float)", [3, 2])}
    assert onnx.load(path).opset_import[0].version == 18


def test_attributes_are_numbers_beside_a_mixed_prior(tmp_path):
    data = {"name": "shapes", "size": 8, "length": 64, "labels": "attributes"}
    run = trained(tmp_path / "run", data=data, arch=NARROW, condition="embedding", regularizer=["infogan"])
    model = open_model(run)
    export(model, tmp_path / "a.onnx")
    session = started(tmp_path / "a.onnx")
    about = json.loads(session.get_modelmeta().custom_metadata_map["gantool"])
    assert [slot["dim"] for slot in about["prior"]] == [slot.dim for slot in model.prior.slots]
    assert (len(about["prior"]) > 1, about["condition"]["kind"]) == (True, "attributes")
    z, c = model.latents(range(4)), torch.rand(4, 13)
    (found,) = session.run(["images"], {"z": z.numpy(), "c": c.numpy()})
    np.testing.assert_allclose(found, model.samples(z, c).numpy(), atol=1e-5)


@pytest.mark.parametrize("value", [0.5, np.nan])
def test_a_file_that_disagrees_is_not_left_behind(points, fixed, tmp_path, value):
    changed = onnx.load(fixed[1])
    bias = next(part for part in changed.graph.initializer if part.dims == [2])  # of the layer that gives the points
    bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + np.float32(value), bias.name))
    with pytest.raises(GantoolError, match=rf"differ from torch's by {value:.2g}; 0\.0001 at most"):
        keep(changed, points, tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_does_not_run_is_not_left_behind(points, fixed, tmp_path):
    changed = onnx.load(fixed[1])
    changed.graph.node[0].op_type = "Nonsense"
    with pytest.raises(GantoolError, match="Nonsense") as caught:
        keep(changed, points, tmp_path / "a.onnx")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


class Noisy(nn.Module):
    """Adds noise of its own."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, z, c=None):
        x = self.inner(z, c)
        return x + torch.randn_like(x)


class Unreadable(Noisy):
    """Is closed to torch's reader of bytecode."""

    @torch.compiler.disable
    def forward(self, z, c=None):
        return self.inner(z, c)


class Forked(Noisy):
    """Takes another path for other values."""

    def forward(self, z, c=None):
        return self.inner(z, c) if z.sum() > 0 else z[:, :2]


def test_a_network_with_noise_of_its_own_is_refused(points, tmp_path):
    with pytest.raises(GantoolError, match="a network that draws numbers of its own cannot be exported"):
        export(replace(points, G=Noisy(points.G)), tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_only_runs_is_traced_by_a_run(points, tmp_path):
    assert export(replace(points, G=Unreadable(points.G)), tmp_path / "a.onnx").difference <= 1e-4


def test_a_network_whose_path_depends_on_values_is_refused_on_one_line(points, tmp_path, capfd):
    with pytest.raises(GantoolError, match="torch cannot export this network") as caught:
        export(replace(points, G=Forked(points.G)), tmp_path / "a.onnx")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_is_refused_before_any_work(points, tmp_path):
    taken, there = tmp_path / "taken.onnx", points.path
    taken.write_text("mine", encoding="utf-8")
    (tmp_path / "foreign.pt").write_bytes(b"no model")
    assert refused(there, "a.pt") == "OUT: a.pt was given; a name with .onnx; type: a.onnx"
    assert refused(there, taken) == f"{taken}: is there already; a new name: nothing is overwritten"
    assert refused(there, taken / "a.onnx").startswith(f"{taken / 'a.onnx'}: cannot be written (")
    assert refused(tmp_path / "none", tmp_path / "a.onnx").startswith(str(tmp_path / "none"))
    assert refused(tmp_path / "foreign.pt", tmp_path / "a.onnx").startswith(str(tmp_path / "foreign.pt"))
    assert refused(there, tmp_path / "a.onnx", "--opset", 999).startswith("--opset: 999 was given; at most ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["foreign.pt", "taken.onnx"]
    assert taken.read_text(encoding="utf-8") == "mine"


def test_an_opset_that_torch_does_not_reach_is_refused_with_one_that_it_does(points, tmp_path):
    said = refused(points.path, tmp_path / "a.onnx", "--opset", 7)
    assert said.startswith("--opset: 7 was given, and torch cannot write this network so; it writes ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named_with_the_line_that_installs_it(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    said = refused("run", "a.onnx")
    assert said.startswith(f"gantool onnx: cannot import {package} (")
    assert said.endswith(f"it is needed; type: pip install -U {package}")


def test_the_command_is_listed_with_its_summary():
    (made,) = gantool_onnx.gantool_commands()
    assert load_plugins().registry.commands["onnx"].summary == made.summary
