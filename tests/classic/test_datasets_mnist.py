"""MNIST's kin: IDX files, gzipped or not, whole or damaged."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from gantool.errors import DataError, FileError, UnsafeFileError
from gantool_classic.datasets.idx import read_idx
from gantool_classic.datasets.mnist import FashionMnist, Mnist
from gantool_classic.datasets.settings import IdxOptions

LENGTHS = {"train": 20, "t10k": 10}


def idx(array):
    """Write an array as IDX."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def picture_values(prefix, size=28):
    return (np.arange(LENGTHS[prefix] * size * size) % 251).reshape(-1, size, size)


def write_set(folder, *, packed=False, joint="-", size=28):
    """Lay out the four files of a tiny MNIST."""
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, length in LENGTHS.items():
        for stem, array in (
            (f"{prefix}-images{joint}idx3-ubyte", picture_values(prefix, size)),
            (f"{prefix}-labels{joint}idx1-ubyte", np.arange(length) % 10),
        ):
            data = idx(array)
            (folder / (stem + ".gz" * packed)).write_bytes(gzip.compress(data) if packed else data)
    return folder


def mnist(root, **options):
    return Mnist(IdxOptions(root=str(root), **options))


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("place", ["", "raw", "MNIST/raw"])
@pytest.mark.parametrize("joint", ["-", "."])
def test_files_are_found_as_they_lie(tmp_path, packed, place, joint):
    write_set(tmp_path / place, packed=packed, joint=joint)
    dataset = mnist(tmp_path)
    info, samples = dataset.describe(), dataset.load()
    assert (info.shape, info.length) == ((1, 28, 28), 20)
    assert info.condition.names == tuple("0123456789")
    assert info.condition.words["7"] == ("7", "seven")
    assert samples.values.dtype == np.uint8
    assert (samples.values[:, 0] == picture_values("train")).all()
    assert samples.labels.dtype == np.int64
    assert samples.labels.tolist() == list(range(10)) * 2


def test_splits_are_the_files_and_all_is_both(tmp_path):
    dataset = mnist(write_set(tmp_path))
    assert (dataset.load("test").values[:, 0] == picture_values("t10k")).all()
    assert len(dataset.load("all").values) == 30
    assert mnist(tmp_path, split="all").describe().length == 30
    with pytest.raises(DataError, match="valid was given; allowed: train, test, all"):
        dataset.load("valid")


def test_limit_is_spread_over_the_split(tmp_path):
    dataset = mnist(write_set(tmp_path), limit=4)
    assert dataset.load().labels.tolist() == [0, 5, 0, 5]
    assert dataset.describe().length == 4


def test_32_adds_a_black_border(tmp_path):
    dataset = mnist(write_set(tmp_path), size=32)
    values = dataset.load().values
    assert dataset.describe().shape == values.shape[1:] == (1, 32, 32)
    assert (values[:, 0, 2:-2, 2:-2] == picture_values("train")).all()
    assert values.sum() == picture_values("train").sum()


@pytest.mark.parametrize("side", [16, 64])
def test_other_sizes_are_resized_as_pillow_resizes_floats(tmp_path, side):
    values = mnist(write_set(tmp_path), size=side).load().values
    for row in (0, 19):
        picture = Image.fromarray(picture_values("train")[row].astype(np.float32))
        expected = np.asarray(picture.resize((side, side), Image.Resampling.LANCZOS))
        assert np.abs(values[row, 0] - expected.clip(0, 255)).max() < 0.51


def test_pictures_of_any_size_are_read(tmp_path):
    assert mnist(write_set(tmp_path, size=5)).describe().shape == (1, 5, 5)


def test_fashion_mnist_has_torchvisions_names_and_layout(tmp_path):
    write_set(tmp_path / "FashionMNIST" / "raw")
    condition = FashionMnist(IdxOptions(root=str(tmp_path))).describe().condition
    assert condition.names[0] == "T-shirt/top"
    assert condition.names[8:] == ("Bag", "Ankle boot")
    assert set(condition.words) == set(condition.names)


def test_the_fingerprint_is_that_of_the_content(tmp_path):
    plain = mnist(write_set(tmp_path / "a")).describe().fingerprint
    assert mnist(write_set(tmp_path / "b", packed=True)).describe().fingerprint == plain
    assert mnist(tmp_path / "a", split="test").describe().fingerprint != plain
    assert mnist(tmp_path / "a", size=32).describe().fingerprint != plain
    (tmp_path / "a" / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(20)))
    assert mnist(tmp_path / "a").describe().fingerprint != plain


def test_a_missing_file_is_named_with_what_to_do(tmp_path):
    with pytest.raises(DataError, match=r"has no train-images-idx3-ubyte or .*\.gz; .*--data\.download"):
        mnist(tmp_path).describe()
    with pytest.raises(DataError, match="apt install dataset-fashion-mnist"):
        FashionMnist(IdxOptions(root=str(tmp_path))).describe()
    with pytest.raises(DataError, match=r"--data\.root: was not given"):
        Mnist(IdxOptions()).describe()


GOOD = idx(np.arange(12).reshape(3, 2, 2))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (GOOD[:-1], "is damaged: it holds 11 values where its header says 12"),
        (GOOD + b"\0", "is damaged: values follow the 12"),
        (GOOD[:9], "is damaged: its header is cut off"),
        (b"", "is not an IDX file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "is not an IDX file"),
        (b"\0\0\x0d\x03" + GOOD[4:], "has type 0x0d and 3 dimensions; unsigned bytes"),
        (b"\0\0\x08\x01" + GOOD[4:], "has type 0x08 and 1 dimensions"),
        (b"\0\0\x08\x03" + struct.pack(">3I", 0, 2, 2), "nothing"),
    ],
)
def test_damaged_files_are_refused_gzipped_or_not(tmp_path, data, why):
    for content in (data, gzip.compress(data)):
        (tmp_path / "f").write_bytes(content)
        with pytest.raises(FileError, match=why):
            read_idx(tmp_path / "f", 3)


def test_truncated_and_corrupt_gzip_is_refused(tmp_path):
    content = gzip.compress(GOOD)
    for bad in (
        content[:-4],
        content[:15],
        content[:12] + b"\xff" * 8 + content[20:],
        content[:-8] + bytes(8),
    ):
        (tmp_path / "f").write_bytes(bad)
        with pytest.raises(FileError):
            read_idx(tmp_path / "f", 3)


@pytest.mark.parametrize("sizes", [(2**31, 28, 28), (2**32 - 1,) * 3, (10**6, 28, 28)])
def test_a_header_that_promises_more_than_the_file_can_hold_is_refused_unread(tmp_path, sizes):
    (tmp_path / "f").write_bytes(b"\0\0\x08\x03" + struct.pack(">3I", *sizes) + bytes(100))
    with pytest.raises(UnsafeFileError, match="its header promises"):
        read_idx(tmp_path / "f", 3)


def test_a_gzip_bomb_is_unpacked_no_further_than_its_header_says(tmp_path):
    (tmp_path / "f").write_bytes(gzip.compress(GOOD + bytes(20_000_000)))
    assert read_idx(tmp_path / "f", 3, limit=3 - 1).tolist() == np.arange(8).reshape(2, 2, 2).tolist()
    with pytest.raises(FileError, match="values follow the 12"):
        read_idx(tmp_path / "f", 3)


def test_labels_must_be_one_for_each_picture_and_have_a_name(tmp_path):
    write_set(tmp_path)
    labels = tmp_path / "train-labels-idx1-ubyte"
    labels.write_bytes(idx(np.zeros(19)))
    with pytest.raises(FileError, match="has 19 labels; one for each of 20 pictures"):
        mnist(tmp_path).load()
    labels.write_bytes(idx(np.full(20, 10)))
    with pytest.raises(FileError, match="has a label 10; labels from 0 to 9"):
        mnist(tmp_path).describe()


def test_a_download_that_fails_is_one_line(tmp_path, monkeypatch):
    import torchvision.datasets

    def offline(root, *, download):
        raise OSError("no network")

    monkeypatch.setattr(torchvision.datasets, "MNIST", offline)
    with pytest.raises(DataError, match=r"--data\.download: MNIST could not be fetched into .* \(no network\)"):
        mnist(tmp_path, download=True).describe()


def test_download_fetches_once_into_root(tmp_path, monkeypatch):
    import torchvision.datasets

    calls = []

    def fetch(root, *, download):
        calls.append((root, download))
        write_set(tmp_path / "new" / "MNIST" / "raw")

    monkeypatch.setattr(torchvision.datasets, "MNIST", fetch)
    dataset = mnist(tmp_path / "new", download=True)
    assert dataset.describe().length == len(dataset.load().values) == 20
    assert calls == [(str(tmp_path / "new"), True)]
