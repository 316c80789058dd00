"""Every link from one page to another, or to a file, leads somewhere; addresses in the network are not asked."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("examples/*.md")),
    *sorted(ROOT.glob("plugins/**/*.md")),
]
INLINE, REFERENCE = r"\]\(([^)\s]+)\)", r"^\[\w+\]: (\S+)"
OUTSIDE = ("http://", "https://", "mailto:")


@cache
def prose(page):
    """Return a page without its code blocks, in which ``](`` may be code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@cache
def anchors(page):
    """Return the names of a page's headings, as they are made where Markdown is shown."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    words = (re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", title).lower() for title in titles)
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in words}


def broken(page):
    """Return the links of a page that lead nowhere."""
    for link in re.findall(f"{INLINE}|{REFERENCE}", prose(page), re.MULTILINE):
        target = "".join(link)
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        known = not anchor or place.suffix != ".md" or (place.is_file() and anchor in anchors(place))
        if not target.startswith(OUTSIDE) and not (place.exists() and known):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    assert list(broken(page)) == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A page's `end`\n[a](#a-pages-end) [b](lost.md) [c](page.md#lost) [d](https://a.b)\n\n[e]: gone.md\n"
    )
    assert list(broken(page)) == ["lost.md", "page.md#lost", "gone.md"]
