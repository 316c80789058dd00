"""Folders of pictures: every kind of file, bad ones too, through the cache."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from gantool.errors import DataError, OptionError
from gantool.files.cache import cache_folder
from gantool.files.packing import pack
from gantool_classic.datasets.folder import Folder
from gantool_classic.datasets.settings import FolderOptions

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GANTOOL_CACHE", str(place))
    return place


def save(path, colour=RED, size=(8, 8), mode="RGB", **settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **settings)
    return path


def folder(root, **options):
    return Folder(FolderOptions(root=str(root), **{"size": 8, **options}))


def only(root, **options):
    """Return the one picture of a folder as [H, W, C]."""
    values = folder(root, **options).load().values
    assert len(values) == 1
    return values[0].transpose(1, 2, 0)


def test_sub_folders_are_classes_in_sorted_order(tmp_path):
    save(tmp_path / "red_apple" / "1.png", RED)
    save(tmp_path / "blue" / "deep" / "2.png", BLUE)
    save(tmp_path / "blue" / "1.png", BLUE)
    dataset = folder(tmp_path)
    info, samples = dataset.describe(), dataset.load()
    assert (info.shape, info.length) == ((3, 8, 8), 3)
    assert (info.condition.kind, info.condition.names) == ("classes", ("blue", "red_apple"))
    assert info.condition.words["red_apple"] == ("red", "apple")
    assert samples.labels.tolist() == [0, 0, 1]
    assert samples.values[:, :, 4, 4].tolist() == [list(BLUE), list(BLUE), list(RED)]


def test_a_flat_folder_or_a_single_sub_folder_has_no_labels(tmp_path):
    save(tmp_path / "flat" / "b.png", BLUE)
    save(tmp_path / "flat" / "A.PNG", RED)
    save(tmp_path / "single" / "img" / "1.png")
    samples = folder(tmp_path / "flat").load()
    assert samples.labels is None
    assert samples.values[:, 0, 0, 0].tolist() == [255, 0]  # A.PNG before b.png
    assert folder(tmp_path / "single").describe().condition is None


def test_pictures_beside_sub_folders_mean_that_there_are_no_classes(tmp_path):
    for name in ("a/1.png", "b/1.png", "c.png"):
        save(tmp_path / name)
    info = folder(tmp_path).describe()
    assert (info.condition, info.length) == (None, 3)


def test_hidden_files_and_resource_forks_are_ignored(tmp_path):
    for name in ("1.png", ".2.png", ".hidden/3.png", "__MACOSX/4.png", "notes.txt", "Thumbs.db"):
        save(tmp_path / name, format="PNG")
    assert folder(tmp_path).describe().length == 1


def test_a_link_to_a_folder_above_does_not_loop(tmp_path):
    save(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert folder(tmp_path).describe().length == 1


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "png", "webp", "bmp", "gif"])
def test_every_format_is_read(tmp_path, suffix):
    save(tmp_path / f"1.{suffix}", RED)
    assert np.abs(only(tmp_path)[4, 4].astype(int) - RED).max() < 4


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN)]
    frames[0].save(tmp_path / "1.gif", save_all=True, append_images=frames[1:])
    assert only(tmp_path)[0, 0].tolist() == list(RED)


def test_transparency_lies_on_the_background(tmp_path):
    save(tmp_path / "1.png", (255, 0, 0, 0), mode="RGBA")
    assert only(tmp_path)[0, 0].tolist() == list(WHITE)
    assert only(tmp_path, background="#0000ff")[0, 0].tolist() == list(BLUE)
    save(tmp_path / "1.png", (255, 0, 0, 128), mode="RGBA")
    assert only(tmp_path, background="black")[0, 0].tolist() == [128, 0, 0]


def test_transparent_edges_do_not_bleed_their_hidden_colour(tmp_path):
    picture = Image.new("RGBA", (16, 16), (0, 255, 0, 0))  # invisible green around
    picture.paste((255, 0, 0, 255), (5, 5, 11, 11))
    picture.save(tmp_path / "1.png")
    assert only(tmp_path, size=8, background="red").tolist() == np.full((8, 8, 3), RED).tolist()


def test_transparent_palettes_and_grey_with_alpha_are_composited(tmp_path):
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([*RED, *BLUE])
    palette.save(tmp_path / "1.png", transparency=1)
    assert only(tmp_path)[0, 0].tolist() == list(WHITE)
    palette.save(tmp_path / "1.png")
    assert only(tmp_path)[0, 0].tolist() == list(BLUE)
    save(tmp_path / "1.png", (0, 0), mode="LA")
    assert only(tmp_path, channels="3")[0, 0].tolist() == list(WHITE)


def test_four_channels_keep_transparency(tmp_path):
    save(tmp_path / "1.png", (255, 0, 0, 128), mode="RGBA")
    assert only(tmp_path, channels="4")[0, 0].tolist() == [255, 0, 0, 128]
    save(tmp_path / "1.png", RED, size=(8, 4))
    padded = only(tmp_path, channels="4", fit="pad")
    assert padded[0, 0, 3] == 0
    assert padded[4, 4].tolist() == [255, 0, 0, 255]


def test_sixteen_bits_become_the_nearest_of_eight(tmp_path):
    levels = np.array([[0, 128, 129, 257, 32767, 65407, 65406, 65535]] * 8, np.uint16)
    Image.fromarray(levels).save(tmp_path / "1.png")
    assert only(tmp_path)[0, :, 0].tolist() == [0, 0, 1, 1, 127, 255, 254, 255]


def test_cmyk_becomes_rgb(tmp_path):
    save(tmp_path / "1.jpg", (0, 255, 255, 0), mode="CMYK")
    assert np.abs(only(tmp_path)[4, 4].astype(int) - RED).max() < 4


def test_auto_channels_are_one_only_when_every_picture_is_grey(tmp_path):
    save(tmp_path / "1.png", 7, mode="L")
    save(tmp_path / "2.png", (7, 255), mode="LA")
    assert folder(tmp_path).describe().shape == (1, 8, 8)
    assert folder(tmp_path).load().values[:, 0, 0, 0].tolist() == [7, 7]
    save(tmp_path / "3.png")
    assert folder(tmp_path).describe().shape == (3, 8, 8)
    assert folder(tmp_path, channels="1").load().values.shape == (3, 1, 8, 8)


def test_exif_orientation_is_applied(tmp_path):
    picture = Image.new("RGB", (8, 8), RED)
    picture.paste(BLUE, (0, 0, 8, 4))  # blue above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: blue to the right
    picture.save(tmp_path / "1.png", exif=exif)
    upright = only(tmp_path)
    assert upright[4, 7].tolist() == list(BLUE)
    assert upright[0, 0].tolist() == list(RED)


def striped(path, size=(32, 16)):
    """Save a picture that is red left of the middle square, blue right of it, and green within."""
    width, height = size
    picture = Image.new("RGB", size, GREEN)
    picture.paste(RED, (0, 0, (width - height) // 2, height))
    picture.paste(BLUE, ((width + height) // 2, 0, width, height))
    picture.save(path)


def test_crop_cuts_the_centre_out(tmp_path):
    striped(tmp_path / "1.png")
    assert np.abs(only(tmp_path, fit="crop")[:, 1:-1].astype(int) - GREEN).max() < 4


def test_pad_adds_borders_of_the_background(tmp_path):
    striped(tmp_path / "1.png")
    padded = only(tmp_path, fit="pad", background="#010203")
    assert padded[:2].tolist() == padded[6:].tolist() == np.full((2, 8, 3), (1, 2, 3)).tolist()
    assert [padded[4, column].argmax() for column in (0, 4, 7)] == [0, 1, 2]


def test_stretch_keeps_everything(tmp_path):
    striped(tmp_path / "1.png")
    assert [only(tmp_path, fit="stretch")[0, column].argmax() for column in (0, 4, 7)] == [0, 1, 2]


def test_height_and_width_override_size(tmp_path):
    striped(tmp_path / "1.png")
    values = folder(tmp_path, height=8, width=16).load().values
    assert values.shape == (1, 3, 8, 16)
    assert [values[0, :, 4, column].argmax() for column in (0, 8, 15)] == [
        0,
        1,
        2,
    ]  # the aspect fits: no crop


def test_a_large_picture_is_resized_with_anti_aliasing(tmp_path):
    checkers = np.indices((64, 64)).sum(0) % 2 * 255
    Image.fromarray(checkers.astype(np.uint8)).save(tmp_path / "1.png")
    assert np.abs(only(tmp_path).astype(int) - 127).max() < 3


def test_a_jpeg_decoded_at_a_fraction_is_the_same_picture(tmp_path):
    y, x = np.mgrid[0:512, 0:512] / 2
    picture = Image.fromarray(np.stack([x, y, (x + y) / 2], axis=-1).astype(np.uint8))
    picture.save(tmp_path / "1.jpg", quality=95)
    whole = np.asarray(picture.resize((8, 8), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(only(tmp_path) - whole).max() < 6


def test_bad_files_are_skipped_counted_and_listed(tmp_path, capsys, cache):
    save(tmp_path / "a" / "good.png", RED)
    save(tmp_path / "b" / "good.jpg", BLUE, size=(64, 64))
    (tmp_path / "a" / "empty.png").touch()
    (tmp_path / "a" / "text.png").write_text("hello")
    whole = (tmp_path / "b" / "good.jpg").read_bytes()
    (tmp_path / "b" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    dataset = folder(tmp_path)
    samples = dataset.load()
    assert samples.labels.tolist() == [0, 1]
    assert np.abs(samples.values[1, :, 4, 4].astype(int) - BLUE).max() < 4
    assert dataset.describe().length == 2
    said = capsys.readouterr().err
    assert "packing 5 pictures of" in said
    assert "warning: of 5 files 3 bad, left out: see " in said
    (listed,) = cache.glob("datasets/*.report.txt")
    lines = listed.read_text().splitlines()
    assert lines[:3] == [
        "kind\tpath\treason",
        "bad\ta/empty.png\tis empty",
        "bad\ta/text.png\tis not a JPEG, PNG, WebP, BMP or GIF picture",
    ]
    assert lines[3].startswith("bad\tb/cut.jpg\tcannot be decoded (OSError:")


def test_a_decompression_bomb_is_left_out_by_its_header(tmp_path):
    save(tmp_path / "good.png")
    save(tmp_path / "bomb.png", 0, size=(12_000, 12_000), mode="1")
    report = pack(folder(tmp_path), tmp_path / "p")
    ((kind, path, reason),) = report.notes
    assert (kind, path) == ("bad", "bomb.png")
    assert reason.startswith("is too large (144000000 pixels")
    assert report.pictures == 1


def test_a_postscript_file_in_disguise_is_not_interpreted(tmp_path):
    save(tmp_path / "good.png")
    (tmp_path / "evil.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n")
    report = pack(folder(tmp_path), tmp_path / "p")
    assert report.notes == (("bad", "evil.png", "is not a JPEG, PNG, WebP, BMP or GIF picture"),)


def test_a_folder_of_bad_files_alone_is_an_error(tmp_path, cache):
    (tmp_path / "1.png").write_text("hello")
    with pytest.raises(DataError, match=r"none of its 1 pictures can be read: 1\.png is not a JPEG"):
        folder(tmp_path).load()
    assert not list(cache.glob("datasets/*.safetensors"))


def test_missing_empty_and_wrong_folders_say_what_to_type(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.zip").touch()
    for options, said in (
        ({}, r"--data\.root: was not given; a folder of JPEG"),
        ({"root": str(tmp_path / "none")}, "does not exist; .*check the path"),
        ({"root": str(tmp_path / "empty")}, "holds no picture; a folder of JPEG"),
        ({"root": str(tmp_path / "file.zip")}, "is a file; .*--data packed"),
    ):
        with pytest.raises(DataError, match=said):
            Folder(FolderOptions(**options)).describe()


def test_an_unknown_background_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"--data\.background: 'wite' was given; a colour"):
        folder(tmp_path, background="wite")


def test_the_second_load_uses_the_pack(tmp_path, capsys, cache):
    save(tmp_path / "1.png")
    first = folder(tmp_path).load()
    (path,) = cache.glob("datasets/*.safetensors")
    written = path.stat().st_mtime_ns
    capsys.readouterr()
    second = folder(tmp_path).load()
    assert path.stat().st_mtime_ns == written
    assert capsys.readouterr().err == ""
    assert isinstance(second.values, np.memmap)
    assert (first.values == second.values).all()


@pytest.mark.parametrize("damage", [b"", b"nonsense"])
def test_a_damaged_pack_in_the_cache_is_made_again(tmp_path, cache, damage):
    save(tmp_path / "1.png")
    folder(tmp_path).load()
    (path,) = cache.glob("datasets/*.safetensors")
    path.write_bytes(damage)
    assert folder(tmp_path).load().values.shape == (1, 3, 8, 8)


def test_a_changed_picture_is_packed_again(tmp_path):
    path = save(tmp_path / "1.png", RED)
    assert only(tmp_path)[0, 0].tolist() == list(RED)
    save(path, GREEN)
    os.utime(path, ns=(1, 1))
    assert only(tmp_path)[0, 0].tolist() == list(GREEN)


def test_the_fingerprint_is_the_same_before_and_after_packing_and_of_a_copy(tmp_path):
    for place in ("one", "two"):
        save(tmp_path / place / "1.png")
    os.utime(tmp_path / "two" / "1.png", ns=(1, 1))
    before = folder(tmp_path / "one").describe()
    folder(tmp_path / "one").load()
    assert folder(tmp_path / "one").describe() == before
    assert folder(tmp_path / "two").describe().fingerprint == before.fingerprint


def test_the_fingerprint_changes_with_the_files_and_the_conversion(tmp_path):
    save(tmp_path / "1.png")
    prints = [folder(tmp_path, **change).describe().fingerprint for change in ({}, {"size": 16}, {"fit": "pad"})]
    save(tmp_path / "2.png")
    prints.append(folder(tmp_path).describe().fingerprint)
    assert len(set(prints)) == 4


def test_holdout_splits_by_name_and_keeps_a_picture_where_it_is(tmp_path):
    for number in range(40):
        save(tmp_path / "ab"[number % 2] / f"{number}.png", (number, 0, 0))
    dataset = folder(tmp_path, holdout=0.25)
    train, test = (set(dataset.load(split).values[:, 0, 0, 0].tolist()) for split in ("train", "test"))
    assert train | test == set(range(40))
    assert not train & test
    assert 4 <= len(test) <= 16
    assert dataset.describe().length == len(train)
    assert len(dataset.load("all").values) == 40
    (tmp_path / "a" / "0.png").unlink()
    assert set(folder(tmp_path, holdout=0.25).load("test").values[:, 0, 0, 0].tolist()) == test - {0}


def test_a_test_split_without_holdout_is_refused_before_packing(tmp_path, cache):
    save(tmp_path / "1.png")
    with pytest.raises(DataError, match=r"--data\.split: test was given; .* has: train, all"):
        folder(tmp_path, split="test").load()
    assert not list(cache.glob("datasets/*.safetensors"))


def test_limit_packs_no_more_than_it_names_spread_over_the_classes(tmp_path):
    for name in "abcd":
        for number in range(4):
            save(tmp_path / name / f"{number}.png")
    dataset = folder(tmp_path, limit=4)
    assert dataset.load().labels.tolist() == [0, 1, 2, 3]
    assert dataset.describe().length == 4
    assert dataset.describe().condition.names == ("a", "b", "c", "d")


def test_a_file_name_that_is_not_text_is_read(tmp_path):
    raw = os.fsencode(tmp_path) + b"/\xff-class"
    os.mkdir(raw)  # noqa: PTH102
    Image.new("RGB", (8, 8), RED).save(os.fsdecode(raw + b"/\xfe.png"), format="PNG")
    save(tmp_path / "b" / "1.png", BLUE)
    dataset = folder(tmp_path)
    assert dataset.load().values[:, 0, 0, 0].tolist() == [0, 255]
    assert dataset.describe().condition.names == ("b", "\ufffd-class")


def test_a_cache_that_cannot_be_written_says_how_to_move_it(tmp_path, monkeypatch):
    save(tmp_path / "1.png")
    (tmp_path / "file").touch()
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"cannot be written .*set GANTOOL_CACHE to one"):
        folder(tmp_path).load()


def test_the_cache_lies_where_the_variable_says(cache):
    assert cache_folder("datasets") == cache / "datasets"
