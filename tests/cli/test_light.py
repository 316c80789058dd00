"""What a person types first answers without importing torch."""

import json
import subprocess
import sys

import pytest

from gantool import __version__
from gantool.files.envelope import header_bytes

CODE = """
import sys
from gantool.cli.main import run
try:
    run(sys.argv[1:])
except SystemExit as stop:
    code = stop.code
assert "torch" not in sys.modules, "torch was imported"
sys.exit(code)
"""


def light(*arguments):
    """Run a command in a process of its own, which fails where torch was imported; return what it printed."""
    line = [sys.executable, "-c", CODE, *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_what_is_run_here_would_fail_where_torch_is_imported():
    code = CODE.replace("import sys", "import sys, types; sys.modules['torch'] = types.ModuleType('torch')", 1)
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "torch was imported" in done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--help", "train        Train a GAN and leave a run folder"),
        ("components", "loss\twgan-gp\tWasserstein loss with the gradient penalty"),
        ("components architecture dcgan", "--arch.channels\t64\tan integer from 1 to 1024\t"),
        ("components loss --json", '"name": "wgan-gp"'),
        ("plugin list", f"classic\tok\tgantool {__version__}\t"),
        (
            "plugin show classic",
            f"classic: ok\nfrom gantool {__version__}, module gantool_classic; comes by: pip install gantool\n",
        ),
        ("data list", "shapes\tColoured circles, squares and triangles"),
        ("train --help", "Architecture dcgan:\n"),
        ("train --arch mlp --loss wgan-gp --help", "Lipschitz gp:\n  --lipschitz.weight FLOAT"),
        ("sample --help", "Make pictures with a trained model"),
        ("inspect --help", "Explain a file by its content"),
        ("classifier train --help", "Classifier convnet:\n  --convnet.width INT"),
        ("evaluate --help", "Metric kid:\n  --kid.blocks INT"),
        ("evaluate --extractor inception --metrics fid --help", "--inception.allow-download"),
        ("score --help", "Say how real PICTURES look"),
        ("classifier label --help", "Say what a classifier sees in a model's samples or in pictures"),
    ],
)
def test_a_command_answers_without_torch(line, said):
    assert said in light(*line.split())


def test_the_version_is_one_line():
    assert light("--version") == f"gantool {__version__}\n"


def test_a_help_text_shows_the_flags_of_the_chosen_parts_alone_with_their_resolved_values():
    text = " ".join(light("train", "--arch", "mlp", "--loss", "wgan-gp", "--help").split())
    assert "--arch.hidden-g INT,INT,... Widths of the generator's hidden layers. [128,256,512,1024]" in text
    assert "--arch.channels" not in text
    assert "Discriminator; auto is none. [none]".lower() in text.lower()
    assert "--n-critic INT Critic steps for each generator step. [5]" in text


def test_a_checkpoint_gives_its_settings_and_its_facts_without_torch(tmp_path):
    path = tmp_path / "step-00000005.safetensors"
    meta = {"given": {"arch": {"name": "mlp", "hidden_g": [9]}}, "step": 5, "images": 320, "model_hash": "abc"}
    path.write_bytes(header_bytes("checkpoint", meta, {"generator.w": ("U8", (2,))}) + b"12")
    assert "hidden layers. [9]" in " ".join(light("train", "--config", path, "--help").split())
    facts = json.loads(light("inspect", path, "--json"))
    assert (facts["step"], facts["parameters"]) == ("5 (320 real images seen)", "generator 2")


def test_importing_gantool_imports_no_torch_and_every_public_name_is_there():
    code = "import sys, gantool; assert 'torch' not in sys.modules; [getattr(gantool, name) for name in dir(gantool)]"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
