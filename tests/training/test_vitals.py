"""The numbers of a reading against closed forms, that a reading changes nothing, and what is told of a finding."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from gantool import Component, Finding, Observer, Report, RunOptions, Start, Tier, load_plugins, resolve, train
from gantool.files import checkpoint
from gantool.training import vitals
from gantool.training.observers import read_log
from gantool.training.resemblance import CELLS, Resemblance, features, seed_centres
from gantool.training.run import prepare
from gantool.training.vitals import Probe, evaluating, mean_slope
from gantool.training.watch import Watch
from gantool_classic.datasets.gaussians import modes

PICTURES = {
    "arch": {"name": "dcgan", "channels": 4},
    "data": {"name": "shapes", "size": 16, "length": 40},
    "training": {"batch_size": 6, "steps": 4, "latent_dim": 8},
}
POINTS = {
    "arch": {"name": "mlp", "hidden_g": [16], "hidden_d": [16], "norm_g": "batch"},
    "data": {"name": "gaussians", "length": 64},
    "training": {"batch_size": 16, "steps": 4, "latent_dim": 4, "precision": "fp32"},
}


@pytest.fixture(autouse=True)
def _as_often_as_asked(monkeypatch):
    """Let readings take all the time there is: these runs are too short for them."""
    monkeypatch.setattr(vitals, "MOST_SHARE", 1e9)


def configured(tree, **training):
    return resolve(load_plugins().registry, [Tier("test", tree), Tier("training", {"training": training})])


def prepared(tree, steps=1, **training):
    run = prepare(configured(tree, **training), RunOptions(device="cpu"))
    for _ in range(steps):
        run.phases.step()
    return run


def points(centres, count, sigma=0.01, seed=0):
    """Return ``count`` points around centres, as many around each."""
    random = torch.Generator().manual_seed(seed)
    centres = torch.as_tensor(centres)
    return centres[torch.arange(count) % len(centres)] + sigma * torch.randn(count, centres.shape[1], generator=random)


def resemblance(centres, count=256, sigma=0.01):
    return Resemblance(*(points(centres, count, sigma, seed) for seed in (1, 2, 3)), torch.Generator().manual_seed(0))


# The numbers


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("loss", ["bce", "minimax"])
def test_the_slopes_of_cross_entropy_are_how_unsure_d_is(loss, accumulate):
    run = prepared({**POINTS, "loss": loss}, accumulate=accumulate)
    found = Probe(run.phases).take({})
    (real, fake), fooling = run.phases.scores_d, run.phases.scores_g.sigmoid().mean().item()
    unsure = ((1 - real.sigmoid()).mean() + fake.sigmoid().mean()) / 2
    assert found["slope_d"] == pytest.approx(unsure.item(), rel=1e-5)
    assert found["slope_g"] == pytest.approx(fooling if loss == "minimax" else 1 - fooling, rel=1e-5)


def test_the_slopes_of_wasserstein_are_one():
    found = Probe(prepared({**POINTS, "loss": "wgan-gp"}).phases).take({})
    assert (found["slope_d"], found["slope_g"]) == (pytest.approx(1), pytest.approx(1))


def test_a_loss_that_does_not_follow_a_score_has_no_slope_there():
    followed, ignored = torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    followed.mean().backward()
    assert mean_slope(followed, ignored) == 0.5


@pytest.mark.parametrize(("layout", "count"), [("ring", 8), ("grid", 25)])
def test_points_that_gather_at_k_places_get_k_cells(layout, count):
    centres, sigma = modes(layout)
    found = seed_centres(points(centres, 400, sigma), torch.Generator().manual_seed(0))
    assert sorted(torch.cdist(found, torch.from_numpy(centres)).argmin(1).tolist()) == list(range(count))


def test_points_that_gather_nowhere_get_64_cells_and_constant_ones_a_single_one():
    random = torch.Generator().manual_seed(0)
    assert len(seed_centres(torch.randn(256, 5, generator=random), random)) == CELLS
    assert len(seed_centres(torch.ones(256, 5), random)) == 1


@pytest.mark.parametrize("hit", [1, 3, 8])
def test_samples_of_some_modes_of_eight_show_their_share_of_the_variety(hit):
    centres, _ = modes("ring")
    known = resemblance(centres)
    assert known.coverage(points(centres[:hit], 240)) == pytest.approx(hit / 8, abs=1e-3)


def test_coverage_counts_uneven_modes_by_their_entropy():
    centres, _ = modes("ring")
    most = torch.cat([points(centres[:1], 192), points(centres[1:], 64)])
    shares = np.array([0.75, *np.bincount(np.arange(64) % 7) / 256])
    expected = np.exp(-(shares * np.log(shares)).sum()) / 8
    assert resemblance(centres).coverage(most) == pytest.approx(expected, rel=1e-3)


def test_a_shift_is_as_far_as_it_is_long_in_units_of_the_spread():
    known = resemblance([[0.0]], sigma=2.0)
    real = points([[0.0]], 256, 2.0, seed=2)
    assert known.distance(real) == pytest.approx(0, abs=1e-6)
    assert known.distance(real + 3) == pytest.approx(3 / real.std().item(), rel=1e-4)
    assert known.noise == pytest.approx(known.distance(points([[0.0]], 256, 2.0, seed=3)))


def test_one_sample_again_and_again_is_as_far_as_the_data_is_wide():
    """In one dimension W1 to the mean is the mean absolute deviation, sqrt(2 / pi) standard deviations of a normal."""
    known = resemblance([[0.0]], count=4096)
    assert known.distance(torch.zeros(4096, 1)) == pytest.approx((2 / np.pi) ** 0.5, rel=0.02)


def test_features_of_pictures_are_means_of_their_parts():
    x = torch.arange(2 * 3 * 16 * 24, dtype=torch.float32).view(2, 3, 16, 24)
    assert torch.equal(features(x)[1, :1], x[1, 0, :2, :3].mean().view(1))
    assert features(x).shape == (2, 3 * 8 * 8)
    assert features(x[:, :, :5, :7]).shape == (2, 3 * 5 * 7)
    assert torch.equal(features(x[:, 0, 0]), x[:, 0, 0])


def test_the_steepness_of_a_linear_critic_is_the_norm_of_its_weights():
    tree = {**POINTS, "loss": "wgan-gp", "arch": {"name": "mlp", "hidden_g": [4], "hidden_d": [], "norm_g": "none"}}
    run = prepared(tree, lr_d=1e-9)
    found = Probe(run.phases).take({})
    assert found["steepness"] == pytest.approx(run.state.D.net.head.weight.norm().item(), rel=1e-5)
    assert found["bound"] == 1


def test_only_a_critic_that_is_held_to_a_slope_has_a_steepness():
    assert not {"steepness", "bound"} & Probe(prepared(POINTS).phases).take({}).keys()


def test_the_gradient_is_that_of_the_last_step_of_g():
    run = prepared(POINTS)
    whole = torch.cat([part.grad.flatten() for part in run.state.G.parameters()])
    assert Probe(run.phases).take({})["gradient_g"] == pytest.approx(whole.norm().item())


def test_numbers_that_are_not_finite_are_missing():
    run = prepared(POINTS)
    with torch.no_grad():
        next(run.state.G.parameters()).fill_(float("nan"))
    found = Probe(run.phases).take({"loss_d": float("inf"), "loss_g": 1.0, "penalty": 2.0})
    assert found.keys() == {"loss_g", "slope_d", "slope_g", "gradient_g", "separation"}


def test_fakes_are_asked_for_with_the_labels_of_the_real_examples():
    run = prepared({**PICTURES, "condition": "onehot"})
    probe = Probe(run.phases)
    asked = []
    run.state.G.side.register_forward_hook(lambda module, given, made: asked.append(given[1]))
    probe.take({})
    assert torch.equal(torch.cat(asked), probe._known().c)
    assert set(probe._known().c.tolist()) <= set(run.samples.labels.tolist())


# That nothing is changed


TREES = {
    "batch norm in both": {**PICTURES, "loss": "bce"},
    "a penalty and labels": {**PICTURES, "loss": "wgan-gp", "condition": "onehot"},
    "codes": {**PICTURES, "loss": "bce", "regularizer": ["infogan"]},
    "points": {**POINTS, "loss": "wgan-gp"},
    "clipping": {**POINTS, "loss": "wgan-clip"},
}


def whole_state(run):
    """Return every tensor of a run, its gradients and torch's randomness, and the mode of each module."""
    tensors = dict(run.state.tensors()) | {"random numbers": torch.get_rng_state()}
    modes = []
    for network in (run.state.G, run.state.D):
        modes += [module.training for module in network.modules()]
        for name, parameter in network.named_parameters():
            tensors[f"{type(network).__name__} {name}"] = parameter.detach()
            tensors[f"{type(network).__name__} gradient {name}"] = parameter.grad
    return {name: value.clone() for name, value in tensors.items() if value is not None}, modes


def differing(first, second):
    assert first.keys() == second.keys()
    return [name for name, value in first.items() if not torch.equal(value, second[name])]


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_readings_after_each_step_change_no_bit_of_what_is_trained(tree):
    read, unread = prepared(tree, 0), prepared(tree, 0)
    probe = Probe(read.phases)
    for _ in range(3):
        read.phases.step()
        probe.take({})
        unread.phases.step()
        assert differing(read.state.tensors(), unread.state.tensors()) == []


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_a_reading_leaves_tensors_gradients_modes_and_random_numbers_alone(tree):
    run = prepared(tree)
    next(run.state.G.net.children()).eval()  # as a module that its author froze
    before, modes = whole_state(run)
    Probe(run.phases).take({})
    after, modes_after = whole_state(run)
    assert differing(before, after) == []
    assert modes == modes_after


def test_a_run_with_diagnostics_is_bit_equal_to_one_without(tmp_path):
    found = []
    for diagnose in (True, False):
        options = RunOptions(out=str(tmp_path / f"{diagnose}"), diagnose=diagnose)
        outcome = train(configured(PICTURES), options)
        found.append(checkpoint.read(checkpoint.find(outcome.folder)).tensors)
        taken = [row["step"] for row in read_log(outcome.folder / "log.jsonl") if "vitals" in row]
        assert taken == ([1, 2, 3, 4] if diagnose else [])
    assert differing(*found) == []


def test_modules_get_their_own_mode_back_also_after_an_error():
    network = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Dropout().eval())
    seen = []

    def look():
        with evaluating(network):
            seen.extend(module.training for module in network.modules())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        look()
    assert seen == [False, False, False]
    assert [module.training for module in network.modules()] == [True, True, False]


def test_the_same_step_gives_the_same_reading():
    run = prepared({**POINTS, "loss": "wgan-gp"})
    assert Probe(run.phases).take({}) == Probe(run.phases).take({})


def test_readings_wait_while_they_have_taken_more_than_their_share(monkeypatch):
    monkeypatch.setattr(vitals, "MOST_SHARE", 0.03)
    probe = Probe(prepared(POINTS).phases)
    assert probe.affordable(0.0)
    probe.spent = 0.3
    assert not probe.affordable(9.9)
    assert probe.affordable(10.1)


# What is told


class Heard(Observer):
    def __init__(self):
        self.findings, self.notes = [], []

    def on_finding(self, step, name, finding):
        self.findings.append((step, name, finding))

    def on_note(self, text):
        self.notes.append(text)


class Script:
    """Finds something at the readings that a test names, and fails at others."""

    ill, fails, wrong = (), (), ()

    def __init__(self, options):
        self.shown = []

    def check(self, shown, config):
        self.shown = shown
        step = shown[-1].step
        if step in self.fails:
            raise ValueError("no such number")
        if step in self.wrong:
            return "ill"
        return Finding(f"step {step}", "--loss wgan-gp") if step in self.ill else None


def watched(steps, **script):
    """Return what an observer hears of a scripted diagnostic, and the watch."""
    for name in ("ill", "fails", "wrong"):
        setattr(Script, name, script.get(name, ()))
    part = Component("diagnostic", "script", f"{__name__}:Script", "Scripted.")
    heard = Heard()
    watch = Watch(configured(POINTS), [part], [heard])
    watch.on_start(script.get("start", Start(Path(), 0, 100, None, "cpu")))
    for step in steps:
        watch.on_interval(Report(step, 0, 0.0, step / 100, 0.0, {}, {"coverage": 1.0}))
    return heard, watch


def test_a_finding_is_told_once_and_again_after_it_was_gone():
    heard, watch = watched(range(1, 9), ill=(2, 3, 4, 6, 7))
    assert [step for step, _, _ in heard.findings] == [2, 6]
    assert [found.step for found in watch.found] == [2, 6]
    assert heard.findings[0][1:] == ("script", Finding("step 2", "--loss wgan-gp"))


@pytest.mark.parametrize(
    ("script", "said"),
    [({"fails": (2, 3)}, "ValueError: no such number"), ({"wrong": (2, 3)}, "TypeError: check() returned a str")],
)
def test_a_diagnostic_that_fails_is_named_once_and_asked_no_more(script, said):
    heard, _ = watched(range(1, 9), ill=(5,), **script)
    assert len(heard.notes) == 1
    assert heard.notes[0].startswith("the diagnostic script failed (")
    assert said in heard.notes[0]
    assert heard.findings == []


def test_a_diagnostic_that_cannot_be_made_is_named():
    heard = Heard()
    watch = Watch(configured(POINTS), [Component("diagnostic", "gone", "no_such_module:Gone", "Gone.")], [heard])
    watch.on_start(Start(Path(), 0, 100, None, "cpu"))
    assert "the diagnostic gone failed (PluginError: " in heard.notes[0]


def test_reports_without_vitals_are_not_shown():
    _, watch = watched([1])
    watch.on_interval(Report(2, 0, 0.0, 0.1, 0.0, {"loss_d": 1.0}))
    assert [len(part.shown) for part in watch._asked.values()] == [1]


def test_a_path_with_a_blank_is_quoted_in_the_command():
    command = Finding("seen", "--loss wgan-gp").command(Path("runs/my run"))
    assert command == "gantool train --config 'runs/my run' --loss wgan-gp"


ALWAYS = """
from gantool import Component, Finding, hookimpl
GANTOOL_API = 1

class Always:
    def __init__(self, options): pass
    def check(self, vitals, config):
        return Finding(f"{len(vitals)} readings of {config.name('loss')}", "--loss wgan-gp")

@hookimpl
def gantool_components():
    return [Component("diagnostic", "always", f"{__name__}:Always", "Finds something in every run.")]
"""
LINE = """train --data gaussians --data.length 64 --arch mlp --arch.hidden-g 8 --arch.hidden-d 8 --loss bce
 --batch-size 8 --steps 3 --log-every 1 --device cpu""".split()


@pytest.fixture
def always(workdir):
    (workdir / "always.py").write_text(ALWAYS)
    return ["--plugin", "always.py", *LINE, "-o", "run"]


def test_a_finding_is_one_line_on_stderr_a_row_of_the_log_and_in_the_last_line(always, run_cli, workdir):
    done = run_cli(*always)
    folder = workdir / "run"
    command = f"gantool train --config {folder} --loss wgan-gp"
    assert f"step 1: always: 1 readings of bce; try: {command} --plugin always.py\n" in done.err
    assert done.err.count("always:") == 1
    assert done.out.endswith(
        f"Next: gantool sample {folder} --plugin always.py. Found: always; see {folder}/log.jsonl\n"
    )
    rows = read_log(folder / "log.jsonl")
    assert rows[1] == {"step": 1, "finding": "always", "seen": "1 readings of bce", "try": command}
    assert [row["step"] for row in rows if "loss_d" in row] == [1, 2, 3]
    assert rows[0]["vitals"].keys() >= {"loss_d", "slope_g", "coverage", "distance", "noise"}


def test_nothing_is_watched_where_it_is_switched_off(always, run_cli, workdir):
    done = run_cli(*always, "--no-diagnose", "--json")
    assert json.loads(done.out)["findings"] == []
    assert "always" not in done.err
    assert all("vitals" not in row for row in read_log(workdir / "run" / "log.jsonl"))
    assert "--diagnose / --no-diagnose" in run_cli("train", "--help").out


def test_a_resumed_run_shows_diagnostics_what_its_log_knows_and_gives_findings_as_json(always, run_cli, workdir):
    run_cli(*always)
    log = workdir / "run" / "log.jsonl"
    done = run_cli("--plugin", "always.py", "train", "--resume", "run", "--steps", 4, "--json")
    found = read_log(log)[-1]
    assert found == {"step": 4, "finding": "always", "seen": "4 readings of bce", "try": found["try"]}
    assert json.loads(done.out)["findings"] == [found]
    assert [row["step"] for row in read_log(log) if "vitals" in row] == [1, 2, 3, 4]
    assert (workdir / "run" / "loss.png").stat().st_size > 0


def test_the_history_of_a_resumed_run_has_the_fractions_of_its_new_length(tmp_path):
    rows = [{"step": 2, "vitals": {"coverage": 0.5, "odd": "text"}}, {"step": 3, "vitals": [1]}, {"step": 4}]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    _, watch = watched([5], start=Start(tmp_path, 4, 8, None, "cpu"))
    (script,) = watch._asked.values()
    assert [(one.step, one.fraction, one.values) for one in script.shown[:1]] == [(2, 0.25, {"coverage": 0.5})]
    assert [one.step for one in script.shown] == [2, 5]
