"""Pack files: written as a stream, read as a memory map, and not believed."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from gantool.errors import DataError, FileError, UnsafeFileError
from gantool.files import dataset
from gantool.files.dataset import describe_pack, read_pack
from gantool.files.pack_writer import write_pack
from gantool.interfaces import Condition
from gantool_classic.datasets.packed import Packed
from gantool_classic.datasets.settings import PackedOptions

CLASSES = Condition("classes", ("cat", "dög"), {"cat": ("cat", "kitten")})
PICTURES = np.arange(5 * 3 * 2 * 3, dtype=np.uint8).reshape(5, 3, 2, 3)


def pack(path, *, condition=CLASSES, labels=(0, 1, 1, 0, 1), capacity=5, splits=None):
    labels = None if condition is None else np.resize(labels, (capacity, *np.shape(labels)[1:]))
    told = {"condition": condition, "labels": labels, "splits": splits, "fingerprint": "f"}
    with write_pack(path, capacity, (3, 2, 3), **told) as writer:
        writer.add(PICTURES[:2])
        writer.add(PICTURES[2:])
    return path


def header_of(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    entries = json.loads(data[8 : 8 + length])
    return entries, json.loads(entries["__metadata__"]["gantool"]), data[8 + length :]


def rewritten(path, meta=None, entries=None):
    """Write a pack again with changed metadata or entries."""
    old, old_meta, body = header_of(path)
    old = {**old, **(entries or {})}
    old["__metadata__"] = {"gantool": json.dumps({**old_meta, **(meta or {})})}
    text = json.dumps(old).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def test_what_was_written_is_read_back(tmp_path):
    info, samples = read_pack(pack(tmp_path / "p"))
    assert (info.shape, info.length, info.fingerprint) == ((3, 2, 3), 5, "f")
    assert info.condition == CLASSES
    assert (samples.values == PICTURES).all()
    assert samples.labels.tolist() == [0, 1, 1, 0, 1]
    assert samples.labels.dtype == np.int64


def test_pictures_are_memory_mapped_and_cannot_be_written(tmp_path):
    _, samples = read_pack(pack(tmp_path / "p"))
    assert isinstance(samples.values, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        samples.values[0] = 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("memory", "advised"), [(100, True), (10**9, False)])
def test_pictures_that_do_not_fit_into_memory_are_read_without_reading_ahead(tmp_path, monkeypatch, memory, advised):
    monkeypatch.setattr(dataset, "_memory", lambda: memory)
    _, samples = read_pack(pack(tmp_path / "p"))
    assert len(samples.values) == 5  # and it stays mapped until here
    mapping = Path("/proc/self/smaps").read_text().partition(str(tmp_path / "p"))[2]
    flags = mapping.partition("VmFlags:")[2].splitlines()[0].split()
    assert ("rr" in flags) == advised


def test_attributes_are_float32_rows(tmp_path):
    condition = Condition("attributes", ("a", "b", "c"))
    rows = np.array([[0, 1, 1]] * 5, np.float32)
    info, samples = read_pack(pack(tmp_path / "p", condition=condition, labels=rows))
    assert info.condition == condition
    assert samples.labels.dtype == np.float32
    assert samples.labels.tolist() == rows.tolist()


def test_unlabelled_pictures_have_no_labels(tmp_path):
    info, samples = read_pack(pack(tmp_path / "p", condition=None))
    assert info.condition is None
    assert samples.labels is None


def test_fewer_pictures_than_expected_leave_a_whole_file_that_safetensors_reads(tmp_path):
    from safetensors.numpy import load_file

    path = pack(tmp_path / "p", capacity=100_000)
    assert read_pack(path)[0].length == 5
    tensors = load_file(path)
    assert (tensors["images"] == PICTURES).all()
    assert tensors["labels"].tolist() == [0, 1, 1, 0, 1]


def test_a_split_is_a_view_of_its_rows(tmp_path):
    path = pack(tmp_path / "p", splits={"train": (0, 3), "test": (3, 5)})
    info, test = read_pack(path, "test")
    assert info.length == describe_pack(path, "test").length == 2
    assert isinstance(test.values, np.memmap)
    assert (test.values == PICTURES[3:]).all()
    assert test.labels.tolist() == [0, 1]
    assert read_pack(path, "train")[0].length == 3
    assert read_pack(path, "all")[0].length == read_pack(path)[0].length == 5


def test_a_split_that_is_not_there_is_refused_by_naming_those_that_are(tmp_path):
    with pytest.raises(DataError, match=r"--data\.split: valid was given; .* has: train, test, all"):
        read_pack(pack(tmp_path / "p", splits={"train": (0, 3), "test": (3, 5)}), "valid")
    with pytest.raises(DataError, match="test was given"):
        read_pack(pack(tmp_path / "q"), "test")


def test_a_pack_of_nothing_leaves_no_file(tmp_path):
    with pytest.raises(DataError, match="no picture could be read"), write_pack(tmp_path / "p", 3, (1, 4, 4)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_names_without_labels_and_labels_without_names_are_refused(tmp_path):
    for told in ({"condition": CLASSES}, {"labels": np.zeros(5, np.int64)}):
        with (
            pytest.raises(ValueError, match="labels where it has names"),
            write_pack(tmp_path / "p", 5, (3, 2, 3), **told),
        ):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_packing_leaves_no_file(tmp_path):
    def interrupted():
        with write_pack(tmp_path / "p", 3, (3, 2, 3)) as writer:
            writer.add(PICTURES[:1])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "pictures",
    [np.zeros((1, 3, 2, 2), np.uint8), np.zeros((1, 3, 2, 3), np.float32), np.zeros((4, 3, 2, 3), np.uint8)],
    ids=["shape", "type", "number"],
)
def test_pictures_of_another_shape_type_or_number_do_not_fit(tmp_path, pictures):
    with (
        pytest.raises(ValueError, match="for a pack of 3"),
        write_pack(tmp_path / "p", 3, (3, 2, 3)) as writer,
    ):
        writer.add(pictures)


@pytest.mark.parametrize(
    ("meta", "why"),
    [
        ({"condition": None}, "labels have no kind"),
        ({"condition": 3}, "labels have no kind"),
        ({"condition": {"kind": "classes"}}, "labels have no kind"),
        ({"condition": {"kind": ["classes"], "names": ["a", "b"]}}, "labels have no kind"),
        ({"condition": {"kind": "classes", "names": ["a", 2]}}, "labels have no kind"),
        ({"condition": {"kind": "classes", "names": ["a", "a"]}}, "not each a name of its own"),
        ({"condition": {"kind": "classes", "names": []}}, "not each a name of its own"),
        ({"condition": {"kind": "classes", "names": ["a"]}}, "labels run from 0 to 1, not within 0 to 0"),
        ({"condition": {"kind": "attributes", "names": ["a", "b"]}}, r"not F32 \[5, 2\]"),
        ({"condition": {"kind": "classes", "names": ["a", "b"], "words": {"a": "x"}}}, "lists of text"),
        ({"condition": {"kind": "classes", "names": ["a", "b"], "words": {"z": []}}}, "lists of text"),
        ({"condition": {"kind": "classes", "names": ["a", "b"], "words": []}}, "lists of text"),
        ({"fingerprint": 7}, "fingerprint is not text"),
        ({"splits": {"train": [0, 6]}}, "splits are not ranges"),
        ({"splits": {"train": [3, 3]}}, "splits are not ranges"),
        ({"splits": {"train": [0, True]}}, "splits are not ranges"),
        ({"splits": ["train"]}, "splits are not ranges"),
    ],
)
def test_metadata_that_does_not_fit_the_tensors_is_refused(tmp_path, meta, why):
    with pytest.raises(FileError, match=f"is not a sound pack: .*{why}"):
        read_pack(rewritten(pack(tmp_path / "p"), meta))


@pytest.mark.parametrize("value", [-1.0, 1.5, float("nan"), float("inf")])
def test_attribute_values_outside_0_to_1_are_refused(tmp_path, value):
    rows = np.array([[0, 1]] * 4 + [[0, value]], np.float32)
    with pytest.raises(FileError, match="its labels run from"):
        read_pack(pack(tmp_path / "p", condition=Condition("attributes", ("a", "b")), labels=rows))


def test_negative_classes_are_refused(tmp_path):
    with pytest.raises(FileError, match="its labels run from -1 to 1"):
        read_pack(pack(tmp_path / "p", labels=(0, 1, -1, 0, 1)))


@pytest.mark.parametrize("shape", [[90], [5, 18, 1, 1], [5, 3, 6], [0, 3, 2, 3]])
def test_images_that_are_not_pictures_are_refused(tmp_path, shape):
    path = pack(tmp_path / "p", condition=None)
    length = 90 if 0 not in shape else 0
    with pytest.raises(FileError):
        read_pack(rewritten(path, entries={"images": {"dtype": "U8", "shape": shape, "data_offsets": [0, length]}}))


def test_fewer_labels_than_pictures_are_refused(tmp_path):
    path = pack(tmp_path / "p")
    entries, _, _ = header_of(path)
    entry = {**entries["labels"], "shape": [4], "data_offsets": [90, 122]}
    rewritten(path, entries={"labels": entry})
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(FileError, match="one row for each picture"):
        read_pack(path)


def test_a_truncated_pack_is_refused(tmp_path):
    path = pack(tmp_path / "p")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FileError, match="is damaged"):
        read_pack(path)


def test_a_header_that_promises_more_than_the_file_holds_is_refused_unread(tmp_path):
    entry = {"dtype": "U8", "shape": [2**40, 3, 2, 3], "data_offsets": [0, 18 * 2**40]}
    with pytest.raises(FileError) as caught:
        read_pack(rewritten(pack(tmp_path / "p", condition=None), entries={"images": entry}))
    assert isinstance(caught.value, UnsafeFileError) or "is damaged" in str(caught.value)


def test_the_dataset_packed_reads_a_pack(tmp_path):
    path = pack(tmp_path / "p", splits={"train": (0, 3), "test": (3, 5)})
    packed = Packed(PackedOptions(root=str(path)))
    assert (packed.describe().length, packed.describe().fingerprint) == (3, "f")
    assert (packed.load().values == PICTURES[:3]).all()
    assert (packed.load("test").values == PICTURES[3:]).all()
    assert isinstance(packed.load().values, np.memmap)


def test_limit_spreads_over_the_pack_and_changes_the_fingerprint(tmp_path):
    path = pack(tmp_path / "p")
    packed = Packed(PackedOptions(root=str(path), limit=2))
    assert (packed.load().values == PICTURES[[0, 2]]).all()
    assert packed.load().labels.tolist() == [0, 1]
    assert packed.describe().length == 2
    assert packed.describe().fingerprint != "f"


def test_the_dataset_packed_says_what_to_type_instead(tmp_path):
    with pytest.raises(DataError, match=r"--data\.root: was not given; a file that gantool data pack wrote"):
        Packed(PackedOptions()).describe()
    with pytest.raises(DataError, match=r"is a folder; .*--data folder --data\.root"):
        Packed(PackedOptions(root=str(tmp_path))).describe()
    with pytest.raises(DataError, match="does not exist"):
        Packed(PackedOptions(root=str(tmp_path / "none"))).describe()
