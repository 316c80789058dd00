"""Words to attributes, from sets that can be counted by hand."""

import pytest
from gantool_emoji.attributes import find_attributes, stems


def emoji(**counts):
    """``cat_face=2``: two emoji with the words cat and face."""
    return [set(words.split("_")) for words, count in counts.items() for _ in range(count)]


def test_frequent_words_are_attributes_the_most_frequent_first():
    assert list(find_attributes(emoji(cat=3, dog=5, cow=2), min_count=3)) == ["dog", "cat"]


def test_words_of_one_frequency_are_in_alphabetical_order():
    assert list(find_attributes(emoji(dog=3, cow=3, cat=3), min_count=3)) == ["cat", "cow", "dog"]


def test_a_word_of_all_tells_nothing_apart():
    assert list(find_attributes(emoji(animal_cat=3, animal_dog=3), min_count=3)) == ["cat", "dog"]


@pytest.mark.parametrize(("together", "names"), [(8, ["flag"]), (7, ["flag", "nation"])])
def test_words_that_share_eight_of_ten_emoji_are_one_attribute(together, names):
    words = emoji(flag_nation=together, flag=10 - together, other=5)
    found = find_attributes(words, min_count=6)
    assert list(found) == names
    assert found["flag"] == (("flag", "nation") if together == 8 else ("flag",))


def test_a_rare_form_goes_with_its_word():
    found = find_attributes(emoji(smile=3, smile_smiling=2, cat=3, cats_cat=1, cow=9), min_count=3)
    assert found == {"cow": ("cow",), "smile": ("smile", "smiling"), "cat": ("cat", "cats")}


def test_a_form_that_marks_other_emoji_means_something_else():
    found = find_attributes(emoji(face=9, facing=5, face_facing=1), min_count=3)
    assert found == {"face": ("face",), "facing": ("facing",)}


def test_a_form_may_be_the_name():
    assert find_attributes(emoji(woman=1, woman_women=3, women=1, man=3), min_count=3) == {
        "woman": ("woman", "women"),
        "man": ("man",),
    }


@pytest.mark.parametrize(
    ("word", "base"),
    [
        ("cats", "cat"),
        ("glasses", "glass"),
        ("berries", "berry"),
        ("walking", "walk"),
        ("smiling", "smile"),
        ("running", "run"),
        ("women", "woman"),
        ("children", "child"),
    ],
)
def test_the_stems_of_a_form_hold_its_base(word, base):
    assert {word, base} <= stems(word)


@pytest.mark.parametrize("word", ["ring", "bus", "yes", "red"])
def test_a_short_word_is_no_form(word):
    assert stems(word) == {word}
