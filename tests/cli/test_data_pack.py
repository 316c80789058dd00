"""``gantool data pack``: what it says, what it leaves when it is stopped or the disk is full, and large files."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from PIL import Image

from gantool.files.dataset import read_pack
from gantool.files.envelope import header_bytes
from gantool_classic.datasets import packing


@pytest.fixture
def photos(workdir):
    """Forty pictures; one is bad, one a duplicate, one transparent."""
    root = workdir / "photos"
    root.mkdir()
    for number in range(40):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(root / f"{number:02d}.png")
    (root / "17.png").write_bytes(b"bad")
    (root / "18.png").write_bytes((root / "03.png").read_bytes())
    Image.new("RGBA", (8, 8), (19, 0, 0, 0)).save(root / "19.png")
    return root


PACK = "data pack --data folder --data.root photos --data.size 8".split()


def test_the_last_line_says_all_and_what_is_next(run_cli, photos, workdir):
    done = run_cli(*PACK, "-o", "my photos")
    assert done.code == 0
    *_, last = done.out.splitlines()
    said = "39 pictures (1 bad, left out; 1 duplicate; 1 odd), 0.0 MiB in "
    assert last.startswith(said)
    assert last.endswith(" s: my photos. Next: gantool train --data packed --data.root 'my photos'")
    assert done.err == "warning: 1 bad, left out; 1 duplicate; 1 odd: see my photos.report.txt\n"
    assert (workdir / "my photos.report.txt").read_text().count("\n") == 4


def test_a_clean_folder_has_no_warning_and_no_list(run_cli, photos, workdir):
    for number in (17, 18, 19):
        (photos / f"{number}.png").unlink()
    done = run_cli(*PACK, "-o", "p", "-q")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("37 pictures, 0.0 MiB in ")
    assert sorted(path.name for path in workdir.iterdir()) == ["p", "photos"]


def test_figures_are_given_as_json(run_cli, photos, workdir):
    found = json.loads(run_cli(*PACK, "-o", "p", "--json").out)
    seconds = found.pop("seconds")
    assert seconds >= 0
    assert found == {
        "path": "p",
        "pictures": 39,
        "resumed": 0,
        "shape": [3, 8, 8],
        "bytes": (workdir / "p").stat().st_size,
        "notes": {"bad": 1, "duplicate": 1, "odd": 1},
        "report": "p.report.txt",
    }


def test_duplicates_can_be_dropped(run_cli, photos):
    assert run_cli(*PACK, "--data.duplicates", "drop", "-o", "p").out.startswith("38 pictures (")
    said = run_cli(*PACK, "--data.duplicates", "maybe", "-o", "q")
    assert (said.code, "allowed: one of: drop, keep; " in said.err) == (2, True)


def test_a_stopped_pack_says_that_the_same_command_goes_on(run_cli, photos, workdir, monkeypatch):
    def stops(path, how):
        if path.name == "30.png":
            raise KeyboardInterrupt
        return whole(path, how)

    whole = packing.read_picture
    monkeypatch.setattr(packing, "BLOCK", 8)
    with monkeypatch.context() as patch:
        patch.setattr(packing, "read_picture", stops)
        done = run_cli(*PACK, "-o", "p")
    assert done.code == 130
    assert "What is done is kept in p.part; the same command goes on from there\n" in done.err
    assert not (workdir / "p").exists()
    assert run_cli(*PACK, "-o", "p").out.startswith("39 pictures (23 of them before) (1 bad, ")
    run_cli(*PACK, "-o", "whole")
    assert (workdir / "p").read_bytes() == (workdir / "whole").read_bytes()


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), -1))
from gantool.cli.main import run
from gantool_classic.datasets import packing
packing.BLOCK = 8
run(sys.argv[2:])
"""


def on_a_full_disk(room, *arguments):
    """Call gantool where no file can grow past ``room`` bytes."""
    line = [sys.executable, "-c", FULL, str(room), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_is_one_line_and_the_same_command_goes_on(run_cli, photos, workdir):
    done = on_a_full_disk(6000, *PACK, "-o", "p")
    assert done.returncode == 2
    assert done.stderr == (
        "error: p: cannot be written (File too large); the first 24 of 40 pictures are kept in p.part; "
        "a folder with room; free some space, then type the same command to go on\n"
    )
    assert sorted(path.name for path in workdir.iterdir()) == ["p.part", "p.part.json", "photos"]
    assert run_cli(*PACK, "-o", "p").out.startswith("39 pictures (23 of them before)")
    run_cli(*PACK, "-o", "whole")
    assert (workdir / "p").read_bytes() == (workdir / "whole").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_disk_without_room_for_a_single_block_is_left_as_it_was(photos, workdir):
    for arguments in (PACK, "data pack --data.size 16 --data.length 50".split()):
        done = on_a_full_disk(1000, *arguments, "-o", "p")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            "error: p: cannot be written (File too large); a folder with room; "
            "free some space or choose another place with -o\n"
        )
        assert [path.name for path in workdir.iterdir()] == ["photos"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_cache_on_a_full_disk_says_how_to_go_on(photos, workdir):
    done = on_a_full_disk(6000, "data", "inspect", *PACK[2:])
    assert done.returncode == 2
    *_, last = done.stderr.splitlines()
    assert "cannot be written (File too large); the first 24 of 40 pictures are kept in photos-8x8-" in last
    assert last.endswith("give it room and start again to go on, or set GANTOOL_CACHE to one")


def test_a_place_that_cannot_be_written_is_refused_before_any_work(run_cli, photos, workdir):
    done = run_cli(*PACK, "-o", photos / "00.png" / "p")
    assert done.code == 2
    assert "cannot be written (File exists); " in done.err
    assert run_cli(*PACK, "-o", "photos").code == 2
    assert sorted(path.name for path in workdir.iterdir()) == ["photos"]


def test_splits_are_kept(run_cli, photos, workdir):
    run_cli(*PACK, "--data.holdout", "0.5", "-o", "p")
    lengths = [read_pack(workdir / "p", split)[0].length for split in ("train", "test")]
    assert sum(lengths) == 39
    assert min(lengths) > 5


def test_points_cannot_be_packed(run_cli, workdir):
    done = run_cli("data", "pack", "--data", "gaussians", "-o", "p")
    assert (done.code, "holds no pictures; a dataset of pictures" in done.err) == (2, True)
    assert list(workdir.iterdir()) == []


SMALL = """
import resource, sys
from gantool.cli.main import run
import numpy
resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))
run(sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a limit that Linux has")
def test_a_pack_larger_than_memory_is_looked_into(workdir):
    n, shape = 2**20, (3, 64, 64)
    meta = {"condition": None, "fingerprint": "f", "source": "", "splits": {"train": [0, n - 8], "test": [n - 8, n]}}
    header = header_bytes("dataset", meta, {"images": ("U8", (n, *shape))})
    with (workdir / "p").open("wb") as file:
        file.write(header)
        file.truncate(len(header) + n * 3 * 64 * 64)  # 12 GiB, of which the disk holds nothing
    for arguments, said in (
        (["--data.limit", "100"], "100 examples of 3 x 64 x 64"),
        ([], f"{n - 8} examples of 3 x 64 x 64"),
        (["--data.split", "test", "-o", "grid.png"], "8 examples of 3 x 64 x 64"),
    ):
        line = [sys.executable, "-c", SMALL, "data", "inspect", "--data", "packed", "--data.root", "p", *arguments]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert (done.returncode, said in done.stdout) == (0, True)
