"""What a shell offers where Tab is pressed: names of components, and of the classes and attributes of a model."""

from __future__ import annotations

from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

from gantool.errors import UserError
from gantool.files import checkpoint
from gantool.files.condition import read_condition
from gantool.files.envelope import read_header
from gantool.plugins import load_plugins

__all__ = ["component_names", "label_names"]

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def component_names(kind: str) -> Complete:
    """Return what completes the name of a component, or the last of several with commas between them."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, begun = incomplete.rpartition(",")
        parts = (part for part in load_plugins().registry.all(kind) if part.name.startswith(begun))
        return [CompletionItem(before + comma + part.name, help=part.summary) for part in parts]

    return complete


def label_names(kind: str) -> Complete:
    """Return what completes a name of the model's ``classes`` or ``attributes``, read from its header."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        model = ctx.params.get("model") or next(iter(ctx.args), "")  # a flag without its value leaves it there
        try:
            header = read_header(checkpoint.find(model), checkpoint.KIND)
            condition = read_condition(header.meta.get("condition"))
        except (UserError, ValueError):  # no model yet, or none that can be read: nothing is known
            return []
        names = condition.names if condition and condition.kind == kind else ()
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]

    return complete
