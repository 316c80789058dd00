"""What a finder of directions looks at: latents of a model, and what a classifier says of their samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from gantool.errors import FileError, OptionError, nearest, typed
from gantool.files.scores import Scores
from gantool.interfaces import Evidence, Finder
from gantool.latent.effects import scores_of
from gantool.latent.model import Model
from gantool.latent.scorer import Scorer, Target

__all__ = ["Ask", "Tick", "check", "gather", "size"]

MOST_NAMES = 100  # of a classifier whose names were not chosen
SCORED = frozenset({"scores", "score"})
SAMPLES = 2000
FEW = 8  # latents for a finder that does not learn from them

Tick = Callable[[int], object]
"""Is told how many more samples were scored."""


@dataclass(frozen=True)
class Ask:
    """What to find directions from: ``count`` samples scored by a classifier, stored scores, or a pair of latents.

    ``count`` None is 2000, or a few where the finder learns nothing from them.
    ``toward`` names the features; where it is empty, all that are known but those that the model is told by c.
    ``source`` says in a file where the scores came from.
    """

    count: int | None = None
    toward: tuple[str, ...] = ()
    scorer: Scorer | None = None
    stored: Scores | None = None
    pair: tuple[Tensor, Tensor] | None = None
    source: dict[str, Any] = field(default_factory=dict)


def check(finder: Finder, method: str, ask: Ask) -> None:
    """Raise OptionError where a finder lacks what it needs, or was given what it cannot use."""
    where = f"--method {method}"
    hint = f"type: gantool direction find --method {method} --help"
    if SCORED.intersection(finder.needs):
        if ask.scorer is None and ask.stored is None:
            raise OptionError(where, "needs scores", "--classifier or --scores", "type: --classifier FILE")
        if "score" in finder.needs and ask.scorer is None:
            raise OptionError(where, "needs the slope of a classifier", "--classifier", "type: --classifier FILE")
    elif ask.scorer is not None or ask.stored is not None:
        raise OptionError("--classifier --scores", f"are not used by {where}", "without them", hint)
    if ("pair" in finder.needs) != (ask.pair is not None):
        given = "needs two latents" if ask.pair is None else "takes no pair"
        raise OptionError(
            where, given, "--pair A B goes with --method pair", "type: --method pair --pair seed:1 seed:2"
        )
    if ask.count is not None and not _samples(finder):
        raise OptionError("-n", f"{ask.count} was given", f"{where} learns nothing from samples", "leave -n out")
    most = math.inf if SCORED.intersection(finder.needs) else 1 if "pair" in finder.needs else 0
    if len(ask.toward) > most:
        raise OptionError("--toward", f"{' '.join(ask.toward)} was given", f"at most {most} names for {where}", hint)


def _samples(finder: Finder) -> bool:
    return bool({"z", *SCORED}.intersection(finder.needs))


def size(finder: Finder, ask: Ask) -> int:
    """Return how many latents a finder is to be shown, where the scores of others are not stored."""
    return ask.count or (SAMPLES if _samples(finder) else FEW)


def gather(model: Model, finder: Finder, ask: Ask, tick: Tick = lambda done: None) -> Evidence:
    """Return latents of the seeds 0, 1, ... or those that scores are stored with, and their scores.

    Raises OptionError where no feature is left to look for.
    """
    if ask.stored is not None:
        return _stored(model, ask, ask.stored)
    seeds = range(size(finder, ask))
    plain = Evidence(
        G=model.G,
        network=model.G,
        slots=model.prior.slots,
        z=model.latents(seeds),
        c=model.labels(seeds),
        names=ask.toward,
        pair=ask.pair,
    )
    if ask.scorer is None:
        return plain
    held = model.condition.names if model.condition else ()  # c says these; z cannot
    names = plain.names or [name for name in ask.scorer.names if name not in held]
    if not names:
        given = f"was not given, and every feature of {ask.scorer.label} is told to the model by its label"
        raise OptionError("--toward", given, "a feature that z decides", "type: gantool steer --help for --class")
    return _scored(plain, ask.scorer, names, tick)


def _scored(plain: Evidence, scorer: Scorer, names: Sequence[str], tick: Tick) -> Evidence:
    targets = _targets(scorer, names, asked=bool(plain.names))
    weights = torch.stack([target.weights for target in targets], 1)  # [columns, K]

    def score(x: Tensor) -> Tensor:
        return scorer.scores(x) @ weights

    scores = scores_of(plain.G, scorer, plain.z, plain.c, tick) @ weights
    found = tuple(target.name for target in targets)
    return replace(plain, names=found, scores=scores, thresholds=scorer.thresholds @ weights, score=score)


def _targets(scorer: Scorer, toward: Sequence[str], asked: bool) -> list[Target]:
    if not asked and len(toward) > MOST_NAMES:
        given = f"was not given, and {scorer.label} knows {len(scorer.names)} names"
        raise OptionError(
            "--toward", given, f"up to {MOST_NAMES} are taken unasked", f"type: --toward {scorer.names[0]}"
        )
    found = [scorer.target(name) for name in toward]
    return list({target.name: target for target in found}.values())


def _stored(model: Model, ask: Ask, stored: Scores) -> Evidence:
    where = str(ask.source.get("scores", "--scores"))
    if stored.model_hash != model.hash:
        given = "holds scores of another model" if stored.model_hash else "holds scores of pictures, not of samples"
        hint = f"type: {typed('classifier', 'label', model.path, '--classifier', 'FILE')}"
        raise FileError(where, given, f"scores of {model.path}", hint)
    if stored.z is None and stored.seeds is None:
        raise FileError(where, "holds no latents", "a file that classifier label wrote for a model's samples")
    z = model.latents(stored.seeds or ()) if stored.z is None else stored.z.float()
    if z.shape != (len(stored.scores), model.prior.dim):
        raise FileError(where, f"its z is {tuple(z.shape)}", f"latents of {model.prior.dim} dimensions")
    columns = [_column(stored, name) for name in ask.toward] or list(range(len(stored.names)))
    columns = list(dict.fromkeys(columns))
    return Evidence(
        G=model.G,
        network=model.G,
        slots=model.prior.slots,
        z=z,
        c=stored.c,
        names=tuple(stored.names[column] for column in columns),
        scores=stored.scores[:, columns],
        thresholds=torch.tensor(stored.thresholds)[columns],
    )


def _column(stored: Scores, name: str) -> int:
    lowered = [known.casefold() for known in stored.names]
    if name.casefold() not in lowered:
        known = f"known: {', '.join(stored.names[:40])}"
        raise OptionError("--toward", f"the scores have no {name!r}", known, nearest(name, stored.names))
    return lowered.index(name.casefold())
