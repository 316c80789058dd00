"""Files that an earlier version wrote are read: each of ``files/format-1`` holds what ``expected.json`` says."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import pkgutil
import shutil
import struct
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

import gantool.files
from gantool.evaluation import results
from gantool.files import audit, checkpoint, classifier, dataset, directions, features, latents, scores
from gantool.files.envelope import FORMAT
from gantool.files.settings import read_settings
from gantool.latent.model import open_model
from gantool.render.provenance import CHUNK, read_provenance
from gantool.training.observers import read_log

FOLDER = Path(__file__).parent / "files" / "format-1"
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
KINDS = {one["kind"] for one in EXPECTED.values()}
BY_KIND = {kind: [name for name, one in EXPECTED.items() if one["kind"] == kind] for kind in KINDS}


def digest(values):
    """Describe an array as make_fixtures.py does."""
    array = values.numpy() if isinstance(values, torch.Tensor) else np.ascontiguousarray(values)
    return f"{array.dtype.name} {list(array.shape)} {hashlib.sha256(array.tobytes()).hexdigest()}"


def plain(value):
    """Return a value as JSON gives it back."""
    return json.loads(json.dumps(value))


def of_kind(kind):
    return pytest.mark.parametrize("name", BY_KIND[kind])


@pytest.fixture
def old(tmp_path, monkeypatch):
    """A copy of the folder, which is the current one."""
    shutil.copytree(FOLDER, tmp_path / "old")
    monkeypatch.chdir(tmp_path / "old")
    return tmp_path / "old"


# Every kind is there


def test_every_kind_that_can_be_written_has_a_file():
    modules = [
        importlib.import_module(f"gantool.files.{found.name}") for found in pkgutil.iter_modules(gantool.files.__path__)
    ]
    kinds = {module.KIND for module in modules if isinstance(getattr(module, "KIND", None), str)}
    assert len(kinds) >= 7
    assert kinds | {"picture", "evaluation", "manifest"} == set(BY_KIND)


def test_the_folder_is_small_and_names_no_place_of_a_machine():
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 300_000
    assert not [path for path in files if b"/tests/faults" in path.read_bytes()]


# Each is read, by today's reader of its kind


@of_kind("checkpoint")
def test_a_checkpoint_holds_its_tensors_and_what_resumes_it(name):
    found, wanted = checkpoint.read(FOLDER / name), EXPECTED[name]
    assert {key: digest(tensor) for key, tensor in found.tensors.items()} == wanted["tensors"]
    assert {key: found.meta.get(key) for key in wanted["facts"]} == wanted["facts"]
    assert checkpoint.model_hash(found.sampler()) == wanted["facts"]["model_hash"]


@of_kind("checkpoint")
def test_a_checkpoint_opens_as_a_model(name):
    model, wanted = open_model(FOLDER / name), EXPECTED[name]["facts"]
    assert (model.hash, list(model.shape), model.step) == (wanted["model_hash"], wanted["shape"], wanted["step"])
    assert sum(slot["dim"] for slot in wanted["prior"]) == model.prior.dim
    labels = wanted["condition"] and wanted["resolved"]["condition"]["name"] != "none"
    assert (model.condition and list(model.condition.names)) == (wanted["condition"]["names"] if labels else None)


@of_kind("latents")
def test_latents_hold_z_and_labels(name):
    (z, c, meta), wanted = latents.read(FOLDER / name), EXPECTED[name]
    assert {"z": digest(z), "c": digest(c)} == wanted["tensors"]
    assert {key: meta.get(key) for key in wanted["facts"]} == wanted["facts"]


@of_kind("directions")
def test_directions_hold_their_vectors_and_figures(name):
    (found, meta), wanted = directions.read(FOLDER / name), EXPECTED[name]
    vectors = {"directions": found.vectors, "intercept": found.intercept, "mean": found.mean, "std": found.std}
    assert {key: digest(tensor) for key, tensor in vectors.items()} == wanted["tensors"]
    said = {key: getattr(found, key) for key in ("model_hash", "slots", "names", "method", "figures", "source")}
    assert plain({**said, "model": meta["model"]}) == wanted["facts"]


@of_kind("classifier")
def test_a_classifier_holds_its_network_and_heads(name):
    found, wanted = classifier.read(FOLDER / name), EXPECTED[name]
    assert {f"network.{key}": digest(tensor) for key, tensor in found.tensors.items()} == wanted["tensors"]
    said = {key: getattr(found, key) for key in ("component", "shape", "data", "seed", "hash")}
    assert plain({**said, "heads": [vars(head) for head in found.heads]}) == wanted["facts"]


@of_kind("scores")
def test_scores_hold_their_columns_and_what_was_scored(name):
    found, wanted = scores.read(FOLDER / name), EXPECTED[name]
    parts = {key: getattr(found, key) for key in ("scores", "probabilities", "z", "c")}
    assert {key: digest(part) for key, part in parts.items() if part is not None} == wanted["tensors"]
    assert plain({key: getattr(found, key) for key in wanted["facts"]}) == wanted["facts"]


@of_kind("dataset")
def test_a_pack_holds_pictures_labels_and_splits(name):
    (info, samples), wanted = dataset.read_pack(FOLDER / name), EXPECTED[name]
    assert {"images": digest(samples.values), "labels": digest(samples.labels)} == wanted["tensors"]
    facts = wanted["facts"]
    assert (info.fingerprint, info.condition.kind) == (facts["fingerprint"], facts["condition"]["kind"])
    assert list(info.condition.names) == facts["condition"]["names"]
    for split, (start, stop) in facts["splits"].items():
        part = dataset.read_pack(FOLDER / name, split)[1]
        assert np.array_equal(part.values, samples.values[start:stop])


@of_kind("features")
def test_features_hold_both_sides(name):
    (sides, source), wanted = features.read(FOLDER / name), EXPECTED[name]
    parts = {
        f"{side}.{part}": getattr(judged, part) for side, judged in sides.items() for part in ("features", "logits")
    }
    assert {key: digest(part) for key, part in parts.items() if part is not None} == wanted["tensors"]
    assert source == wanted["facts"]["source"]


@of_kind("audit")
def test_an_audit_holds_its_figures_and_strips(name):
    assert plain({"kind": audit.KIND, **asdict(audit.read(FOLDER / name))}) == EXPECTED[name]["facts"]


@of_kind("evaluation")
def test_results_hold_their_figures_and_protocol(name):
    assert {**results.read(FOLDER / name).plain(), "seconds": 0} == {**EXPECTED[name]["facts"], "seconds": 0}


@of_kind("picture")
def test_a_picture_holds_its_pixels_and_the_latents_it_was_made_from(name):
    found, wanted = read_provenance(FOLDER / name), EXPECTED[name]
    with Image.open(FOLDER / name) as image:
        assert (list(image.size), hashlib.sha256(image.tobytes()).hexdigest()) == (wanted["size"], wanted["sha256"])
    if wanted["facts"] is None:
        assert found is None
        return
    facts = wanted["facts"]
    assert {key: found[key] for key in ("model", "seeds", "truncation")} == {
        key: facts[key] for key in ("model", "seeds", "truncation")
    }
    for part in ("z", "c"):
        stored = base64.b64decode(facts[part]["data"])
        assert (found[part].tobytes(), list(found[part].shape)) == (stored, facts[part]["shape"])


@pytest.mark.parametrize("run", ["run", "codes", "points"])
def test_settings_are_read_from_the_text_as_from_the_checkpoint(run):
    stored = checkpoint.read(checkpoint.find(FOLDER / run, resuming=True)).meta
    assert (
        read_settings(FOLDER / run / "config.toml") == stored["given"] == read_settings(checkpoint.find(FOLDER / run))
    )


def test_the_log_has_a_line_for_each_step_and_each_evaluation():
    rows = read_log(FOLDER / "run" / "log.jsonl")
    assert [row["step"] for row in rows if "loss_d" in row] == [1, 2]
    assert [list(row["evaluation"]) for row in rows if "evaluation" in row] == [["class-accuracy"], ["class-accuracy"]]


def test_a_run_is_read_by_its_best_checkpoint_and_resumed_from_its_latest():
    assert checkpoint.find(FOLDER / "run").name == (FOLDER / "run" / "best").read_text(encoding="utf-8").strip()[12:]
    assert checkpoint.find(FOLDER / "run", resuming=True).name == "step-00000002.safetensors"


# What the files were made for still works


def test_the_picture_of_seed_3_is_the_one_that_was_drawn(old, run_cli):
    assert run_cli("sample", "run", "--seeds", "3", "-o", "again").code == 0
    with Image.open(FOLDER / "samples" / "000001.png") as then, Image.open("again/000000.png") as now:
        assert read_provenance(old / "again" / "000000.png")["seeds"] == [3]
        assert np.abs(np.asarray(then, int) - np.asarray(now, int)).max() <= 1


def test_a_folder_of_samples_is_gone_on_with(old, run_cli):
    before = (old / "samples" / "000001.png").read_bytes()
    done = run_cli("sample", "run", "--seeds", "2-4", "-o", "samples")
    assert (done.code, sorted(path.name for path in (old / "samples").iterdir())) == (
        0,
        ["000000.png", "000001.png", "000002.png", "sample.json"],
    )
    assert (old / "samples" / "000001.png").read_bytes() == before


@pytest.mark.parametrize(
    "line",
    [
        "interpolate latents.safetensors latents.pt --frames 6 -o strip.png",
        "interpolate samples/000000.png grid.png:3 seed:7 run --frames 3 -o strip.png",
        "interpolate run/checkpoints/step-00000001.safetensors run/checkpoints/step-00000002.safetensors -o strip.png",
        "steer run --directions directions.safetensors --toward size --steps 3 -n 1 -o strip.png",
        "direction find run --scores scores.safetensors --toward size -o strip.png.safetensors",
        "classifier label samples --classifier classifier.safetensors -o strip.png.safetensors",
        "evaluate --compare evaluation.json earlier.json",
        "data inspect --data packed --data.root pack.safetensors",
        "train --config run/config.toml --dry-run",
        "score run samples --no-real",
    ],
)
def test_commands_take_the_files(old, run_cli, line):
    done = run_cli(*line.split())
    assert done.code == 0, done.err
    if "strip.png" in line:
        assert any(path.name.startswith("strip.png") for path in old.iterdir())


WHAT = {
    "audit": "an audit of directions by gantool",
    "evaluation": "results of an evaluation by gantool",
    "picture": "a picture",
}


@pytest.mark.parametrize("name", [name for name, one in EXPECTED.items() if one["kind"] != "manifest"])
def test_inspect_explains_each(old, run_cli, name):
    done = run_cli("inspect", name, "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    if name.endswith(".pt"):
        assert (said["holds"], said["seeds"]) == ("latents that gantool saved", EXPECTED[name]["facts"]["seeds"])
    else:
        kind = EXPECTED[name]["kind"]
        assert said["what"].startswith(WHAT.get(kind, f"a {kind} file, written by gantool"))


@pytest.mark.parametrize("run", ["run", "codes"])
def test_a_run_is_resumed(old, run_cli, run):
    done = run_cli("train", "--resume", run, "--steps", 3, "--threads", 1, "--no-diagnose", "-q")
    assert done.code == 0, done.err
    assert checkpoint.read(checkpoint.find(old / run, resuming=True)).meta["step"] == 3
    assert [row["step"] for row in read_log(old / run / "log.jsonl") if "loss_d" in row][-1] == 3


# What a later version wrote is refused


def newer_envelope(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    meta = json.loads(header["__metadata__"]["gantool"])
    header["__metadata__"]["gantool"] = json.dumps({**meta, "format": FORMAT + 1, "gantool": "9.1"})
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def newer_torch(path):
    content = torch.load(path, weights_only=True)
    meta = {**json.loads(content["gantool"]), "format": FORMAT + 1, "gantool": "9.1"}
    torch.save({**content, "gantool": json.dumps(meta)}, path)


def newer_picture(path):
    with Image.open(path) as image:
        image.load()
        said = {**json.loads(image.info[CHUNK]), "format": FORMAT + 1, "gantool": "9.1"}
        info = PngImagePlugin.PngInfo()
        info.add_itxt(CHUNK, json.dumps(said))
        image.save(path, "PNG", pnginfo=info)


def newer_results(path):
    said = json.loads(path.read_text(encoding="utf-8"))
    said |= {"format": FORMAT + 1, "versions": {**said.get("versions", {}), "gantool": "9.1"}, "gantool": "9.1"}
    path.write_text(json.dumps(said), encoding="utf-8")


NEWER = {".safetensors": newer_envelope, ".pt": newer_torch, ".png": newer_picture, ".json": newer_results}
USES = {
    "run/checkpoints/step-00000002.safetensors": "sample run/checkpoints/step-00000002.safetensors",
    "run/checkpoints/step-00000001.safetensors": "train --resume run --steps 3",
    "latents.safetensors": "interpolate latents.safetensors seed:1 run",
    "latents.pt": "interpolate latents.pt seed:1 run",
    "samples/000000.png": "interpolate samples/000000.png samples/000001.png",
    "directions.safetensors": "steer run --directions directions.safetensors --toward size",
    "classifier.safetensors": "classifier label samples --classifier classifier.safetensors",
    "scores.safetensors": "direction find run --scores scores.safetensors",
    "pack.safetensors": "train --data packed --data.root pack.safetensors --dry-run",
    "features.safetensors": "inspect features.safetensors",
    "audit.json": "report audit.json",
    "evaluation.json": "evaluate --compare evaluation.json earlier.json",
}


def test_every_kind_with_a_format_is_among_those_that_are_refused():
    assert {EXPECTED[name]["kind"] for name in USES} == set(BY_KIND) - {"manifest"}


@pytest.mark.parametrize(("name", "line"), USES.items(), ids=USES)
def test_a_newer_format_is_refused_in_one_line(old, run_cli, name, line):
    if "--resume" in line:
        name = "run/checkpoints/step-00000002.safetensors"
    NEWER[Path(name).suffix](old / name)
    done = run_cli(*line.split())
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"was written in format {FORMAT + 1} by gantool 9.1" in done.err
    assert f"this gantool reads up to {FORMAT}" in done.err
    assert "pip install -U gantool" in done.err
    assert run_cli("inspect", name).code == 2


def test_a_manifest_that_says_other_things_is_left_alone(old, run_cli):
    said = json.loads((old / "samples" / "sample.json").read_text(encoding="utf-8"))
    (old / "samples" / "sample.json").write_text(json.dumps({**said, "more": 1}), encoding="utf-8")
    assert run_cli("sample", "run", "--seeds", "2-3", "-o", "samples").code == 0
    assert len(list((old / "samples-2").glob("*.png"))) == 2
