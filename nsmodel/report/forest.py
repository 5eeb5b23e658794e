"""The mount forest of a state: what is mounted where in each mount namespace, with peer groups and masters, and what a
step changed of it. Lines of at most 78 columns, so that they fit a terminal with an indent."""

from __future__ import annotations

from typing import Any

from nsmodel.report.console import columns
from nsmodel.traces.mount_facts import MountFacts, place_change
from nsmodel.traces.places import Table, path_in, place_names
from nsmodel.traces.trace import State

WIDTH = 78


def mount_forest(
    state: State, names: Table, marked: frozenset[int] = frozenset(), before: State | None = None
) -> list[str]:
    """Lines of the forest, a tree for each namespace and one for each tree that was taken off; `marked` mounts are
    pointed at, and changes since `before` are told: `+` new, `~` changed, `-` gone. No lines where there are no
    mounts."""
    now = MountFacts(state, names)
    earlier = MountFacts(before, place_table(before, names)) if before is not None else None
    if not now.rows and not (earlier and earlier.rows):
        return []
    drawing = _Drawing(now, marked, earlier)
    lines = [["  mount", "shows", "propagation"]]
    last: object = ()
    for top in now.tops():
        if now.rows[top]["parent"] in now.rows:
            continue
        heading = drawing.heading(now.rows[top]["ns"])
        if heading != last:
            lines.append([heading])
            last = heading
        drawing.branch(top, "  ", "  ", lines)
    lost = [m for m in now.rows if m not in drawing.drawn]
    if lost:
        lines.append(["on each other, in a circle"])
        lines += [[f"  {now.name(m)}", *shown(now, m)] for m in lost]
    if earlier is not None:
        lines += [[f"- {earlier.name(m)}", *shown(earlier, m)] for m in earlier.rows if m not in now.rows]
    wide = columns([row for row in lines if len(row) > 1])
    out = []
    for row in lines:
        text = row[0] if len(row) == 1 else "  ".join(wide.pop(0))
        out.append(_cut(text.rstrip()))
    return out


def shown(facts: MountFacts, mount: int) -> list[str]:
    """What a mount shows, and how it propagates and what it allows."""
    return [facts.shows(mount), " ".join(facts.words(mount))]


def place_table(state: State, names: Table) -> Table:
    """Names in which mounts have the places of another state."""
    return {**names, **{("mounts", m): name for m, name in place_names(state, names).items()}}


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


class _Drawing:
    """Draws the trees of one state."""

    def __init__(self, now: MountFacts, marked: frozenset[int], before: MountFacts | None) -> None:
        self.now, self.marked, self.before = now, marked, before
        self.drawn: set[int] = set()

    def heading(self, ns: int | None) -> str:
        """What a tree is in."""
        name = self.now.namespace(ns)
        if self.now.anonymous(ns):
            return f"{name}, mounted nowhere"
        owner = self.now.owner(ns)
        return f"{name}, owner {owner}" if owner else name

    def branch(self, mount: int, stem: str, tip: str, out: list[list[str]]) -> None:
        """A mount and what is mounted on it."""
        self.drawn.add(mount)
        row = self.now.rows[mount]
        above = self.now.rows.get(row["parent"])
        where = "/" + path_in(row["mountpoint"], above["root"], self.now.names) if above is not None else self._top(row)
        pointer = "  <- breaks the clause" if mount in self.marked else ""
        name = f"{self._change(mount)} {tip[2:]}{where}"
        shows, words = shown(self.now, mount)
        out.append([name, shows, " ".join([words, self._was(mount)]).strip() + pointer])
        children = self.now.children(mount)
        for i, child in enumerate(children):
            final = i == len(children) - 1
            self.branch(child, stem + ("   " if final else "│  "), stem + ("└─ " if final else "├─ "), out)

    def _top(self, row: dict[str, Any]) -> str:
        return "/" if row["ns"] is None or self.now.anonymous(row["ns"]) else "bottom"

    def _change(self, mount: int) -> str:
        if self.before is None:
            return " "
        if mount not in self.before.rows:
            return "+"
        return "~" if self._was(mount) else " "

    def _was(self, mount: int) -> str:
        """What of a mount was different before, in words."""
        if self.before is None or mount not in self.before.rows:
            return ""
        out = [word for word in (place_change(self.before, self.now, mount),) if word]
        told, now = self.before.words(mount), self.now.words(mount)
        out += [f"-{word}" for word in told if word not in now]
        return f"({', '.join(out)})" if out else ("(+)" if set(now) - set(told) else "")
