"""What keeps a person's work: the folder, its pointers, its log, and signals that somebody chose to ignore."""

import errno
import json
import signal
import struct
import sys

import numpy as np
import pytest

from gantool import Report, RunOptions, Start, Tier, load_plugins, open_model, resolve, train
from gantool.cli.main import run
from gantool.errors import FileError, RunError
from gantool.files import checkpoint
from gantool.interfaces import Evaluated
from gantool.render.grid import scatter
from gantool.training.folder import RunFolder
from gantool.training.loop import Interval
from gantool.training.observers import JsonLog, read_log
from gantool.training.resume import open_run
from gantool.training.signals import Stop

TINY = {
    "arch": {"name": "dcgan", "channels": 4},
    "data": {"name": "shapes", "size": 16, "length": 40},
    "training": {"batch_size": 6, "steps": 2, "latent_dim": 8, "precision": "fp32"},
}


def short_run(out):
    return train(resolve(load_plugins().registry, [Tier("test", TINY)]), RunOptions(out=str(out)))


def exit_code(*arguments):
    with pytest.raises(SystemExit) as stopped:
        run([str(argument) for argument in arguments])
    return stopped.value.code


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_signal_that_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stop():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_log_is_whole_as_soon_as_a_run_goes_on(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"ste')
    log = JsonLog(path)
    log.on_start(Start(tmp_path, 2, 9, None, "cpu"))
    assert [row["step"] for row in read_log(path)] == [1, 2]
    log.on_interval(Report(5, 30, 1.0, 0.5, 10.0, {"loss_d": 0.25}))
    log.on_end(5)
    assert read_log(path)[-1] == {"step": 5, "images": 30, "seconds": 1.0, "rate": 10.0, "loss_d": 0.25}


def test_pruning_never_removes_what_latest_names(tmp_path):
    folder = RunFolder(tmp_path)
    folder.checkpoint(1).parent.mkdir()
    for step in (1, 2, 3, 10**8):
        folder.checkpoint(step).touch()
    folder.point("latest", folder.checkpoint(1))
    folder.prune(2)
    assert [int(path.stem[5:]) for path in folder.checkpoints()] == [1, 3, 10**8]


def test_half_written_checkpoints_of_a_killed_process_are_swept_up(tmp_path):
    folder = RunFolder(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    left = tmp_path / "checkpoints" / ".step-00000001.safetensors.123.part"
    left.touch()
    folder.lock()
    folder.unlock()
    assert not left.exists()


@pytest.mark.parametrize("name", ["/", ".", "..", "link/run"])
def test_a_place_that_can_hold_no_run_is_refused(name, tmp_path, monkeypatch):
    from pathlib import Path

    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "unmounted")
    with pytest.raises(FileError, match="cannot be made"):
        RunFolder.create(Path(name))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link"]


def test_a_checkpoint_that_another_process_overtook_is_not_resumed(tmp_path):
    folder = short_run(tmp_path / "run").folder
    config, stored = open_run(folder, [Tier("flags", {"training": {"steps": 4}})], load_plugins().registry)
    newer = RunFolder(folder)
    newer.checkpoint(3).write_bytes(stored.path.read_bytes())
    newer.point("latest", newer.checkpoint(3))
    with pytest.raises(RunError, match=r"went on to step-00000003\.safetensors"):
        train(config, RunOptions(), resume=stored)


def test_a_run_that_lost_its_last_pictures_gets_them_by_resuming(tmp_path, capsys):
    folder = short_run(tmp_path / "run").folder
    before = open_model(folder).hash
    (folder / "training.gif").unlink()
    assert exit_code("train", "--resume", folder, "-q") == 0
    assert (folder / "training.gif").exists()
    assert open_model(folder).hash == before
    assert exit_code("train", "--resume", folder, "-q") == 2
    assert "has already made its 2 steps" in capsys.readouterr().err


def test_a_resumed_run_is_not_made_shorter(tmp_path, capsys):
    folder = short_run(tmp_path / "run").folder
    before = (folder / "config.toml").read_text()
    (folder / "training.gif").unlink()
    assert exit_code("train", "--resume", folder, "--steps", 1, "-q") == 2
    assert "has already made more than 1 steps; more than 2; type: gantool train --resume" in capsys.readouterr().err
    assert (folder / "config.toml").read_text() == before


def test_the_intervals_of_a_resumed_run_go_on_where_they_were():
    begun = Interval(None, 10, begun=0.5)
    assert [step for step in range(50, 101) if begun.due(step, step / 100)] == [60, 70, 80, 90, 100]


def rewritten(path, change):
    """Change a checkpoint's metadata, as a hostile hand would."""
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    header = json.loads(whole[8 : 8 + length])
    meta = json.loads(header["__metadata__"]["gantool"])
    change(meta)
    header["__metadata__"]["gantool"] = json.dumps(meta)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + whole[8 + length :])


SETTINGS = {
    "no settings": lambda meta: meta.update(resolved=None),
    "settings of another form": lambda meta: meta.update(resolved={"arch": "dcgan"}),
    "given as a list": lambda meta: meta.update(given=[1]),
    "given of another form": lambda meta: meta.update(given={"loss": "bce"}),
    "another width": lambda meta: meta["resolved"]["arch"].update(channels=1024),
    "a number for names": lambda meta: meta["resolved"]["regularizer"].update(names=5),
    "a module for a name": lambda meta: meta["resolved"]["loss"].update(name="os:system"),
}
SAMPLED = {  # a resumed run takes these from its data
    "a huge prior": lambda meta: meta["prior"][0].update(dim=2**20),
    "five channels": lambda meta: meta.update(shape=[5, 16, 16]),
    "a huge picture": lambda meta: meta.update(shape=[3, 10**9, 16]),
    "a number of names": lambda meta: meta.update(condition={"kind": "classes", "names": 3, "words": {}}),
}


@pytest.mark.parametrize("change", [*SETTINGS, *SAMPLED])
def test_hostile_metadata_is_one_line(change, tmp_path, capsys):
    folder = short_run(tmp_path / "run").folder
    rewritten(checkpoint.find(folder), {**SETTINGS, **SAMPLED}[change])
    lines = [("sample", folder), ("train", "--resume", folder, "--steps", 3)]
    for line in lines if change in SETTINGS else lines[:1]:
        assert exit_code(*line) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_points_of_one_and_of_three_coordinates_are_drawn():
    for width in (1, 3):
        points = np.random.default_rng(0).normal(size=(50, width))
        assert scatter(points, points).size == (500, 500)


class FullDisk:
    """A file on a disk that is full until ``room`` is made."""

    def __init__(self, file):
        self.file, self.room, self.write, self.close = file, False, file.write, file.close

    def flush(self):
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.file.flush()


def test_lines_that_a_full_disk_does_not_take_end_no_run_and_come_later(tmp_path, capsys):
    log = JsonLog(tmp_path / "log.jsonl")
    log.on_start(Start(tmp_path, 0, 9, None, "cpu"))
    log._file = full = FullDisk(log._file)
    for step in (1, 2):
        log.on_evaluation(Evaluated(step, {"kid": 0.5}, {}))
    assert capsys.readouterr().err.count("log.jsonl: cannot be written (No space left on device)") == 1
    full.room = True
    log.on_evaluation(Evaluated(3, {"kid": 0.5}, {}))
    log.on_end(3)
    assert [row["step"] for row in read_log(log.path)] == [1, 2, 3]
