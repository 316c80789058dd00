"""Terms added to the generator's loss, that make single coordinates of z mean one thing each."""

from __future__ import annotations

from gantool import Component
from gantool_classic.regularizers import settings

COMPONENTS = [
    Component(
        kind="regularizer",
        name="infogan",
        target="gantool_classic.regularizers.infogan:InfoGan",
        options=settings.InfoGanOptions,
        summary="Codes in z that a head on D's features can read back from the sample (Chen et al. 2016).",
        requires=settings.needs_codes,
    ),
    Component(
        kind="regularizer",
        name="hessian",
        target="gantool_classic.regularizers.curvature:HessianPenalty",
        options=settings.HessianOptions,
        summary="Coordinates of z that act independently of each other: a diagonal Hessian (Peebles et al. 2020).",
    ),
    Component(
        kind="regularizer",
        name="orojar",
        target="gantool_classic.regularizers.curvature:OrthogonalJacobian",
        options=settings.OroJarOptions,
        summary="Coordinates of z that change the sample in orthogonal ways (Wei et al. 2021).",
    ),
    Component(
        kind="regularizer",
        name="classifier",
        target="gantool_classic.regularizers.classifier:ClassifierSlots",
        options=settings.ClassifierSlotsOptions,
        summary="A trained classifier's gradients tie one slot of z to one feature each.",
        requires=settings.needs_classifier_file,
    ),
    Component(
        kind="regularizer",
        name="auxiliary",
        target="gantool_classic.regularizers.auxiliary:Auxiliary",
        options=settings.AuxiliaryOptions,
        summary="A classifier on D's features asks the sample to show its label (after Odena et al. 2017).",
        requires=settings.needs_labels,
    ),
]
