"""Names of outputs: what exists is kept."""

from pathlib import Path

import pytest

from gantool.errors import OptionError
from gantool.files.names import check_suffix, free


def test_a_name_that_nothing_has_is_kept(workdir):
    assert free(Path("a/b.png")) == Path("a/b.png")


def test_a_file_that_exists_moves_the_number_on_before_the_suffix(workdir):
    Path("a.png").touch()
    assert free(Path("a.png")) == Path("a-2.png")
    Path("a-2.png").touch()
    Path("a-3.png").symlink_to("nowhere")  # what it points to may come back
    assert free(Path("a.png")) == Path("a-4.png")
    assert free(Path("a-2.png")) == Path("a-2-2.png")


def test_a_folder_is_free_while_it_is_empty(workdir):
    for name in ("frames", "v1.5"):
        Path(name).mkdir()
        assert free(Path(name)) == Path(name)
        Path(name, "0.png").touch()
    assert free(Path("frames")) == Path("frames-2")
    assert free(Path("v1.5")) == Path("v1.5-2")
    Path("frames-2").touch()
    assert free(Path("frames")) == Path("frames-3")


@pytest.mark.parametrize("name", [".", "..", "/"])
def test_a_folder_without_a_name_of_its_own_must_be_empty(workdir, name):
    Path("x").touch()
    with pytest.raises(OptionError, match="is a folder with files in it; a new folder, or an empty one"):
        free(Path(name))


@pytest.mark.parametrize("given", ["a.pt", "b/c.PT", "a.b.safetensors"])
def test_a_suffix_that_is_known_is_taken(given):
    assert check_suffix(given, [".safetensors", ".pt"]) == Path(given)


@pytest.mark.parametrize(
    ("given", "hint"), [("z.npy", "z.safetensors"), ("z", "z.safetensors"), (".pt", ".pt.safetensors")]
)
def test_another_suffix_is_refused_with_what_to_type(given, hint):
    with pytest.raises(OptionError) as refusal:
        check_suffix(given, [".safetensors", ".pt"], "--save-latents")
    said = f"--save-latents: {given} was given; a .safetensors or a .pt file; type: --save-latents {hint}"
    assert str(refusal.value) == said


@pytest.mark.parametrize("given", ["", ".", "folder.pt"])
def test_a_folder_is_no_file(workdir, given):
    Path("folder.pt").mkdir()
    with pytest.raises(OptionError, match=r"was given, and is a folder; a \.pt file$"):
        check_suffix(given, [".pt"])
