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
from gantool.plugins import PluginSet
from gantool.registry import SECTIONS, Component
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
SHORT = {"out": ["-o", "--out"], "threads": ["--threads"]}


class TrainCommand(click.Command):
    """A command whose flags are those of the components that the line chooses."""

    components: dict[str, Component]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the components first, then parse with their flags."""
        registry = ctx.find_object(PluginSet).registry  # type: ignore[union-attr]
        found = flags.peek(args)
        self.components, defaults = _chosen(registry, found)
        self.sections = {"Training": flags.training_flags(defaults)}
        for section, component in self.components.items():
            own = flags.options_flags(component.options, section, defaults)
            if own:
                self.sections[f"{component.kind.capitalize()} {component.name}"] = own
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the fixed flags and those of the chosen components."""
        return [*super().get_params(ctx), *(flag for group in self.sections.values() for flag in group)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the flags in groups."""
        choosing = [param for param in super().get_params(ctx) if param.name in (*SECTIONS, "recipe", "config")]
        running = [param for param in super().get_params(ctx) if param not in choosing]
        for title, group in {"Choose": choosing, "Run": running, **self.sections}.items():
            rows = [row for param in group if (row := param.get_help_record(ctx)) is not None]
            with formatter.section(title):
                formatter.write_dl(rows)


def _chosen(registry: Any, found: dict[str, str]) -> tuple[dict[str, Component], dict[str, Any]]:
    """Return the components of a new run, or of the run that is resumed."""
    if "resume" in found:
        from gantool.files import checkpoint, envelope

        path = checkpoint.find(found["resume"], resuming=True)
        resolved = envelope.read_header(path, checkpoint.KIND).meta.get("resolved", {})
        names = {section: str(resolved.get(section, {}).get("name")) for section in SECTIONS}
        return flags.component_flags(registry, names)
    return flags.component_flags(registry, found)


def _run_flags() -> list[click.Parameter]:
    made: list[click.Parameter] = []
    for option in describe(RunOptions):
        names = SHORT.get(option.name, [f"--{option.flag}"])
        text = option.description[:1].upper() + option.description[1:]
        shown = None if option.default is None else str(option.default)
        made.append(click.Option([f"run__{option.name}", *names], metavar=option.metavar, help=text, show_default=shown or False))
    return made


def _run(ctx: click.Context, **values: Any) -> int | None:
    """Train a GAN.

    What is not given comes from recipes: those of the dataset, the loss and the architecture, weakest last. Each part's
    own flags appear below for the parts that the line chooses: `gantool train --arch mlp --help`.
    """
    registry = ctx.find_object(PluginSet).registry  # type: ignore[union-attr]
    command = ctx.command
    assert isinstance(command, TrainCommand)
    options = build(RunOptions, flags.read_flags(describe(RunOptions), "run", values), lambda name: f"--{name}")
    tier = flags.flag_tier(command.components, values)
    resumed = values["resume"]
    stored = None
    if resumed:
        from gantool.training.resume import open_run

        if values["recipe"] or values["config"]:
            given = "was given with --resume"
            raise OptionError("--recipe" if values["recipe"] else "--config", given, "a resumed run keeps its settings")
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
            config.components, config.options, structs.replace(training, steps=steps), given_tree, config.origins
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
            {"folder": str(outcome.folder), "step": outcome.step, "model_hash": outcome.model_hash, "signal": outcome.signal}
        )
    elif outcome.signal:
        note(f"Stopped at step {outcome.step}; nothing is lost. Go on with: gantool train --resume {outcome.folder}")
    else:
        say(
            f"Pictures: {outcome.folder}/grid.png, training.gif, loss.png. "
            f"Next: gantool sample {outcome.folder}"
        )
    return 128 + outcome.signal if outcome.signal else 0


command = TrainCommand(
    "train",
    callback=click.pass_context(_run),
    help=_run.__doc__,
    epilog=EPILOG,
    params=[
        *flags.selectors(),
        click.Option(["--images"], type=click.IntRange(min=1), help="Length in real images shown to D, instead of --steps."),
        *_run_flags(),
        click.Option(["--resume"], metavar="RUN", help="Go on with a run, exactly where it stopped."),
        click.Option(["--dry-run"], is_flag=True, help="Build all, make one step, print shapes and settings, write nothing."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Show no progress."),
        click.Option(["--json"], is_flag=True, help="Print the outcome as JSON."),
    ],
)
