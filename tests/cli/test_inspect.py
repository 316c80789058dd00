"""``gantool inspect`` believes nothing that a file says of itself."""

import pytest

from gantool.files.envelope import header_bytes

HUGE = {"name": "a", "kind": "value", "names": ["a"], "figures": {"r2": 10**400}}


@pytest.mark.parametrize(
    ("kind", "meta"),
    [
        ("checkpoint", {"components": 3}),
        ("checkpoint", {"components": {"arch": "dcgan"}}),
        ("checkpoint", {"shape": 3}),
        ("checkpoint", {"condition": {"kind": "classes"}}),
        ("checkpoint", {"condition": {"kind": "classes", "names": [1, 2]}}),
        ("dataset", {"condition": ["classes"]}),
        ("classifier", {"shape": [1], "data": {"name": "n"}, "seed": 0, "hash": "", "heads": [HUGE]}),
    ],
)
def test_metadata_that_its_kind_cannot_have_is_refused(tmp_path, run_cli, kind, meta):
    path = tmp_path / "f"
    path.write_bytes(header_bytes(kind, meta, {"t": ("U8", (2,))}) + b"12")
    result = run_cli("inspect", path)
    assert (result.code, result.err) == (
        2,
        f"error: {path}: its metadata is not that of a {kind} file; a file that gantool wrote\n",
    )


def test_a_kind_of_a_plugin_that_is_not_there_is_still_told(tmp_path, run_cli):
    path = tmp_path / "f"
    path.write_bytes(header_bytes("embedding", {}, {"t": ("U8", (2,))}) + b"12")
    assert run_cli("inspect", path).out.startswith(f"{path}: an embedding file, written by gantool ")


@pytest.mark.parametrize(
    ("kind", "tensor", "meta"),
    [
        ("directions", "directions", {"names": ["a"]}),
        ("scores", "scores", {"names": ["a"], "sources": None, "classifier": {"label": "", "hash": ""}}),
    ],
)
def test_a_table_without_rows_and_columns_is_refused(tmp_path, run_cli, kind, tensor, meta):
    path = tmp_path / "f"
    path.write_bytes(header_bytes(kind, {"model_hash": None, **meta}, {tensor: ("F32", ())}) + bytes(4))
    result = run_cli("inspect", path)
    assert result.code == 2
    assert result.err == f"error: {path}: its metadata is not that of a {kind} file; a file that gantool wrote\n"


@pytest.mark.parametrize(("kind", "tensor"), [("directions", "directions"), ("dataset", "images")])
def test_the_next_line_quotes_a_path_with_spaces(tmp_path, run_cli, kind, tensor):
    path = tmp_path / "of mine"
    path.write_bytes(header_bytes(kind, {"names": ["a"]}, {tensor: ("F32", (1, 1))}) + bytes(4))
    follow = run_cli("inspect", path).out.splitlines()[-1]
    assert follow.startswith("Next: gantool ")
    assert follow.endswith(f" '{path}'")


def test_a_name_that_is_too_long_gets_one_line(run_cli):
    result = run_cli("inspect", "a" * 300)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "cannot be read (File name too long)" in result.err
