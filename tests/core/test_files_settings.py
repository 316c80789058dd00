"""Settings from a TOML file, a run folder or a checkpoint, read without torch."""

import pytest

from gantool.errors import FileError
from gantool.files.envelope import header_bytes
from gantool.files.settings import read_settings

TREE = {"arch": {"name": "dcgan", "channels": 8}, "training": {"betas": [0.0, 0.9]}}
TOML = '[arch]\nname = "dcgan"\nchannels = 8\n[training]\nbetas = [0.0, 0.9]\n'


def stored(path, kind="checkpoint", **meta):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header_bytes(kind, meta, {"t": ("U8", (2,))}) + b"12")
    return path


def refused(path):
    with pytest.raises(FileError) as refusal:
        read_settings(path)
    assert str(refusal.value).startswith((f"--config {path}: ", f"{path}: "))
    return refusal.value.given


def test_a_toml_of_ones_own_is_read_as_it_stands(tmp_path):
    (tmp_path / "mine").write_text(TOML)
    assert read_settings(tmp_path / "mine") == TREE


def test_of_a_runs_toml_what_was_given_is_read_and_not_what_was_resolved(tmp_path):
    text = "[given.training]\nsteps = 5\n[resolved.training]\nsteps = 5\nema = 0.999\n"
    (tmp_path / "config.toml").write_text(text)
    assert read_settings(tmp_path / "config.toml") == read_settings(tmp_path) == {"training": {"steps": 5}}


def test_of_a_checkpoint_what_was_given_is_read(tmp_path):
    path = stored(tmp_path / "any.name", given=TREE, resolved={"training": {"steps": 9}})
    assert read_settings(path) == TREE


def test_a_run_folder_without_its_toml_is_read_by_its_checkpoint(tmp_path):
    stored(tmp_path / "checkpoints" / "step-00000005.safetensors", given=TREE)
    (tmp_path / "latest").write_text("checkpoints/step-00000005.safetensors\n")
    assert read_settings(tmp_path) == TREE


def test_the_best_checkpoint_is_preferred_to_the_latest(tmp_path):
    for step in (5, 9):
        stored(tmp_path / "checkpoints" / f"step-{step:08d}.safetensors", given={"training": {"steps": step}})
    (tmp_path / "latest").write_text("checkpoints/step-00000009.safetensors\n")
    (tmp_path / "best").write_text("checkpoints/step-00000005.safetensors\n")
    assert read_settings(tmp_path) == {"training": {"steps": 5}}


def test_a_pointer_that_leads_out_of_the_run_folder_is_not_followed(tmp_path):
    stored(tmp_path / "step-00000005.safetensors", given=TREE)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "latest").write_text("../step-00000005.safetensors\n")
    assert refused(tmp_path / "run") == "is a folder without a checkpoint"


def test_an_empty_file_gives_nothing(tmp_path):
    (tmp_path / "mine.toml").write_text("")
    assert read_settings(tmp_path / "mine.toml") == {}


def test_what_is_not_there_is_refused(tmp_path):
    assert refused(tmp_path / "gone.toml") == "does not exist"


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    assert refused(tmp_path) == "is a folder without a checkpoint"


def test_a_file_of_ours_that_is_no_checkpoint_is_refused(tmp_path):
    assert refused(stored(tmp_path / "z", "latents")) == "is a latents file"


@pytest.mark.parametrize(
    "content",
    [b"steps = ", b"a = 1\na = 2\n", b"\xff\xfe\xfd and some more", b"x = " + b"[" * 100_000],
    ids=["cut", "twice", "not UTF-8", "deep"],
)
def test_what_is_no_toml_is_refused(tmp_path, content):
    (tmp_path / "mine.toml").write_bytes(content)
    assert refused(tmp_path / "mine.toml").startswith("is not TOML (")


def test_a_very_long_file_is_refused_unread(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"# " * 2**20)
    assert refused(tmp_path / "mine.toml") == "is too long for settings"


def test_given_that_is_no_table_is_refused(tmp_path):
    (tmp_path / "mine.toml").write_text("given = 3\n")
    assert refused(tmp_path / "mine.toml") == "its [given] is not a table"
