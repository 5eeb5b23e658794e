"""Who receives what happens on a mount, through which peer groups, and what lands where: read off a state alone.

A group hands on to its members and to its slaves, a slave that is shared to its own group, and so on (fs/pnode.c:
propagation_next, v6.18). What is put on a name of a mount gets a copy at every receiver that shows the name and is in
a namespace that is not anonymous: a peer of the new mount in its own group, elsewhere a slave of the copies that the
nearest group towards it got (propagate_mnt, propagate_one).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import networkx as nx

from nsmodel.traces.mount_facts import MountFacts
from nsmodel.traces.places import place

Node = tuple[Literal["group", "mount"], int]


@dataclass(frozen=True)
class Group:
    """A peer group: its members, the slaves that are in no group themselves, and its masters (one if sound)."""

    group: int
    members: tuple[int, ...]
    slaves: tuple[int, ...]
    masters: tuple[int, ...]


@dataclass(frozen=True)
class Receiver:
    """A mount that receives from another one: as its peer or as a slave, through a chain of groups, the sender's
    first."""

    mount: int
    how: Literal["peer", "slave"]
    chain: tuple[int, ...]


@dataclass(frozen=True)
class Copy:
    """What a receiver gets of a mount that is put on a place: `gets` says whether, `why` in words."""

    mount: int
    gets: bool
    why: str
    at: str | None
    """The place of the copy."""


@dataclass(frozen=True)
class Place:
    """A place where something can be mounted on a sender, and what each receiver gets of it."""

    sender: int
    dentry: int
    name: str
    copies: tuple[Copy, ...]


class Propagation:
    """The propagation graph of one state: an edge from each group to its members and slaves, and from each mount that
    is shared to its group."""

    def __init__(self, facts: MountFacts) -> None:
        self.facts = facts
        self.graph: nx.DiGraph[Node] = nx.DiGraph()
        for m, row in facts.rows.items():
            if row["group"] is not None:
                self.graph.add_edge(("group", row["group"]), ("mount", m))
                self.graph.add_edge(("mount", m), ("group", row["group"]))
            if row["master"] is not None:
                self.graph.add_edge(("group", row["master"]), ("mount", m))

    def senders(self) -> list[int]:
        """The mounts that hand anything on, or would: those that are shared, by name."""
        return [m for m in self._by_name() if self.facts.rows[m]["group"] is not None]

    def silent(self) -> list[tuple[int, str]]:
        """The other mounts, and what that means for each."""
        return [(m, self._silence(m)) for m in self._by_name() if self.facts.rows[m]["group"] is None]

    def _by_name(self) -> list[int]:
        return [m for top in self.facts.tops() for m, _ in self.facts.walk(top)]

    def _silence(self, mount: int) -> str:
        row = self.facts.rows[mount]
        if row["master"] is not None:
            odd = ", and unbindable, which no slave may be" if row.get("unbindable") else ""
            return f"slave of group {self.facts.group(row['master'])}: receives, hands nothing on{odd}"
        if row.get("unbindable"):
            return "unbindable: neither receives nor hands on; no copy takes it along, and no shared mount takes it"
        if row["ns"] is None:
            return "unmounted: neither receives nor hands on"
        return "private: neither receives nor hands on"

    def receivers(self, sender: int) -> list[Receiver]:
        """Who receives from a mount, the nearest first."""
        own = self.facts.rows[sender]["group"]
        if own is None:
            return []
        chains = nx.single_source_shortest_path(self.graph, ("group", own))
        order = {m: i for i, m in enumerate(self._by_name())}
        out = []
        for (kind, m), path in chains.items():
            if kind == "mount" and m != sender:
                peer = self.facts.rows[m]["group"] == own
                out.append(Receiver(m, "peer" if peer else "slave", tuple(n for k, n in path if k == "group")))
        return sorted(out, key=lambda r: (len(r.chain), r.how, order.get(r.mount, 0)))

    def places(self, sender: int) -> Iterator[Place]:
        """The names of a sender that a path leads to, so that something can be put there: neither on them nor on the
        way to them lies anything."""
        facts, row = self.facts, self.facts.rows[sender]
        covered = {facts.rows[c]["mountpoint"] for c in facts.tree.succ[sender]}
        receivers = self.receivers(sender)
        for dentry in facts.dentries:
            way = self._way(dentry, row["root"])
            if way and not covered & set(way):
                taking = {r.mount for r in receivers if self._refusal(r.mount, dentry) is None}
                copies = tuple(self._copy(sender, r, dentry, taking) for r in receivers)
                yield Place(sender, dentry, place(sender, dentry, facts.state, facts.names), copies)

    def _way(self, dentry: int, top: int) -> list[int]:
        """The names from one up to `top`, both included; empty where it is not below."""
        out = [dentry]
        while out[-1] != top:
            above = self.facts.dentries[out[-1]]["parent"]
            if above is None:
                return []
            out.append(above)
        return out

    def _refusal(self, receiver: int, dentry: int) -> str | None:
        """Why a receiver gets no copy of what is put on a name; None where it gets one."""
        facts, row = self.facts, self.facts.rows[receiver]
        if row["ns"] is None:
            return "it is unmounted"
        if not self._way(dentry, row["root"]):
            return f"it shows {facts.shows(receiver)}, without {facts.names.get(('dentries', dentry), '?')}"
        if facts.anonymous(row["ns"]):
            return "it is mounted nowhere; only unmounts reach it"
        return None

    def _copy(self, sender: int, receiver: Receiver, dentry: int, taking: set[int]) -> Copy:
        facts, m = self.facts, receiver.mount
        why = self._refusal(m, dentry)
        if why is not None:
            return Copy(m, False, why, None)
        at = place(m, dentry, facts.state, facts.names)
        if receiver.how == "peer":
            words = ["a peer of it"]
        else:
            words = [self._master_of_copy(receiver, taking)]
            if facts.rows[m]["group"] is not None:
                words.append("shared")
        on_it = [c for c in facts.tree.succ[m] if facts.rows[c]["mountpoint"] == dentry]
        if on_it:
            words.append(f"beneath {facts.name(on_it[0])}")
        theirs, ours = (facts.owner(facts.rows[x]["ns"]) for x in (m, sender))
        if theirs != ours:
            words.append(f"attributes locked for {theirs}")
        return Copy(m, True, ", ".join(words), at)

    def _master_of_copy(self, receiver: Receiver, taking: set[int]) -> str:
        """What the copy for a slave is a slave of: the copies of the nearest group on the way that has any."""
        for group in reversed(receiver.chain[1:]):
            if any(self.facts.rows[m]["group"] == group for m in taking):
                return f"a slave of the copies in group {self.facts.group(group)}"
        return "a slave of it"

    def over(self, sender: int) -> str:
        """What lies on a mount's own root, so that no path leads to its names; empty where nothing does."""
        root = self.facts.rows[sender]["root"]
        lying = [c for c in self.facts.tree.succ[sender] if self.facts.rows[c]["mountpoint"] == root]
        return self.facts.name(lying[0]) if lying else ""

    def chain(self, groups: tuple[int, ...]) -> list[str]:
        """A chain of groups by their numbers."""
        return [self.facts.group(g) or "?" for g in groups]

    def groups(self) -> list[Group]:
        """The peer groups, masters before their slaves."""
        order: nx.DiGraph[int] = nx.DiGraph()
        rows = self.facts.rows
        for m in self._by_name():
            row = rows[m]
            order.add_nodes_from(g for g in (row["group"], row["master"]) if g is not None)
            if None not in (row["group"], row["master"]):
                order.add_edge(row["master"], row["group"])
        whole = nx.condensation(order)
        parts = nx.get_node_attributes(whole, "members")
        sequence = nx.lexicographical_topological_sort(whole, key=lambda part: min(parts[part]))
        return [self._group(g) for part in sequence for g in sorted(parts[part])]

    def _group(self, group: int) -> Group:
        rows, order = self.facts.rows, self._by_name()
        members = tuple(m for m in order if rows[m]["group"] == group)
        masters = sorted({rows[m]["master"] for m in members if rows[m]["master"] is not None})
        slaves = tuple(m for m in order if rows[m]["master"] == group and rows[m]["group"] is None)
        return Group(group, members, slaves, tuple(masters))
