"""``gantool direction audit``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantool.cli.console import next_line, note, say, say_json, table
from gantool.cli.flags import registry_of
from gantool.cli.ticks import ticks
from gantool.errors import OptionError, UserError, typed

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.files.directions import Directions
    from gantool.latent.audit import Audit, Row
    from gantool.latent.model import Model
    from gantool.latent.scorer import Scorer

EPILOG = """\b
Examples:
  gantool direction audit RUN/directions-ridge.safetensors --classifier shapes.safetensors
  gantool direction audit smile.safetensors --classifier faces.safetensors -n 2000 -o audit.png
  gantool direction audit RUN/directions-pca.safetensors --classifier shapes.safetensors --no-data --json
\b
Whose fault a leak is, with r the correlation of both features in the real data, p its permutation p-value, e the share
of the target's variance that the best linear direction explains, at least 0.25, and aim the cosine with that direction:
  no effect   the target's own effect is below 0.10 std, or its 95 % interval holds 0
  clean       the leak is below 0.10 of the target's effect
  the direction  aim < 0.90; find it anew with --method ridge
  the data    p < 0.01, |r| >= 0.10, the leak has r's sign and is at most |r| / e + 0.25
  both        the same, but the leak is larger
  the model   every other leak
  unknown     no real data, or nothing but the target's own feature is measured
"""
OUT = "The .png to write, with a .json beside it; what exists is kept: the name gets -2."
SHOWN = 16  # features in the picture besides targets and leaks
COLUMNS = (
    *("direction", "feature", "effect in std", "selectivity", "monotonic", "explained", "aim"),
    *("worst leak", "real r", "fault"),
)


@click.command("audit", epilog=EPILOG)
@click.argument("path", metavar="FILE")
@click.option("--classifier", required=True, metavar="FILE|NAME", help="What tells the features of a sample.")
@click.option("--model", metavar="MODEL", help="The model of the directions. [looked for by its hash]")
@click.option("-n", "--count", type=click.IntRange(8, 10**6), default=512, help="How many samples. [512]")
@click.option("--strength", type=click.FloatRange(0, 100, min_open=True), default=2.0, help="How far to walk. [2]")
@click.option("--seed", type=click.IntRange(0), default=0, help="Seed of samples, resamples and permutations. [0]")
@click.option("--no-data", is_flag=True, help="Do not look at the real data.")
@click.option("-o", "--out", metavar="FILE", help=OUT)
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def audit(path: str, classifier: str, **values: Any) -> None:
    """Measure what else changes along each direction of FILE: is the data, the model or the direction at fault?

    Each direction is walked both ways from the same samples. Its effect is the change of its feature in standard
    deviations, its leak the largest change of another feature for one of its own; both with a 95 % bootstrap interval.
    """
    from gantool.cli.strips import strips
    from gantool.files import directions as files
    from gantool.latent.audit import audit as measure
    from gantool.latent.effects import draw
    from gantool.latent.locate import find_model
    from gantool.latent.scorer import open_scorer
    from gantool.latent.steering import check_directions, short_of

    out = _destination(path, values["out"])
    directions, meta = files.read(path)
    registry = registry_of(click.get_current_context())
    hint = meta.get("model")
    known = hint if isinstance(hint, str) else None
    model = find_model(directions.model_hash, Path(path), known, values["model"], registry)
    check_directions(directions, model, path)
    scorer = open_scorer(classifier, registry, model.shape)
    if said := short_of(model.prior.slots, directions.names, directions.vectors, values["strength"]):
        note(said)
    count, quiet = values["count"], values["quiet"]
    z, c = draw(model, count, "audit", values["seed"])
    real = None if values["no_data"] else _real(model, scorer, values["seed"])
    with ticks("Walking", count * (4 * len(directions.names) + 1), quiet) as tick:
        settings = {"strength": values["strength"], "seed": values["seed"]}
        found = measure(model.G, scorer, directions, z, c, **settings, real=real, tick=tick)
    _draw(found, out)
    kept, source = _beside(out), _source(path, model, scorer, {**values, "classifier": classifier})
    _keep(kept, found, source, strips(model, directions, z, c, values["strength"]))
    if values["as_json"]:
        say_json({"out": str(out), "model_hash": model.hash, "classifier": scorer.label, **found.plain()})
        return
    _report(found)
    further = _next(found, directions, path, str(model.path), classifier)
    if len(model.shape) == 1 and further[0] == "steer":  # which draws strips
        further = ["direction", "show", path]
    following = next_line(*further)
    say(f"All of it on one page, with strips of samples: {next_line('report', kept)}")
    say(f"{count} samples, {values['strength']:g} std each way: {out}. Next: {following}")


def _destination(path: str, out: str | None) -> Path:
    """Return the picture's place: a new name, its figures' too, beside the directions where none is given."""
    from gantool.files.names import check_suffix, numbered

    wanted = Path(path).with_name(f"{Path(path).stem}-audit.png") if out is None else check_suffix(out, (".png",))
    return next(one for one in numbered(wanted) if not os.path.lexists(one) and not os.path.lexists(_beside(one)))


def _beside(picture: Path) -> Path:
    """Return where the figures of an audit lie: beside its picture."""
    return picture.with_suffix(".json")


def _real(model: Model, scorer: Scorer, seed: int) -> Tensor | None:
    from gantool.latent.audit import real_scores

    try:
        return real_scores(model, scorer, seed)
    except UserError as error:
        note(f"The real data was not looked at. {error}")
        return None


def _report(found: Audit) -> None:
    table(COLUMNS, [cells(row) for row in found.rows])
    for row in found.rows:
        if row.matched:
            say(f"{row.name} is no feature's name: it is judged by {row.target}, which it moves most.")
        if said := words(row):
            say(said)


def cells(row: Row) -> tuple[str, ...]:
    """Return what stands in the table under ``COLUMNS``."""
    return (
        row.name,
        row.target + (" (best match)" if row.matched else ""),
        _with_interval(row.effect, row.effect_interval),
        _with_interval(row.selectivity, row.selectivity_interval, ".2f"),
        f"{row.monotonicity:+.2f}",
        f"{row.explained:.2f}",
        f"{row.aim:.2f}",
        "none" if row.leak is None else f"{row.leak_name} {_with_interval(row.leak, row.leak_interval)}",
        "" if row.data_r is None else f"{row.data_r:+.2f} (p {row.data_p:.3f})",
        row.verdict,
    )


def _with_interval(value: float, interval: tuple[float, float] | None, form: str = "+.2f") -> str:
    low, high = interval or (value, value)
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"


def words(row: Row) -> str:
    """Say what a verdict means; nothing for a clean direction."""
    if row.verdict == "no effect":
        return f"{row.name} does not move {row.target}."
    if row.leak is None or row.verdict in ("clean", "unknown"):
        return ""
    leak = f"{row.name} moves {row.leak_name} by {row.leak:+.2f} for each step of {row.target}"
    if row.verdict == "the direction":
        anew = "find it anew with --method ridge, or orthogonalize it"
        return (
            f"{leak}, and its cosine with the best direction of {row.target} is {row.aim:.2f}: the direction; {anew}."
        )
    together = f"the real data has the two together, r {row.data_r:+.2f}"
    if row.verdict == "the data":
        return f"{leak}; {together}: the data."
    if row.verdict == "both":
        return f"{leak}; {together}, which explains only a part: both data and model."
    return f"{leak}, and the real data does not explain it, r {row.data_r:+.2f}: the model."


def _next(found: Audit, directions: Directions, path: str, model: str, classifier: str) -> list[str]:
    """Say how to clean the direction that leaks most into another one's feature, or how to find a badly aimed one."""
    leaky = [row for row in found.rows if row.verdict not in ("clean", "no effect")]
    for row in sorted(leaky, key=lambda row: -abs(row.leak or 0)):
        if off := _off(row, directions):
            return ["direction", "orthogonalize", path, row.name, "--off", ",".join(off)]
        if row.verdict == "the direction" and directions.method != "ridge":
            return ["direction", "find", model, "--toward", row.target, "--classifier", classifier]
    return ["steer", model, "--directions", path, "--toward", found.rows[0].name, "--classifier", classifier]


def _off(row: Row, directions: Directions) -> list[str]:
    """Return what to take off a direction, with what was taken off before; empty where it was, or too little stays."""
    from gantool.latent.directions import orthogonalize

    before = list(directions.figures[directions.index(row.name)].get("orthogonal_to", ()))
    if row.leak_name not in directions.names or row.leak_name in before:
        return []
    try:
        orthogonalize(directions, row.name, off := [*before, row.leak_name])
    except OptionError:
        return []
    return off


def _draw(found: Audit, out: Path) -> None:
    """Draw the effects beside the cosines of the directions and both correlations of the features."""
    from gantool.render.strip import HeatMap, save_heat_maps

    names, shown = [row.name for row in found.rows], found.shown(SHOWN)
    features = [found.features[column] for column in shown]
    square = [("correlation in generated samples", found.generated), ("correlation in real data", found.real)]
    maps = [
        HeatMap("effect of a direction (row) on a feature, in std", names, features, found.effects[:, shown].numpy()),
        HeatMap("cosine of directions", names, names, found.cosines.numpy(), 1.0),
        *(HeatMap(title, features, features, m[shown][:, shown].numpy(), 1.0) for title, m in square if m is not None),
    ]
    save_heat_maps(maps, out)


def _source(path: str, model: Model, scorer: Scorer, values: Mapping[str, Any]) -> dict[str, str]:
    """Say what was measured by what."""
    line = ["direction", "audit", path, "--classifier", values["classifier"], "-n", str(values["count"])]
    line += ["--strength", f"{values['strength']:g}", "--seed", str(values["seed"])]
    line += ["--model", values["model"]] if values["model"] else []
    again = typed(*line, *(["--no-data"] if values["no_data"] else []))
    return {"directions": path, "model": str(model.path), "model hash": model.hash, "by": scorer.label, "again": again}


def _keep(path: Path, found: Audit, source: dict[str, str], drawn: dict[str, str]) -> None:
    """Write the figures, for those features that the picture shows."""
    from gantool.files.audit import StoredAudit, write

    shown = found.shown(SHOWN)
    stored = StoredAudit(
        features=[found.features[column] for column in shown],
        directions=list(found.rows),
        effects=found.effects[:, shown].tolist(),
        cosines=found.cosines.tolist(),
        generated=found.generated[shown][:, shown].tolist(),
        real=None if found.real is None else found.real[shown][:, shown].tolist(),
        samples=found.samples,
        strength=found.strength,
        source=source,
        strips=drawn,
    )
    write(path, stored)
