"""Where the peer groups of a panel are drawn: a lane for each, a master's left of its slaves' where that can be.

Groups whose rows lie apart share a lane, so that many groups stay narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx

from nsmodel.report.picture.rows import Row


@dataclass(frozen=True)
class Lane:
    """A peer group: its place from the left, and the rows of its members and of its slaves."""

    group: str
    column: int
    members: tuple[int, ...]
    slaves: tuple[int, ...]


def lanes_of(rows: Sequence[Row]) -> list[Lane]:
    """The lanes of some rows, in the order of their places."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    members: dict[str, list[int]] = {}
    slaves: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        if row.group is not None:
            members.setdefault(row.group, []).append(i)
            graph.add_node(row.group)
        if row.master is not None:
            slaves.setdefault(row.master, []).append(i)
            graph.add_node(row.master)
            if row.group is not None:
                graph.add_edge(row.master, row.group)
    taken: list[list[range]] = []
    out = []
    for group in in_order(graph):
        inside = [*members.get(group, ()), *slaves.get(group, ())]
        span = range(min(inside), max(inside) + 1)
        column = next((i for i, spans in enumerate(taken) if not any(_meet(span, s) for s in spans)), len(taken))
        if column == len(taken):
            taken.append([])
        taken[column].append(span)
        out.append(Lane(group, column, tuple(members.get(group, ())), tuple(slaves.get(group, ()))))
    return sorted(out, key=lambda lane: (lane.column, lane.members or lane.slaves))


def in_order(graph: nx.DiGraph[str]) -> list[str]:
    """Groups so that masters come before their slaves; a circle of masters, which only a broken state has, is kept
    together."""
    whole = nx.condensation(graph)
    parts = nx.get_node_attributes(whole, "members")
    steps = nx.lexicographical_topological_sort(whole, key=lambda part: min(map(_natural, parts[part])))
    return [group for part in steps for group in sorted(parts[part], key=_natural)]


def _natural(group: str) -> tuple[int, str]:
    return (int(group) if group.isdigit() else 0, group)


def _meet(a: range, b: range) -> bool:
    return a.start <= b.stop and b.start <= a.stop
