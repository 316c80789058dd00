"""``gantool classifier``."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantool.cli import flags
from gantool.cli.completion import component_names
from gantool.cli.console import next_line, say, say_json, table
from gantool.cli.ticks import ticks
from gantool.config import component_tree, resolve
from gantool.config import values as plain
from gantool.errors import FileError, OptionError
from gantool.files import checkpoint
from gantool.files.foreign import identify
from gantool.files.names import free

if TYPE_CHECKING:
    from gantool.files.classifier import Head, TrainedClassifier
    from gantool.files.scores import Scores
    from gantool.latent.scorer import Scorer

EPILOG = """\b
Examples:
  gantool classifier train --data shapes
  gantool classifier train --data fashion-mnist --data.root DIR -o clothes.safetensors
  gantool classifier train --data shapes --targets classes,size --buckets 4
  gantool classifier label runs/shapes-dcgan-bce --classifier shapes-classifier.safetensors
  gantool classifier label photos --classifier efficientnet-lite0 -o photos.safetensors
"""
SHOWN = 12  # rows of one head in the table of label
SAMPLES = 2000


@click.group("classifier", epilog=EPILOG)
def command() -> None:
    """Train a classifier, or label pictures and samples with one."""


def _train(ctx: click.Context, **values: Any) -> None:
    """Learn to tell the classes, attributes and factors of a dataset.

    A fifth of the data, at most 10,000 examples, is held out: by one half the best network is kept and its logits are
    calibrated, of the other are the figures. A factor is learnt as a number, or with --buckets as classes.
    """
    import torch

    from gantool.files import classifier as files
    from gantool.training.classifier import Recipe, train_classifier
    from gantool.training.targets import choose_tasks

    registry = flags.registry_of(ctx)
    config = resolve(registry, [*flags.source_tiers(registry, values), flags.flag_tier(flags.chosen(ctx), values)])
    component, options = flags.chosen_tool(ctx, values)
    part = component.create(options)
    if part.names is not None:
        hint = f"type: gantool classifier label PICTURES --classifier {component.name}"
        raise OptionError("--classifier", f"{component.name} comes trained", "one that gantool trains", hint)
    wanted = _wanted(values["out"], f"{config.name('data')}-classifier.safetensors")
    dataset = config.create("data")
    info, samples = dataset.describe(), dataset.load()
    targets = [name.strip() for name in (values["targets"] or "").split(",") if name.strip()]
    tasks = choose_tasks(samples, info, targets, values["buckets"])
    if values["threads"]:
        torch.set_num_threads(values["threads"])
    recipe = Recipe(values["steps"], values["batch_size"], values["lr"], values["seed"])
    with ticks("Training", recipe.length(len(samples.values)), values["quiet"]) as tick:
        trained = train_classifier(
            part,
            samples,
            tasks,
            recipe,
            component={**component_tree(component), "options": plain(options)},
            data={"name": config.name("data"), "fingerprint": info.fingerprint},
            watch=lambda step, loss: tick(1),
        )
    out = free(wanted)  # another command may have taken the name meanwhile
    files.write(out, trained)
    _report_training(trained, out, values["as_json"])


def _wanted(out: str | None, name: str) -> Path:
    """Return the file asked for. Raises OptionError, before any work is done, where it could never be written."""
    wanted = Path(out or name)
    if os.path.isdir(wanted):
        raise OptionError("-o", f"{wanted} is a folder", "a file", f"type: -o {shlex.quote(str(wanted / name))}")
    try:
        wanted.lstat()
    except FileNotFoundError:
        pass
    except OSError as error:  # its name is too long, or a file stands where its folder should be
        raise OptionError("-o", f"{wanted} cannot be written ({error.strerror})", "a file in a folder") from error
    return wanted


def _report_training(trained: TrainedClassifier, out: Path, as_json: bool) -> None:
    if as_json:
        heads = [
            {"name": head.name, "kind": head.kind, "names": list(head.names), "temperature": head.temperature}
            | dict(head.figures)
            for head in trained.heads
        ]
        say_json({"out": str(out), "hash": trained.hash, "heads": heads})
        return
    table(("head", "what", "held-out figure", "calibration error"), map(_row, trained.heads))
    # A class may be what the model's own label fixes; a factor or an attribute can be steered.
    head = next((head for head in trained.heads if head.kind in ("value", "attributes")), trained.heads[0])
    follow = next_line("steer", "RUN", "--toward", head.names[0], "--classifier", out)
    say(f"Classifier: {out}. Next: {follow}")


def _row(head: Head) -> tuple[str, str, str, str]:
    """Return a head's figures as a person reads them."""
    figures = head.figures
    if head.kind == "value":
        figure = f"R2 {figures['r2']:.4f}" if "r2" in figures else "not measurable"
        return head.name, "factor", figure, ""
    if head.kind == "circle":
        return head.name, "circular factor", f"{figures['degrees']:.1f} degrees off", ""
    what = f"{len(head.names)} {head.kind}"
    calibration = f"{figures['ece_before']:.4f} -> {figures['ece']:.4f}"
    return head.name, what, f"accuracy {figures['accuracy']:.2%}", calibration


@command.command("label", epilog=EPILOG)
@click.argument("what", metavar="WHAT...", nargs=-1, required=True)
@click.option("--classifier", metavar="FILE|NAME", required=True, help="A file of train, or one that comes trained.")
@click.option("-n", "--count", type=click.IntRange(1, 10**6), help="Samples of a model, of seeds 0 to n-1. [2000]")
@click.option("-o", "--out", metavar="FILE", help="The file; one that exists is kept. [scores.safetensors]")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def label(ctx: click.Context, /, **values: Any) -> None:
    """Say what a classifier sees in a model's samples or in pictures.

    WHAT is a run folder or a checkpoint, or picture files and folders of them. The scores are written with the latents
    of the samples, or with the names of the pictures; gantool direction find --scores learns from them.
    """
    from gantool.files import scores as files
    from gantool.files.pictures import find_pictures
    from gantool.latent.labelling import label_pictures, label_samples
    from gantool.latent.model import open_model
    from gantool.latent.scorer import open_scorer
    from gantool.render.provenance import read_single

    what, given = list(values["what"]), values["classifier"]
    registry = flags.registry_of(ctx)
    wanted = _wanted(values["out"], "scores.safetensors")
    if _holds_model(what):
        model = open_model(what[0], registry)
        scorer = open_scorer(given, registry, model.shape)
        count = values["count"] or SAMPLES
        with ticks("Labelling", count, values["quiet"]) as tick:
            scores = label_samples(model, scorer, range(count), tick)
    else:
        if values["count"]:
            raise OptionError("-n", "was given with pictures", "a model, of which so many samples are made")
        paths = find_pictures(what)
        for path in paths:
            read_single(path)  # a grid would be scored as one picture
        scorer = open_scorer(given, registry, None)
        with ticks("Labelling", len(paths), values["quiet"]) as tick:
            scores = label_pictures(paths, scorer, tick)
    out = free(wanted)  # another command may have taken the name meanwhile
    files.write(out, scores)
    _report_labels(scorer, scores, what[0], out, values["as_json"])


def _holds_model(what: list[str]) -> bool:
    """Whether what was given is a model, not pictures. Raises OptionError for a model beside anything else."""
    model = next((path for path in what if _is_model(path)), None)
    if model is not None and len(what) > 1:
        raise OptionError("WHAT", f"{model} is a model", "one model, or pictures", f"leave out all but {model}")
    return model is not None


def _is_model(path: str) -> bool:
    """Whether a path stands for a checkpoint or a foreign generator, not for pictures."""
    if not os.path.isdir(path):
        return identify(path) in ("safetensors", "torch-zip", "torch-legacy")
    try:
        checkpoint.find(path)
    except FileError:
        return False
    return True


def _report_labels(scorer: Scorer, scores: Scores, what: str, out: Path, as_json: bool) -> None:
    from gantool.latent.labelling import summary

    rows = summary(scorer, scores)
    if as_json:
        say_json({"out": str(out), "count": len(scores.scores), "classifier": scorer.hash, "features": rows})
        return
    shown = []
    for head in scorer.heads:
        own = sorted((row for row in rows if row["of"] == head.name), key=lambda row: -row.get("probability", 0.0))
        shown += own[:SHOWN]
    table(("feature", "mean", "have it"), [_label_row(row) for row in shown])
    hidden = len(rows) - len(shown)
    more = f" ({hidden} less likely features are not shown)" if hidden else ""
    noun = "sample" if scores.z is not None else "picture"
    plural = "" if len(scores.scores) == 1 else "s"
    counted = f"{len(scores.scores)} {noun}{plural} by {len(rows)} features{more}"
    follow = ["inspect", str(out)] if scores.z is None else ["direction", "find", what, "--scores", str(out)]
    say(f"{counted}: {out}. Next: {next_line(*follow)}")


def _label_row(row: dict[str, Any]) -> tuple[str, str, str]:
    if "count" in row:
        return row["feature"], f"p {row['probability']:.3f}", str(row["count"])
    return row["feature"], f"{row['mean']:.4g} (std {row['std']:.2g})", ""


TRAIN_FLAGS: list[click.Parameter] = [
    *(flag for flag in flags.selectors() if flag.name in ("data", "config")),
    click.Option(
        ["--classifier"],
        metavar="NAME",
        help="The network; see components classifier. [convnet]",
        shell_complete=component_names("classifier"),
    ),
    click.Option(["--targets"], metavar="A,B", help="classes, attributes or factors by name. [all that the data has]"),
    click.Option(["--buckets"], type=click.IntRange(2, 1000), help="Learn a factor as so many classes, not a number."),
    click.Option(
        ["--steps"], type=click.IntRange(1, 10**7), help="Batches. [so many that 5 times the data is shown, >= 500]"
    ),
    click.Option(["--batch-size"], type=click.IntRange(2, 65536), default=128, help="Examples in a batch. [128]"),
    click.Option(["--lr"], type=click.FloatRange(0, 1, min_open=True), default=2e-3, help="Learning rate. [0.002]"),
    click.Option(["--seed"], type=click.IntRange(0, 2**63 - 1), default=0, help="All follows from it. [0]"),
    click.Option(["--threads"], type=click.IntRange(1, 1024), help="Processor threads. [torch decides]"),
    click.Option(
        ["-o", "--out"], metavar="FILE", help="The file; one that exists is kept. [DATA-classifier.safetensors]"
    ),
    click.Option(["--json", "as_json"], is_flag=True, help="Print the figures as JSON."),
    click.Option(["-q", "--quiet"], is_flag=True, help="Show no progress."),
]
command.add_command(
    flags.ComponentCommand(
        "train",
        only=["data"],
        tool="classifier",
        callback=click.pass_context(_train),
        help=_train.__doc__,
        epilog=EPILOG,
        params=TRAIN_FLAGS,
    )
)
