"""The built-in metrics, listed without importing them."""

from __future__ import annotations

from gantool import Component
from gantool_classic.metrics import settings

__all__ = ["COMPONENTS"]

FEATURES, CLASSES = "gantool_classic.metrics.features", "gantool_classic.metrics.classes"

COMPONENTS = (
    Component("metric", "fid", f"{FEATURES}:Fid", "Fréchet distance of features (Heusel et al. 2017)."),
    Component(
        kind="metric",
        name="kid",
        target=f"{FEATURES}:Kid",
        options=settings.KidOptions,
        summary="Kernel distance of features, without bias and with an interval (Bińkowski et al. 2018).",
    ),
    Component(
        kind="metric",
        name="precision",
        target=f"{FEATURES}:Precision",
        options=settings.NeighbourOptions,
        summary="Share of the samples that look real (Kynkäänniemi et al. 2019).",
    ),
    Component(
        kind="metric",
        name="recall",
        target=f"{FEATURES}:Recall",
        options=settings.NeighbourOptions,
        summary="Share of the real pictures that the samples reach (Kynkäänniemi et al. 2019).",
    ),
    Component(
        kind="metric",
        name="is",
        target=f"{FEATURES}:InceptionScore",
        options=settings.ScoreOptions,
        summary="How clear each sample's class is and how varied all are (Salimans et al. 2016).",
    ),
    Component(
        kind="metric",
        name="class-accuracy",
        target=f"{CLASSES}:ClassAccuracy",
        summary="Share of conditional samples that are of the class they were asked for.",
    ),
    Component(
        kind="metric",
        name="lipschitz",
        target="gantool_classic.metrics.lipschitz:LipschitzAudit",
        options=settings.LipschitzOptions,
        summary="Slopes of the critic between real and generated samples, its weights and its layers' norms.",
    ),
    Component(
        kind="metric",
        name="modes",
        target=f"{CLASSES}:Modes",
        options=settings.ModesOptions,
        summary="How many modes or classes of the data the samples cover (Lin et al. 2018).",
    ),
)
