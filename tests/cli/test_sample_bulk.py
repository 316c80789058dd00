"""``gantool sample`` into folders and packs: in parts, by several processes, stopped and gone on with."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from PIL import Image

from gantool import open_model
from gantool.cli.main import run
from gantool.errors import FileError
from gantool.files import manifest
from gantool.files.dataset import read_pack
from gantool.latent import bulk
from gantool.render.provenance import read_provenance

TINY = "--arch.channels 4 --data.size 16 --data.length 40 --batch-size 6 --latent-dim 8 --precision fp32".split()
KINDS = {"plain": [], "classes": ["--condition", "onehot"], "attributes": ["--condition", "onehot", "--data.labels"]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One run of each kind of condition."""
    folder = tmp_path_factory.mktemp("runs")
    for name, more in KINDS.items():
        more = [*more, "attributes"] if name == "attributes" else more or ["--condition", "none"]
        with pytest.raises(SystemExit) as stopped:
            run(["train", *TINY, *more, "--steps", "2", "-q", "-o", str(folder / name)])
        assert stopped.value.code == 0
    return folder


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)


def numbers(folder):
    return sorted(int(path.stem) for path in folder.glob("*.png"))


def files(folder):
    """Say which file each name stands for, so that one that was written again shows."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("*.png")}


def levels(path):
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def test_a_larger_count_goes_on_in_the_same_folder(run_cli, runs, workdir):
    run_cli("sample", runs / "classes", "-n", 5, "-o", "folder")
    before = files(workdir / "folder")
    said = run_cli("sample", runs / "classes", "-n", 12, "-o", "folder")
    assert "5 of 12 are there: folder" in said.err
    assert said.out.startswith("12 pictures: folder. Next: gantool sample")
    assert numbers(workdir / "folder") == list(range(12))
    assert before.items() <= files(workdir / "folder").items()
    assert json.loads((workdir / "folder" / "sample.json").read_text())["count"] == 12


def test_a_whole_folder_is_left_as_it_is(run_cli, runs, workdir):
    line = ["sample", runs / "plain", "-n", 5, "-o", "folder"]
    run_cli(*line)
    before = files(workdir / "folder")
    said = run_cli(*line)
    assert (said.code, said.out.split(". ")[0]) == (0, "All 5 pictures were there: folder")
    assert files(workdir / "folder") == before
    assert [path.name for path in workdir.iterdir()] == ["folder"]


def test_what_is_missing_empty_or_half_written_is_made_as_it_was(run_cli, runs, workdir):
    line = ["sample", runs / "classes", "-n", 6, "-o", "folder"]
    run_cli(*line)
    folder = workdir / "folder"
    before, pictures = files(folder), {number: levels(folder / f"{number:06d}.png") for number in range(6)}
    (folder / "000001.png").unlink()
    (folder / "000004.png").write_bytes(b"")  # what a loss of power may leave
    (folder / ".000001.png.7.part").write_bytes(b"half")
    assert "4 of 6 are there" in run_cli(*line).err
    after = files(folder)
    assert {name for name in after if after[name] != before[name]} == {"000001.png", "000004.png"}
    assert all(np.abs(levels(folder / f"{number:06d}.png") - pictures[number]).max() <= 1 for number in range(6))
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize(
    "other",
    [["--truncation", 0.5], ["--seeds", "1-6"], ["-n", 5], ["--class", "square=6"], ["--seeds", "0-4,7-9"]],
    ids=lambda other: " ".join(map(str, other)),
)
def test_another_order_gets_another_folder(run_cli, runs, workdir, other):
    run_cli("sample", runs / "classes", "-n", 6, "-o", "folder")
    before = files(workdir / "folder")
    said = run_cli("sample", runs / "classes", *([] if "-n" in other or "--seeds" in other else ["-n", 6]), *other,
                   "-o", "folder")  # fmt: skip
    assert (said.code, ": folder-2. Next" in said.out) == (0, True)
    assert files(workdir / "folder") == before


def test_another_model_gets_another_folder(run_cli, runs, workdir):
    for name in ("plain", "classes"):
        run_cli("sample", runs / name, "-n", 2, "-o", "folder")
    assert numbers(workdir / "folder-2") == [0, 1]


def test_classes_that_share_another_count_otherwise_get_another_folder(run_cli, runs, workdir):
    line = ["sample", runs / "classes", "--class", "circle", "--class", "square", "-o", "folder"]
    run_cli(*line, "-n", 4)
    run_cli(*line, "-n", 6)
    labels = [int(read_provenance(path)["c"][0]) for path in sorted((workdir / "folder-2").glob("*.png"))]
    assert labels == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"count": true}', '{"count": 10000}', "[" * 100_000])
def test_a_folder_whose_manifest_is_not_ours_is_kept(run_cli, runs, workdir, monkeypatch, text):
    monkeypatch.setattr(manifest, "PATIENCE", 0.05)
    (workdir / "folder").mkdir()
    (workdir / "folder" / "sample.json").write_text(text)
    said = run_cli("sample", runs / "plain", "-n", 2, "-o", "folder")
    assert (said.code, ": folder-2. Next" in said.out) == (0, True)
    assert [path.name for path in (workdir / "folder").iterdir()] == ["sample.json"]


def test_a_file_in_the_way_is_kept_and_one_above_is_an_error(run_cli, runs, workdir):
    (workdir / "taken").write_text("mine")
    assert ": taken-2. Next" in run_cli("sample", runs / "plain", "-n", 1, "-o", "taken").out
    said = run_cli("sample", runs / "plain", "-n", 1, "-o", "taken/folder")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "taken/folder: cannot be written" in said.err
    assert (workdir / "taken").read_text() == "mine"


@pytest.mark.parametrize(
    ("flags", "environment", "said"),
    [
        (["--truncation", 0], {}, "--truncation: 0.0 was given"),
        (["--truncation", "nan"], {}, "--truncation: nan was given"),
        (["--save-latents", "z.txt"], {}, "--save-latents: z.txt was given"),
        ([], {"RANK": "x"}, "RANK: the environment has 'x'"),
    ],
)
@pytest.mark.parametrize("out", ["folder", "pack.safetensors"])
def test_what_cannot_be_is_refused_first(run_cli, runs, workdir, monkeypatch, flags, environment, said, out):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    refused = run_cli("sample", runs / "plain", *flags, "-n", 2, "-o", out)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert said in refused.err
    assert not list(workdir.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_of_several_threads_make_what_each_seed_makes_alone(runs, tmp_path, kind):
    torch.set_num_threads(3)
    model = open_model(runs / kind).on(torch.device("cpu"))
    seeds = [5, 3, *range(20, 27)]
    order = bulk.Order(model, seeds, model.labels(seeds), 0.9)
    heard = []
    bulk.fill(bulk.claim(order, tmp_path / "folder"), tick=lambda done, total: heard.append((done, total)))
    assert torch.get_num_threads() == 3
    assert heard == [(0, 9), (3, 9), (6, 9), (9, 9)]
    for number, seed in enumerate(seeds):
        path = tmp_path / "folder" / f"{number:06d}.png"
        found = read_provenance(path)
        z, c = model.latents([seed], 0.9), model.labels([seed])
        assert (found["seeds"], found["model"], found["truncation"]) == ([seed], model.hash, 0.9)
        assert np.array_equal(found["z"], z.numpy())
        assert np.array_equal(found["c"], c) if c is not None else found["c"] is None
        alone = (model.samples(z, c)[0].permute(1, 2, 0).numpy() + 1) * 127.5
        assert np.abs(alone - levels(path)).max() <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_pack_holds_the_pictures_and_labels_of_the_folder(run_cli, runs, workdir, kind):
    run_cli("sample", runs / kind, "-n", 7, "-o", "folder")
    said = run_cli("sample", runs / kind, "-n", 7, "-o", "pack.safetensors", "--json")
    assert json.loads(said.out)["there"] == 7
    info, samples = read_pack(workdir / "pack.safetensors")
    assert (info.length, info.shape, info.condition) == (7, (3, 16, 16), open_model(runs / kind).condition)
    for number in range(7):
        path = workdir / "folder" / f"{number:06d}.png"
        assert np.abs(samples.values[number].transpose(1, 2, 0).astype(int) - levels(path)).max() <= 1
        c = read_provenance(path)["c"]
        assert c is None if samples.labels is None else np.array_equal(samples.labels[number], c[0])
    listed = run_cli("data", "inspect", "--data", "packed", "--data.root", "pack.safetensors")
    assert "7 examples of 3 x 16 x 16" in listed.out
    run_cli("sample", runs / kind, "-n", 7, "-o", "pack.safetensors")
    assert (workdir / "pack-2.safetensors").read_bytes() == (workdir / "pack.safetensors").read_bytes()


def test_a_pack_that_was_stopped_goes_on_to_the_same_bytes(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(bulk, "PACK_BLOCK", 4)
    model = open_model(runs / "classes").on(torch.device("cpu"))
    monkeypatch.setattr("gantool.latent.model.MOST_AT_ONCE", 4)
    order = bulk.Order(model, range(30), model.labels(range(30)))
    done = []
    stopped = {"tick": lambda made, total: done.append(made), "stopped": lambda: bool(done) and done[-1] >= 8}
    there = bulk.pack(order, tmp_path / "pack.safetensors", **stopped)
    assert 8 <= there < 30
    assert not (tmp_path / "pack.safetensors").exists()
    assert bulk.pack(order, tmp_path / "pack.safetensors", tick=lambda made, total: done.append(made)) == 30
    assert done[0] == 0
    assert there in done[done.index(there) + 1 :]  # it began there
    assert bulk.pack(order, tmp_path / "whole.safetensors") == 30
    assert (tmp_path / "pack.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"pack.safetensors", "whole.safetensors"}


def test_each_process_of_a_group_makes_its_share_and_the_first_speaks(run_cli, runs, workdir, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    heard = {}
    for rank, there in ((1, [1, 4]), (2, [1, 2, 4, 5]), (0, list(range(7)))):
        monkeypatch.setenv("RANK", str(rank))
        heard[rank] = run_cli("sample", runs / "plain", "-n", 7, "-o", "folder", "--save-latents", "z.pt")
        assert numbers(workdir / "folder") == there
    assert heard[1] == heard[2] == type(heard[1])(0, "", "")
    assert heard[0].out.startswith("7 pictures: folder. Next")
    assert sorted(path.name for path in workdir.iterdir()) == ["folder", "z.pt"]


def test_a_first_process_that_is_done_early_says_what_is_there(run_cli, runs, workdir, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    said = run_cli("sample", runs / "plain", "-n", 7, "-o", "folder")
    assert said.out.startswith("This process is done: 4 of 7 pictures are there: folder. Next")


@pytest.mark.parametrize("out", [[], ["-o", "grid.png"], ["-o", "pack.safetensors"]])
def test_one_file_is_refused_to_a_group(run_cli, runs, workdir, monkeypatch, out):
    monkeypatch.setenv("WORLD_SIZE", "2")
    said = run_cli("sample", runs / "plain", "-n", 2, *out)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "is one file, and there are 2 processes; a folder" in said.err
    assert not list(workdir.iterdir())


def test_processes_that_start_together_agree_on_the_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("kept")
    together, found = threading.Barrier(12), []

    def claim():
        together.wait()
        found.append(manifest.claim(tmp_path / "folder", 9, lambda count: {"count": count, "seeds": "x" * 3000}))

    threads = [threading.Thread(target=claim) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [tmp_path / "folder-2"] * 12
    assert [path.name for path in (tmp_path / "folder-2").iterdir()] == ["sample.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_whole_pictures_and_says_how_to_go_on(run_cli, runs, workdir, sent, code):
    folder = workdir / "folder"

    def send():
        until = time.monotonic() + 20
        while time.monotonic() < until and not (folder.is_dir() and len(numbers(folder)) > 3):
            time.sleep(0.01)
        os.kill(os.getpid(), sent)

    sender = threading.Thread(target=send)
    sender.start()
    said = run_cli("sample", runs / "plain", "-n", 100_000, "-o", "folder")
    sender.join()
    made = numbers(folder)
    assert said.code == code
    assert said.out == ""
    stopped = f"Stopped at {len(made):,} of 100,000 pictures: folder. The same command goes on with the rest.\n"
    assert said.err == stopped
    assert made == list(range(len(made)))
    assert all(levels(path).shape == (16, 16, 3) for path in folder.glob("*.png"))
    assert not list(folder.glob(".*"))


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_is_one_clear_error_and_no_half_picture(runs, tmp_path):
    import resource

    model = open_model(runs / "plain").on(torch.device("cpu"))
    share = bulk.claim(bulk.Order(model, range(3)), tmp_path / "folder")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))  # a picture needs more
    try:
        with pytest.raises(FileError, match=r"\.png: cannot be written \(File too large\)"):
            bulk.fill(share)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["sample.json"]
    bulk.fill(share)
    assert numbers(tmp_path / "folder") == [0, 1, 2]


@pytest.mark.parametrize("out", ["folder", "pack.safetensors"])
def test_points_are_no_pictures(run_cli, workdir, out):
    line = ["--data", "gaussians", "--arch.hidden-g", "16", "--arch.hidden-d", "16", "--steps", 1, "-q"]
    run_cli("train", *line, "-o", "run")
    said = run_cli("sample", "run", "-o", out)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "the model makes points" in said.err
    assert not (workdir / out).exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_refused(run_cli, runs, workdir):
    said = run_cli("sample", runs / "plain", "--device", "cuda")
    assert said.code == 2
    assert "--device: cuda was given and is not there; here: " in said.err
    assert "cpu; type: --device auto" in said.err


LEAN = """
import sys
from gantool.cli.main import run
try:
    run(sys.argv[1:])
except SystemExit as stop:
    code = stop.code
heavy = {"torchvision", "matplotlib", "torch._dynamo"} & set(sys.modules)
assert not heavy, heavy
sys.exit(code)
"""


def test_sampling_imports_no_more_than_it_needs(runs, tmp_path):
    line = [sys.executable, "-c", LEAN, "sample", runs / "classes", "-n", "2", "-o", tmp_path / "grid.png"]
    done = subprocess.run([*map(str, line)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
