"""The notebook among the examples: its cells run, it uses public names alone, and what is stored came from a run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

import gantool

NOTEBOOK = Path(__file__).parent.parent / "examples" / "python_api.ipynb"
SMALL = {"LENGTH": 64, "STEPS": 2, "CLASSIFIER_STEPS": 2, "COUNT": 12}  # what the first cell sets


@pytest.fixture(scope="module")
def cells():
    """Return the cells of code, outputs and all."""
    return [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]


def source(cell):
    """Return a cell's code; the lines that IPython gives to a shell call `shell` in their place."""
    return re.sub(r"^!(.*)$", r'shell(f"""\1""")', "".join(cell["source"]), flags=re.MULTILINE)


def test_the_cells_run_in_order(cells, workdir, run_cli, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")

    def shell(line):
        program, *words = shlex.split(line)
        done = run_cli(*words)
        assert (program, done.code) == ("gantool", 0), done.err

    names = {"__name__": "__main__", "shell": shell}
    for number, cell in enumerate(cells):
        exec(compile(source(cell), f"cell {number}", "exec"), names)
        if number == 0:
            assert set(SMALL) == names.keys() - {"__name__", "shell", "__builtins__"}
            names.update(SMALL)
    assert names["outcome"].step == SMALL["STEPS"]
    assert len(names["judged"]) == SMALL["COUNT"]
    assert {path.name for path in workdir.iterdir()} == {"run", "classifier.safetensors"}


def test_it_imports_public_names_alone(cells):
    code = "\n".join(source(cell) for cell in cells)
    assert re.findall(r"\bgantool\.\w+", code) == []
    (names,) = re.findall(r"^from gantool import (.*)$", code, re.MULTILINE)
    assert set(names.split(", ")) <= set(gantool.__all__)


def test_its_outputs_are_those_of_one_run_from_top_to_bottom(cells):
    assert [cell["execution_count"] for cell in cells] == [*range(1, len(cells) + 1)]
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {"stream", "display_data"}
    assert {output["name"] for output in outputs if output["output_type"] == "stream"} == {"stdout"}
    drawn = [cell for cell in cells if "plt.show()" in source(cell) and "def show" not in source(cell)]
    assert all(any("image/png" in output.get("data", {}) for output in cell["outputs"]) for cell in drawn)


def test_it_is_small_and_names_no_place_of_the_machine_that_made_it():
    text = NOTEBOOK.read_text()
    assert len(text) < 300_000
    assert not re.search(r"/tmp|/home|/root|/work|/usr", text)
