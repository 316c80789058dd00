"""Files of torch, read without running what a pickle may hold."""

import io
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gantool.errors import FileError, UnsafeFileError
from gantool.files import envelope
from gantool.files.foreign import LEGACY, identify, is_plain, read_npy, read_torch

WEIGHTS = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.ones(2), "epoch": 3}


class Trap:
    """Creates a file where it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return (open, (self.marker, "w"))


@pytest.fixture
def trap(tmp_path):
    """A trap, with its marker, that was seen to work and is set again."""
    marker = tmp_path / "the-code-ran"
    pickle.loads(pickle.dumps(Trap(marker))).close()
    assert marker.exists()
    marker.unlink()
    return Trap(marker), marker


def saved(path, content, legacy=False):
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def refused(path, kind=FileError):
    with pytest.raises(kind) as refusal:
        read_torch(path)
    assert "\n" not in str(refusal.value)
    return refusal.value


def tar_behind_the_magic_number(path, content):
    """A file that begins as torch's legacy format does and is also the tar archive that torch read before that."""
    head = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    head[: len(LEGACY)] = LEGACY
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:", format=tarfile.GNU_FORMAT) as tar:
        for name, item in {"storages": 0, "tensors": 0, "pickle": content}.items():
            data = pickle.dumps(item)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    path.write_bytes(bytes(head) + archive.getvalue())
    return path


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_both_of_torchs_formats_are_read(tmp_path, legacy):
    path = saved(tmp_path / "weights", WEIGHTS, legacy)
    assert identify(path) == ("torch-legacy" if legacy else "torch-zip")
    found = read_torch(path)
    assert list(found) == list(WEIGHTS)
    assert torch.equal(found["layer.weight"], WEIGHTS["layer.weight"])
    assert found["epoch"] == 3


def test_the_magic_number_is_torchs_own():
    assert pickle.dumps(torch.serialization.MAGIC_NUMBER, protocol=2) == LEGACY


def test_content_decides_what_a_file_is_and_never_its_name(tmp_path):
    paths = {name: tmp_path / f"{name}.pt" for name in ("safetensors", "png", "npy", "zip", "pickle", "empty", "text")}
    envelope.write(paths["safetensors"], "latents", {"z": torch.ones(1)}, {})
    Image.new("RGB", (2, 2)).save(paths["png"], "PNG")
    with paths["npy"].open("wb") as file:
        np.save(file, np.ones(2))
    with zipfile.ZipFile(paths["zip"], "w") as archive:
        archive.writestr("readme.txt", "no tensors")
    paths["pickle"].write_bytes(pickle.dumps({"a": 1}))
    paths["empty"].write_bytes(b"")
    paths["text"].write_text("hello, world")
    assert {name: identify(path) for name, path in paths.items()} == {
        **{name: name for name in paths},
        "text": "unknown",
    }


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_code_in_a_torch_file_is_refused_and_not_run(tmp_path, trap, legacy):
    thing, marker = trap
    path = saved(tmp_path / "weights.pt", {"weights": torch.ones(2), "extra": thing}, legacy)
    refusal = refused(path, UnsafeFileError)
    assert not marker.exists()
    assert refusal.given in ("holds more than tensors (io.open)", "holds more than tensors (builtins.open)")
    assert refusal.hint == "save tensors only: torch.save(model.state_dict(), 'weights.pt')"


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_bare_pickle_is_refused_and_not_run(tmp_path, trap, protocol):
    thing, marker = trap
    path = tmp_path / "weights.pt"
    path.write_bytes(pickle.dumps(thing, protocol=protocol))
    refusal = refused(path, UnsafeFileError)
    assert not marker.exists()
    assert refusal.given == "is a bare pickle, which runs code when it is read; gantool never unpickles"


def test_code_in_a_tar_archive_behind_the_magic_number_is_refused_and_not_run(tmp_path, trap):
    thing, marker = trap
    path = tar_behind_the_magic_number(tmp_path / "weights.pt", thing)
    assert (identify(path), tarfile.is_tarfile(path)) == ("torch-legacy", True)
    assert refused(path, UnsafeFileError).given == "is a tar archive behind torch's magic number"
    assert not marker.exists()


def test_a_whole_model_is_refused_with_the_line_that_saves_its_tensors(tmp_path):
    path = saved(tmp_path / "model.pt", torch.nn.Linear(2, 2))
    assert "torch.save(model.state_dict(), 'weights.pt')" in refused(path, UnsafeFileError).hint


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights/data.pkl", pickle.dumps({}))
        archive.writestr("weights/data/0", bytes(8 * 2**20))
    assert path.stat().st_size < 10_000
    refusal = refused(path, UnsafeFileError)
    assert refusal.given == f"unpacks to {8 * 2**20 + len(pickle.dumps({}))} bytes in 2 entries"


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(tmp_path, legacy, share):
    path = saved(tmp_path / "weights.pt", {"weights": torch.randn(64)}, legacy)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert refused(path).exit_code == 2


def test_flipped_bytes_never_make_the_code_run(tmp_path, trap):
    thing, marker = trap
    data = saved(tmp_path / "weights.pt", {"weights": torch.ones(2), "extra": thing}).read_bytes()
    random = np.random.default_rng(0)
    for place in random.integers(0, len(data), 40):
        (tmp_path / "flipped.pt").write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        with pytest.raises(FileError):
            read_torch(tmp_path / "flipped.pt")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("content", "given"),
    [
        (b"", "is not a torch file (empty)"),
        (b"hello, world", "is not a torch file (unknown)"),
        (b"\x89PNG\r\n\x1a\n", "is not a torch file (png)"),
    ],
)
def test_what_is_no_torch_file_is_refused_by_what_it_is(tmp_path, content, given):
    (tmp_path / "f").write_bytes(content)
    assert refused(tmp_path / "f").given == given


def test_a_file_that_is_not_there_is_an_error_of_usage(tmp_path):
    assert refused(tmp_path / "gone").given == "cannot be read (No such file or directory)"


# Tensors and arrays

META = torch.zeros(3, device="meta")


def test_a_tensor_is_plain_where_all_of_its_numbers_are_kept():
    whole = torch.arange(6.0)
    for item in (whole, whole[2:], whole.reshape(2, 3).T, nn.Parameter(whole), torch.zeros(0)):
        assert is_plain(item)
    for item in (
        whole[:1].expand(7),
        whole.to_sparse(),
        META,
        [1.0],
    ):
        assert not is_plain(item)


def test_an_array_is_mapped_as_it_was_saved(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(2, 3))
    array = read_npy(tmp_path / "a.npy")
    assert isinstance(array, np.memmap)
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]


HEADERS = {
    "an indent": b"  {}\n {",
    "an open bracket": b"{'descr': '<f4', 'shape': (((",
    "deep": b"(" * 9000,
    "signs": b"-" * 9000 + b"1",
    "another literal": b"[1]",
    "objects": b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
    "more than the file": b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,)}",
    "beyond numbers": b"{'descr': '<f4', 'fortran_order': False, 'shape': (1" + b"0" * 400 + b",)}",
    "less than nothing": b"{'descr': '<f4', 'fortran_order': False, 'shape': (-5,)}",
    "no text": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_malformed_header_of_an_array_is_refused_on_one_line(tmp_path, header):
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(16))
    with pytest.raises(UnsafeFileError, match="is not a plain numpy array") as refusal:
        read_npy(path)
    assert "\n" not in str(refusal.value)


def test_an_array_that_is_not_there_is_said_to_be_so(tmp_path):
    with pytest.raises(FileError, match="cannot be read"):
        read_npy(tmp_path / "a.npy")
