"""``gantool data``."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from gantool.cli import flags
from gantool.cli.console import next_line, note, say, say_json, table
from gantool.config import RunConfig, resolve
from gantool.files.names import check_suffix, check_writable, free
from gantool.interfaces import DataInfo, Samples
from gantool.plugins import PluginSet

if TYPE_CHECKING:
    from gantool.files.pack_writer import PackReport

EPILOG = """\b
Examples:
  gantool data list
  gantool data inspect --data folder --data.root photos
  gantool data pack --data folder --data.root photos --data.size 64 -o photos.safetensors
  gantool data pack --data celeba --data.root celeba --data.duplicates drop -o faces.safetensors
"""
SHOWN = 64  # pictures in the grid of data inspect


@click.group("data", epilog=EPILOG)
def command() -> None:
    """List, look into and pack datasets."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def list_datasets(found: PluginSet, as_json: bool) -> None:
    """List the datasets that --data knows."""
    parts = found.registry.all("dataset")
    if as_json:
        say_json([{"name": part.name, "summary": part.summary, "plugin": part.provider.plugin} for part in parts])
        return
    table(("name", "what it is", "plugin"), [(part.name, part.summary, part.provider.plugin) for part in parts])
    say(f"Next: {next_line('data', 'inspect', '--data', 'shapes')}")


def _config(ctx: click.Context, values: dict[str, Any]) -> RunConfig:
    return resolve(flags.registry_of(ctx), [flags.flag_tier(flags.chosen(ctx), values)])


def _inspect(ctx: click.Context, **values: Any) -> None:
    """Say what a dataset holds, and draw a grid of it."""
    out = check_writable(check_suffix(values["out"], [".png"])) if values["out"] else None
    config = _config(ctx, values)
    dataset = config.create("data")
    info: DataInfo = dataset.describe()
    samples: Samples = dataset.load()
    facts = _facts(info, samples)
    if out:
        _draw(samples, out := free(out))
        facts["grid"] = str(out)
    if values["json"]:
        say_json(facts)
        return
    say(f"{config.name('data')}: {facts['examples']} examples of {' x '.join(map(str, info.shape))}")
    if facts["labels"]:
        kind = info.condition.kind if info.condition else "labels"
        say(f"{kind}: " + ", ".join(f"{name} {count}" for name, count in facts["labels"].items()))
    say(f"fingerprint {info.fingerprint[:16]}")
    if out:
        say(f"Grid: {out}")
    line = ["train", *_data_flags(config), *(["--condition", "onehot"] if info.condition else [])]
    say(f"Next: {next_line(*line)}")


def _data_flags(config: RunConfig) -> list[str]:
    """Return the flags that choose the dataset as it was chosen here."""
    given = {name: value for name, value in config.given.get("data", {}).items() if name != "name"}
    options = [word for name, value in given.items() for word in flags.flag_words(flags.place("data", name), value)]
    return ["--data", config.name("data"), *options]


def _facts(info: DataInfo, samples: Samples) -> dict[str, Any]:
    counts: dict[str, int] = {}
    if info.condition and samples.labels is not None:
        if info.condition.kind == "classes":
            found = Counter(samples.labels.tolist())
            counts = {name: found[index] for index, name in enumerate(info.condition.names)}
        else:
            having = (samples.labels > 0.5).sum(0)
            counts = {name: int(count) for name, count in zip(info.condition.names, having, strict=True)}
    return {
        "examples": len(samples.values),
        "shape": list(info.shape),
        "labels": counts,
        "factors": sorted(samples.factors),
        "fingerprint": info.fingerprint,
    }


def _draw(samples: Samples, out: Path) -> None:
    from gantool.render.grid import grid, scatter
    from gantool.render.provenance import save_png

    spread = np.linspace(0, len(samples.values) - 1, min(SHOWN, len(samples.values))).astype(int)
    if samples.values.ndim == 2:
        save_png(scatter(samples.values[:0], samples.values[:2000]), out)
    else:
        save_png(grid(samples.values[spread].transpose(0, 2, 3, 1)), out)


def _pack(ctx: click.Context, **values: Any) -> None:
    """Write a dataset of pictures, with its splits, into one memory-mapped file.

    Files that cannot be read are left out; they, duplicates and pictures that lose something are listed in
    FILE.report.txt. Stopped on the way, the same command goes on where it was.
    """
    from gantool.files.pack_writer import partial
    from gantool.files.packing import pack
    from gantool.files.progress import progress

    out, begun = Path(values["out"]), time.monotonic()
    dataset = _config(ctx, values).create("data")
    try:
        with progress("Packing", quiet=values["quiet"]) as tick:
            report = pack(dataset, out, tick)
    except KeyboardInterrupt:
        if partial(out)[0].exists():
            note(f"What is done is kept in {partial(out)[0]}; the same command goes on from there")
        raise
    _say_packed(report, time.monotonic() - begun, values["json"])


def _say_packed(report: PackReport, seconds: float, as_json: bool) -> None:
    if report.notes:
        note(f"warning: {report.summary}: see {report.listed}")
    size = report.path.stat().st_size
    if as_json:
        say_json(
            {
                "path": str(report.path),
                "pictures": report.pictures,
                "resumed": report.resumed,
                "shape": list(report.shape),
                "bytes": size,
                "seconds": round(seconds, 3),
                "notes": dict(report.counts),
                "report": str(report.listed) if report.notes else None,
            }
        )
        return
    resumed = f" ({report.resumed} of them before)" if report.resumed else ""
    listed = f" ({report.summary})" if report.notes else ""
    said = f"{report.pictures} pictures{resumed}{listed}, {size / 2**20:.1f} MiB in {seconds:.1f} s: {report.path}"
    say(f"{said}. Next: {next_line('train', '--data', 'packed', '--data.root', report.path)}")


def _data_flag() -> click.Option:
    return next(flag for flag in flags.selectors() if flag.name == "data")


def _add(name: str, callback: Callable[..., None], *extra: click.Option) -> None:
    command.add_command(
        flags.ComponentCommand(
            name,
            only=["data"],
            callback=click.pass_context(callback),
            help=callback.__doc__,
            epilog=EPILOG,
            params=[_data_flag(), *extra],
        )
    )


_add(
    "inspect",
    _inspect,
    click.Option(["-o", "--out"], metavar="PNG", help="Draw a grid of examples; what exists is kept."),
    click.Option(["--json"], is_flag=True, help="Print as JSON."),
)
_add(
    "pack",
    _pack,
    click.Option(["-o", "--out"], metavar="FILE", required=True, help="The file to write."),
    click.Option(["--json"], is_flag=True, help="Print as JSON."),
    click.Option(["-q", "--quiet"], is_flag=True, help="Show no progress."),
)
