"""``gantool train --dry-run``: everything is built and makes one step; nothing is written."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from gantool.cli.console import say, say_json, table
from gantool.config import RunConfig
from gantool.files.checkpoint import Checkpoint
from gantool.training.folder import RunFolder
from gantool.training.options import RunOptions
from gantool.training.run import check_data, default_name, prepare

__all__ = ["dry_run"]


def dry_run(config: RunConfig, options: RunOptions, stored: Checkpoint | None = None, as_json: bool = False) -> None:
    """Print shapes, parameter counts, the losses of one step, and every setting with the tier it came from.

    The step is the first, or of a run that is resumed the next one.
    """
    run = prepare(config, options)
    config = run.config
    folder = RunFolder.free(Path(options.out or Path("runs") / default_name(config)))
    if stored is not None:
        check_data(run, stored)
        run.state.restore(stored)
        folder = stored.path.parent.parent
    begun = run.state.step
    values, _ = run.phases.batches[0]
    run.phases.step()
    stats = run.phases.statistics.flush()
    if as_json:
        counts = {"generator": _parameters(run.state.G), "discriminator": _parameters(run.state.D)}
        facts = {
            "folder": str(folder),
            "step": begun,
            "parameters": counts,
            "one step": stats,
            "device": str(run.device),
        }
        say_json({**facts, "batch": list(values.shape), "settings": config.flat(), "from": dict(config.origins)})
        return
    say(f"data           {config.name('data')}: {len(run.samples.values)} examples, a batch is {tuple(values.shape)}")
    if run.info.condition:
        names = ", ".join(run.info.condition.names[:12])
        used = "used" if run.condition else "not used"
        say(f"labels         {run.info.condition.kind}, {used}: {names}")
    say(f"latent         {run.state.prior.dim}: {', '.join(slot.name for slot in run.state.prior.slots)}")
    say(f"generator      {_parameters(run.state.G):,} parameters, {len(run.state.G.state_dict())} tensors")
    say(f"discriminator  {_parameters(run.state.D):,} parameters, {len(run.state.D.state_dict())} tensors")
    say(f"one step       {'  '.join(f'{name} {value:.4g}' for name, value in stats.items())} on {run.device}")
    say(f"folder         {folder}" + (f", from step {begun}" if begun else ""))
    rows = [(place, value, config.origins.get(place, "default")) for place, value in config.flat().items()]
    table(("setting", "value", "from"), rows)
    say("Nothing was written. Leave out --dry-run to train.")


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
