"""The plugin: a dataset of emoji; nothing here imports torch."""

from __future__ import annotations

from gantool import Component, hookimpl
from gantool_emoji.measured import RECIPE
from gantool_emoji.settings import EmojiOptions

GANTOOL_API = 1


@hookimpl
def gantool_components() -> list[Component]:
    return [
        Component(
            kind="dataset",
            name="emoji",
            target="gantool_emoji.dataset:Emoji",
            options=EmojiOptions,
            summary="Emoji in colour, with attributes that keywords find, from two npm packages.",
            recipe=RECIPE,
        ),
    ]
