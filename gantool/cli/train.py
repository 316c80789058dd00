"""``gantool train``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantool import processes
from gantool.cli import flags
from gantool.cli.completion import component_names
from gantool.cli.console import next_line, note, say, say_json
from gantool.config import RunConfig, Tier, resolve
from gantool.errors import OptionError
from gantool.options import build, describe
from gantool.registry import SECTIONS, Registry
from gantool.training.options import RunOptions

if TYPE_CHECKING:
    from gantool.files.checkpoint import Checkpoint
    from gantool.interfaces import Observer
    from gantool.training.run import Outcome

EPILOG = """\b
Examples:
  gantool train --loss wgan-gp --arch dcgan
  gantool train --data folder --data.root photos --data.size 64 --minutes 30
  gantool train --data fashion-mnist --data.root DIR --condition onehot --loss bce
  gantool train --recipe wgan-gp-2017 --dry-run
  gantool train --resume runs/shapes-dcgan-wgan-gp --steps 5000
  gantool train --config runs/shapes-dcgan-wgan-gp --loss bce
  gantool train --loss bce --evaluate-every 500 --keep-best kid
  torchrun --nproc-per-node 2 -m gantool train --loss wgan-gp
"""
SHORT = {"out": ["-o", "--out"]}
ON = {True: "on", False: "off"}


def _run_flags() -> list[click.Parameter]:
    made: list[click.Parameter] = []
    for option in describe(RunOptions):
        names = SHORT.get(option.name, [f"--{option.flag}"])
        shown = "" if option.default is None else f" [{option.default}]"
        metavar: str | None = option.metavar
        if option.kind == "bool":
            names, shown, metavar = [f"--{option.flag}/--no-{option.flag}"], f" [{ON[option.default]}]", None
        text = f"{option.description[0].upper()}{option.description[1:]}.{shown}"
        made.append(click.Option([f"run__{option.name}", *names], default=None, metavar=metavar, help=text))
    return made


def _run(ctx: click.Context, **values: Any) -> int | None:
    """Train a GAN.

    What is not given comes from recipes: those of the dataset, the loss and the architecture, weakest last. Each part's
    own flags appear below for the parts that the line chooses: `gantool train --arch mlp --help`.
    """
    registry = flags.registry_of(ctx)
    given = flags.read_flags(describe(RunOptions), "run", values)
    options = build(RunOptions, given, flags.flag_of)
    tier = flags.flag_tier(flags.chosen(ctx), values, flags.listed(ctx))
    _one_length(options, values, tier)
    if values["resume"]:
        config, stored = _resumed(registry, options, values, tier)
    else:
        config, stored = _new(registry, options, values, tier), None
    if values["dry_run"] and processes.rank():
        return None
    if values["dry_run"]:
        from gantool.cli.dryrun import dry_run

        dry_run(config, options, stored, values["json"])
        return None
    observers = {part.name: part.create(own) for part, own in flags.chosen_tools(ctx, values)}
    return _train(config, options, stored, values, registry, observers)


def _one_length(options: RunOptions, values: dict[str, Any], tier: Tier) -> None:
    """Refuse more than one of the flags that set the length."""
    lengths = {
        "--steps": "steps" in tier.tree.get("training", {}),
        "--images": values["images"] is not None,
        "--minutes": options.minutes is not None,
    }
    given = [flag for flag, there in lengths.items() if there]
    if len(given) > 1:
        raise OptionError(" ".join(given), "were given together", "one of them sets the length", f"keep {given[0]}")


def _new(registry: Registry, options: RunOptions, values: dict[str, Any], tier: Tier) -> RunConfig:
    """Resolve the settings of a new run."""
    tiers = [*flags.source_tiers(registry, values), tier]
    config = resolve(registry, tiers)
    training: dict[str, Any] = {}
    if values["images"] is not None:
        training["steps"] = _steps_of(values["images"], config)
    if config.training.optimizer == "rmsprop" and values["training__betas"] is not None:
        raise OptionError("--betas", "was given with --optimizer rmsprop", "Adam's alone", "add --optimizer adam")
    recipes_own = "lr_schedule" not in config.given.get("training", {})
    if options.minutes is not None and recipes_own and config.training.lr_schedule != "constant":
        training["lr_schedule"] = "constant"  # a recipe's falling rates need a number of steps
    return resolve(registry, [*tiers, Tier("length", {"training": training})]) if training else config


def _resumed(
    registry: Registry, options: RunOptions, values: dict[str, Any], tier: Tier
) -> tuple[RunConfig, Checkpoint]:
    """Open a run to go on with. Raises OptionError for flags that a resumed run cannot take."""
    from gantool.training.resume import open_run

    folder = values["resume"]
    for flag, value in (("--recipe", values["recipe"]), ("--config", values["config"]), ("-o", options.out)):
        if value:
            raise OptionError(flag, "was given with --resume", "a resumed run keeps its settings and its folder")
    config, stored = open_run(folder, [tier], registry)
    if values["images"] is not None:
        length = Tier("length", {"training": {"steps": _steps_of(values["images"], config)}})
        config, stored = open_run(folder, [tier, length], registry)
    done, steps = stored.meta["step"], config.training.steps
    finished = all((Path(folder) / name).exists() for name in ("grid.png", "loss.png", "training.gif"))
    if options.minutes is None and (done > steps or (done == steps and finished)):
        its = "its" if done == steps else "more than"
        hint = f"type: {next_line('train', '--resume', folder, '--steps', 2 * done)}"
        raise OptionError(f"--resume {folder}", f"has already made {its} {steps} steps", f"more than {done}", hint)
    if options.minutes is None and done == steps:  # one that was stopped at its end, or one by the clock
        note(f"{folder} has made its {steps} steps, and gets its last pictures; to train on, add --steps or --minutes.")
    return config, stored


def _steps_of(images: int, config: RunConfig) -> int:
    return math.ceil(images / (config.training.batch_size * config.training.n_critic))


def _train(
    config: RunConfig,
    options: RunOptions,
    stored: Checkpoint | None,
    values: dict[str, Any],
    registry: Registry,
    observers: Mapping[str, Observer],
) -> int:
    from gantool.cli.progress import Progress
    from gantool.training.observers import Guarded
    from gantool.training.run import train

    leads = processes.rank() == 0  # of a group under torchrun, one speaks for all
    progress = [] if values["quiet"] or not leads else [Progress()]
    say_note = progress[0].on_note if progress else note
    guarded = [Guarded(name, observer, say_note) for name, observer in observers.items() if leads]
    outcome = train(config, options, [*progress, *guarded], stored, registry=registry)
    if not leads:
        pass
    elif values["json"]:
        say_json(
            {
                "folder": str(outcome.folder),
                "step": outcome.step,
                "model_hash": outcome.model_hash,
                "signal": outcome.signal,
                "best": _best(outcome),
                "findings": [found.row(outcome.folder) for found in outcome.findings],
            }
        )
    elif outcome.signal:
        length = ["--minutes", f"{options.minutes:g}"] if options.minutes else []
        again = next_line("train", "--resume", outcome.folder, *length)
        stopped = f"Stopped at step {outcome.step}; nothing is lost. Go on with: {again}{_named(outcome)}"
        note(f"Pictures: {outcome.folder}/grid.png, loss.png. {stopped}")
    else:
        best = _best(outcome)
        peak = f"Best {best['metric']}: {best['value']:.4g} at step {best['step']}. " if best else ""
        following = next_line("sample", outcome.folder)
        _say_older_best(outcome)
        say(f"{peak}Pictures: {outcome.folder}/grid.png, training.gif, loss.png. Next: {following}{_named(outcome)}")
    return 128 + outcome.signal if outcome.signal else 0


def _say_older_best(outcome: Outcome) -> None:
    """Say that commands open another checkpoint than the newest, where this run did not choose it."""
    from gantool.files import checkpoint

    opened = checkpoint.find(outcome.folder)
    if outcome.best is None and opened != checkpoint.find(outcome.folder, resuming=True):
        note(f"Commands open {opened.name}, the best of before; for the newest: rm {outcome.folder / 'best'}")


def _best(outcome: Outcome) -> dict[str, Any] | None:
    """Return the checkpoint that ``best`` names, as plain data."""
    return dict(zip(("metric", "value", "step"), outcome.best, strict=True)) if outcome.best else None


def _named(outcome: Outcome) -> str:
    """Name what the run's diagnostics found."""
    names = dict.fromkeys(found.name for found in outcome.findings)
    return f". Found: {', '.join(names)}; see {outcome.folder}/log.jsonl" if names else ""


command: flags.ComponentCommand = flags.ComponentCommand(
    "train",
    only=list(SECTIONS),
    training=True,
    tools="observer",
    all_tools=False,
    callback=click.pass_context(_run),
    help=_run.__doc__,
    epilog=EPILOG,
    params=[
        *flags.selectors(),
        click.Option(
            ["--images"],
            type=click.IntRange(min=1),
            help="Length in real images shown to D, instead of --steps.",
        ),
        *_run_flags(),
        click.Option(
            ["--observer"],
            metavar="NAMES",
            help="Who is told how the run goes, separated by commas.",
            shell_complete=component_names("observer"),
        ),
        click.Option(["--resume"], metavar="RUN", help="Go on with a run, exactly where it stopped."),
        click.Option(
            ["--dry-run"],
            is_flag=True,
            help="Build all, make one step, print shapes and settings, write nothing.",
        ),
        click.Option(["-q", "--quiet"], is_flag=True, help="Show no progress."),
        click.Option(["--json"], is_flag=True, help="Print the outcome as JSON."),
    ],
)
