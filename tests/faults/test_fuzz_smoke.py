"""Hostile files: a seeded part of the fuzzing for every reader, and each trick that was found or is known, by name.

``python tests/benchmarks/fuzz.py`` runs the same over hundreds of thousands of inputs.
"""

import contextlib
import json
import os
import pickle
import signal
import struct
import tracemalloc
import zipfile
import zlib
from itertools import islice

import pytest
import torch
import valid_files as valid
from fuzzing import READERS, command, inputs, read_journal, read_log, read_model, read_settings
from watching import Watch, attempt

from gantool.config import Tier, resolve
from gantool.errors import DataError, FileError, OptionError, PluginError, UnsafeFileError
from gantool.evaluation import results
from gantool.files import checkpoint, directions, envelope, foreign, manifest, strict
from gantool.files.condition import read_condition
from gantool.files.pickles import MOST_PICKLE
from gantool.files.pictures import MAX_PIXELS, read_picture
from gantool.latent.directions import _array
from gantool.latent.model import open_model
from gantool.render.plot import save_losses
from gantool.render.provenance import read_provenance
from gantool.training.observers import read_log as rows_of

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="an alarm ends what hangs")

INPUTS = {"model": 10, "foreign": 10, "convert": 10, "settings": 20, "inspect": 20}


@pytest.fixture(scope="session")
def watch():
    """One for all: an audit hook stays for good."""
    return Watch()


@pytest.mark.parametrize("name", READERS)
def test_a_spoilt_file_is_read_or_refused_and_nothing_else(name, tmp_path, watch):
    reader = READERS[name]
    for data in reader.seeds:
        attempt(reader, data, tmp_path, watch)  # what is imported on first use is imported now
    for data in reader.seeds:
        result, said = attempt(reader, data, tmp_path, watch)
        assert result != "finding", said
    for number, data in islice(inputs(reader, seed=20), INPUTS.get(name, 40)):
        result, said = attempt(reader, data, tmp_path, watch)
        assert result != "finding", f"input {number}: {said}"


def test_the_watch_sees_what_no_file_may_do(tmp_path, watch):
    for act in (
        lambda: os.system("true"),
        lambda: open("/etc/hostname").close(),  # noqa: PTH123
        lambda: __import__("antigravity_that_is_not_there"),
        lambda: exec(compile("1", "evil.py", "exec")),
        lambda: pickle.loads(pickle.dumps(print)),
    ):
        with watch.over(tmp_path), contextlib.suppress(ImportError):
            act()
        assert watch.seen


# Metadata


def changed(data, change):
    """Return a file of ours with other metadata."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    meta = json.loads(header["__metadata__"]["gantool"])
    change(meta)
    header["__metadata__"]["gantool"] = json.dumps(meta)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def written(path, data):
    path.write_bytes(data)
    return path


MODULES = ("os", "subprocess", "os:system", "gantool_classic.mlp:Mlp", "../../evil.py", "/tmp/evil.py")


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("section", ["arch", "loss", "condition", "regularizer"])
def test_a_module_or_path_as_a_component_is_looked_up_and_not_imported(tmp_path, watch, section, name):
    def change(meta):
        table = meta["resolved"][section]
        table["names" if section == "regularizer" else "name"] = [name] if section == "regularizer" else name

    path = written(tmp_path / "f", changed(valid.CHECKPOINTS[1], change))
    with watch.over(tmp_path), pytest.raises(PluginError, match="there is no") as refusal:
        open_model(path, valid.REGISTRY)
    assert (watch.seen, "\n" in str(refusal.value)) == ([], False)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("key", ["name", "dist", "plugin"])
def test_who_provides_a_component_is_text_for_people(tmp_path, watch, key, name):
    path = written(
        tmp_path / "f", changed(valid.CHECKPOINTS[1], lambda meta: meta["components"]["arch"].update({key: name}))
    )
    with watch.over(tmp_path):
        if key == "name":
            with pytest.raises(PluginError, match="needs the architecture"):
                open_model(path, valid.REGISTRY)
        else:
            open_model(path, valid.REGISTRY)
    assert watch.seen == []


ABSURD = {
    "channels": lambda meta: meta["resolved"]["arch"].update(channels=10**9),
    "latent_dim": lambda meta: meta["resolved"]["training"].update(latent_dim=2**40),
    "prior": lambda meta: meta["prior"][0].update(dim=2**40),
    "priors": lambda meta: meta.update(prior=[{"name": "a", "distribution": "normal", "dim": 2**19}] * 3),
    "shape": lambda meta: meta.update(shape=[3, 10**6, 10**6]),
    "a long shape": lambda meta: meta.update(shape=[2**26] * 300_000),
    "nested options": lambda meta: meta["resolved"]["arch"].update(channels=json.loads("[" * 60 + "1" + "]" * 60)),
    "half a pair of surrogates": lambda meta: meta["resolved"]["arch"].update(upsample="\ud800"),
}


@pytest.mark.parametrize("change", ABSURD.values(), ids=ABSURD)
def test_absurd_settings_are_refused_before_memory_is_taken(tmp_path, change):
    path = written(tmp_path / "f", changed(valid.CHECKPOINTS[1], change))
    with pytest.raises((FileError, OptionError)) as refusal:
        open_model(path, valid.REGISTRY)
    assert len(str(refusal.value)) < 10_000


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 3e38])
def test_weights_that_are_not_finite_are_opened_and_sampled_without_a_traceback(tmp_path, number, watch):
    header, tensors = envelope.read(written(tmp_path / "f", valid.CHECKPOINTS[0]), "checkpoint")
    spoilt = {name: torch.full_like(one, number) if one.is_floating_point() else one for name, one in tensors.items()}
    checkpoint.write(tmp_path / "g", spoilt, header.meta)
    read_model(tmp_path / "g")
    command("sample", str(tmp_path / "g"), "-n", "2", "-o", str(tmp_path / "g.png"), "-q")


def test_many_names_and_words_take_a_moment():
    names = [f"{number:x}" for number in range(50_000)]
    found = read_condition({"kind": "classes", "names": names, "words": {name: [] for name in names}})
    assert len(found) == 50_000


def test_labels_of_many_attributes_are_drawn_one_by_one(tmp_path):
    model = open_model(written(tmp_path / "f", valid.CHECKPOINTS[2]), valid.REGISTRY)
    object.__setattr__(model, "label_rows", None)
    before = model.labels([0, 1, 2])
    assert before.shape == (3, 3)
    assert (before.sum(1) == 1).all()
    object.__setattr__(model.condition, "names", tuple(map(str, range(200_000))))  # as a square: 160 GB
    assert model.labels([0, 1]).shape == (2, 200_000)


def test_metadata_nested_or_split_without_end_is_refused():
    for text in ("[" * 100_000, "[" * 900 + "]" * 900, "[" + "[]," * 2**20 + "1]", '{"a":' * 70 + "1" + "}" * 70):
        with pytest.raises(ValueError, match=r"nested too deep|more than"):
            strict.loads(text)


def test_json_is_read_as_utf_8_alone():
    for encoding in ("utf-16", "utf-32-be"):
        with pytest.raises(ValueError):
            strict.loads('{"a": 1}'.encode(encoding))


def test_what_a_terminal_would_obey_is_written_out(tmp_path, capsys):
    text = "\x1b]0;owned\x07\ud800\u202e"
    assert str(FileError("f", text)) == r"f: \x1b]0;owned\x07\ud800\u202e"
    path = written(tmp_path / "f", changed(valid.CHECKPOINTS[0], lambda meta: meta.update(model_hash=text)))
    command("inspect", str(path))
    assert len(str(FileError("f", "x" * 10**6, "y" * 10**6, "z"))) < 5000


def test_a_table_of_another_type_of_numbers_is_refused(tmp_path):
    header, tensors = envelope.read(written(tmp_path / "f", valid.directions_file()), "directions")
    for dtype in (torch.uint32, torch.uint16, torch.bool):
        envelope.write(tmp_path / "g", "directions", {**tensors, "std": torch.ones(2).to(dtype)}, header.meta)
        with pytest.raises(FileError, match="holds no directions"):
            directions.read(tmp_path / "g")


# Files of torch


def zipped(path, content, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content:
            archive.writestr(name, data)
    return path


BOMB = b"K\x01\x85" + b"".join(b"q%ch%c\x86" % (number, number) for number in range(60))
CODE = {
    "a key of nested tuples": b"}" + BOMB + b"K\x01s",
    "a call of nested tuples": BOMB + b")R",
    "a state of nested tuples": b"ccollections\nOrderedDict\n)R" + BOMB + b"b",
    "a storage by nested tuples": b"(X\7\0\0\0storagectorch\nFloatStorage\n" + BOMB + b"X\3\0\0\0cpuK\1tQ",
    "a set of nested tuples": b"cbuiltins\nset\n]" + BOMB + b"a\x85R",
    "a tensor out of nothing": b"ctorch\nTensor\nJ\0\0\0\x70\x85R",
    "a tensor by another name": b"ctorch\nFloatTensor\nJ\0\0\0\x70\x85\x81",
    "bytes out of nothing": b"cbuiltins\nbytearray\nJ\0\0\0\x70\x85R",
    "bytes of Python 2": b"c__builtin__\nbytearray\nJ\0\0\0\x70\x85R",
    "a codec by name": b"c_codecs\nencode\nX\1\0\0\0aX\4\0\0\0idna\x86R",
    "a rebuilt bytearray": b"ctorch._tensor\n_rebuild_from_type_v2\n(cbuiltins\nbytearray\nctorch\nTensor\n"
    b"J\0\0\0\x70\x85}tR",
    "a command": b"cos\nsystem\nX\4\0\0\0true\x85R",
}  # fmt: skip


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("code", CODE.values(), ids=CODE)
def test_what_torch_would_call_or_hash_is_refused_first(tmp_path, watch, code, legacy):
    whole = b"\x80\x02" + code + b"."
    if legacy:
        head = [foreign.LEGACY, pickle.dumps(1001, 2), pickle.dumps({"little_endian": True}, 2)]
        path = written(tmp_path / "f", b"".join([*head, whole, pickle.dumps([], 2)]))
    else:
        path = zipped(tmp_path / "f", [("a/data.pkl", whole), ("a/byteorder", b"little"), ("a/version", b"3")])
    with watch.over(tmp_path), pytest.raises(UnsafeFileError, match="holds more than tensors"):
        foreign.read_torch(path)
    assert watch.seen == []


def tensor(numel=4, offset=0, size=(2, 2), stride=(2, 1)):
    """Return the pickle of a tensor in a storage of four floats."""
    int4 = lambda number: b"J" + struct.pack("<i", number)  # noqa: E731
    pair = lambda numbers: b"".join(map(int4, numbers)) + b"\x86"  # noqa: E731
    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0000X\3\0\0\0cpu" + int4(numel) + b"tQ"
    rest = int4(offset) + pair(size) + pair(stride) + b"\x89ccollections\nOrderedDict\n)RtR."
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + storage + rest


def torch_file(path, *pickles):
    rest = [("a/byteorder", b"little"), ("a/data/0", bytes(16)), ("a/version", b"3\n")]
    return zipped(path, [*((f"a/{name}", data) for name, data in pickles), *rest])


def test_a_tensor_made_by_hand_is_read(tmp_path):
    assert foreign.read_torch(torch_file(tmp_path / "f", ("data.pkl", tensor()))).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    "wrong",
    [{"numel": 5}, {"numel": 2**30}, {"numel": -1}, {"size": (2**31 - 1, 3)}, {"offset": 1}, {"stride": (3, 1)}],
)
def test_a_tensor_larger_than_its_storage_is_refused_and_makes_it_no_larger(tmp_path, wrong):
    path = torch_file(tmp_path / "f", ("data.pkl", tensor(**wrong)))
    with pytest.raises(UnsafeFileError, match=r"larger than|as large as|malformed storage"):
        foreign.read_torch(path)


def test_a_zip_that_two_readers_read_differently_is_refused(tmp_path):
    with pytest.raises(FileError, match="a name stands twice"):
        foreign.read_torch(torch_file(tmp_path / "f", ("data.pkl", tensor()), ("DATA.pkl", tensor())))
    whole = torch_file(tmp_path / "g", ("data.pkl", tensor())).read_bytes()
    with pytest.raises(FileError, match="bytes stand before its first entry"):
        foreign.read_torch(written(tmp_path / "h", b"PK" + whole))


def test_a_pickle_that_is_long_when_unpacked_is_refused(tmp_path):
    long = zipped(
        tmp_path / "f", [("a/data.pkl", bytes(MOST_PICKLE + 1)), ("a/x", os.urandom(2**18))], zipfile.ZIP_DEFLATED
    )
    with pytest.raises(UnsafeFileError, match="a pickle of 16777217 bytes, at most 16777216"):
        foreign.read_torch(long)


def test_one_byte_of_a_pickle_is_no_pickle(tmp_path):
    assert foreign.identify(written(tmp_path / "f", b"\x80")) == "unknown"


# Arrays and pictures


@pytest.mark.parametrize("read", [foreign.read_npy, _array])
@pytest.mark.parametrize(
    "header",
    [
        b"\2\0" + struct.pack("<I", 2**32 - 1),
        b"\1\0\x10\0{'descr': '\\z'}  \n",
        b"\1\0\4\0(((\n",
        b"\1\0\x20\0" + b"[" * 32,
    ],
)
def test_the_header_of_an_array_is_read_without_a_warning_or_its_length_in_memory(tmp_path, recwarn, read, header):
    with pytest.raises(FileError):
        read(written(tmp_path / "a.npy", b"\x93NUMPY" + header))
    assert not recwarn.list


@pytest.mark.parametrize("number", [b"\1\0\x80\x7f", b"\xff\xff\x7f\x7f"], ids=["signalling NaN", "largest"])
def test_numbers_of_an_array_are_widened_without_a_warning(tmp_path, recwarn, number):
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }".ljust(63) + b"\n"
    _array(written(tmp_path / "a.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + number))
    assert not recwarn.list


def png(width, height, *chunks):
    """Return a PNG whose header says so, with no pixels, and with other chunks."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


@pytest.mark.parametrize("size", [(10_000, MAX_PIXELS // 10_000 + 1), (20_000, 20_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_refused_by_its_header_on_one_line(tmp_path, recwarn, size):
    path = written(tmp_path / "p.png", png(*size, (b"IDAT", zlib.compress(bytes(10**6)))))
    with pytest.raises(FileError, match="exceeds limit"):
        read_picture(path, (3, 8, 8))
    with pytest.raises(FileError, match="exceeds limit"):
        read_provenance(path)
    assert not recwarn.list


@pytest.mark.parametrize("read", [lambda path: read_picture(path, (3, 6, 6)), READERS["dataset-picture"].read])
def test_a_chunk_that_claims_4_gigabytes_asks_for_no_memory(tmp_path, read):
    whole = png(6, 6, (b"IDAT", zlib.compress(b"".join(b"\0" + bytes(18) for _ in range(6)))))
    length = whole.index(b"IDAT") - 4
    path = written(tmp_path / "p.png", whole[:length] + struct.pack(">I", 0xFF000000) + whole[length + 4 : -16])
    tracemalloc.start()
    with contextlib.suppress(FileError, DataError):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()


def test_a_file_that_is_no_picture_is_given_to_no_other_program(tmp_path, watch):
    path = written(tmp_path / "p.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with watch.over(tmp_path), pytest.raises(FileError):
        read_provenance(path)
    assert watch.seen == []


@pytest.mark.parametrize("shape", [[10**30], [0, 10**30], [-1, -1], [2**62, 2]])
def test_latents_of_an_absurd_shape_are_refused(tmp_path, shape):
    text = json.dumps({"model": "m", "z": {"type": "<f4", "shape": shape, "data": ""}, "c": None})
    chunk = b"gantool\0\0\0\0\0" + text.encode()
    data = png(1, 1, (b"IDAT", zlib.compress(bytes(4))), (b"iTXt", chunk))
    with pytest.raises(FileError, match="malformed gantool chunk"):
        read_provenance(written(tmp_path / "p.png", data))


# Settings


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a" + ".a" * 100_000 + " = 1",
        "a = " + "9" * 5000,
        "[" + "a." * 100_000 + "a]",
        "a = \xff",
    ],
    ids=["nested", "dotted", "a long number", "a dotted table", "not UTF-8"],
)
def test_a_toml_that_takes_its_parser_long_is_refused(tmp_path, text):
    path = written(tmp_path / "s.toml", text.encode("latin1"))
    with pytest.raises(FileError, match="is not TOML"):
        read_settings(path)


def test_nested_values_of_settings_are_refused_by_their_option():
    nested = json.loads("[" * 400 + "]" * 400)
    with pytest.raises(OptionError, match=r"arch\.channels"):
        resolve(valid.REGISTRY, [Tier("t", {"arch": {"name": "dcgan", "channels": nested}})])


# What stands beside a run


def test_a_log_of_anything_is_read_as_far_as_it_is_one(tmp_path):
    lines = [
        b"\xff\xfe",
        b"[" * 5000,
        b'{"step": 1e400}',
        b'{"step": true}',
        b'{"step": -1}',
        b'{"step": 10000000000}',
        b"3",
    ]
    odd = b'{"step": 2, "keep": "fid", "by": "abc", "evaluation": 3, "loss_d": "x", "loss_g": 1e400, "penalty": []}'
    path = written(tmp_path / "log.jsonl", b"\n".join([*lines, odd, b'{"step": 3, "loss_d": 0.5}']))
    assert [row["step"] for row in rows_of(path)] == [2, 3]
    save_losses(rows_of(path), tmp_path / "loss.png")
    read_log(path)


def test_a_long_pointer_is_not_followed(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "step-00000001.safetensors").touch()
    for text in (
        "checkpoints/../../../etc/passwd",
        "/etc/passwd",
        "checkpoints/step-00000001.safetensors\0",
        "x" * 10**6,
    ):
        (tmp_path / "latest").write_text(text)
        with pytest.raises(FileError, match="is a folder without a checkpoint"):
            checkpoint.find(tmp_path)


@pytest.mark.parametrize(
    "block",
    [
        [10**12, [], [], ""], [0, [], [], ""], ["2", [], [], ""], [2, [5], [], ""], [2, [0, 0], [], ""], [2, [], []],
        [2, [], [[1, 2, 3]], ""], [2, [], [["bad", "a", "b"]], 3], [2, [], [["\ud800", "a", "b"]], ""],
    ],
)  # fmt: skip
def test_a_journal_whose_blocks_cannot_be_starts_anew(tmp_path, block):
    first = valid.journal_file().splitlines()[0]
    assert read_journal(written(tmp_path / "j", first + b"\n" + json.dumps([2, [], [], ""]).encode())) == 2
    assert read_journal(written(tmp_path / "j", first + b"\n" + json.dumps(block).encode())) == 0


def test_results_nested_deep_are_no_results(tmp_path):
    plain = json.loads(valid.results_file())
    plain["protocol"] = json.loads('{"a":' * 200 + "1" + "}" * 200)
    path = written(tmp_path / "r.json", json.dumps(plain).encode())
    with pytest.raises(FileError, match="is not JSON"):
        results.read(path)
    plain["protocol"] = {"\ud800": 1}
    plain["\ud800"] = plain["figures"]
    with pytest.raises(FileError, match="is damaged"):
        results.read(written(tmp_path / "r.json", json.dumps(plain).encode()))


def test_a_manifest_that_is_none_is_nobodys(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "PATIENCE", 0.0)
    for text in (
        b"\xff",
        b"[" * 10**5,
        b"[]",
        b'{"count": 1e400}',
        b'{"count": 3, "x": ' + b"[" * 80 + b"]" * 80 + b"}",
    ):
        folder = tmp_path / "s"
        folder.mkdir(exist_ok=True)
        (folder / manifest.NAME).write_bytes(text)
        assert manifest.claim(folder, 4, lambda count: {"count": count}) != folder
