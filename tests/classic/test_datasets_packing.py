"""Packing folders: interrupted and gone on with, and what is noted of bad, duplicate and odd files."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib

import filelock
import numpy as np
import pytest
from PIL import Image

from gantool.errors import DataError, FileError, OptionError
from gantool.files.dataset import read_pack
from gantool.files.pack_writer import write_pack
from gantool.files.packing import pack
from gantool_classic.datasets import packing
from gantool_classic.datasets.celeba import Celeba
from gantool_classic.datasets.folder import Folder
from gantool_classic.datasets.mnist import Mnist
from gantool_classic.datasets.settings import CelebaOptions, FolderOptions, IdxOptions, ShapesOptions
from gantool_classic.datasets.shapes import Shapes


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GANTOOL_CACHE", str(place))
    return place


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(packing, "BLOCK", 8)
    monkeypatch.setattr(packing, "CHUNK", 3)


@pytest.fixture
def photos(tmp_path):
    """Forty pictures of two classes; of the third eight, one is bad and one a duplicate."""
    root = tmp_path / "photos"
    for number in range(40):
        path = root / ("a" if number < 20 else "b") / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
    (root / "a" / "17.png").write_bytes(b"bad")
    (root / "a" / "18.png").write_bytes((root / "a" / "03.png").read_bytes())
    return root


def folder(root, **options):
    return Folder(FolderOptions(root=str(root), **{"size": 8, **options}))


def stop_at(row):
    def tick(done, total):
        if done >= row:
            raise KeyboardInterrupt

    return tick


def interrupted(dataset, path, row=26):
    with pytest.raises(KeyboardInterrupt):
        pack(dataset, path, stop_at(row))


def test_a_pack_gone_on_with_is_that_of_one_go(photos, tmp_path):
    whole = pack(folder(photos), tmp_path / "whole")
    interrupted(folder(photos), tmp_path / "p")
    assert sorted(path.name for path in tmp_path.glob("p*")) == ["p.part", "p.part.json", "photos"]
    report = pack(folder(photos), tmp_path / "p")
    assert (tmp_path / "p").read_bytes() == (tmp_path / "whole").read_bytes()
    assert report.notes == whole.notes
    assert (report.resumed, whole.resumed, report.pictures, whole.pictures) == (23, 0, 39, 39)
    left = {"p", "whole", "p.report.txt", "whole.report.txt", "photos"}
    assert {path.name for path in tmp_path.iterdir()} == left


def test_a_resumed_pack_reads_only_what_is_left(photos, tmp_path, monkeypatch):
    interrupted(folder(photos), tmp_path / "p")
    read = []
    whole = packing.read_picture
    monkeypatch.setattr(packing, "read_picture", lambda path, how: read.append(path.name) or whole(path, how))
    pack(folder(photos), tmp_path / "p")
    assert sorted(read) == [f"{number}.png" for number in range(24, 40)]


KILLED = """
import os, signal, sys
from gantool.files.packing import pack
from gantool_classic.datasets import packing
from gantool_classic.datasets.folder import Folder
from gantool_classic.datasets.settings import FolderOptions
packing.BLOCK, packing.CHUNK = 8, 3
kill = lambda done, total: done >= 26 and os.kill(os.getpid(), signal.SIGKILL)
pack(Folder(FolderOptions(root=sys.argv[1], size=8)), sys.argv[2], kill)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_killed_pack_is_gone_on_with(photos, tmp_path):
    pack(folder(photos), tmp_path / "whole")
    line = [sys.executable, "-c", KILLED, str(photos), str(tmp_path / "p")]
    assert subprocess.run(line, check=False).returncode == -signal.SIGKILL
    assert pack(folder(photos), tmp_path / "p").resumed == 23
    assert (tmp_path / "p").read_bytes() == (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize(
    ("resumed", "damage"),
    [
        (23, lambda part, journal: part.write_bytes(part.read_bytes() + b"not named by the journal")),
        (16, lambda part, journal: journal.write_bytes(journal.read_bytes()[:-9])),
        (0, lambda part, journal: part.write_bytes(part.read_bytes()[:-9])),
        (0, lambda part, journal: part.unlink()),
        (0, lambda part, journal: journal.write_text(journal.read_text().replace("]", "}"))),
    ],
    ids=["more data", "a line cut off", "less data", "no data", "a malformed line"],
)
def test_what_a_loss_of_power_leaves_is_gone_on_with_as_far_as_it_is_whole(photos, tmp_path, resumed, damage):
    pack(folder(photos), tmp_path / "whole")
    interrupted(folder(photos), tmp_path / "p")
    damage(tmp_path / "p.part", tmp_path / "p.part.json")
    assert pack(folder(photos), tmp_path / "p").resumed == resumed
    assert (tmp_path / "p").read_bytes() == (tmp_path / "whole").read_bytes()


def test_an_interrupted_pack_can_be_interrupted_again(photos, tmp_path):
    pack(folder(photos), tmp_path / "whole")
    for row in (10, 18, 34):
        interrupted(folder(photos), tmp_path / "p", row)
    assert pack(folder(photos), tmp_path / "p").resumed == 31
    assert (tmp_path / "p").read_bytes() == (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize("change", ["a file", "size", "duplicates"])
def test_a_changed_folder_or_conversion_starts_anew(photos, tmp_path, change):
    interrupted(folder(photos), tmp_path / "p")
    if change == "a file":
        os.utime(photos / "a" / "00.png", ns=(1, 1))
    options = {"size": {"size": 4}, "duplicates": {"duplicates": "drop"}}.get(change, {})
    assert pack(folder(photos, **options), tmp_path / "p").resumed == 0
    pack(folder(photos, **options), tmp_path / "whole")
    assert (tmp_path / "p").read_bytes() == (tmp_path / "whole").read_bytes()


def test_the_cache_goes_on_where_it_was_stopped(photos, cache, monkeypatch):
    whole = packing.read_picture
    read = []

    def stops(path, how):
        read.append(path.name)
        if len(read) > 30:
            raise KeyboardInterrupt
        return whole(path, how)

    monkeypatch.setattr(packing, "read_picture", stops)
    monkeypatch.setattr(packing, "_workers", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        folder(photos).load()
    assert [path.suffix for path in sorted(cache.glob("datasets/*"))] == [".part", ".json"]
    read.clear()
    values = folder(photos).load().values
    assert len(read) == 16
    assert values[:, 0, 0, 0].tolist() == [*range(17), 3, *range(19, 40)]


@pytest.mark.parametrize("name", ["p.part", "p.part.json"])
def test_a_file_of_the_user_under_a_name_of_ours_is_left_alone(photos, tmp_path, name):
    (tmp_path / name).write_text('{"mine": 1}\n')
    with pytest.raises(FileError, match=r"is in the way, and is not of an unfinished pack; .*rm "):
        pack(folder(photos), tmp_path / "p")
    assert [(path.name, path.read_text()) for path in tmp_path.glob("p*") if path.is_file()] == [
        (name, '{"mine": 1}\n')
    ]


def test_a_pack_without_a_key_leaves_nothing_behind(tmp_path):
    def interrupted():
        with write_pack(tmp_path / "p", 2, (1, 2, 2)) as writer:
            writer.add(np.zeros((1, 1, 2, 2), np.uint8))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_or_folder_is_not_packed_over(photos, tmp_path):
    for path in (photos, photos / "a" / "00.png"):
        with pytest.raises(OptionError, match=r"-o: .* exists; a new file; remove it"):
            pack(folder(photos), path)
    with pytest.raises(FileError, match=r"cannot be written \(it is a folder\)"), write_pack(photos, 1, (1, 2, 2)):
        pass


def test_a_second_process_is_refused_while_one_packs(photos, tmp_path):
    def second(done, total):
        with pytest.raises(FileError, match=r"is being packed by another process; .*wait for it"):
            pack(folder(photos), tmp_path / "p")

    pack(folder(photos), tmp_path / "p", second)
    assert read_pack(tmp_path / "p")[0].length == 39
    assert not (tmp_path / ".p.lock").exists()


def test_a_second_process_waits_for_the_one_that_packs_into_the_cache(photos, cache, capsys):
    folder(photos).load()
    (path,) = cache.glob("datasets/*.safetensors")
    whole = path.read_bytes()
    path.unlink()
    held = threading.Event()

    def first():
        with filelock.FileLock(path.with_name(f".{path.name}.lock")):
            held.set()
            time.sleep(0.2)
            path.write_bytes(whole)

    other = threading.Thread(target=first)
    other.start()
    held.wait()
    capsys.readouterr()
    assert len(folder(photos).load().values) == 39
    other.join()
    assert capsys.readouterr().err == f"waiting for another process that packs {path}\n"


def test_duplicates_are_listed_and_kept_or_left_out(photos, tmp_path):
    bad = ("bad", "a/17.png", "is not a JPEG, PNG, WebP, BMP or GIF picture")
    kept, dropped = (pack(folder(photos, duplicates=fate), tmp_path / fate) for fate in ("keep", "drop"))
    assert kept.notes == (bad, ("duplicate", "a/18.png", "has the bytes of a/03.png; kept"))
    assert dropped.notes == (bad, ("duplicate", "a/18.png", "has the bytes of a/03.png; left out"))
    assert (kept.pictures, dropped.pictures) == (39, 38)
    info, samples = read_pack(tmp_path / "drop")
    assert samples.values[:, 0, 0, 0].tolist() == [*range(17), *range(19, 40)]
    assert samples.labels.tolist() == [0] * 18 + [1] * 20
    assert info.fingerprint != read_pack(tmp_path / "keep")[0].fingerprint
    lines = (tmp_path / "drop.report.txt").read_text().splitlines()
    assert lines == ["kind\tpath\treason", *("\t".join(note) for note in dropped.notes)]


def test_a_duplicate_of_before_an_interruption_is_recognised_after_it(photos, tmp_path):
    (photos / "b" / "39.png").write_bytes((photos / "a" / "00.png").read_bytes())
    interrupted(folder(photos, duplicates="drop"), tmp_path / "p")
    report = pack(folder(photos, duplicates="drop"), tmp_path / "p")
    assert report.notes[-1] == ("duplicate", "b/39.png", "has the bytes of a/00.png; left out")


def test_splits_and_labels_stay_right_when_files_are_left_out(tmp_path, photos):
    dataset = folder(photos, holdout=0.3, duplicates="drop")
    pack(dataset, tmp_path / "p")
    red = {split: read_pack(tmp_path / "p", split)[1].values[:, 0, 0, 0].tolist() for split in ("train", "test")}
    assert sorted(red["train"] + red["test"]) == [*range(17), *range(19, 40)]
    for split, values in red.items():
        _, samples = read_pack(tmp_path / "p", split)
        assert samples.labels.tolist() == [int(value >= 20) for value in values]
        assert values == dataset.load(split).values[:, 0, 0, 0].tolist()
        whole = folder(photos, holdout=0.3).load(split)
        assert set(values) <= set(whole.values[:, 0, 0, 0].tolist())


def png_of_16_bits(path):
    """Write an 8x8 RGB picture of 16 bits a channel, which Pillow reads but does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x80\x01" * 24) * 8
    head = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def test_pictures_that_lose_something_are_listed(tmp_path):
    root = tmp_path / "odd"
    root.mkdir()
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(root / "cmyk.jpg")
    Image.new("I;16", (8, 8), 999).save(root / "deep-grey.png")
    png_of_16_bits(root / "deep.png")
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green")]
    for name in ("moving.gif", "moving.webp", "moving.png"):
        frames[0].save(root / name, save_all=True, append_images=frames[1:])
    Image.new("RGBA", (8, 8), (255, 0, 0, 128)).save(root / "clear.png")
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.save(root / "palette-clear.gif", transparency=1)
    palette.save(root / "palette.gif")
    Image.new("RGBA", (8, 8), (255, 0, 0, 255)).save(root / "opaque.png")
    Image.new("L", (8, 8), 1).save(root / "grey.png")
    report = pack(folder(root, background="grey"), tmp_path / "p")
    animation, deep = "an animation, of which the first frame was taken", "16 bits, brought to 8"
    assert [note[1:] for note in report.notes if note.kind == "odd"] == [
        ("clear.png", "transparent, laid on grey"),
        ("cmyk.jpg", "CMYK, turned into RGB without its colour profile"),
        ("deep-grey.png", deep),
        ("deep.png", deep),
        ("moving.gif", animation),
        ("moving.png", animation),
        ("moving.webp", animation),
        ("palette-clear.gif", "transparent, laid on grey"),
    ]
    assert report.summary == "8 odd"
    assert [note.path for note in pack(folder(root, channels="4"), tmp_path / "q").notes if "clear" in note.path] == []


def test_a_picture_that_may_not_be_read_is_listed_with_the_reason(photos, tmp_path):
    (photos / "a" / "00.png").unlink()
    dataset = folder(photos)
    dataset.describe()
    (photos / "b" / "30.png").unlink()
    notes = pack(dataset, tmp_path / "p").notes
    assert ("bad", "b/30.png", "cannot be read (No such file or directory)") in notes


def test_a_name_with_a_tab_or_a_line_break_stays_on_its_line(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    Image.new("RGB", (8, 8)).save(root / "a.png")
    (root / "b\tc\nd.png").touch()
    report = pack(folder(root), tmp_path / "p")
    assert report.listed.read_text().splitlines()[1:] == ["bad\tb\\tc\\nd.png\tis empty"]


def test_a_report_is_taken_away_when_nothing_is_left_to_say(photos, tmp_path):
    assert pack(folder(photos), tmp_path / "p").listed.exists()
    (tmp_path / "p").unlink()
    for name in ("17", "18"):
        (photos / "a" / f"{name}.png").unlink()
    report = pack(folder(photos), tmp_path / "p")
    assert (report.notes, report.summary, report.listed.exists()) == ((), "", False)


def test_nothing_is_left_of_a_folder_of_bad_files(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    (root / "1.png").write_text("hello")
    with pytest.raises(DataError, match="none of its 1 pictures can be read"):
        pack(folder(root), tmp_path / "p")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_the_fingerprint_of_a_pack_is_the_folders(photos, tmp_path):
    before = folder(photos).describe()
    pack(folder(photos), tmp_path / "p")
    assert read_pack(tmp_path / "p")[0].fingerprint == before.fingerprint
    assert (read_pack(tmp_path / "p")[1].values == folder(photos).load().values).all()


def test_celeba_is_packed_with_its_splits(tmp_path):
    root = tmp_path / "celeba"
    (root / "img_align_celeba").mkdir(parents=True)
    names = [f"{number:06d}.jpg" for number in range(1, 5)]
    for number, name in enumerate(names):
        Image.new("RGB", (178, 218), (number * 60, 0, 0)).save(root / "img_align_celeba" / name)
    (root / "img_align_celeba" / names[1]).write_bytes(b"bad")
    (root / "list_attr_celeba.txt").write_text("Hat Smile\n" + "".join(f"{name} 1 -1\n" for name in names))
    parts = (f"{name} {part}\n" for name, part in zip(names, "0012", strict=True))
    (root / "list_eval_partition.txt").write_text("".join(parts))
    report = pack(Celeba(CelebaOptions(root=str(root), size=16)), tmp_path / "p")
    assert report.pictures == 3
    lengths = {split: read_pack(tmp_path / "p", split)[0].length for split in ("train", "valid", "test", "all")}
    assert lengths == {"train": 1, "valid": 1, "test": 1, "all": 3}
    assert read_pack(tmp_path / "p")[1].labels.tolist() == [[1, 0]] * 3


def test_drawn_pictures_are_packed_with_their_splits(tmp_path):
    dataset = Shapes(ShapesOptions(length=30, size=8))
    ticks = []
    pack(dataset, tmp_path / "p", lambda done, total: ticks.append((done, total)))
    for split in ("train", "test"):
        info, samples = read_pack(tmp_path / "p", split)
        assert (samples.values == dataset.load(split).values).all()
        assert (samples.labels == dataset.load(split).labels).all()
    assert info.fingerprint == dataset.describe().fingerprint
    assert ticks == [(0, 33), (30, 33), (33, 33)]


def test_digits_without_their_test_half_are_packed_as_far_as_they_are_there(tmp_path):
    def idx(values):
        sizes = struct.pack(f">{values.ndim}I", *values.shape)
        return bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes()

    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(np.arange(3 * 64).reshape(3, 8, 8)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.array([1, 2, 3])))
    pack(Mnist(IdxOptions(root=str(tmp_path))), tmp_path / "p")
    info, samples = read_pack(tmp_path / "p", "train")
    assert (info.length, samples.labels.tolist()) == (3, [1, 2, 3])


def test_the_journal_is_lines_of_json_that_name_what_is_safe(photos, tmp_path):
    interrupted(folder(photos), tmp_path / "p")
    first, *blocks = [json.loads(line) for line in (tmp_path / "p.part.json").read_text().splitlines()]
    assert list(first) == ["pack"]
    assert [(row, left_out) for row, left_out, _, _ in blocks] == [(8, []), (16, []), (24, [17])]
    safe = 23 * 3 * 8 * 8  # bytes of the pictures that were kept
    assert 0 < (tmp_path / "p.part").stat().st_size - safe < 2000  # the header's place
