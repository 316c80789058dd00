"""How a valid file is spoilt: by bytes, and by its format, so that a reader's deep code is reached.

A header's length, a chunk's CRC, a zip's directory and a gzip's checksum are made right again after a change inside.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import pickletools
import struct
import sys
import tomllib
import warnings
import zipfile
import zlib
from random import Random
from typing import Any

import tomli_w

NUMBERS = (
    0, 1, -1, 2, 7, 255, 256, 65535, 65536, 10**6, 10**9, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**62, 2**63, 10**18,
)  # fmt: skip
TEXTS = (
    "", "a", "\0", "\n", "\x1b[2J", "\ud800", "é" * 9, "a" * 5000, "../../etc/passwd", "/etc/passwd", "os",
    "subprocess", "os:system", "gantool_classic.mlp:Mlp", "plugins/evil.py", "bce", "mlp", "dcgan", "none", "auto",
    "normal", "classes", "attributes", "nan", "-1", "1e999", "%s%n", "__class__", "U8", "F32", "F64", "I64", "BOOL",
    "U16", "BF16",
)  # fmt: skip
FLOATS = (0.0, -0.0, 0.5, 1e-310, 1e308, -1e38, 3.5e38, float("inf"), float("-inf"), float("nan"))
DEPTHS = (5, 60, 300, 330, 480, 900, 970, 990)


def value(random: Random) -> Any:
    """Draw a value that JSON can say, often one of an odd size or type."""
    kind = random.randrange(9)
    if kind == 0:
        return random.choice(NUMBERS)
    if kind == 1:
        return random.choice(TEXTS)
    if kind == 2:
        return random.choice(FLOATS)
    if kind == 3:
        return random.choice((None, True, False, [], {}, [[]], [{}], {"": None}))
    if kind == 4:
        return [random.choice(NUMBERS) for _ in range(random.choice((1, 2, 3, 4, 9, 2000)))]
    if kind == 5:
        nested: Any = random.choice((1, [], {}, "x"))
        for _ in range(random.choice(DEPTHS)):
            nested = [nested] if random.random() < 0.7 else {"a": nested}
        return nested
    if kind == 6:
        return {random.choice(TEXTS): random.choice(NUMBERS) for _ in range(random.randrange(4))}
    if kind == 7:
        return 10 ** random.choice((20, 40, 400, 4000))
    return [random.choice(TEXTS)] * random.choice((1, 2, 3000))


def change(random: Random, tree: Any) -> Any:
    """Change one place of a tree of JSON: replace, remove, add, double, or swap with another."""
    if not isinstance(tree, (dict, list)) or not tree or random.random() < 0.03:
        return value(random)
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    key = random.choice(keys)
    if isinstance(tree[key], (dict, list)) and tree[key] and random.random() < 0.75:
        tree[key] = change(random, tree[key])
        return tree
    kind = random.randrange(6)
    if kind <= 1:
        tree[key] = value(random)
    elif kind == 2:
        del tree[key]
    elif kind == 3 and isinstance(tree, dict):
        tree[random.choice(TEXTS)] = tree[key] if random.random() < 0.5 else value(random)
    elif kind == 3:
        tree[key:key] = [tree[key]] * random.choice((1, 2, 100))
    elif kind == 4:
        other = random.choice(keys)
        tree[key], tree[other] = tree[other], tree[key]
    else:
        tree[key] = nudge(random, tree[key])
    return tree


def nudge(random: Random, item: Any) -> Any:
    """Return something near a value."""
    if isinstance(item, bool) or item is None:
        return not item
    if isinstance(item, (int, float)):
        with contextlib.suppress(OverflowError):
            return random.choice((item + 1, item - 1, -item, item * 2, item * 1.0, str(item), [item]))
    if isinstance(item, str):
        cut = random.randrange(len(item) + 1)
        return item[:cut] + random.choice(TEXTS) + item[cut:]
    return [item]


def dumps(tree: Any, random: Random) -> bytes:
    """Write JSON, sometimes with a name that stands twice."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)  # what is nested deeper than a reader follows is what is wanted
    try:
        text = json.dumps(tree)
    finally:
        sys.setrecursionlimit(before)
    if random.random() < 0.03 and ", " in text:
        part = text[text.index(", ") :]
        text = text[: -1 if text.endswith("}") else None] + part if part.endswith("}") else text
    return text.encode(errors="surrogatepass")


def scramble(random: Random, data: bytes) -> bytes:
    """Flip, cut, insert, double or overwrite bytes, a few times."""
    spoilt = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 12))):
        at = random.randrange(len(spoilt) + 1)
        kind = random.randrange(8)
        if kind == 0 and at < len(spoilt):
            spoilt[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            del spoilt[at:]
        elif kind == 2:
            del spoilt[at : at + random.choice((1, 4, 64))]
        elif kind == 3:
            spoilt[at:at] = random.randbytes(random.choice((1, 4, 40)))
        elif kind == 4:
            width, order = random.choice((1, 2, 4, 8)), random.choice(("little", "big"))
            spoilt[at : at + width] = (random.choice(NUMBERS) % 256**width).to_bytes(width, order)
        elif kind == 5:
            start = random.randrange(len(spoilt) + 1)
            spoilt[at:at] = spoilt[start : start + random.choice((1, 16, 256))]
        elif kind == 6 and at < len(spoilt):
            spoilt[at] = random.choice(b'\x00\xff\x7f\x80[]{}",:0\n')
        else:
            spoilt[at : at + 4] = random.choice(TEXTS).encode(errors="surrogatepass")[:40]
    return bytes(spoilt)


def spoil_json(random: Random, data: bytes) -> bytes:
    """Change JSON as a tree, or as bytes."""
    if random.random() < 0.2:
        return scramble(random, data)
    tree = json.loads(data)
    for _ in range(random.choice((1, 1, 2, 5))):
        tree = change(random, tree)
    return dumps(tree, random)


def spoil_lines(random: Random, data: bytes) -> bytes:
    """Change lines of JSON, one of them, their order or their bytes."""
    if random.random() < 0.2:
        return scramble(random, data)
    lines = data.splitlines()
    at = random.randrange(len(lines))
    lines[at] = spoil_json(random, lines[at])
    if random.random() < 0.2:
        random.shuffle(lines)
    return b"\n".join(lines)


def spoil_safetensors(random: Random, data: bytes) -> bytes:
    """Change the header, the JSON inside its metadata, a tensor's numbers, or any bytes."""
    kind = random.random()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + length]), bytearray(data[8 + length :])
    if kind < 0.12:
        return scramble(random, data)
    if kind < 0.18:
        text = scramble(random, data[8 : 8 + length])
        return struct.pack("<Q", len(text)) + text + body
    if kind < 0.4:
        header = reshape(random, header) if random.random() < 0.5 else change(random, header)
    elif kind < 0.5 and body:
        at = random.randrange(0, len(body), 4)
        body[at : at + 4] = struct.pack("<f", random.choice((0.0, 1e38, -1e38, float("nan"), float("inf"))))
    else:
        meta = json.loads(header["__metadata__"]["gantool"])
        for _ in range(random.choice((1, 1, 2, 4))):
            meta = change(random, meta)
        inner = dumps(meta, random) if random.random() < 0.95 else scramble(random, dumps(meta, random))
        header["__metadata__"]["gantool"] = inner.decode(errors="replace")
    text = dumps(header, random)
    return struct.pack("<Q", len(text)) + text + bytes(body)


def reshape(random: Random, header: dict[str, Any]) -> dict[str, Any]:
    """Give one tensor another type, shape or name, of the same bytes where it can be."""
    name = random.choice([name for name in header if name != "__metadata__"] or ["__metadata__"])
    entry = header[name]
    if name == "__metadata__":
        return header
    size = entry["data_offsets"][1] - entry["data_offsets"][0]
    width = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4,
             "F32": 4, "F64": 8, "I64": 8, "U64": 8}  # fmt: skip
    fitting = [kind for kind in width if size % width[kind] == 0]
    kind = random.randrange(4)
    if kind == 0:
        header[random.choice((*header, *TEXTS))] = header.pop(name)
        return header
    if kind == 1:
        entry["dtype"] = random.choice(
            [kind for kind in fitting if width[kind] == width.get(entry["dtype"])] or fitting
        )
        return header
    entry["dtype"] = random.choice(fitting)
    count = size // width[entry["dtype"]]
    entry["shape"] = random.choice(([count], [1, count], [count, 1], [1] * 7 + [count], entry["shape"][::-1]))
    if not count:
        entry["shape"] = random.choice(([0], [0, 3], [3, 0], [0, 10**18]))
    return header


def spoil_png(random: Random, data: bytes) -> bytes:
    """Change the chunks of a PNG and their order, with the CRC right again."""
    if random.random() < 0.15 or not data.startswith(b"\x89PNG"):
        return scramble(random, data)
    chunks, at = [], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += length + 12
    place = random.randrange(len(chunks))
    texts = [index for index, (kind, body) in enumerate(chunks) if kind == b"iTXt" and body.startswith(b"gantool\0")]
    kind, body = chunks[place]
    choice = random.random()
    if texts and choice < 0.55:
        place = texts[0]
        kind, body = chunks[place]
        head, text = body[:12], body[12:]
        chunks[place] = kind, (head if random.random() < 0.9 else scramble(random, head)) + spoil_json(random, text)
    elif choice < 0.65:
        chunks.insert(random.randrange(len(chunks) + 1), chunks[place])
    elif choice < 0.7:
        del chunks[place]
    elif choice < 0.75:
        random.shuffle(chunks)
    elif choice < 0.85:
        name = random.choice((b"tRNS", b"PLTE", b"zTXt", b"tEXt", b"iTXt", b"iCCP", b"gAMA", b"eXIf", b"acTL", b"fcTL",
                              b"fdAT", b"cHRM", b"pHYs", b"sBIT", b"IDAT"))  # fmt: skip
        filled = random.choice(
            (b"", random.randbytes(random.choice((1, 4, 26, 99))), b"k\0\0" + zlib.compress(bytes(3000)))
        )
        chunks.insert(random.randrange(1, len(chunks) + 1), (name, filled))
    else:
        chunks[place] = (kind, scramble(random, body))
    return data[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


GLOBALS = (
    b"os\nsystem", b"builtins\neval", b"torch\nTensor", b"torch\nFloatTensor", b"builtins\nbytearray", b"torch\nSize",
    b"torch._utils\n_rebuild_qtensor", b"torch._utils\n_rebuild_sparse_tensor", b"torch._utils\n_rebuild_nested_tensor",
    b"torch._utils\n_rebuild_meta_tensor_no_storage", b"torch._utils\n_rebuild_parameter", b"collections\nCounter",
    b"torch._tensor\n_rebuild_from_type_v2", b"_codecs\nencode", b"torch\nDoubleStorage", b"torch\nByteStorage",
    b"torch\ndevice", b"torch.storage\nUntypedStorage", b"torch.serialization\n_get_layout", b"builtins\nset",
)  # fmt: skip
OPCODES = [
    *(code.code.encode("latin1") for code in pickletools.opcodes if code.arg is None),
    *(b"c" + name + b"\n" for name in GLOBALS),
    *(b"J" + struct.pack("<i", number) for number in (0, 1, -1, 2**20, 2**31 - 1)),
    *(b"K" + bytes([number]) for number in (0, 1, 2, 255)),
    *(b"h" + bytes([number]) for number in range(12)),
    *(b"q" + bytes([number]) for number in range(12)),
    b"\x8a\x08" + bytes(7) + b"\x7f", b"X\4\0\0\0meta", b"X\3\0\0\0cpu", b"X\7\0\0\0storage", b"G\x7f\xf8" + bytes(6),
]  # fmt: skip


def spoil_pickle(random: Random, data: bytes) -> bytes:
    """Change, insert, remove or double instructions of a pickle."""
    if random.random() < 0.1:
        return scramble(random, data)
    starts = [at for _, _, at in pickletools.genops(data) if at is not None]
    parts = [data[start:stop] for start, stop in zip(starts, [*starts[1:], len(data)], strict=True)]
    for _ in range(random.choice((1, 1, 2, 4))):
        at, kind = random.randrange(len(parts)), random.randrange(6)
        if kind <= 1:
            parts[at] = random.choice(OPCODES)
        elif kind == 2:
            parts.insert(at, random.choice(OPCODES))
        elif kind == 3 and len(parts) > 2:
            del parts[at]
        elif kind == 4:
            parts.insert(at, random.choice(parts))
        elif parts[at][:1] in b"KMJ":
            parts[at] = b"J" + struct.pack("<i", random.choice((0, -1, 1, 3, 5, 64, 1000, 10**6, 2**31 - 1)))
        elif parts[at][:1] == b"X":
            text = random.choice(TEXTS).encode(errors="surrogatepass")
            parts[at] = b"X" + struct.pack("<I", len(text)) + text
    return b"".join(parts)


def spoil_zip(random: Random, data: bytes) -> bytes:
    """Change entries of a torch file and zip them again, or any bytes."""
    if random.random() < 0.25:
        return scramble(random, data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    at = random.randrange(len(entries))
    name, body = entries[at]
    kind = random.random()
    if kind < 0.6:
        at = next(index for index, (name, _) in enumerate(entries) if name.endswith("data.pkl"))
        entries[at] = (entries[at][0], spoil_pickle(random, entries[at][1]))
    elif kind < 0.75:
        entries[at] = (name, scramble(random, body))
    elif kind < 0.85:
        entries[at] = (
            random.choice(("../../etc/passwd", "archive/data.pkl", "x/data.pkl", "a" * 500, name + "/")),
            body,
        )
    elif kind < 0.9:
        del entries[at]
    else:
        entries.insert(at, (name, body))
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as archive:
        warnings.simplefilter("ignore")  # of names that stand twice
        for name, body in entries:
            archive.writestr(name, body, random.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
    return out.getvalue()


def spoil_legacy(random: Random, data: bytes) -> bytes:
    """Change one of the pickles of a legacy torch file, or any bytes."""
    if random.random() < 0.25:
        return scramble(random, data)
    parts, rest = [], io.BytesIO(data)
    for _ in range(5):
        start = rest.tell()
        for _ in pickletools.genops(rest):
            pass
        parts.append(data[start : rest.tell()])
    at = random.choice((0, 1, 2, 3, 3, 3, 3, 4))
    parts[at] = spoil_pickle(random, parts[at])
    tail = data[rest.tell() :]
    return b"".join(parts) + (tail if random.random() < 0.8 else scramble(random, tail))


def spoil_npy(random: Random, data: bytes) -> bytes:
    """Change the header of an array, with its length right again, or any bytes."""
    if random.random() < 0.3:
        return scramble(random, data)
    (length,) = struct.unpack("<H", data[8:10])
    header = data[10 : 10 + length].decode()
    for old, new in (("<f4", ("<f8", ">f4", "|O", "|V0", "<U0", "<M8[s]", "<i8", "|b1", "<c8", "f4,f4", "<f2")),
                     ("(2, 6)", ("(0, 10**18)", "(0, 1000000000000000000)", "(12,)", "()", "(-2, -6)", "(2, 6, 1)",
                                 "(99999999,)", "((2, 6),)", "(True, 12)", "2")),
                     ("False", ("True", "None", "1", "[]"))):  # fmt: skip
        if random.random() < 0.4:
            header = header.replace(old, random.choice(new))
    text = header.encode() if random.random() < 0.6 else scramble(random, header.encode())[:65000]
    return data[:8] + struct.pack("<H", len(text)) + text + data[10 + length :]


def spoil_gzip(random: Random, data: bytes) -> bytes:
    """Change what is packed and pack it again, or the packed bytes."""
    if not data.startswith(b"\x1f\x8b"):
        return scramble(random, data)
    if random.random() < 0.4:
        return scramble(random, data)
    inner = scramble(random, gzip.decompress(data))
    return gzip.compress(inner, 1, mtime=0) * random.choice((1, 1, 1, 2))


def spoil_toml(random: Random, data: bytes) -> bytes:
    """Change settings as a tree, where TOML can say it, or as bytes; a checkpoint as one."""
    if data[5:8] == b"\0\0\0":
        return spoil_safetensors(random, data)
    if random.random() < 0.3:
        return scramble(random, data)
    tree = tomllib.loads(data.decode())
    for _ in range(random.choice((1, 1, 2, 4))):
        tree = change(random, tree)
    try:
        return tomli_w.dumps(tree).encode(errors="surrogatepass")
    except (TypeError, AttributeError, RecursionError, ValueError):
        return scramble(random, data)


def spoil_torch(random: Random, data: bytes) -> bytes:
    """Change a torch file of either format."""
    return spoil_zip(random, data) if data.startswith(b"PK") else spoil_legacy(random, data)


def spoil_any(random: Random, data: bytes) -> bytes:
    """Change a file by what it is."""
    if data.startswith(b"PK"):
        return spoil_zip(random, data)
    if data.startswith(b"\x89PNG"):
        return spoil_png(random, data)
    return spoil_npy(random, data) if data.startswith(b"\x93NUMPY") else spoil_safetensors(random, data)
