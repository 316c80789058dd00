"""The dataset, from packages whose pictures and words are known."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest
from gantool_emoji.dataset import Emoji
from gantool_emoji.settings import EmojiOptions
from packages import DRAWN, SHOWN, SIDE, TONES, draw, make_packages, write_keywords, write_rows
from PIL import Image

from gantool import Tier, UserError, load_plugins, resolve

PICTURES = "node_modules/emoji-datasource-google/img/google/64"
TABLE = "node_modules/emoji-datasource-google/emoji.json"
CODES = [code for code, *_ in DRAWN]


@pytest.fixture
def root(tmp_path):
    return make_packages(tmp_path / "packages")


def emoji(root, **options):
    return Emoji(EmojiOptions(**{"root": str(root), "size": SIDE, "min_count": 1, "split": "all", **options}))


def picture(root, code, **options):
    """The pixels ``[3, size, size]`` of an emoji in its own colour."""
    return emoji(root, skin_tones=False, **options).load().values[CODES.index(code)]


def names_of(dataset):
    """The attributes of each example by name."""
    names = np.array(dataset.describe().condition.names)
    return [set(names[row > 0.5].tolist()) for row in dataset.load().labels]


@pytest.mark.parametrize(
    ("code", "background", "expected"),
    [
        ("1F600", "white", (255, 127, 127)),  # red of alpha 128: 128/255 of it and 127/255 of what is behind
        ("1F600", "black", (128, 0, 0)),
        ("1F600", "#00ff00", (128, 127, 0)),
        ("1F408", "white", (255, 255, 255)),  # all transparent
        ("1F408", "#102030", (16, 32, 48)),
        ("1F415", "white", (100, 100, 100)),  # grey with alpha
        ("2764-FE0F", "white", (127, 127, 127)),
        ("1F638", "white", (9, 8, 7)),
        ("1F44B", "black", (250, 200, 0)),  # no alpha
    ],
)
def test_pictures_lie_on_the_background(root, code, background, expected):
    pixels = picture(root, code, background=background)
    assert pixels.shape == (3, SIDE, SIDE)
    assert (pixels == np.array(expected)[:, None, None]).all()


def test_a_palette_has_its_colours_and_its_transparency(root):
    pixels = picture(root, "1F3C1")
    assert (pixels[:, :, : SIDE // 2] == 255).all()
    assert (pixels[:, :, SIDE // 2 :] == np.array([3, 200, 40])[:, None, None]).all()


def test_the_colour_of_what_is_transparent_never_shows(root):
    drawn = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    drawn.paste((255, 255, 255, 255), (0, 0, 29, 64))
    drawn.save(root / PICTURES / "1f600.png")
    assert (picture(root, "1F600", size=20) == 255).all()


def test_resizing_keeps_the_mean(root):
    drawn = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    drawn.paste((240, 240, 240, 255), (16, 16, 48, 48))
    drawn.save(root / PICTURES / "1f600.png")
    pixels = picture(root, "1F600", size=32)
    assert pixels.shape == (3, 32, 32)
    assert pixels.mean() == pytest.approx(240 / 4, abs=1)
    assert (pixels[:, 12:20, 12:20] == 240).all()


def test_every_emoji_is_there_in_every_tone_but_no_swatch_and_no_couple_in_two_tones(root):
    dataset = emoji(root)
    assert len(dataset.load().values) == dataset.describe().length == SHOWN
    assert len(emoji(root, skin_tones=False).load().values) == 8


def test_attributes_are_the_words_of_keywords_and_subcategory(root):
    dataset = emoji(root, categories=("smileys",))
    assert names_of(dataset) == [{"face"}, {"face", "animal"}, {"heart"}]
    assert set(dataset.describe().condition.words["face"]) == {"face", "grinning", "smile", "smiling"}


def test_what_keywords_ask_for_finds_its_attribute(root):
    condition = emoji(root).describe().condition
    found = {word: name for name in condition.names for word in condition.words[name]}
    assert sum(map(len, condition.words.values())) == len(found), "a word stands for two attributes"
    assert found["smiling"] == found["smile"]
    assert found["cats"] == found["cat"]
    assert found["cat"] != found["dog"]
    assert not {"d", "light", "with"} & set(found)


def test_few_emoji_make_no_attribute(root):
    names = emoji(root, min_count=3, skin_tones=False).describe().condition.names
    assert names == ("animal",)
    with pytest.raises(UserError, match="min-count"):
        emoji(root, min_count=9, skin_tones=False).describe()


def test_keywords_are_found_with_and_without_the_selector_of_colour(root):
    assert names_of(emoji(root, categories=("smileys", "people"), skin_tones=False, min_count=2))[2] == {"love"}


def test_each_skin_tone_is_an_attribute(root):
    shown = names_of(emoji(root, categories=("people",)))
    tones = [{name for name in names if name.endswith("_skin")} for names in shown]
    order = ["light_skin", "medium_light_skin", "medium_skin", "medium_dark_skin", "dark_skin"]
    assert tones[:6] == [set(), *({name} for name in order)]
    assert tones[6:] == [set(), {"dark_skin"}]
    assert [names - own for names, own in zip(shown, tones, strict=True)] == 6 * [{"fingers"}] + 2 * [{"couple"}]


def test_a_tone_that_no_picture_has_is_no_attribute(root):
    names = emoji(root, categories=("smileys",)).describe().condition.names
    assert not [name for name in names if name.endswith("_skin")]


def test_an_emoji_and_its_skin_tones_are_in_one_split(root):
    rows = json.loads((root / TABLE).read_text(encoding="utf-8"))
    for red in range(40):
        files = [f"{red}-{tone}.png" for tone in ("", *TONES)]
        for file in files:
            draw(root / PICTURES / file, "RGB", (red, 255, 0))
        variants = {tone: {"image": file} for tone, file in zip(TONES, files[1:], strict=True)}
        rows.append({**rows[0], "unified": f"{0x1F700 + red:X}", "image": files[0], "skin_variations": variants})
    write_rows(root, rows)

    def reds(split):
        """How often each of the new emoji is there."""
        corners = emoji(root, holdout=0.5, split=split).load().values[:, :, 0, 0].tolist()
        return Counter(red for red, *others in corners if others == [255, 0])

    train, test = reds("train"), reds("test")
    assert train + test == reds("all") == dict.fromkeys(range(40), 6)
    assert not train.keys() & test.keys()
    assert min(len(train), len(test)) > 9


def test_a_split_may_be_named_when_loading(root):
    parts = {split: emoji(root, holdout=0.5, split=split) for split in ("train", "test", "all")}
    infos = {split: dataset.describe() for split, dataset in parts.items()}
    assert infos["train"].length + infos["test"].length == infos["all"].length == SHOWN
    assert infos["train"].condition == infos["test"].condition == infos["all"].condition
    assert np.array_equal(parts["all"].load("test").values, parts["test"].load().values)


def test_an_empty_split_is_refused(root):
    with pytest.raises(UserError, match=r"data\.split: test was given.*holdout"):
        emoji(root, holdout=0.0).load("test")


def fingerprint(root, **options):
    return emoji(root, **options).describe().fingerprint


def test_the_fingerprint_does_not_depend_on_the_place(root, tmp_path):
    other = tmp_path / "elsewhere"
    shutil.copytree(root, other)
    assert fingerprint(root) == fingerprint(other) == fingerprint(other / "node_modules")


@pytest.mark.parametrize(
    "options",
    [
        {"size": 17},
        {"background": "black"},
        {"min_count": 2},
        {"skin_tones": False},
        {"categories": ("smileys",)},
        {"holdout": 0.4, "split": "train"},
    ],
)
def test_the_fingerprint_changes_with_the_options(root, options):
    assert fingerprint(root) != fingerprint(root, **options)


def test_the_fingerprint_changes_with_pictures_and_words(root):
    first = fingerprint(root)
    draw(root / PICTURES / "1f600.png", "RGB", (1, 2, 3), side=48)
    second = fingerprint(root)
    write_keywords(root, {"1F600": ["frown"]})
    assert len({first, second, fingerprint(root)}) == 3


def test_a_damaged_picture_is_refused_by_name(root):
    (root / PICTURES / "1f408.png").write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")
    with pytest.raises(UserError, match=r"1f408\.png: is damaged.*npm install"):
        emoji(root).load()


def test_a_missing_picture_is_refused_by_name(root):
    (root / PICTURES / "1f408.png").unlink()
    with pytest.raises(UserError, match=r"1f408\.png: cannot be read.*npm install"):
        emoji(root).describe()


def test_a_root_that_was_not_given_says_what_to_type():
    with pytest.raises(UserError, match=r"data\.root: was not given.*npm install.*emojilib"):
        Emoji(EmojiOptions()).describe()


@pytest.mark.parametrize(("name", "said"), [("nowhere", "is no folder"), ("packages/node_modules/emojilib", "lacks")])
def test_a_folder_without_the_packages_is_refused(root, name, said):
    with pytest.raises(UserError, match=rf"data\.root .*{said}.*npm install"):
        emoji(root.parent / name).describe()


def test_a_table_of_another_version_is_refused_by_the_field(root):
    rows = json.loads((root / TABLE).read_text(encoding="utf-8"))
    del rows[1]["subcategory"]
    write_rows(root, rows)
    with pytest.raises(UserError, match=r"emoji\.json: cannot be read.*subcategory.*npm install"):
        emoji(root).describe()


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "[]"])
def test_keywords_that_are_none_are_refused(root, text):
    (root / "node_modules/emojilib/dist/emoji-en-US.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"emoji-en-US\.json: cannot be read"):
        emoji(root).describe()


def test_an_unknown_colour_is_refused():
    with pytest.raises(UserError, match=r"data\.background: 'mauvre' was given; a colour"):
        Emoji(EmojiOptions(background="mauvre"))


def test_the_dataset_brings_a_conditional_wasserstein_run():
    registry = load_plugins().registry
    config = resolve(registry, [Tier("flags", {"data": "emoji"})])
    assert [config.name(section) for section in ("loss", "condition", "lipschitz")] == ["wgan-gp", "embedding", "gp"]
    assert config.training.latent_dim == 32
    chosen = resolve(registry, [Tier("flags", {"data": "emoji", "loss": "bce", "condition": "onehot"})])
    assert [chosen.name(section) for section in ("loss", "condition", "lipschitz")] == ["bce", "onehot", "none"]
