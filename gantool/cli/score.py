"""``gantool score``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantool.cli import flags
from gantool.cli.completion import label_names
from gantool.cli.console import next_line, note, say, say_json, table
from gantool.cli.ticks import ticks
from gantool.config import RunConfig, Tier, resolve, stored_tier
from gantool.errors import OptionError, UserError
from gantool.options import describe

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gantool.evaluation.scoring import Verdicts, Watch
    from gantool.files.checkpoint import Checkpoint
    from gantool.latent.model import Model
    from gantool.registry import Registry

EPILOG = """\b
Examples:
  gantool score runs/shapes-dcgan-bce photo.png
  gantool score RUN photos others/cat.jpg -o scores.png
  gantool score RUN shoe.png --class Sandal
  gantool score RUN face.jpg --with Smiling --without Eyeglasses --data.root FACES
  gantool score RUN photos -n 200 --no-real --json
"""
QUANTILES = {"q05": 0.05, "q50": 0.5, "q95": 0.95}
MOST = 10**6  # pictures of a side
NAMED = 3  # pictures in the line to type next


@dataclass(frozen=True)
class Scores:
    """Raw scores of the pictures, and of both sides that they are held against."""

    pictures: Verdicts
    real: Tensor | None
    generated: Tensor
    are_logits: bool

    def shown(self, scores: Tensor) -> Tensor:
        """Return probabilities for raw scores, where they are logits, else the scores; in fp64."""
        return scores.double().sigmoid() if self.are_logits else scores.double()

    def sides(self) -> dict[str, Tensor]:
        """Return what is there of both sides."""
        sides = {"real": self.real, "generated": self.generated}
        return {side: scores for side, scores in sides.items() if scores is not None}


@click.command("score", epilog=EPILOG)
@click.argument("model", metavar="MODEL")
@click.argument("pictures", metavar="PICTURES...", nargs=-1, required=True)
@click.option("-n", "--count", type=click.IntRange(1, MOST), default=1000, help="Pictures of each side. [1000]")
@click.option(
    "--class",
    "name",
    metavar="NAME",
    help="What the pictures show, for a model of classes. [each is tried]",
    shell_complete=label_names("classes"),
)
@flags.attribute_flags("An attribute that the pictures have.", "An attribute that they lack.")
@click.option("--data.root", "root", metavar="PATH", help="Where the model's data lies, if it has moved.")
@click.option("--no-real", is_flag=True, help="Leave real examples out.")
@click.option("-o", "--out", metavar="PNG", help="Also draw the distributions; what exists is kept.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:
    """Say how real PICTURES look to MODEL's own discriminator.

    PICTURES are files and folders; each is cut and resized to the model's shape. The number is the probability of
    being real where the loss gives one, else the critic's raw score, which has no unit: higher is more real. Either
    means little alone, so it is held against the scores of real examples and of generated samples. A picture that
    gantool made carries its class or its attributes; those that a flag names are taken instead, for all pictures.
    """
    from gantool.evaluation.critic import restore_critic
    from gantool.evaluation.scoring import carried_labels
    from gantool.files.names import check_suffix, check_writable, free
    from gantool.files.pictures import find_pictures
    from gantool.latent.model import read_model, restore_model

    if values["no_real"] and values["root"]:
        raise OptionError("--data.root", "was given with --no-real", "one of them")
    wanted = check_writable(check_suffix(values["out"], (".png",))) if values["out"] else None
    registry = flags.registry_of(ctx)
    stored = read_model(values["model"], registry)
    D, model = restore_critic(stored, registry), restore_model(stored, registry)
    if len(model.shape) == 1:
        raise OptionError(values["model"], "knows points, not pictures", "a model of pictures")
    if D.compares_samples:
        raise OptionError(
            values["model"], "has a discriminator that compares the samples of a batch", "one that scores each alone"
        )
    model = replace(model, config=_settings(stored, model, registry, values["root"]))
    paths = find_pictures(values["pictures"])
    carried, asked = carried_labels(model, paths, registry), _asked(model, values)
    scores = _score(D, model, paths, carried if asked is None else [asked] * len(paths), values)
    if asked is not None and scores.pictures.labels is None:
        note("This discriminator does not look at labels: those that were given make no difference.")
    out = free(wanted) if wanted else None
    if out:
        _draw(paths, scores, out)
    found = _plain(model, paths, scores)
    if values["as_json"]:
        say_json({**found, "model_hash": model.hash, "out": str(out) if out else None})
        return
    labels = scores.pictures.labels
    _report(found, by_class=labels is not None and labels.dim() == 1)
    say((f"Histogram: {out}. " if out else "") + f"Next: {_next(values)}")


def _settings(stored: Checkpoint, model: Model, registry: Registry, root: str | None) -> RunConfig:
    """Return the model's settings, its data being looked for in ``root``."""
    if root is None:
        return model.config
    known = describe(model.config.components["data"].options)
    given = flags.read_flags(known, "data", {"data__root": root}) or {"root": root}  # data without a root refuses it
    own = stored_tier(registry, stored.meta["resolved"], str(stored.path))
    return resolve(registry, [own, Tier("flags", {"data": given}, flags.place)])


def _asked(model: Model, values: dict[str, Any]) -> Tensor | None:
    """Return the label ``[]`` or ``[A]`` that the flags ask for; attributes that they do not name are a real row's."""
    from gantool.latent.labels import attribute_labels, class_labels

    having, lacking = values["having"], values["lacking"]
    if values["name"] and (having or lacking):
        raise OptionError("--class", "was given with --with or --without", "a model knows classes or attributes")
    if values["name"]:
        return class_labels(model.condition, [(values["name"], 1)])[0]
    if not (having or lacking):
        return None
    rows, fitted = attribute_labels(model, [0], having, lacking)
    shown = ", ".join(_names(model, rows[0])) or "none"
    rare = "" if fitted else "; no real example has these together"
    note(f"Attributes, where no flag names one as in a real example: {shown}{rare}")
    return rows[0]


def _score(
    D: nn.Module, model: Model, paths: list[Path], labels: list[Tensor | None], values: dict[str, Any]
) -> Scores:
    """Score all three, and say what was done without being asked for."""
    from gantool.evaluation.scoring import score_generated, score_pictures

    count = values["count"]
    total = len(paths) + count * (1 if values["no_real"] else 2)
    with ticks("Scoring", total, values["quiet"]) as tick:
        pictures = score_pictures(D, model, paths, labels, tick)
        real, why = _real(D, model, values, tick)
        generated = score_generated(D, model, count, tick)
    if why:
        note(why)
    if pictures.tried.any():
        note("Class: the one that scores highest, which favours the picture; give the right one with --class")
    are_logits = getattr(model.config.create("loss"), "scores_are_logits", False)
    return Scores(pictures, real, generated, are_logits)


def _real(D: nn.Module, model: Model, values: dict[str, Any], tick: Watch) -> tuple[Tensor | None, str]:
    """Return the scores of real examples, or None and why there are none. Raises UserError for a wrong --data.root."""
    from gantool.evaluation.scoring import score_real

    if values["no_real"]:
        return None, ""
    try:
        return score_real(D, model, values["count"], tick), ""
    except UserError as error:
        if values["root"]:
            raise
        return None, f"Without real examples ({error}); give their place with --data.root, or say --no-real"


def _names(model: Model, label: Tensor) -> list[str]:
    """Return the class or the attributes that a label ``[]`` or ``[A]`` stands for."""
    names = model.condition.names if model.condition else ()
    rows = [int(label)] if label.dim() == 0 else (label > 0.5).nonzero()[:, 0].tolist()
    return [names[row] for row in rows]


def _plain(model: Model, paths: list[Path], scores: Scores) -> dict[str, Any]:
    """Return the figures for programs."""
    from gantool.evaluation.scoring import auc

    spreads = {side: _spread(scores.shown(of)) for side, of in scores.sides().items()}
    return {
        "quantity": "probability" if scores.are_logits else "score",
        "pictures": _rows(model, paths, scores),
        "real": spreads.get("real"),
        "generated": spreads["generated"],
        "auc": None if scores.real is None else auc(scores.real, scores.generated),
    }


def _rows(model: Model, paths: list[Path], scores: Scores) -> list[dict[str, Any]]:
    """Return what is said of each picture; ``above`` are the shares of both sides that score lower."""
    from gantool.evaluation.scoring import share_below

    found = scores.pictures
    shown = scores.shown(found.scores).tolist()
    above = {side: share_below(found.scores, of).tolist() for side, of in scores.sides().items()}
    return [
        {
            "picture": str(path),
            "score": found.scores[row].item(),
            "probability": shown[row] if scores.are_logits else None,
            "labels": None if found.labels is None else _names(model, found.labels[row]),
            "tried": bool(found.tried[row]),
            "above": {side: shares[row] for side, shares in above.items()},
        }
        for row, path in enumerate(paths)
    ]


def _spread(values: Tensor) -> dict[str, float]:
    """Return how many values there are, their mean and three quantiles."""
    import torch

    quantiles = values.quantile(torch.tensor(list(QUANTILES.values())).to(values)).tolist()
    return {"count": len(values), "mean": values.mean().item(), **dict(zip(QUANTILES, quantiles, strict=True))}


def _report(found: dict[str, Any], *, by_class: bool) -> None:
    """Print the figures for people."""
    quantity = found["quantity"]
    sides = {side: found[side] for side in ("real", "generated") if found[side]}
    rows = []
    for row in found["pictures"]:
        named = row["labels"] if by_class else []
        shares = [_percent(row["above"][side]) for side in sides]
        rows.append((row["picture"], *named, f"{row[quantity]:.4g}", *shares))
    heads = [*(["class"] if by_class else []), quantity, *(f"higher than ... of {side}" for side in sides)]
    table(("picture", *heads), rows)
    numbers = [
        (side, spread["count"], *(f"{spread[key]:.4g}" for key in ("mean", *QUANTILES)))
        for side, spread in sides.items()
    ]
    table((quantity, "pictures", "mean", *map(_percent, QUANTILES.values())), numbers)
    if found["auc"] is not None:
        share = _percent(found["auc"])
        say(f"D ranks a real picture above a generated one in {share} of pairs; 50 % would be guessing.")


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _draw(paths: list[Path], scores: Scores, out: Path) -> None:
    """Draw both sides, with a line for each picture."""
    from gantool.render.histogram import save_histogram

    quantity = "D's probability of being real" if scores.are_logits else "critic's raw score; higher is more real"
    marks = zip((path.name for path in paths), scores.shown(scores.pictures.scores).tolist(), strict=True)
    save_histogram({side: scores.shown(of).numpy() for side, of in scores.sides().items()}, list(marks), quantity, out)


def _next(values: dict[str, Any]) -> str:
    if values["out"]:
        return next_line("evaluate", values["model"])
    asked = {
        "--class": [values["name"]] * bool(values["name"]),
        "--with": values["having"],
        "--without": values["lacking"],
    }
    labels = [part for flag, names in asked.items() for name in names for part in (flag, name)]
    return next_line("score", values["model"], *values["pictures"][:NAMED], *labels, "-o", "scores.png")
