"""Labels by name: classes with counts, attributes to have and to lack, and free words."""

from pathlib import Path

import pytest
import torch

from gantool import Condition, Model
from gantool.errors import OptionError
from gantool.latent.labels import attribute_labels, class_labels, match_keywords, named
from gantool.latent.prior import Prior, Slot

CLASSES = Condition("classes", ("Bag", "Ankle boot"), {"Ankle boot": ("shoe",)})
FACES = Condition("attributes", ("Smiling", "Male", "Eyeglasses"), {"Male": ("man",), "Eyeglasses": ("spectacles",)})
ROWS = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]])


def model(condition, rows):
    """A model as the labels see it: nothing here makes a picture."""
    prior = Prior((Slot("noise", "normal", 2),))
    return Model(Path("m"), None, None, prior, (1, 4, 4), condition, rows, "hash", 0)


def refused(call, *arguments):
    with pytest.raises(OptionError) as refusal:
        call(*arguments)
    return str(refusal.value)


def test_names_are_found_whatever_their_case():
    assert [named(CLASSES, "classes", name, "--class") for name in ("bag", "ANKLE BOOT")] == [0, 1]


def test_an_unknown_name_is_refused_with_the_nearest():
    assert refused(named, CLASSES, "classes", "Bga", "--class") == (
        "--class: there is no 'Bga' among the model's classes; known: Bag, Ankle boot; did you mean Bag?"
    )


def test_a_class_of_a_model_of_attributes_is_refused_with_the_flags_to_use():
    assert refused(named, FACES, "classes", "Bag", "--class") == (
        "--class: 'Bag' was given, and the model knows attributes; use --with and --without"
    )
    assert refused(named, CLASSES, "attributes", "Male", "--with").endswith("the model knows classes; use --class")


def test_a_label_of_an_unconditional_model_is_refused():
    assert refused(named, None, "classes", "Bag", "--class") == (
        "--class: 'Bag' was given, and the model knows no labels; a model trained with --condition; "
        "type: gantool train --help"
    )


def test_each_class_comes_as_often_as_it_was_asked_for_in_order():
    labels = class_labels(CLASSES, [("Ankle boot", 2), ("Bag", 3)])
    assert (labels.tolist(), labels.dtype) == ([1, 1, 0, 0, 0], torch.int64)


def test_attributes_are_real_rows_that_fit_what_was_asked():
    labels, fitted = attribute_labels(model(FACES, ROWS), range(40), ["smiling"], ["eyeglasses"])
    assert fitted
    assert {tuple(row) for row in labels.tolist()} == {(1.0, 0.0, 0.0), (1.0, 1.0, 0.0)}


def test_attributes_that_no_real_row_has_together_are_set_and_this_is_said():
    labels, fitted = attribute_labels(model(FACES, ROWS), range(40), ["Eyeglasses"], ["Smiling"])
    assert not fitted
    assert {tuple(row) for row in labels.tolist()} == {(0.0, 0.0, 1.0), (0.0, 1.0, 1.0)}


def test_an_attribute_to_have_and_to_lack_is_a_contradiction():
    assert refused(attribute_labels, model(FACES, ROWS), [0], ["Male"], ["male"]) == (
        "--with --without: 'Male' was given in both; one of them"
    )


def test_asking_leaves_the_models_own_rows_alone():
    asked = model(FACES, ROWS.clone())
    attribute_labels(asked, range(9), ["Eyeglasses"], [])
    assert torch.equal(asked.label_rows, ROWS)


def test_labels_that_were_not_asked_for_follow_the_seed_and_the_data():
    drawn = model(FACES, ROWS).labels(range(200))
    assert torch.equal(drawn[7], model(FACES, ROWS).labels([7])[0])
    assert {tuple(row) for row in drawn.tolist()} == {tuple(row) for row in ROWS.tolist()}
    assert model(None, None).labels([1]) is None


def test_without_stored_rows_every_class_is_drawn():
    assert set(model(CLASSES, None).labels(range(30)).tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("condition", "text", "names", "unknown"),
    [
        (FACES, "smiling MAN", ["Smiling", "Male"], []),
        (FACES, "a smiling, smiling cat with spectacles", ["Smiling", "Eyeglasses"], ["a", "cat", "with"]),
        (CLASSES, "shoe", ["Ankle boot"], []),
        (CLASSES, "boot bag", ["Ankle boot", "Bag"], []),
    ],
)
def test_keywords_are_matched_by_names_and_by_the_words_of_the_data(condition, text, names, unknown):
    found = match_keywords(condition, text)
    assert (found.names, found.unknown) == (names, unknown)


def test_keywords_of_which_none_is_known_are_refused_with_those_that_are():
    assert refused(match_keywords, CLASSES, "shoes") == (
        "--keywords: no word of 'shoes' is known; known: ankle, bag, boot, shoe; did you mean shoe?"
    )


def test_keywords_for_a_model_without_labels_are_refused():
    assert refused(match_keywords, None, "cat").startswith("--keywords: 'cat' was given, and the model knows no labels")
