"""A loss, an enforcer and a dataset that gantool has never heard of, from one local file, through every command."""

import hashlib
import json

import numpy as np
from PIL import Image

from gantool.files import checkpoint
from gantool.render.provenance import read_provenance

TINY = "--arch mlp --arch.hidden-g 8 --arch.hidden-d 8 --steps 2 --batch-size 4 --latent-dim 3".split()


def test_parts_from_a_local_file_train_save_and_sample_without_a_change_to_the_core(plugin_modules, workdir, run_cli):
    plugin = plugin_modules / "outside.py"
    given = ["--plugin", plugin]
    chosen = ["--data", "dots", "--data.size", 6, "--loss", "hinge", "--lipschitz.decay", 1, "--condition", "onehot"]
    trained = run_cli("train", *given, *chosen, *TINY, "--log-every", 1, "-o", "run", "--json", "-q")
    assert (trained.code, json.loads(trained.out)["step"]) == (0, 2), trained.err

    # A decay of 1 leaves a critic of nothing but zeros, so the hinge loss is 1 + 1 and the generator's is 0.
    stored = checkpoint.read(checkpoint.find("run"))
    assert not any(tensor.any() for tensor in stored.part("discriminator.").values())
    log = [json.loads(line) for line in (workdir / "run" / "log.jsonl").read_text().splitlines()]
    rows = [row for row in log if "loss_d" in row]
    assert [(row["step"], row["loss_d"], row["loss_g"]) for row in rows] == [(1, 2.0, 0.0), (2, 2.0, 0.0)]
    assert stored.meta["shape"] == [1, 6, 6]
    assert stored.meta["resolved"]["lipschitz"] == {"name": "shrink", "decay": 1.0}

    # The checkpoint says which file its parts came from, and does not load it by itself.
    digest = hashlib.sha256(plugin.read_bytes()).hexdigest()
    assert [stored.meta["components"][section]["sha256"] for section in ("loss", "lipschitz", "data")] == [digest] * 3
    assert "sha256" not in stored.meta["components"]["arch"]
    refused = run_cli("sample", "run", "-n", 4)
    assert refused.code == 2
    assert refused.err.startswith(f"error: {stored.path}: needs the loss 'hinge'; it comes from {plugin}")
    assert refused.err.endswith("give its file with --plugin\n")

    refused = run_cli("train", "--resume", "run", "--steps", 3)
    assert refused.code == 2
    assert refused.err.startswith(f"error: --resume run: needs the loss 'hinge'; it comes from {plugin}; give its file")

    for settings in ("run", "run/config.toml", stored.path):
        refused = run_cli("train", "--config", settings)
        assert refused.code == 2
        assert refused.err.startswith(f"error: --config {settings}: needs the loss 'hinge'; it comes from {plugin}; ")

    sampled = run_cli("sample", "run", *given, "--class", "bright=3", "--class", "dark=2", "-o", "s.png")
    assert sampled.code == 0, sampled.err
    carried = read_provenance("s.png")
    assert (carried["c"].tolist(), carried["z"].shape) == ([1, 1, 1, 0, 0], (5, 3))
    with Image.open("s.png") as image:
        assert image.mode == "L"
        assert len(np.unique(np.asarray(image))) > 2

    resumed = run_cli("train", *given, "--resume", "run", "--steps", 3, "--json", "-q")
    assert (resumed.code, json.loads(resumed.out)["step"]) == (0, 3), resumed.err


def test_the_options_of_parts_from_a_local_file_have_flags_tables_and_errors(plugin_modules, run_cli):
    given = ["--plugin", plugin_modules / "outside.py"]
    text = run_cli("train", *given, "--loss", "hinge", "--data", "dots", "--help").out
    assert "--lipschitz.decay FLOAT" in text
    assert "Share of each weight that goes after a step. [0.5]" in " ".join(text.split())
    shown = run_cli("components", "lipschitz", "shrink", *given).out
    assert "--lipschitz.decay\t0.5\ta finite number from 0 to 1\tshare of each weight" in shown
    refused = run_cli("train", *given, "--loss", "hinge", "--data", "dots", "--lipschitz.decay", 2)
    assert (refused.code, refused.err) == (
        2,
        "error: --lipschitz.decay: 2.0 was given; allowed: a finite number from 0 to 1; "
        "type: gantool components lipschitz shrink\n",
    )
