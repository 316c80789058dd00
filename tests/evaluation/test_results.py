"""Results keep their protocol, and unlike ones are not compared."""

import json

import pytest

from gantool.errors import FileError, OptionError
from gantool.evaluation.results import Results, compare, read, write

FIGURE = {"value": 1.5, "low": 1.0, "high": 2.0, "details": {"of": 8}, "note": "", "options": {"blocks": 10}}
PROTOCOL = {"data": {"name": "shapes", "count": 100}, "extractor": {"name": "classifier", "weights": "ab"}, "seed": 0}


def results(figures=None, **protocol):
    return Results({"path": "run"}, {**PROTOCOL, **protocol}, figures or {"kid": FIGURE}, {}, {"torch": "2"}, 3.0)


def test_results_are_read_as_they_were_written(tmp_path):
    write(tmp_path / "a.json", results())
    assert read(tmp_path / "a.json") == results()


def test_like_results_are_compared_in_the_metrics_that_both_have():
    both = results({"kid": FIGURE, "fid": FIGURE})
    assert compare(("a", "b"), (both, results())) == ["kid"]


def test_an_extractor_that_no_shared_metric_asked_is_no_difference():
    whole = results({"lipschitz": FIGURE, "kid": FIGURE})
    assert compare(("a", "b"), (whole, results({"lipschitz": FIGURE}, extractor=None))) == ["lipschitz"]


def test_unlike_protocols_are_refused_naming_the_field():
    other = results(extractor={"name": "classifier", "weights": "cd"}, seed=1)
    with pytest.raises(OptionError, match=r"extractor.weights is ab in a.json and cd in b.json.*seed"):
        compare(("a.json", "b.json"), (results(), other))


def test_other_options_of_a_metric_are_refused():
    other = results({"kid": {**FIGURE, "options": {"blocks": 5}}})
    with pytest.raises(OptionError, match=r"kid.blocks is 10 in a and 5 in b"):
        compare(("a", "b"), (results(), other))


def test_results_without_a_common_metric_are_refused():
    with pytest.raises(OptionError, match="no metric in common"):
        compare(("a", "b"), (results(), results({"fid": FIGURE})))


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: [plain],
        lambda plain: {**plain, "kind": "other"},
        lambda plain: {**plain, "format": 2},
        lambda plain: {**plain, "figures": {"kid": 3}},
        lambda plain: {**plain, "figures": {"kid": {**FIGURE, "value": "much"}}},
        lambda plain: {**plain, "protocol": None},
    ],
)
def test_what_is_no_result_is_refused(change, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(change(results().plain())))
    with pytest.raises(FileError, match=r"a\.json"):
        read(tmp_path / "a.json")


def test_a_file_that_is_not_json_or_not_there_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("[" * 5000)
    for name in ("a.json", "none.json"):
        with pytest.raises(FileError):
            read(tmp_path / name)
