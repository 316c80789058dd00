"""One declaration of options: rows, flags' texts, values that are refused."""

from typing import Annotated, Literal

import msgspec
import pytest

from gantool.config import TrainingOptions
from gantool.errors import OptionError
from gantool.options import Meta, Options, build, describe, parse

Width = Annotated[int, Meta(ge=1, le=64)]


class Sample(Options, frozen=True):
    count: Annotated[int, Meta(ge=1, le=8, description="how many")] = 2
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    rate: Annotated[float, Meta(gt=0, le=10)] = 0.5
    share: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    free: float = 1.0
    flag: bool = False
    side: Literal["left", "right"] = "left"
    channels: Literal[1, 3] = 3
    text: str = "x"
    root: Annotated[str, Meta(description="where it lies", extra={"path": True})] | None = None
    limit: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="at most")] = None
    widths: Annotated[tuple[Width, ...], Meta(max_length=3)] = (4, 8)
    betas: tuple[float, float] = (0.5, 0.9)
    norm_g: str = "batch"


class Required(Options, frozen=True):
    size: int


class Checked(Options, frozen=True):
    low: int = 0
    high: int = 1

    def __post_init__(self):
        if self.low > self.high:
            raise ValueError("low must not be above high")


ROWS = {option.name: option for option in describe(Sample)}


def test_rows_stand_in_the_order_of_the_declaration():
    assert list(ROWS) == list(Sample.__struct_fields__)


def test_a_row_holds_default_description_and_kind():
    row = ROWS["count"]
    assert (row.kind, row.default, row.description, row.lower, row.upper) == ("int", 2, "how many", 1, 8)


def test_descriptions_and_paths_are_found_inside_optional_types():
    assert (ROWS["root"].description, ROWS["root"].path, ROWS["root"].optional) == ("where it lies", True, True)
    assert (ROWS["limit"].description, ROWS["limit"].lower, ROWS["limit"].optional) == ("at most", 1, True)


def test_a_flag_has_hyphens():
    assert ROWS["norm_g"].flag == "norm-g"


@pytest.mark.parametrize(
    ("name", "allowed", "metavar"),
    [
        ("count", "an integer from 1 to 8", "INT"),
        ("seed", "an integer from 0 to 9223372036854775807", "INT"),
        ("rate", "a finite number above 0, at most 10", "FLOAT"),
        ("share", "a finite number of at least 0, below 1", "FLOAT"),
        ("free", "a finite number", "FLOAT"),
        ("flag", "true or false", "BOOL"),
        ("side", "one of: left, right", "left|right"),
        ("text", "text", "TEXT"),
        ("root", "a path", "PATH"),
        ("limit", "an integer of at least 1", "INT"),
        ("widths", "0 to 3 comma-separated values, each an integer from 1 to 64", "INT,INT,..."),
        ("betas", "2 comma-separated values, each a finite number", "FLOAT,FLOAT,..."),
    ],
)
def test_what_is_allowed_is_said_in_words(name, allowed, metavar):
    assert (ROWS[name].allowed, ROWS[name].metavar) == (allowed, metavar)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "5", 5),
        ("count", "1e5", 100_000),
        ("count", "1.5", "1.5"),
        ("count", "inf", "inf"),
        ("count", "many", "many"),
        ("rate", "1e-4", 1e-4),
        ("flag", "True", True),
        ("flag", "yes", "yes"),
        ("channels", "1", 1),
        ("channels", "2", "2"),
        ("limit", "none", None),
        ("limit", "None", None),
        ("text", "none", "none"),
        ("widths", "16, 32", [16, 32]),
        ("widths", "", []),
        ("widths", "16,wide", [16, "wide"]),
    ],
)
def test_a_flags_text_becomes_a_value_or_stays_text(name, text, value):
    read = parse(ROWS[name], text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("option", describe(Sample), ids=lambda option: option.name)
def test_every_default_survives_the_way_through_a_flags_text(option):
    text = ",".join(map(str, option.default)) if isinstance(option.default, tuple) else str(option.default)
    assert getattr(build(Sample, {option.name: parse(option, text)}), option.name) == option.default


def test_values_become_a_struct():
    made = build(Sample, {"count": 3, "betas": [0, 0.5], "limit": None, "rate": 1})
    assert made == Sample(count=3, betas=(0.0, 0.5), limit=None, rate=1.0)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"count": 9}, "count: 9 was given; allowed: an integer from 1 to 8"),
        ({"count": True}, "count: True was given; allowed: an integer from 1 to 8"),
        ({"count": "3"}, "count: '3' was given; allowed: an integer from 1 to 8"),
        ({"count": 2.5}, "count: 2.5 was given; allowed: an integer from 1 to 8"),
        ({"count": None}, "count: None was given; allowed: an integer from 1 to 8"),
        ({"rate": 0}, "rate: 0 was given; allowed: a finite number above 0, at most 10"),
        ({"rate": float("inf")}, "rate: inf was given; allowed: a finite number above 0, at most 10"),
        ({"free": float("-inf")}, "free: -inf was given; allowed: a finite number"),
        ({"free": float("nan")}, "free: nan was given; allowed: a finite number"),
        ({"betas": [0.5, float("nan")]}, "betas: [0.5, nan] was given; allowed: 2 comma-separated values, "),
        ({"betas": [0.5]}, "betas: [0.5] was given; allowed: 2 comma-separated values, each a finite number"),
        ({"share": 1.0}, "share: 1.0 was given; allowed: a finite number of at least 0, below 1"),
        ({"side": "middle"}, "side: 'middle' was given; allowed: one of: left, right"),
        ({"widths": [1, 2, 3, 4]}, "widths: [1, 2, 3, 4] was given; allowed: 0 to 3 comma-separated values"),
        ({"widths": [65]}, "widths: [65] was given; allowed: 0 to 3 comma-separated values"),
        ({"seed": 2**63}, "seed: 9223372036854775808 was given; allowed: an integer from 0 to 9223372036854775807"),
        ({"cuont": 3}, "cuont: is not an option; known: count, seed, "),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_name(values, said):
    with pytest.raises(OptionError) as refusal:
        build(Sample, values)
    assert str(refusal.value).startswith(said)


def test_an_unknown_option_names_the_nearest_one():
    with pytest.raises(OptionError, match=r"did you mean count\?$"):
        build(Sample, {"cuont": 3})


def test_a_refusal_says_where_the_value_came_from_and_what_to_type():
    with pytest.raises(OptionError) as refusal:
        build(Sample, {"count": 9}, lambda name: f"--arch.{name}", "type: gantool --help")
    assert str(refusal.value) == ("--arch.count: 9 was given; allowed: an integer from 1 to 8; type: gantool --help")


def test_a_component_without_options_says_so():
    with pytest.raises(OptionError, match="size: is not an option; known: no options here"):
        build(Options, {"size": 3})


def test_an_option_without_a_default_that_was_not_given_is_named():
    with pytest.raises(OptionError, match=r"Required: .*size"):
        build(Required, {})


def test_a_rule_of_the_struct_itself_is_told_as_an_error_of_usage():
    with pytest.raises(OptionError, match="low must not be above high"):
        build(Checked, {"low": 3})


def test_a_field_that_no_flag_could_give_is_refused():
    class Odd(Options, frozen=True):
        table: dict[str, int] = msgspec.field(default_factory=dict)

    with pytest.raises(TypeError, match="option 'table': a field may be int, float"):
        describe(Odd)


def test_every_setting_of_the_training_says_what_it_is():
    assert all(option.description for option in describe(TrainingOptions))
