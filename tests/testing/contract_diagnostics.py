"""A sound diagnostic, and below it the ways to get it wrong."""

from __future__ import annotations

from gantool import Finding


class Diagnostic:
    flags = "--loss wgan-gp --lr-d 1e-4"

    def __init__(self, options): ...

    def check(self, vitals, config):
        ill = len(vitals) > 10 and vitals[-1].values.get("coverage", 1.0) < 0.5
        return Finding("little variety", self.flags) if ill else None


class SpeaksOfNothing(Diagnostic):
    def check(self, vitals, config):
        return super().check(vitals, config) if vitals else Finding("no readings", self.flags)


class Impatient(Diagnostic):
    def check(self, vitals, config):
        ill = bool(vitals) and vitals[-1].values.get("coverage", 1.0) < 0.5
        return Finding("little variety", self.flags) if ill else None


class NeedsEveryNumber(Diagnostic):
    def check(self, vitals, config):
        if not vitals or not vitals[-1].values:
            return None
        return Finding("flat", self.flags) if vitals[-1].values["slope_d"] < 0.001 else None


class Remembers(Diagnostic):
    calls = 0

    def check(self, vitals, config):
        self.calls += 1
        return super().check(vitals, config) if self.calls % 3 else None


class UnknownFlag(Diagnostic):
    flags = "--loss wgan-gp --learning-rate 1e-4"
