"""The one format of gantool's files: what was written is read, and nothing that a file claims is believed."""

import json
import struct

import pytest
import torch
from safetensors.torch import save_file

from gantool import __version__
from gantool.errors import FileError, UnsafeFileError
from gantool.files.envelope import FORMAT, atomic, header_bytes, metadata_text, read, read_header, write, write_text

META = {"gantool": metadata_text("latents", {"seeds": [1]})}


def raw(path, entries, body=b"", metadata=META, length=None):
    """Write a safetensors file byte by byte; ``entries`` is JSON or its text."""
    text = entries if isinstance(entries, bytes) else json.dumps({"__metadata__": metadata, **entries}).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + body)
    return path


def entry(dtype="U8", shape=(4,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def refused(path, kind=None):
    with pytest.raises(FileError) as refusal:
        read_header(path, kind)
    assert "\n" not in str(refusal.value)
    return refusal.value


# What is written


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6, dtype=torch.float32).reshape(2, 3),
        torch.arange(6, dtype=torch.float32).reshape(2, 3).t(),
        torch.arange(16.0).reshape(1, 2, 2, 4).to(memory_format=torch.channels_last),
        torch.tensor(3.5, dtype=torch.float64),
        torch.tensor([], dtype=torch.int64),
        torch.tensor([1, -2], dtype=torch.int64),
        torch.tensor([1, 255], dtype=torch.uint8),
        torch.tensor([True, False]),
        torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
        torch.tensor([float("nan"), float("inf")]),
        torch.ones(3, requires_grad=True),
        torch.ones(1).expand(5),
    ],
    ids=lambda tensor: f"{tensor.dtype} {tuple(tensor.shape)} {tensor.stride()}",
)
def test_a_tensor_comes_back_bit_for_bit(tmp_path, tensor):
    write(tmp_path / "f", "latents", {"z": tensor}, {"seeds": [1, 2]})
    header, tensors = read(tmp_path / "f", "latents")
    back = tensors["z"]
    assert (back.dtype, back.shape) == (tensor.dtype, tensor.shape)
    assert torch.equal(back.nan_to_num(7), tensor.nan_to_num(7))
    assert header.meta == {"kind": "latents", "format": FORMAT, "gantool": __version__, "seeds": [1, 2]}


def test_tensors_that_share_memory_are_written_as_two(tmp_path):
    tied = torch.arange(4.0)
    write(tmp_path / "f", "checkpoint", {"a": tied, "b": tied, "part": tied[1:3]}, {})
    _, tensors = read(tmp_path / "f", "checkpoint")
    assert [tensors[name].tolist() for name in ("a", "b", "part")] == [[0, 1, 2, 3], [0, 1, 2, 3], [1, 2]]


def test_the_metadata_is_one_sorted_json_string(tmp_path):
    write(tmp_path / "f", "latents", {"z": torch.ones(1)}, {"b": 1, "a": "ü"})
    data = (tmp_path / "f").read_bytes()
    header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
    text = header["__metadata__"]["gantool"]
    assert list(header["__metadata__"]) == ["gantool"]
    assert text == json.dumps(json.loads(text), sort_keys=True)


def test_the_same_content_gives_the_same_bytes(tmp_path):
    tensors = {"b": torch.ones(3), "a": torch.zeros(2)}
    write(tmp_path / "one", "latents", tensors, {"x": 1, "y": 2})
    write(tmp_path / "two", "latents", dict(reversed(tensors.items())), {"y": 2, "x": 1})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_metadata_that_json_cannot_say_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(tmp_path / "f", "latents", {"z": torch.ones(1)}, {"truncation": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_header_says_where_each_tensor_lies(tmp_path):
    path = tmp_path / "f"
    body = bytes(range(10))
    path.write_bytes(header_bytes("dataset", {}, {"images": ("U8", (2, 1)), "labels": ("I64", (1,))}) + body)
    images, labels = read_header(path, "dataset").tensors.values()
    data = path.read_bytes()
    assert (data[images.start : images.end], data[labels.start : labels.end]) == (body[:2], body[2:])
    assert (images.dtype, images.shape, labels.dtype, labels.shape) == ("U8", (2, 1), "I64", (1,))


# What is refused


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert refused(tmp_path / "gone").given == "cannot be read (No such file or directory)"
    assert refused(tmp_path).given == "cannot be read (Is a directory)"


def test_a_file_of_another_kind_is_refused_by_both_names(tmp_path):
    path = raw(tmp_path / "f", {})
    assert str(refused(path, "checkpoint")) == (
        f"{path}: is a latents file; a checkpoint file is needed; type: gantool inspect {path}"
    )


@pytest.mark.parametrize("size", range(0, 170, 13))
def test_a_truncated_file_is_refused(tmp_path, size):
    write(tmp_path / "f", "latents", {"z": torch.ones(4)}, {})
    data = (tmp_path / "f").read_bytes()
    assert size < len(data)
    (tmp_path / "f").write_bytes(data[:size])
    assert "is damaged: " in str(refused(tmp_path / "f"))


def test_bytes_behind_the_last_tensor_are_refused(tmp_path):
    path = raw(tmp_path / "f", {"z": entry()}, b"12345")
    assert refused(path).given == "is damaged: bytes follow its last tensor"


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 10**6])
def test_a_header_longer_than_the_file_is_refused_without_reading_it(tmp_path, length):
    path = raw(tmp_path / "f", {"z": entry()}, b"1234", length=length)
    assert refused(path).given == "is damaged: its header runs past its end: it is truncated, or not safetensors"


def test_a_header_of_more_than_32_mib_is_refused_without_reading_it(tmp_path):
    length = 32 * 2**20 + 1
    with (tmp_path / "f").open("wb") as file:
        file.write(struct.pack("<Q", length))
        file.truncate(length + 8)  # a hole, not bytes
    refusal = refused(tmp_path / "f")
    assert (type(refusal), refusal.given) == (UnsafeFileError, f"has a header of {length} bytes")


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"not json at all",
        b"[]",
        b"3 ",
        b"\xff\xfe\xff\xfe",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"z": ' + b"9" * 5000 + b"}",
    ],
    ids=["cut", "text", "list", "number", "not UTF-8", "deep", "long number"],
)
def test_a_header_that_is_no_json_object_is_refused(tmp_path, text):
    assert refused(raw(tmp_path / "f", text)).given.startswith("is damaged: ")


def test_a_name_that_stands_twice_is_refused(tmp_path):
    one = json.dumps(entry())
    text = f'{{"__metadata__": {json.dumps(META)}, "z": {one}, "z": {one}}}'.encode()
    assert refused(raw(tmp_path / "f", text, b"1234")).given == (
        "is damaged: its header is not JSON (a name stands twice)"
    )


@pytest.mark.parametrize(
    ("offsets", "size"),
    [
        ([(0, 4), (2, 6)], 6),
        ([(0, 4), (0, 4)], 4),
        ([(0, 4), (6, 10)], 10),
        ([(2, 6), (6, 10)], 10),
    ],
    ids=["overlap", "the same bytes", "hole", "hole at the start"],
)
def test_tensors_that_overlap_or_leave_a_hole_are_refused(tmp_path, offsets, size):
    entries = {f"t{number}": entry(offsets=pair) for number, pair in enumerate(offsets)}
    path = raw(tmp_path / "f", entries, bytes(size))
    assert refused(path).given == "is damaged: its tensors overlap or leave a hole"


@pytest.mark.parametrize(
    ("malformed", "given"),
    [
        (entry(shape=(0, 10**18), offsets=(0, 0)), "is damaged: the tensor 'z' does not fit in it"),
        (entry(shape=(5,)), "is damaged: the tensor 'z' does not fit in it"),
        (entry(dtype="F32"), "is damaged: the tensor 'z' does not fit in it"),
        (entry(offsets=(4, 0)), "is damaged: the tensor 'z' does not fit in it"),
        (entry(shape=(10**6,), offsets=(0, 10**6)), "is damaged: the tensor 'z' does not fit in it"),
        (entry(shape=(2**62,)), "the tensor 'z' has an impossible type or shape"),
        (entry(shape=(-4,)), "the tensor 'z' has an impossible type or shape"),
        (entry(shape=(4.0,)), "the tensor 'z' has an impossible type or shape"),
        (entry(shape=(True, 4)), "the tensor 'z' has an impossible type or shape"),
        (entry(shape="4"), "the tensor 'z' has an impossible type or shape"),
        (entry(shape=(1,) * 9 + (4,)), "the tensor 'z' has an impossible type or shape"),
        (entry(offsets=(-4, 0)), "the tensor 'z' has an impossible type or shape"),
        (entry(dtype="C64"), "the tensor 'z' has an impossible type or shape"),
        (entry(dtype=["U8"]), "the tensor 'z' has an impossible type or shape"),
        ({**entry(), "shape": None}, "is damaged: the entry of 'z' is malformed"),
        (entry(offsets=(0, 2, 4)), "is damaged: the entry of 'z' is malformed"),
        ({"dtype": "U8"}, "is damaged: the entry of 'z' is malformed"),
        ("z", "is damaged: the entry of 'z' is malformed"),
        (None, "is damaged: the entry of 'z' is malformed"),
    ],
)
def test_an_entry_that_cannot_be_is_refused(tmp_path, malformed, given):
    assert refused(raw(tmp_path / "f", {"z": malformed}, b"1234")).given == given


def test_a_safetensors_file_of_someone_else_is_named_as_such(tmp_path):
    save_file({"z": torch.ones(2)}, tmp_path / "f", {"format": "pt"})
    assert refused(tmp_path / "f").given == "is a safetensors file, but not one of gantool's"
    save_file({"z": torch.ones(2)}, tmp_path / "f")
    assert refused(tmp_path / "f").given == "is a safetensors file, but not one of gantool's"


@pytest.mark.parametrize(
    "meta",
    [
        "",
        "[]",
        "{}",
        '"kind format"',
        '{"kind": "latents"}',
        '{"kind": 3, "format": 1}',
        '{"kind": "", "format": 1}',
        '{"kind": "latents", "format": "1"}',
        '{"kind": "latents", "format": true}',
        '{"kind": "latents", "format": 0}',
        "[" * 100_000,
    ],
)
def test_malformed_metadata_of_ours_is_refused(tmp_path, meta):
    path = raw(tmp_path / "f", {}, metadata={"gantool": meta})
    assert refused(path).given == "is damaged: its gantool metadata is malformed"


def test_a_newer_format_is_refused_with_who_wrote_it_and_what_to_type(tmp_path):
    meta = json.dumps({"kind": "latents", "format": FORMAT + 1, "gantool": "9.1"})
    path = raw(tmp_path / "f", {}, metadata={"gantool": meta})
    assert str(refused(path)) == (
        f"{path}: was written in format {FORMAT + 1} by gantool 9.1; this gantool reads up to {FORMAT}; "
        "pip install -U gantool"
    )


# Whole or not at all


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")

    def fail():
        with atomic(path) as file:
            file.write(b"new")
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        fail()
    assert ([item.name for item in tmp_path.iterdir()], path.read_text()) == (["f"], "old")


def test_until_the_end_a_reader_sees_the_old_file(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")
    with atomic(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert ([item.name for item in tmp_path.iterdir()], path.read_text()) == (["f"], "new")


def test_folders_on_the_way_are_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "f", "zwölf\n")
    assert (tmp_path / "a" / "b" / "f").read_bytes() == "zwölf\n".encode()


def test_a_place_that_cannot_be_written_is_an_error_of_usage(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "f", tmp_path / "folder"):
        with pytest.raises(FileError, match=r"cannot be written .*; a folder with room; free some space or choose"):
            write_text(path, "x")
    assert sorted(item.name for item in tmp_path.rglob("*")) == ["file", "folder"]


def test_a_full_disk_is_an_error_of_usage_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")

    def fill():
        with atomic(path), open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123
            full.write(b"x")

    with pytest.raises(FileError, match=r"cannot be written \(No space left on device\)"):
        fill()
    assert ([item.name for item in tmp_path.iterdir()], path.read_text()) == (["f"], "old")
