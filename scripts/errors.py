"""The part of docs/reference/errors.md that lists gantool's exceptions, made from gantool/errors.py.

python scripts/errors.py           # write it
python scripts/errors.py --check   # exit with 1 where it is stale
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from gantool.errors import GantoolError

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "errors.md"
BEGIN, END = "<!-- made by scripts/errors.py -->", "<!-- the rest is written by hand -->"
COLUMNS = ("class", "is a", "exit code", "what it says")


def page(text: str) -> str:
    """Return the page with the part between the marks made anew."""
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        sys.exit(f"{PAGE.relative_to(ROOT)} has lost its marks: {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def table() -> str:
    """Return a row for each exception: its class, its base, its exit code and its docstring's first line."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(row, tree(GantoolError))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def tree(error: type[GantoolError]) -> list[type[GantoolError]]:
    """Return an exception and those below it, in the order in which they are defined."""
    return [error, *(inner for below in error.__subclasses__() if is_ours(below) for inner in tree(below))]


def is_ours(error: type[GantoolError]) -> bool:
    """Whether an exception is one of ``gantool.errors``: a plugin may derive its own."""
    return error.__module__ == GantoolError.__module__


def row(error: type[GantoolError]) -> tuple[str, ...]:
    """Return the cells of an exception."""
    base = error.__bases__[0].__name__
    said = (inspect.getdoc(error) or "").splitlines()[0]
    return f"`{error.__name__}`", f"`{base}`", str(error.exit_code), said


def main() -> None:
    """Write the page, or compare it."""
    text = PAGE.read_text(encoding="utf-8")
    made = page(text)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(made, encoding="utf-8")
    elif made != text:
        sys.exit(f"{PAGE.relative_to(ROOT)} is stale; type: python scripts/errors.py")


if __name__ == "__main__":
    main()
