"""Pictures that carry the latents they were made from."""

import json

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from gantool.errors import FileError
from gantool.render.provenance import read_provenance, save_png

RANDOM = np.random.default_rng(0)
Z = RANDOM.standard_normal((3, 5)).astype(np.float32)
PICTURE = Image.fromarray(RANDOM.integers(0, 256, (6, 7, 3), dtype=np.uint8))


def carried(**fields):
    return {"model": "abc", "seeds": [4, 5, 6], "truncation": 0.7, "z": Z, "c": None, **fields}


def with_chunk(path, text):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("gantool", text)
    PICTURE.save(path, "PNG", pnginfo=info)
    return path


def array(shape, data="AACAPw==", kind="<f4"):
    return {"shape": shape, "type": kind, "data": data}  # the number 1.0


def test_latents_come_back_bit_for_bit_with_what_they_belong_to(tmp_path):
    save_png(PICTURE, tmp_path / "p.png", carried())
    found = read_provenance(tmp_path / "p.png")
    assert found.pop("z").tobytes() == Z.tobytes()
    assert found == {"model": "abc", "seeds": [4, 5, 6], "truncation": 0.7, "c": None}


@pytest.mark.parametrize("c", [np.array([2, 0, 1]), np.eye(3, 4, dtype=np.float32)], ids=["classes", "attributes"])
def test_conditions_come_back_in_their_type(tmp_path, c):
    save_png(PICTURE, tmp_path / "p.png", carried(c=c))
    found = read_provenance(tmp_path / "p.png")["c"]
    assert (found.dtype, found.tolist()) == (c.dtype, c.tolist())


def test_the_pixels_are_those_of_the_picture(tmp_path):
    save_png(PICTURE, tmp_path / "p.png", carried())
    with Image.open(tmp_path / "p.png") as image:
        assert image.tobytes() == PICTURE.tobytes()


def test_latents_longer_than_what_pillow_unpacks_can_be_read_and_so_can_the_picture(tmp_path):
    z = RANDOM.standard_normal((3000, 100)).astype(np.float32)
    save_png(PICTURE, tmp_path / "p.png", carried(z=z, seeds=list(range(3000))))
    assert read_provenance(tmp_path / "p.png")["z"].tobytes() == z.tobytes()


def test_a_picture_without_latents_carries_nothing(tmp_path):
    save_png(PICTURE, tmp_path / "p.png")
    assert read_provenance(tmp_path / "p.png") is None
    PICTURE.save(tmp_path / "q.jpg")
    assert read_provenance(tmp_path / "q.jpg") is None


def test_an_edited_picture_that_lost_its_chunk_carries_nothing(tmp_path):
    save_png(PICTURE, tmp_path / "p.png", carried())
    with Image.open(tmp_path / "p.png") as image:
        image.resize((3, 3)).save(tmp_path / "p.png")
    assert read_provenance(tmp_path / "p.png") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "{}",
        json.dumps({"model": "m", "z": None, "c": None}),
        json.dumps({"model": "m", "z": array([1, 1])}),
        json.dumps({"model": "m", "z": array([1]), "c": None}),
        json.dumps({"model": "m", "z": array([2, 1]), "c": None}),
        json.dumps({"model": "m", "z": array([1, 1], kind="object"), "c": None}),
        json.dumps({"model": "m", "z": array([1, 1], data="%%%%"), "c": None}),
        json.dumps({"model": "m", "z": array([1, 1], data=3), "c": None}),
        json.dumps({"model": "m", "z": array("11"), "c": None}),
        json.dumps({"model": "m", "z": array([1, 1]), "c": array([1, 1, 1])}),
        json.dumps({"model": "m", "z": array([1, 1]), "c": array([0], data="")}),
        "[" * 100_000,
    ],
)
def test_a_malformed_chunk_is_refused(tmp_path, text):
    path = with_chunk(tmp_path / "p.png", text)
    with pytest.raises(FileError, match="carries a malformed gantool chunk; a PNG that gantool made"):
        read_provenance(path)


def test_a_well_formed_chunk_of_one_latent_is_read(tmp_path):
    path = with_chunk(tmp_path / "p.png", json.dumps({"model": "m", "z": array([1, 1]), "c": array([1])}))
    assert read_provenance(path)["z"].tolist() == [[1.0]]


@pytest.mark.parametrize("content", [b"", b"hello, world", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused(tmp_path, content):
    (tmp_path / "p.png").write_bytes(content)
    with pytest.raises(FileError, match="is not a picture that can be read"):
        read_provenance(tmp_path / "p.png")


def test_a_truncated_picture_is_refused(tmp_path):
    save_png(PICTURE, tmp_path / "p.png", carried())
    data = (tmp_path / "p.png").read_bytes()
    (tmp_path / "p.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(FileError, match="is not a picture that can be read"):
        read_provenance(tmp_path / "p.png")
