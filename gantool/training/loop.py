"""The loop around the step: length, intervals, stopping. It knows phases and observers, not components."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gantool.interfaces import Observer, Report
from gantool.training.phases import Phases
from gantool.training.signals import Stop
from gantool.training.vitals import Probe

__all__ = ["Interval", "Length", "fit"]


@dataclass(frozen=True)
class Length:
    """How long a run is: to a number of generator steps, or for some minutes of training."""

    steps: int
    minutes: float | None = None

    def fraction(self, step: int, seconds: float) -> float:
        """Return the share of the run that is done, in [0, 1]."""
        done = step / self.steps if self.minutes is None else seconds / (60 * self.minutes)
        return min(done, 1.0)


class Interval:
    """Due every ``steps`` steps; without a number ``times`` times in the run, and after ``seconds`` at most."""

    def __init__(self, steps: int | None, times: int, seconds: float = float("inf"), begun: float = 0.0) -> None:
        self.steps = steps
        self.times = times
        self.seconds = seconds
        self._reached = int(begun * times)  # of a resumed run
        self._since = 0.0

    def due(self, step: int, fraction: float, elapsed: float = 0.0) -> bool:
        """Whether to act after ``step``, ``elapsed`` seconds into the run."""
        if self.steps is not None:
            return step % self.steps == 0
        reached = int(fraction * self.times)
        due = reached > self._reached or elapsed - self._since >= self.seconds
        if due:
            self._reached, self._since = reached, elapsed
        return due


@dataclass
class Actions:
    """What the loop does besides stepping, each with its interval."""

    log_every: int | None
    sample: Callable[[int], None]
    sample_interval: Interval
    save: Callable[[int], None]
    save_interval: Interval
    probe: Probe | None
    probe_interval: Interval
    appraise: Callable[[int], None] | None = None  # a step whose checkpoint is there
    appraise_interval: Interval = field(default_factory=lambda: Interval(None, 0))


MOST_STEPS, MOST_SECONDS = 50, 5.0  # between two reports, where no interval was given


def fit(phases: Phases, length: Length, actions: Actions, observers: Sequence[Observer], stop: Stop) -> bool:
    """Train until the length is reached or a signal asks to stop; return whether the length was reached.

    The processes of a group decide alike: by the steps, and by the clock and the signals that all have heard of.
    Raises TrainingError for a loss that is not finite; no checkpoint is written after it.
    """
    state, training, group = phases.state, phases.training, phases.group
    began, reported = time.monotonic(), 0.0
    last = state.step

    def report(fraction: float, probe: Probe | None = None) -> None:
        nonlocal reported, last
        if state.step == last:
            return
        per_step = training.n_critic * training.batch_size
        rate = (state.step - last) * per_step / max(group.seconds - reported, 1e-9)
        stats = phases.statistics.flush()
        vitals = probe.take(stats) if probe else {}
        whole = Report(state.step, state.step * per_step, group.seconds, fraction, rate, stats, vitals)
        reported, last = group.seconds, state.step
        for observer in observers:
            observer.on_interval(whole)

    def tell() -> None:
        group.tell(time.monotonic() - began - paused, stop.signal)

    saved = appraised = -1
    paused = 0.0  # seconds that evaluations took, which are no training

    def save() -> None:
        nonlocal saved
        if saved != state.step:
            actions.save(state.step)
            saved = state.step

    def appraise() -> None:
        nonlocal appraised, paused
        if actions.appraise and appraised != state.step:
            since = time.monotonic()
            actions.appraise(state.step)
            paused += time.monotonic() - since
            appraised = state.step

    tell()
    fraction = length.fraction(state.step, 0.0)
    while fraction < 1 and not group.signal:
        phases.step(lr_factor(training.lr_schedule, fraction))
        tell()
        fraction = length.fraction(state.step, group.seconds)
        if actions.log_every is None:
            due = state.step - last >= MOST_STEPS or group.seconds - reported >= MOST_SECONDS
        else:
            due = state.step % actions.log_every == 0
        probe = due_probe(actions, state.step, fraction, group.seconds)
        if due or probe:
            report(fraction, probe)
        if actions.sample_interval.due(state.step, fraction, group.seconds):
            actions.sample(state.step)
        if actions.save_interval.due(state.step, fraction, group.seconds):
            report(fraction)  # a number that is not finite shows before anything is saved
            save()
        if actions.appraise_interval.due(state.step, fraction, group.seconds):
            report(fraction)
            save()
            appraise()
        tell()  # a signal may have come while others were told
    report(fraction)
    save()
    if fraction >= 1:  # what was stopped goes on later, and is not made to wait
        appraise()
    return fraction >= 1


def due_probe(actions: Actions, step: int, fraction: float, seconds: float) -> Probe | None:
    """Return the probe where a reading is due; one that would cost too much stays due."""
    probe = actions.probe
    if probe and probe.affordable(seconds) and actions.probe_interval.due(step, fraction, seconds):
        return probe
    return None


def lr_factor(schedule: str, fraction: float) -> float:
    """Return the factor of the learning rates: 1, or falling linearly to 0 over the run's second half."""
    return 1.0 if schedule == "constant" else min(1.0, 2 * (1 - fraction))
