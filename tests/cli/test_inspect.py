"""``gantool inspect`` believes nothing that a file says of itself."""

import pytest

from gantool.files.envelope import header_bytes


@pytest.mark.parametrize(
    ("kind", "meta"),
    [
        ("checkpoint", {"components": 3}),
        ("checkpoint", {"components": {"arch": "dcgan"}}),
        ("checkpoint", {"shape": 3}),
        ("checkpoint", {"condition": {"kind": "classes"}}),
        ("checkpoint", {"condition": {"kind": "classes", "names": [1, 2]}}),
        ("dataset", {"condition": ["classes"]}),
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
