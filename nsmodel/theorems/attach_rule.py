"""Attaching as the rule does it: a case as a state of the model, on which `attach` is run."""

from __future__ import annotations

from nsmodel.ir.language import BROKEN, Trap
from nsmodel.kernel.mount.propagation import attach
from nsmodel.kernel.objects import Dentry, FileSystem, Kernel, MntNamespace, Mount, PeerGroup, UserNamespace
from nsmodel.theorems.attach_case import ABOVE, EQUAL, HIDDEN, OWN, ROOT, Case, Hanging
from nsmodel.theorems.forests import renumbered


class AttachModel:
    """One kernel, into which cases of one size are put one after the other."""

    def __init__(self, mounts: int, switches: frozenset[str] = frozenset()) -> None:
        self.k = k = Kernel(switches=switches)
        self.fs, owner, self.ns = k.new(FileSystem), k.new(UserNamespace), k.new(MntNamespace)
        self.ns.owner = owner
        self.label: dict[Dentry, str] = {}
        self.whole = self.name("root:above", None)
        self.spot = self.name("spot", self.whole)
        self.hidden = self.name("root:hidden", self.whole)
        self.roots = {HIDDEN: self.hidden, ABOVE: self.whole, EQUAL: self.spot}
        self.own = {(kind, i): self.name(f"own {i}", root) for kind, root in self.roots.items() for i in range(mounts)}
        self.mounts = [k.new(Mount) for _ in range(mounts)]
        self.index = {m: i for i, m in enumerate(self.mounts)}

    def name(self, text: str, above: Dentry | None) -> Dentry:
        """A directory."""
        made = self.k.new(Dentry)
        made.fs, made.parent, made.directory = self.fs, above, True
        self.label[made] = text
        return made

    def put(self, case: Case) -> None:
        """A case, with nothing of an earlier one left."""
        for made in [m for m in self.k.mounts if m not in self.index]:
            self.k.free(made)
        for old in list(self.k.peer_groups):
            self.k.free(old)
        groups = [self.k.new(PeerGroup) for _ in range(case.groups.number)]
        for i, m in enumerate(self.mounts):
            g, master = case.groups.group[i], case.groups.master[i]
            m.count, m.ns, m.locked = 1, self.ns, False
            m.parent, m.mountpoint = None, None
            m.group = groups[g] if g >= 0 else None
            m.master = groups[master] if master >= 0 else None
        for i, m in enumerate(self.mounts[: case.standing]):
            m.root = self.whole if i == 0 or case.takes >> i & 1 else self.hidden
            if case.occupants[i] >= 0:
                q = self.mounts[case.occupants[i]]
                q.parent, q.mountpoint = m, self.spot
        tree = self.mounts[case.top :]
        for i, m in enumerate(tree):
            m.root = self.roots[case.kinds[i]]
            if case.new:
                m.ns = None
            if i:
                kind = case.kinds[case.tree[i]]
                m.parent = tree[case.tree[i]]
                m.mountpoint = self.own[kind, i] if case.spots[i] == OWN else self.spot
                if case.spots[i] == ROOT:
                    m.mountpoint = m.parent.root

    def part_trees(self, case: Case) -> None:
        """Give every tree a namespace of its own, the first to that of the destination."""
        for old in [ns for ns in self.k.mnt_namespaces if ns is not self.ns]:
            self.k.free(old)
        self.ns.root = None
        for m in self.mounts:
            m.ns = None
        bottom = self.mounts[0]
        while bottom.parent is not None:
            bottom = bottom.parent
        for top in (bottom, *self.mounts):
            if top.parent is None and top.ns is None and not (case.new and top is self.mounts[case.top]):
                ns = self.ns if top is bottom else self.k.new(MntNamespace)
                ns.owner, ns.root = self.ns.owner, top
                top.ns = ns
        for m in self.mounts:
            below = m
            while below.parent is not None:
                below = below.parent
            m.ns = below.ns
        head = self.mounts[case.top]
        if head.ns is not None:  # what is moved leaves its old place, and no namespace has it for its bottom
            self.k.free(head.ns)
            for m in self.mounts[case.top :]:
                m.ns = self.ns

    def run(self, case: Case) -> str | None:
        """Attach, and say what is broken, if anything is."""
        BROKEN.clear()
        try:
            attach(self.k, self.mounts[case.top], self.mounts[0], self.spot, self.ns)
        except Trap as trap:
            return str(trap)
        return f"{BROKEN[0].property}: {BROKEN[0].clause}" if BROKEN else None

    def attach(self, case: Case) -> tuple[tuple[int, ...], Hanging] | str:
        """Groups and masters as :func:`nsmodel.theorems.attach_lists.linked` gives them, and where everything hangs;
        or what the rule broke."""
        self.put(case)
        tree = self.mounts[case.top :]
        names = [m.mountpoint for m in tree]
        wrong = self.run(case)
        if wrong is not None:
            return wrong
        made = [m for m in self.k.mounts if m not in self.index]
        there = {(c.parent, c.mountpoint): c for c in made}
        rows: list[Mount] = list(self.mounts)
        for r in case.takers():
            copy = [there.get((self.mounts[r], self.spot))]
            copy += [None] * (len(tree) - 1)
            for i in range(1, len(tree)):
                copy[i] = there.get((copy[case.tree[i]], names[i]))
            rows += [c for c in copy if c is not None]
        index: dict[Mount | None, int] = {m: i for i, m in enumerate(rows)}
        rows += [m for m in made if m not in index]
        index[None] = -1
        numbers: dict[PeerGroup | None, int] = {g: i for i, g in enumerate(self.k.peer_groups)}
        numbers[None] = -1
        links = renumbered([*(numbers[m.group] for m in rows), *(numbers[m.master] for m in rows)])
        hanging = Hanging(
            tuple(index.get(m.parent, -2) for m in rows),
            tuple(self.label[m.mountpoint] if m.mountpoint is not None else "" for m in rows),
        )
        return links, hanging
