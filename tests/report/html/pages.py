"""Pages that several tests look at, and what a test reads of a page."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

from nsmodel.cli.checks import decisions
from nsmodel.report.html.judged import Judged, Replay
from nsmodel.report.html.page import render
from nsmodel.traces.read import load_trace
from nsmodel.traces.trace import Trace

ROOT = Path(__file__).parents[3]
VOID = {"meta", "link", "br", "wbr", "input", "use"}


def kept(name: str) -> Trace:
    """A counterexample of the project."""
    return load_trace(ROOT / "counterexamples" / name / "trace.json")


def page_of(trace: Trace, replay: Replay | None = None, file: str = "trace.json") -> str:
    """The page of a trace."""
    return render(trace, Judged(file, decisions(trace), replay))


def step_of(page: str, number: int) -> str:
    """The text of one step, a line for each piece of text."""
    begin = page.index(f'id="step-{number}"')
    end = page.find('<section class="step', begin)
    return text_of(page[begin : end if end > 0 else page.index("<footer>")].partition(">")[2])


def text_of(html: str) -> str:
    """The text of a piece of a page as it is heard, white space as one space."""
    html = re.sub(r'<span aria-hidden="true">[^<]*</span>|<(script|style).*?</\1>', "", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html))).strip()


class Balance(HTMLParser):
    """Reads a page and keeps what is wrong with it: elements that are not closed, identifiers that are not unique,
    links that lead nowhere or out of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.feed(page)
        self.wrong += [f"{tag} is not closed" for tag in self.open]
        self.wrong += [f"{link} leads nowhere" for link in self.links - {f"#{name}" for name in self.ids}]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        name = told.get("id")
        if name is not None:
            self.wrong += [f"two have the id {name}"] if name in self.ids else []
            self.ids.add(name)
        for key in ("href", "src"):
            link = told.get(key)
            if link is not None and not link.startswith("data:"):
                self.links.add(link)
        for key in ("aria-labelledby", "aria-controls"):
            self.links |= {f"#{told[key]}"} if told.get(key) else set()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")
