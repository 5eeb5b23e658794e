"""Forests on which rule and algorithm part, as text for people: lines of at most 100 columns."""

from __future__ import annotations

from collections.abc import Sequence

from nsmodel.report.console import columns
from nsmodel.theorems import attach, invariants, umount
from nsmodel.theorems.attach_case import ABOVE, EQUAL, OWN, ROOT, SPOT, Case
from nsmodel.theorems.forests import Places, Shape, children
from nsmodel.theorems.groups import Groups
from nsmodel.theorems.model import Hung
from nsmodel.theorems.umount import Umounted

HIDES = "(not shown)"


def letter(number: int) -> str:
    """A name of a file system: a, b, c, …"""
    return chr(ord("a") + number)


def propagation(groups: Groups, m: int) -> str:
    """`shared:1 master:2`, as in mountinfo."""
    words = [f"shared:{groups.group[m] + 1}"] if groups.group[m] >= 0 else []
    words += [f"master:{groups.master[m] + 1}"] if groups.master[m] >= 0 else []
    return " ".join(words)


def forest_lines(shape: Shape, where: Places, words: Sequence[Sequence[str]], titles: Sequence[str]) -> list[str]:
    """The trees of a forest, a line for each mount: its number, its name on what it is on, and some words."""
    rows = [["mount", "on the name", *titles]]
    on = children(shape)

    def branch(m: int, stem: str, tip: str) -> None:
        at = ""
        if shape[m] >= 0:
            at = f"{letter(where.at[m])}, its root" if where.over >> m & 1 else letter(where.at[m])
        rows.append([f"{tip}{m + 1}", at, *words[m]])
        for c in on[m]:
            last = c == on[m][-1]
            branch(c, stem + ("   " if last else "│  "), stem + ("└─ " if last else "├─ "))

    for m, under in enumerate(shape):
        if under < 0:
            branch(m, "", "")
    return ["  ".join(row).rstrip() for row in columns(rows)]


def fate(forest: umount.Forest, m: int, what: Umounted) -> str:
    """What becomes of a mount."""
    if m in what.gone:
        return "goes"
    if not what.hung:
        return ""
    before: Hung = tuple((on, at) for on, at in zip(forest.shape, forest.where.at, strict=True))
    if what.hung[m] == before[m] or forest.shape[m] < 0:
        return "stays"
    on, at = what.hung[m]
    return f"slides to {letter(at)} on {on + 1}"


def of_umount(found: umount.Difference, algorithm: str) -> list[str]:
    """A forest, what is unmounted, and what becomes of each mount by the rule and by the algorithm."""
    forest = found.forest
    words = []
    for m in range(len(forest.shape)):
        told = propagation(forest.groups, m) + (" locked" if forest.locked >> m & 1 else "")
        told += "  <- umount" if m == forest.target else ""
        words.append([told.strip(), fate(forest, m, found.rule), fate(forest, m, found.algorithm)])
    return forest_lines(forest.shape, forest.where, words, ["propagation", "by the rule", algorithm])


def of_attach(found: attach.Difference) -> list[str]:
    """The mounts before, and the copies with their links by the rule and by the algorithm."""
    case = found.case
    lines = case_lines(case)
    if found.rule is None or found.algorithm is None:
        return lines
    copies = [(r, i) for r in case.takers() for i in range(len(case.tree))]
    rows = [["", "by the rule", "by the algorithm"]]
    count = case.mounts + len(copies)
    titles = [f"mount {case.top + i + 1}" for i in range(len(case.tree))]
    titles += [f"copy of {case.top + i + 1} for {r + 1}" for r, i in copies]
    for at, title in zip(range(case.top, count), titles, strict=True):
        rows.append([title, *(_link(links, at, count) for links in (found.rule, found.algorithm))])
    return [*lines, *("  ".join(row).rstrip() for row in columns(rows))]


def _link(links: Sequence[int], m: int, count: int) -> str:
    if len(links) < 2 * count:
        return "?"
    words = [f"shared:{links[m] + 1}"] if links[m] >= 0 else []
    words += [f"master:{links[count + m] + 1}"] if links[count + m] >= 0 else []
    return " ".join(words) or "private"


def case_lines(case: Case) -> list[str]:
    """What is attached to what."""
    rows = [["mount", "", "propagation", "of the mountpoint"]]
    for m in range(case.mounts):
        i = m - case.top
        if i < 0:
            holder = [n + 1 for n, q in enumerate(case.occupants) if q == m]
            what = "the destination" if m == 0 else ""
            what += (", " if what else "") + f"on the mountpoint at {holder[0]}" if holder else ""
            sees = "shows it" if m == 0 or case.takes >> m & 1 else HIDES
        else:
            spot = {OWN: "", ROOT: ", on its root", SPOT: ", on the mountpoint there"}[case.spots[i]]
            what = f"on {case.top + case.tree[i] + 1}{spot}" if i else "is attached" + (", new" if case.new else "")
            sees = {ABOVE: "shows it", EQUAL: "has it for its root"}.get(case.kinds[i], HIDES)
        rows.append([str(m + 1), what, propagation(case.groups, m), sees])
    return ["  ".join(row).rstrip() for row in columns(rows)]


def of_invariants(found: invariants.Difference) -> list[str]:
    """A forest, and what is done to it."""
    start = found.start
    if isinstance(start, Case):
        return case_lines(start)
    forest = start.forest
    words = []
    for m in range(len(forest.shape)):
        told = propagation(forest.groups, m) + (" locked" if start.locked >> m & 1 else "")
        told += " unbindable" if forest.unbindable >> m & 1 else ""
        words.append([told.strip() + (f"  <- {start.operation}" if m == start.mount else "")])
    return forest_lines(forest.shape, forest.where, words, ["propagation"])
