"""``gantool evaluate``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantool import processes
from gantool.cli import flags
from gantool.cli.completion import component_names
from gantool.cli.console import next_line, note, say, say_json, table
from gantool.errors import OptionError
from gantool.files.names import check_suffix, check_writable, free
from gantool.files.progress import Tick, progress

if TYPE_CHECKING:
    from gantool.evaluation.results import Results
    from gantool.evaluation.subject import Watch
    from gantool.interfaces import Extractor
    from gantool.registry import Component

EPILOG = """\b
Examples:
  gantool evaluate runs/shapes-dcgan-wgan-gp
  gantool evaluate RUN --extractor shapes-classifier.safetensors -n 10000
  gantool evaluate RUN --metrics fid,kid --extractor inception --inception.weights FILE
  gantool evaluate RUN --metrics modes,lipschitz
  gantool evaluate RUN --data.split test -o test.json
  gantool evaluate --compare a.json b.json
"""
SHOWN = 4  # details of a figure in the table


def _run(ctx: click.Context, model: str | None, **values: Any) -> None:
    """Measure a model: how good and how varied its samples are, held against the data it was trained on.

    Without --metrics all that can be had for this model and data. FID, KID, IS, precision and recall compare features
    that an extractor sees: figures of one extractor say nothing beside those of another, so each result is written
    with its protocol, and --compare refuses unlike ones.
    """
    if values["compare"]:
        _compare(model, values)
        return
    if processes.world_size() > 1:
        given = f"was started {processes.world_size()} times, by torchrun"
        raise OptionError("gantool evaluate", given, "one process, which uses all cores", "leave torchrun out")
    if model is None:
        raise OptionError("MODEL", "was not given", "a run folder or a checkpoint", "type: gantool evaluate --help")
    from gantool.evaluation import results as files
    from gantool.evaluation.evaluate import create_extractor, create_metrics, measure
    from gantool.evaluation.subject import ModelSubject, real_data
    from gantool.files import features
    from gantool.latent.device import pick_device
    from gantool.latent.model import open_model

    registry = flags.registry_of(ctx)
    out = check_suffix(values["out"] or str(_home(model) / "evaluation.json"), [".json"])
    kept = values["save_features"]
    kept = kept and check_suffix(kept, [".safetensors"], "--save-features")
    opened = open_model(model, registry).on(pick_device(values["device"]))
    for path in filter(None, (out, kept)):
        check_writable(path)
    if len(opened.shape) != 3 and (values["extractor"] or kept):
        flag = "--extractor" if values["extractor"] else "--save-features"
        raise OptionError(flag, "was given, and the model makes points", "a model of pictures", "leave it out")
    data = real_data(opened, registry, flags.flag_tier(flags.chosen(ctx), values))
    if opened.fingerprint != data.info.fingerprint and values["data"] is None:
        note("These are not the examples that the model was trained on.")
    asked = values["metrics"] is not None
    metrics, missing = create_metrics(flags.chosen_tools(ctx, values), asked)
    named = bool(values["extractor"] or kept)
    create = partial(_extractor, ctx, values)
    extractor, lacks = create_extractor(create, metrics, opened.shape, given=named, asked=asked)
    with _watching(values["quiet"]) as watch:
        subject = ModelSubject(opened, data, values["count"], registry, extractor, values["seed"], lacks, watch)
        _warn(subject.describe_extractor())
        results = measure(subject, metrics, asked=asked)
        seen = {"real": subject.real, "fake": subject.fake} if kept else {}
        source = {**results.protocol, "extractor": subject.describe_extractor()}  # also where no metric has asked it
    results = replace(results, refused={**missing, **results.refused})
    if not values["as_json"]:
        _show(results)  # before anything is written, which may fail
    files.write(out := free(out), results)
    if kept:
        features.write(free(kept), seen, source)
    if values["as_json"]:
        say_json({"out": str(out), **results.plain()})
    else:
        _say_next(results, out)


def _home(model: str) -> Path:
    """Return where results go unasked: into the run folder, or beside the checkpoint."""
    return Path(model) if Path(model).is_dir() else Path(model).parent


def _extractor(ctx: click.Context, values: Mapping[str, Any]) -> tuple[Component, Extractor]:
    """Make the extractor of the line."""
    component, options = flags.chosen_tool(ctx, values)
    return component, component.create(options)


def _warn(extractor: Mapping[str, Any] | None) -> None:
    """Say where pictures are not seen as they are."""
    if extractor and extractor["channels"] != "as they are":
        note(f"For {extractor['name']}: {extractor['channels']}.")


@contextlib.contextmanager
def _watching(quiet: bool) -> Iterator[Watch]:
    """Give a function that draws a bar for one thing after another."""
    done: dict[str, int] = {}
    with contextlib.ExitStack() as stack:
        tick: Tick = lambda done, total: None  # noqa: E731

        def watch(what: str, more: int, total: int) -> None:
            nonlocal tick
            if what not in done:
                stack.close()
                tick = stack.enter_context(progress(TITLES[what], quiet=quiet))
            done[what] = done.get(what, 0) + more
            tick(done[what], total)

        yield watch


TITLES = {"samples": "Looking at samples", "real": "Looking at real pictures", "metrics": "Measuring"}


def _show(results: Results) -> None:
    """Print the figures, and what is to be said of them."""
    rows = [(name, _number(one["value"]), _interval(one), _details(one)) for name, one in results.figures.items()]
    table(("metric", "value", "95 % interval", "beside it"), rows)
    for name, one in results.figures.items():
        if one["note"]:
            note(f"{name}: {one['note']}")
    for reason in dict.fromkeys(results.refused.values()):
        names = [name for name, own in results.refused.items() if own == reason]
        note(f"{', '.join(names)} {'were' if names[1:] else 'was'} left out: {reason}")


def _say_next(results: Results, out: Path) -> None:
    data, extractor = results.protocol["data"], results.protocol["extractor"]
    held = f"Held against {data['name']}"
    if extractor:
        samples = results.protocol["samples"]["count"]
        held = f"{samples:,} samples against {data['count']:,} of {data['name']}, by {extractor['name']}"
    follow = next_line("evaluate", "--compare", out, "OTHER.json")
    say(f"{held}, {results.seconds:.0f} s: {out}. Next: {follow}")


def _number(value: float) -> str:
    return f"{value:.4g}"


def _interval(figure: Mapping[str, Any]) -> str:
    if figure["low"] is None or figure["high"] is None:
        return ""
    return f"{_number(figure['low'])} to {_number(figure['high'])}"


def _details(figure: Mapping[str, Any]) -> str:
    details = [f"{name} {_number(value)}" for name, value in figure["details"].items()]
    more = f", {len(details) - SHOWN} more in the file" if len(details) > SHOWN else ""
    return ", ".join(details[:SHOWN]) + more


def _compare(model: str | None, values: Mapping[str, Any]) -> None:
    """Show two results beside each other."""
    from gantool.evaluation import results as files

    if model is not None:
        raise OptionError("--compare", f"was given with {model}", "two .json files alone", "leave the model out")
    idle = ("metrics", "extractor", "data", "count", "seed", "device", "out", "save_features")
    flags.refuse_idle("--compare", "two .json files alone", "leave it out", *idle)
    first, second = values["compare"]
    results = files.read(first), files.read(second)
    shared = files.compare((first, second), results)
    if values["as_json"]:
        figures = {name: [one.figures[name] for one in results] for name in shared}
        say_json({"compared": [first, second], "models": [dict(one.model) for one in results], "figures": figures})
        return
    rows = []
    for name in shared:
        cells = [f"{_number(one.figures[name]['value'])}  {_bounds(one.figures[name])}".strip() for one in results]
        rows.append((name, *cells))
    table(("metric", first, second), rows)
    versions = [one.versions for one in results]
    differing = [name for name in {**versions[0], **versions[1]} if versions[0].get(name) != versions[1].get(name)]
    for file, one in zip((first, second), results, strict=True):
        for name in shared:
            if said := one.figures[name]["note"]:
                note(f"{file}: {name}: {said}")
    if differing:
        note(f"They were taken with other versions of: {', '.join(differing)}.")
    say("One protocol. Where intervals overlap, the difference may be chance.")


def _bounds(figure: Mapping[str, Any]) -> str:
    interval = _interval(figure)
    return f"({interval})" if interval else ""


command: flags.ComponentCommand = flags.ComponentCommand(
    "evaluate",
    only=["data"],
    tool="extractor",
    tools="metrics",
    of_model=True,
    callback=click.pass_context(_run),
    help=_run.__doc__,
    epilog=EPILOG,
    params=[
        click.Argument(["model"], metavar="MODEL", required=False),
        *(flag for flag in flags.selectors() if flag.name == "data"),
        click.Option(
            ["--metrics"],
            metavar="A,B",
            help="What to measure; see components metric. [all that can be had]",
            shell_complete=component_names("metric"),
        ),
        click.Option(
            ["--extractor"],
            metavar="NAME|FILE",
            help="By whose features pictures are compared; see components extractor. [efficientnet-lite0]",
            shell_complete=component_names("extractor"),
        ),
        click.Option(
            ["-n", "--count"],
            type=click.IntRange(2, 10**7),
            default=5000,
            help="Samples, and at most so many real examples. [5000]",
        ),
        click.Option(["--seed"], type=click.IntRange(0, 2**63 - 1), default=0, help="Which real examples. [0]"),
        click.Option(
            ["--device"],
            type=click.Choice(["auto", "cpu", "cuda", "mps"]),
            default="auto",
            help="Where to compute. [auto]",
        ),
        click.Option(["--compare"], nargs=2, metavar="A.json B.json", help="Show two results of one protocol."),
        click.Option(
            ["-o", "--out"], metavar="FILE", help="The .json; one that exists is kept. [evaluation.json, by the model]"
        ),
        click.Option(["--save-features"], metavar="FILE", help="Also save what the extractor said, a .safetensors."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the results as JSON."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Show no progress."),
    ],
)
