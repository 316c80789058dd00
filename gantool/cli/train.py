"""``gantool train``."""

from __future__ import annotations

import math
from typing import Any

import click
from msgspec import structs

from gantool.cli import flags
from gantool.cli.console import note, say, say_json
from gantool.config import RunConfig, Tier, resolve
from gantool.errors import OptionError
from gantool.options import build, describe
from gantool.registry import SECTIONS
from gantool.training.options import RunOptions

EPILOG = """\b
Examples:
  gantool train --loss wgan-gp --arch dcgan
  gantool train --data folder --data.root photos --data.size 64 --minutes 30
  gantool train --data fashion-mnist --data.root DIR --condition onehot --loss bce
  gantool train --recipe wgan-gp-2017 --dry-run
  gantool train --resume runs/shapes-dcgan-wgan-gp --steps 5000
  gantool train --config runs/shapes-dcgan-wgan-gp --loss bce
"""
SHORT = {"out": ["-o", "--out"]}


def _run_flags() -> list[click.Parameter]:
    made: list[click.Parameter] = []
    for option in describe(RunOptions):
        names = SHORT.get(option.name, [f"--{option.flag}"])
        shown = "" if option.default is None else f" [{option.default}]"
        text = f"{option.description[0].upper()}{option.description[1:]}.{shown}"
        made.append(click.Option([f"run__{option.name}", *names], metavar=option.metavar, help=text))
    return made


def _run(ctx: click.Context, **values: Any) -> int | None:
    """Train a GAN.

    What is not given comes from recipes: those of the dataset, the loss and the architecture, weakest last. Each part's
    own flags appear below for the parts that the line chooses: `gantool train --arch mlp --help`.
    """
    registry = flags.registry_of(ctx)
    options = build(RunOptions, flags.read_flags(describe(RunOptions), "run", values), lambda name: f"--{name}")
    tier = flags.flag_tier(flags.chosen(ctx), values)
    resumed = values["resume"]
    stored = None
    if resumed:
        from gantool.training.resume import open_run

        for flag, value in (("--recipe", values["recipe"]), ("--config", values["config"]), ("-o", options.out)):
            if value:
                raise OptionError(flag, "was given with --resume", "a resumed run keeps its settings and its folder")
        config, stored = open_run(resumed, [tier], registry)
    else:
        config = resolve(registry, [*flags.source_tiers(registry, values), tier])
    config, options = _with_length(config, options, values, tier)
    if values["dry_run"]:
        from gantool.cli.dryrun import dry_run

        dry_run(config, options)
        return None
    return _train(config, options, stored, values)


def _with_length(
    config: RunConfig, options: RunOptions, values: dict[str, Any], tier: Tier
) -> tuple[RunConfig, RunOptions]:
    """Apply --images; one of --steps, --images and --minutes may be given."""
    given = [
        name
        for name, there in {
            "--steps": "steps" in tier.tree.get("training", {}),
            "--images": values["images"] is not None,
            "--minutes": options.minutes is not None,
        }.items()
        if there
    ]
    if len(given) > 1:
        raise OptionError(" ".join(given), "were given together", "one of them sets the length", f"keep {given[0]}")
    if values["images"] is None:
        return config, options
    training = config.training
    steps = math.ceil(values["images"] / (training.batch_size * training.n_critic))
    given_tree = {**config.given, "training": {**config.given.get("training", {}), "steps": steps}}
    return (
        RunConfig(
            config.components,
            config.options,
            structs.replace(training, steps=steps),
            given_tree,
            config.origins,
        ),
        options,
    )


def _train(config: RunConfig, options: RunOptions, stored: Any, values: dict[str, Any]) -> int:
    from gantool.cli.progress import Progress
    from gantool.training.run import train

    if stored is not None and options.minutes is None and stored.meta["step"] >= config.training.steps:
        where, done = f"--resume {values['resume']}", stored.meta["step"]
        hint = f"type: gantool train --resume {values['resume']} --steps {2 * done}"
        raise OptionError(where, f"has already made its {done} steps", "a run that is not finished", hint)
    outcome = train(config, options, [] if values["quiet"] else [Progress()], stored)
    if values["json"]:
        say_json(
            {
                "folder": str(outcome.folder),
                "step": outcome.step,
                "model_hash": outcome.model_hash,
                "signal": outcome.signal,
            }
        )
    elif outcome.signal:
        note(f"Stopped at step {outcome.step}; nothing is lost. Go on with: gantool train --resume {outcome.folder}")
    else:
        say(f"Pictures: {outcome.folder}/grid.png, training.gif, loss.png. Next: gantool sample {outcome.folder}")
    return 128 + outcome.signal if outcome.signal else 0


command = flags.ComponentCommand(
    "train",
    only=list(SECTIONS),
    training=True,
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
