"""Asking for labels by name: classes with counts, attributes to have and to lack, free keywords."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from gantool.errors import OptionError, nearest
from gantool.interfaces import Condition
from gantool.latent.model import Model

__all__ = ["Keywords", "attribute_labels", "class_labels", "match_keywords", "named"]

CLASSES, ATTRIBUTES = "classes", "attributes"


class Keywords:
    """Which names a text asks for, and which of its words no name knows."""

    def __init__(self, names: list[str], unknown: list[str]) -> None:
        self.names = names
        self.unknown = unknown


def named(condition: Condition | None, kind: str, name: str, flag: str) -> int:
    """Return the index of a class or an attribute, whatever its case. Raises OptionError where there is none."""
    if condition is None:
        given = f"{name!r} was given, and the model knows no labels"
        raise OptionError(flag, given, "a model trained with --condition", "type: gantool train --help")
    if condition.kind != kind:
        instead = "--class" if condition.kind == CLASSES else "--with and --without"
        raise OptionError(flag, f"{name!r} was given, and the model knows {condition.kind}", f"use {instead}")
    if name in condition.names:
        return condition.names.index(name)
    lowered = [known.casefold() for known in condition.names]
    if name.casefold() not in lowered:
        known = f"known: {', '.join(condition.names)}"
        raise OptionError(flag, f"there is no {name!r} among the model's {kind}", known, nearest(name, condition.names))
    return lowered.index(name.casefold())


def class_labels(condition: Condition | None, asked: Sequence[tuple[str, int]]) -> Tensor:
    """Return int64 labels, each class as often as it was asked for, in the order given."""
    parts = [torch.full((count,), named(condition, CLASSES, name, "--class")) for name, count in asked]
    return torch.cat(parts)


def attribute_labels(
    model: Model, seeds: Sequence[int], having: Sequence[str], lacking: Sequence[str]
) -> tuple[Tensor, bool]:
    """Return float labels ``[N, A]`` that have and lack the named attributes.

    They are rows of the real data, drawn by seed among those that fit. Where none fits, rows are drawn from all and
    the attributes set; the second value says whether rows fitted. Raises OptionError for a contradiction.
    """
    on = [named(model.condition, ATTRIBUTES, name, "--with") for name in having]
    off = [named(model.condition, ATTRIBUTES, name, "--without") for name in lacking]
    if both := set(on) & set(off):
        name = model.condition.names[both.pop()] if model.condition else ""
        raise OptionError("--with --without", f"{name!r} was given in both", "one of them")
    rows = model.label_rows
    fitting = torch.empty(0)
    if rows is not None:
        fitting = rows[(rows[:, on] > 0.5).all(1) & (rows[:, off] < 0.5).all(1)]
    labels = model.draw_labels(seeds, fitting if len(fitting) else None)
    labels[:, on], labels[:, off] = 1.0, 0.0
    return labels, bool(len(fitting))


def match_keywords(condition: Condition | None, text: str) -> Keywords:
    """Match each word of a text to the names, by the words that the dataset gave them.

    Raises OptionError where no word is known.
    """
    if condition is None:
        raise OptionError("--keywords", f"{text!r} was given, and the model knows no labels", "a conditional model")
    vocabulary: dict[str, list[str]] = {}
    for name in condition.names:
        for word in {
            *re.findall(r"\w+", name.casefold()),
            *(w.casefold() for w in condition.words.get(name, ())),
        }:
            vocabulary.setdefault(word, []).append(name)
    words = re.findall(r"\w+", text.casefold())
    found = [name for word in words for name in vocabulary.get(word, [])]
    unknown = [word for word in words if word not in vocabulary]
    if not found:
        known = f"known: {', '.join(sorted(vocabulary)[:40])}"
        raise OptionError("--keywords", f"no word of {text!r} is known", known, nearest(text, vocabulary))
    return Keywords(list(dict.fromkeys(found)), unknown)
