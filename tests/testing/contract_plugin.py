"""A sound plugin, light, of one component of each kind; it is importable and not installed."""

from __future__ import annotations

from typing import Annotated

from gantool import Component, Meta, Options, hookimpl

GANTOOL_API = 1


class RootOptions(Options, frozen=True):
    root: Annotated[str, Meta(description="where", extra={"path": True})] | None = None


class Shares(Options, frozen=True):
    share: Annotated[float, Meta(ge=0, le=1, description="a share")] = 0.5


@hookimpl
def gantool_components():
    return [
        Component("architecture", "sound", "contract_parts:Architecture", "Two layers.", Shares),
        Component("loss", "sound", "contract_parts:Loss", "Hinge loss."),
        Component("lipschitz", "sound", "contract_parts:Enforcer", "Flat critics.", critic_norms=("layer", "none")),
        Component("conditioning", "sound", "contract_parts:Sides", "Codes and planes."),
        Component("converter", "sound", "contract_parts:Converter", "Another tool's generators."),
        Component("regularizer", "sound", "contract_regularizers:Regularizer", "One code of z."),
        Component("augmentation", "sound", "contract_watching:Augmentation", "Scales."),
        Component("observer", "sound", "contract_watching:Watcher", "Writes lines."),
        Component("dataset", "sound", "contract_data:Data", "Noise."),
        Component("classifier", "sound", "contract_classifiers:Classifier", "One layer."),
        Component("classifier", "trained", "contract_classifiers:NotInstalled", "Its weights are not there."),
        Component("direction-finder", "sound", "contract_finders:Finder", "The diagonal of z."),
        Component("extractor", "sound", "contract_evaluation:Extractor", "Means of the channels."),
        Component("extractor", "missing", "contract_evaluation:NotInstalled", "Its weights are not there."),
        Component("metric", "sound", "contract_evaluation:Metric", "Distance of the means."),
        Component("diagnostic", "sound", "contract_diagnostics:Diagnostic", "Little variety."),
        Component("dataset", "rooted", "contract_data:Rooted", "Noise of a folder.", RootOptions),
    ]
