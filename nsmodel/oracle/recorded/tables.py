"""Comparison of a recorded mount table with the model's mounts, from cheap to strict.

1. result and errno (compared by the judge of the call);
2. the multiset of (place, root) of the namespace's mounts;
3. what is mounted on what, with file system, attributes and propagation flags;
4. the partition into peer groups and the edges to masters, up to renaming;
5. the very objects: each label of a mount or group means the same object in all tables.

What is compared is every mount of the namespace except its hidden bottom, wherever the viewer's root is; which of them
the viewer sees is compared besides.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from nsmodel.kernel.objects import AttributeKind, FileSystem, Kernel, MntNamespace, Mount, PeerGroup, Superblock
from nsmodel.oracle.recorded.mounts import OPTIONS, Labels, RecordedMounts, Shown, named_by, namespace_root, shown_rows
from nsmodel.oracle.recorded.names import SINGLE, Names
from nsmodel.oracle.recorded.recordings import Table

LEVELS = {2: "mounts and roots", 3: "what is mounted on what", 4: "peer groups and masters", 5: "identity"}
MOST = 6
"""Differing rows that are shown."""


class Mismatch(Exception):
    """A table that differs: at which level, and the rows in question side by side."""

    def __init__(self, level: int, what: str, expected: Iterable[str], got: Iterable[str]) -> None:
        super().__init__(what)
        self.level, self.what = level, what
        self.expected, self.got = _listed(expected), _listed(got)

    @property
    def title(self) -> str:
        """The level in words, and what is wrong."""
        return f"level {self.level}, {LEVELS[self.level]}: {self.what}"


def _listed(rows: Iterable[str]) -> str:
    rows = list(rows)
    more = f"; and {len(rows) - MOST} more" if len(rows) > MOST else ""
    return ("; ".join(rows[:MOST]) or "nothing") + more


@dataclass(frozen=True)
class Seen:
    """A mount of the model as a table would show it."""

    mount: Mount
    place: str
    root: str


class Comparison:
    """Compares the tables of one step; what it learns about labels is kept when the whole step agrees."""

    def __init__(self, mounts: RecordedMounts) -> None:
        self.mounts = mounts
        self.k: Kernel = mounts.k
        self.names: Names = mounts.names
        self.labels: Labels = mounts.labels.copy()
        self.fresh: set[str] = set()
        """Group labels that this step brought."""
        self.taken = {g: label for label, g in self.labels.groups.items()}
        self.named = {m: label for label, m in self.labels.mounts.items()}

    def keep(self) -> None:
        """Take over what was learnt."""
        self.mounts.labels = self.labels

    # -- the model's side -----------------------------------------------------------------------------------------

    def table(self, ns: MntNamespace) -> list[Seen]:
        """The mounts of a namespace, the parents first."""
        members = [m for m in self.k.live(Mount) if m.ns is ns]
        on: dict[Mount | None, list[Mount]] = {}
        inside = set(members)
        for m in members:
            if m is not ns.root:
                on.setdefault(m.parent if m.parent in inside else None, []).append(m)
        out: list[Seen] = []
        todo: list[tuple[Mount, str]] = []
        if ns.root is not None:
            todo.append((ns.root, ""))
        todo += [(m, "") for m in on.get(None, [])]
        while todo:
            m, place = todo.pop(0)
            if m is not ns.root:
                out.append(Seen(m, place or "/", self.root(m)))
            for c in on.get(m, []):
                where = c.mountpoint
                assert where is not None
                todo.append((c, place + self.names.path(where, m.root).rstrip("/")))
        return out

    def root(self, m: Mount) -> str:
        """The root of a mount as mountinfo shows it; a namespace file without its number."""
        if m.root.fs is self.mounts.nsfs:
            return "a namespace file"
        return self.names.shown(m.root)

    def describe(self, seen: Seen) -> str:
        """A row of the model in words, with the labels of the recording where they are known."""
        m = seen.mount
        label = self.named.get(m, "new")
        on = self.named.get(m.parent, "top") if m.parent is not None else "top"
        words = [f"{label} on {on} {seen.place}", seen.root, self._options(m)]
        if m.group is not None:
            words.append(f"shared:{self.taken.get(m.group, 'new')}")
        if m.master is not None:
            words.append(f"master:{self.taken.get(m.master, 'new')}")
        if m.unbindable:
            words.append("unbindable")
        return " ".join(words)

    def _options(self, m: Mount) -> str:
        kinds = {a.kind for a in m.attributes}
        return ",".join(name for name, kind in OPTIONS.items() if kind in kinds) or "-"

    # -- comparison -----------------------------------------------------------------------------------------------

    def compare(self, ns: MntNamespace, table: Table, visible: set[Mount] | None) -> None:
        """Raise a mismatch where table and model differ; `visible` is what the viewer's root shows, if it is known."""
        rows = shown_rows(table)
        mine = self.table(ns)
        if any(is_bottom(s) for s in rows) and ns.root is not None:
            mine.insert(0, Seen(ns.root, "/", "/"))
        if any(s.row.uid is None for s in rows) or not any(m.parent is ns.root for m in self.k.live(Mount)):
            if visible is None:
                return
            mine = [s for s in mine if s.mount in visible]  # the recorder could not list the others
        self._multiset(rows, mine)
        self._consistent(rows)
        pairs = self._match(rows, mine)
        self._details(pairs)
        self._groups(pairs)
        self._identity(pairs)
        if visible is not None:
            self._visible(pairs, visible)

    def _multiset(self, rows: list[Shown], mine: list[Seen]) -> None:
        theirs = Counter((s.place, root_of(s)) for s in rows)
        ours = Counter((s.place, s.root) for s in mine)
        if theirs == ours:
            return
        over, under = ours - theirs, theirs - ours
        raise Mismatch(
            2,
            "other mounts",
            [self.describe(s) for s in mine if (s.place, s.root) in over],
            [_described(s) for s in rows if (s.place, root_of(s)) in under],
        )

    def _consistent(self, rows: list[Shown]) -> None:
        """The kernel's numbers in a table say the same as the labels."""
        numbers = {s.row.n.id: s.row.id for s in rows}
        groups: dict[int | None, str | None] = {None: None}
        for s in rows:
            row, n = s.row, s.row.n
            if n.parent in numbers and numbers[n.parent] != row.parent:
                raise Mismatch(3, "the number of the parent is another one", [str(numbers[n.parent])], [_described(s)])
            for number, label in (
                (row.shared, n.shared),
                (row.master, n.master),
                (row.propagate_from, n.propagate_from),
            ):
                if groups.setdefault(number, label) != label:
                    raise Mismatch(4, f"the number of the group is {number}", [str(groups[number])], [_described(s)])

    def _match(self, rows: list[Shown], mine: list[Seen]) -> list[tuple[Shown, Seen]]:
        """Pair the rows with the model's mounts by place: at most one mount is on a place of a mount."""
        ours: dict[tuple[Mount | None, str], list[Seen]] = {}
        inside = {s.mount for s in mine}
        for s in mine:
            ours.setdefault((s.mount.parent if s.mount.parent in inside else None, s.place), []).append(s)
        known = {s.row.n.id for s in rows}
        waiting: dict[str, list[Shown]] = {}
        for row in rows:
            waiting.setdefault(row.row.n.parent if row.row.n.parent in known else "top", []).append(row)
        todo: list[tuple[str, Mount | None]] = [("top", None)]
        pairs: list[tuple[Shown, Seen]] = []
        lost: list[Shown] = []
        while todo:
            label, mount = todo.pop()
            for row in waiting.get(label, []):
                found = self._pick(row, ours.get((mount, row.place), []))
                if found is None or found.root != root_of(row):
                    lost.append(row)
                    continue
                ours[mount, row.place].remove(found)
                pairs.append((row, found))
                todo.append((row.row.n.id, found.mount))
        if lost or len(pairs) != len(rows) or any(ours.values()):
            paired = {p.mount for _, p in pairs}
            raise Mismatch(
                3,
                "other parents",
                [self.describe(s) for s in mine if s.mount not in paired],
                [_described(r) for r in rows if all(r is not x for x, _ in pairs)],
            )
        return pairs

    def _pick(self, shown: Shown, there: list[Seen]) -> Seen | None:
        """The mount of a row among those at its place: there are several only where names are shown alike."""
        if len(there) < 2:
            return there[0] if there else None
        n = shown.row.n
        known = self.labels.mounts.get(n.id)

        def likeness(s: Seen) -> tuple[bool, ...]:
            m = s.mount
            return (
                known is m,
                known is None and m not in self.named,
                s.root == root_of(shown),
                (m.group is None) == (n.shared is None) and self.taken.get(m.group, n.shared) == n.shared,  # type: ignore[arg-type]
                (m.master is None) == (n.master is None) and self.taken.get(m.master, n.master) == n.master,  # type: ignore[arg-type]
            )

        return max(there, key=likeness)

    def _details(self, pairs: list[tuple[Shown, Seen]]) -> None:
        readonly = {sb.fs: sb.readonly for sb in self.k.live(Superblock)}
        for shown, seen in pairs:
            row, m = shown.row, seen.mount
            if is_bottom(shown):
                continue
            wrong = ""
            if row.unbindable != m.unbindable:
                wrong = "unbindable or not"
            if row.opts is not None:
                if told_options(row.opts) != option_names(frozenset(a.kind for a in m.attributes)):
                    wrong = "other attributes"
            if row.sbopts is not None and readonly.get(m.root.fs) != (row.sbopts.split(",")[0] == "ro"):
                wrong = f"the file system is {'read-only' if readonly.get(m.root.fs) else 'writable'} in the model"
            if not self._device(row.dev, row.fstype, m.root.fs):
                wrong = f"another file system ({row.fstype} {row.dev})"
            if m.root.fs is self.mounts.nsfs and named_by(m) is not None and row.root is not None:
                known = self.mounts.namespace_of_inode.get(namespace_root(row.root)[1])
                if known is not None and known is not named_by(m):
                    wrong = "the file of another namespace"
            known_source = self.labels.sources.get(m.root.fs)
            if row.source is not None and row.fstype not in SINGLE:
                if known_source is not None and known_source != row.source:
                    wrong = f"mounted from {known_source} in the model, from {row.source} in the recording"
                self.labels.sources[m.root.fs] = row.source
            if wrong:
                raise Mismatch(3, wrong, [self.describe(seen)], [_described(shown)])

    def _device(self, dev: str | None, fstype: str | None, fs: FileSystem) -> bool:
        """A device number means one file system as long as that is there."""
        kind = self.names.types[fs]
        if fstype is not None and kind != fstype and not (fstype.startswith("fuse") and kind.startswith("fuse")):
            return False
        if dev is None:
            return True
        known = self.labels.devices.get(dev)
        if known is fs:
            return True
        alive = {m.root.fs for m in self.k.live(Mount)}
        if known is not None and known in alive:
            return False
        if any(f is fs and d != dev and ":" in d for d, f in self.labels.devices.items()) and fs in alive:
            return False
        self.labels.devices[dev] = fs
        return True

    def _groups(self, pairs: list[tuple[Shown, Seen]]) -> None:
        """Bind the labels of groups to groups; the first place that does not fit is told."""
        for shown, seen in pairs:
            n, m = shown.row.n, seen.mount
            self._group(n.shared, m.group, "peer group", shown, seen)
            self._group(n.master, m.master, "master", shown, seen)
        for shown, seen in pairs:
            self._dominating(pairs, shown, seen)

    def _group(self, label: str | None, group: PeerGroup | None, what: str, shown: Shown, seen: Seen) -> None:
        if label is None and group is None:
            return
        if label is None or group is None:
            raise Mismatch(4, f"{what}: one has none", [self.describe(seen)], [_described(shown)])
        known, has = self.labels.groups.get(label), self.taken.get(group)
        if known is group:
            return
        if known is None and has is None:
            self.labels.groups[label] = group
            self.taken[group] = label
            self.fresh.add(label)
            return
        old = (known is None or label not in self.fresh) and (has is None or has not in self.fresh)
        raise Mismatch(5 if old else 4, f"another {what}", [self.describe(seen)], [_described(shown)])

    def _dominating(self, pairs: list[tuple[Shown, Seen]], shown: Shown, seen: Seen) -> None:
        """`propagate_from`: the nearest group above the master that the viewer sees a member of, where the master has
        none (fs/pnode.c: get_dominating_id, v6.18)."""
        master = seen.mount.master
        if shown.hidden or master is None:
            return
        visible = {s.mount.group for r, s in pairs if not r.hidden}
        here: PeerGroup | None = master
        while here is not None and here not in visible:
            here = next((m.master for m in self.k.live(Mount) if m.group is here), None)
        expected = here if here is not master else None
        told = shown.row.n.propagate_from
        if expected is None and told is None:
            return
        known = self.labels.groups.get(told) if told is not None else None
        if known is None or known is not expected:
            name = "none" if expected is None else self.taken.get(expected, "new")
            raise Mismatch(4, f"propagate_from: {name}", [self.describe(seen)], [_described(shown)])

    def _identity(self, pairs: list[tuple[Shown, Seen]]) -> None:
        """The same label, the same mount. Where the recorder could not list a namespace's mounts (its last process was
        ending), rows have labels of their own, by the numbers that the kernel gives again."""
        for shown, seen in pairs:
            label, m = shown.row.n.id, seen.mount
            known, has = self.labels.mounts.get(label), self.named.get(m)
            number, uid = self.labels.ids.setdefault(m, shown.row.id), shown.row.uid
            if number != shown.row.id or (uid is not None and self.labels.uids.setdefault(label, uid) != uid):
                raise Mismatch(5, f"mount {number} has another number", [self.describe(seen)], [_described(shown)])
            if known is m:
                continue
            unnumbered = shown.row.uid is None and self.mounts.labels.ids.get(m) in (None, shown.row.id)
            if known is not None or label in self.labels.ended or (has is not None and not unnumbered):
                raise Mismatch(5, "another mount at the same place", [self.describe(seen)], [_described(shown)])
            self.labels.mounts[label] = m
            self.named.setdefault(m, label)

    def _visible(self, pairs: list[tuple[Shown, Seen]], visible: set[Mount]) -> None:
        odd = [(r, s) for r, s in pairs if (s.mount in visible) == r.hidden]
        if odd:
            raise Mismatch(
                2,
                "the viewer's root shows others",
                [("seen " if s.mount in visible else "not seen ") + self.describe(s) for _, s in odd],
                [("not seen " if r.hidden else "seen ") + _described(r) for r, _ in odd],
            )


@functools.cache
def told_options(text: str) -> frozenset[str]:
    """The attributes in what mountinfo shows of a mount."""
    return frozenset(text.split(",")) & OPTIONS.keys()


@functools.cache
def option_names(kinds: frozenset[AttributeKind]) -> frozenset[str]:
    """Attributes by the names that mountinfo has for them."""
    return frozenset(name for name, kind in OPTIONS.items() if kind in kinds)


def is_bottom(shown: Shown) -> bool:
    """The mount at the bottom of a namespace, which is seen where nothing is mounted on it."""
    return shown.row.fstype == "rootfs" and shown.row.n.parent == "top"


def root_of(shown: Shown) -> str:
    """The root of a recorded row; a namespace file without its number."""
    return "a namespace file" if shown.row.fstype == "nsfs" else shown.row.root or "/"


def _described(shown: Shown) -> str:
    """A recorded row in words."""
    row, n = shown.row, shown.row.n
    options = ",".join(o for o in OPTIONS if row.opts is not None and o in row.opts.split(",")) or "-"
    words = [f"{n.id} on {n.parent} {shown.place}", root_of(shown), options]
    words += [f"shared:{n.shared}"] if n.shared else []
    words += [f"master:{n.master}"] if n.master else []
    words += ["unbindable"] if row.unbindable else []
    return " ".join(words)
