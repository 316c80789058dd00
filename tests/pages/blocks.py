"""What stands in the code blocks of a page, and how its lengths are cut so that a test can run it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

__all__ = ["Block", "blocks_of", "commands_of", "cut"]


@dataclass(frozen=True)
class Block:
    """A code block: its language, which is empty where it holds commands, its text, and the line that it begins at."""

    language: str
    text: str
    line: int


def blocks_of(path: Path) -> list[Block]:
    """Return the blocks of a page; a shell script is one block of commands."""
    text = path.read_text()
    if path.suffix == ".sh":
        return [Block("", text, 1)]
    found = re.finditer(r"^```([\w{}]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(match[1], match[2], text[: match.start()].count("\n") + 2) for match in found]


def commands_of(block: Block) -> Iterator[tuple[int, list[str]]]:
    """Yield the commands of a block as words, each with its line; ``a && b`` and ``a; b`` are two."""
    line = block.line
    for text in re.split(r"(?<!\\)\n", block.text):
        lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars=";&")
        lexer.whitespace_split, lexer.commenters = True, "#"
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word not in (";", "&&"):
                words.append(word)
            elif words:
                yield line, words
                words = []
        line += text.count("\n") + 1


# What a test makes of a length: the value is given where the flag is not, if `always`, and caps the one that is given.
LENGTHS = {
    "train": {
        "--steps": 2,
        "--batch-size": 8,
        "--evaluate-every": 1,
        "--evaluate-count": 24,
        "--arch.channels": 4,
        "--data.size": 32,
    },
    "sample": {"--count": 16},
    "evaluate": {"--count": 40},
    "score": {"--count": 12},
    "steer": {"--count": 3, "--max-steps": 2},
    "interpolate": {"--frames": 10},  # of class:all, a frame for each class
    "classifier train": {"--steps": 4, "--data.size": 32},
    "classifier label": {"--count": 40},
    "direction find": {"--count": 40},
    "direction audit": {"--count": 16},
}
ALWAYS = {
    "train": ("--steps", "--batch-size"),
    "evaluate": ("--count",),
    "score": ("--count",),
    "steer": ("--max-steps",),
    "interpolate": ("--frames",),
    "classifier train": ("--steps",),
    "direction find": ("--count",),
    "direction audit": ("--count",),
}

DROPPED = ("--minutes", "--images", "--start")  # lengths of another kind, and what an untrained model cannot show
UNFIT = {  # words beside which a flag cannot be given
    "--batch-size": {"--resume"},
    "--frames": {"--arith"},
    "--count": {"sefa", "codes", "pair", "--scores"},
    "--max-steps": {"--directions"},
}


def cut(words: list[str]) -> list[str]:
    """Return the words of a ``gantool`` line with short lengths."""
    name = next((name for name in LENGTHS if words[: len(name.split())] == name.split()), "")
    if not name or {"--help", "-h", "--compare"} & set(words):
        return words
    shortened = [{"-n": "--count"}.get(word, word) for word in words]
    lengths = LENGTHS[name]
    if "--dry-run" in words:  # one step, whatever the length
        lengths = {"--batch-size": lengths["--batch-size"]}
    if "--resume" in words:
        lengths = {**lengths, "--steps": made(Path(words[words.index("--resume") + 1])) + 2}
    for flag in DROPPED:
        if flag in shortened:
            at = shortened.index(flag)
            del shortened[at : at + 2]
    for flag, most in lengths.items():
        if flag in shortened:
            at = shortened.index(flag) + 1
            shortened[at] = str(min(int(shortened[at]), most))
        elif flag in ALWAYS.get(name, ()) and not UNFIT.get(flag, set()) & set(words):
            shortened += [flag, str(most)]
    return shortened + smaller(name, words)


def smaller(name: str, words: list[str]) -> list[str]:
    """Return the flags that make networks narrow and data few, where a line leaves both to their defaults."""
    if name not in ("train", "classifier train") or {"--config", "--resume"} & set(words):
        return []
    chosen = dict(pairwise(words))
    data = chosen.get("--data", "shapes")
    points = data == "gaussians" or chosen.get("--recipe") == "gaussians"
    few = ["--data.length", "300"] if data == "shapes" and not points and "--data.length" not in words else []
    dcgan = chosen.get("--arch", "mlp" if points else "dcgan") == "dcgan"
    narrow = ["--arch.channels", "4"] if name == "train" and dcgan and "--arch.channels" not in words else []
    return few + narrow


def made(run: Path) -> int:
    """Return how many steps a run has made."""
    return int((run / "latest").read_text().strip().split("-")[1].split(".")[0])
