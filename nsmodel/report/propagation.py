"""Who receives from whom in a state, as text and as data: peers, slaves, through which groups, and what lands where."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from nsmodel.report.console import columns, line
from nsmodel.report.output import GroupInfo, LandingInfo, PlaceInfo, ReceiverInfo, SenderInfo, SilentInfo
from nsmodel.traces.receivers import Propagation


def groups_of(graph: Propagation) -> list[GroupInfo]:
    """The peer groups of a state."""
    facts = graph.facts
    return [
        GroupInfo(
            group=facts.group(g.group) or "?",
            members=[facts.name(m) for m in g.members],
            slaves=[facts.name(m) for m in g.slaves],
            masters=[facts.group(m) or "?" for m in g.masters],
        )
        for g in graph.groups()
    ]


def senders_of(graph: Propagation, only: str | None = None) -> list[SenderInfo]:
    """The mounts that hand on, or the one that is named."""
    facts = graph.facts
    return [
        SenderInfo(
            mount=facts.name(m),
            group=facts.group(facts.rows[m]["group"]) or "?",
            covered_by=graph.over(m) or None,
            receivers=[ReceiverInfo(facts.name(r.mount), r.how, graph.chain(r.chain)) for r in graph.receivers(m)],
            places=[
                PlaceInfo(p.name, [LandingInfo(facts.name(c.mount), c.gets, c.at, c.why) for c in p.copies])
                for p in graph.places(m)
            ],
        )
        for m in graph.senders()
        if only is None or facts.name(m) == only
    ]


def silent_of(graph: Propagation, only: str | None = None) -> list[SilentInfo]:
    """The mounts that hand nothing on."""
    named = ((graph.facts.name(m), why) for m, why in graph.silent())
    return [SilentInfo(name, why) for name, why in named if only is None or name == only]


def show(
    console: Console, groups: Sequence[GroupInfo], senders: Sequence[SenderInfo], silent: Sequence[SilentInfo]
) -> None:
    """All of it, for people."""
    if groups:
        line(console, ("peer groups", "bold"))
        rows = [["group", "members", "slaves", "receives from"]]
        rows += [
            [g.group, " ".join(g.members), " ".join(g.slaves) or "-", ", ".join(f"group {m}" for m in g.masters) or "-"]
            for g in groups
        ]
        _table(console, rows, "  ")
    for group in dict.fromkeys(sender.group for sender in senders):
        _group(console, [s for s in senders if s.group == group])
    if silent:
        line(console, ("the others", "bold"))
        _table(console, [[s.mount, s.why] for s in silent], "  ")


def _group(console: Console, peers: Sequence[SenderInfo]) -> None:
    """Who receives from each of some peers, and what lands where."""
    first = peers[0]
    line(console, (f"from {' '.join(p.mount for p in peers)}", "bold"), f"  shared:{first.group}")
    others = [r for r in first.receivers if r.how == "slave"]
    if not first.receivers:
        line(console, "  nobody receives")
    if len(peers) > 1:
        line(console, "  to each other, as peers")
    for r in first.receivers if len(peers) == 1 else others:
        line(console, f"  to {r.mount}, {_as(r)}")
    for sender in peers:
        if sender.covered_by and sender.receivers:
            line(console, f"  {sender.covered_by} lies on {sender.mount}: a path there leads to that")
        for place in sender.places if sender.receivers else ():
            line(console, f"  a mount on {place.place}")
            rows = [["+" if c.gets else "-", c.mount, f"at {c.at}" if c.gets else "", c.why] for c in place.copies]
            _table(console, rows, "    ")


def _as(r: ReceiverInfo) -> str:
    return f"a {r.how}, through group {' → '.join(r.chain)}"


def _table(console: Console, rows: list[list[str]], indent: str) -> None:
    if rows:
        for row in columns(rows):
            line(console, indent, "  ".join(row))
