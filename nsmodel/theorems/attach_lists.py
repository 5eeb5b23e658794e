"""Attaching as the kernel does it: propagate_mnt over lists, then the original and all copies are hung
(fs/namespace.c: attach_recursive_mnt, v6.18)."""

from __future__ import annotations

from nsmodel.theorems.attach_case import ABOVE, EQUAL, HIDDEN, OWN, ROOT, SPOT, Case, Hanging
from nsmodel.theorems.forests import renumbered
from nsmodel.theorems.lists import Lists
from nsmodel.theorems.propagate import Attachment
from nsmodel.theorems.tree import NOTHING, MountTree

NAMES = ("spot", "root:hidden", "root:above")
"""Names that several mounts share: the mountpoint, and roots above it or beside it. Others are numbered on."""
ROOTS = {EQUAL: 0, HIDDEN: 1, ABOVE: 2}
Copies = tuple[tuple[int, tuple[int, ...]], ...]
"""Receiver and copy of the tree, in order of making."""


def attachment(case: Case, lists: Lists) -> Attachment:
    """A case as propagate_mnt gets it."""
    tree = list(range(case.top, case.mounts))
    a = Attachment(lists, tree, 0, case.takes, set(tree) if case.new else set())
    a.invent_group_ids()
    return a


def linked(case: Case, a: Attachment) -> tuple[int, ...]:
    """Group of each mount before and of each copy, then the master of each, by first appearance."""
    lists = a.lists
    by_receiver = dict(a.copies)
    rows = [*range(case.mounts), *(m for r in case.takers() for m in by_receiver[r])]
    groups = [lists.group[m] for m in rows]
    return renumbered([*groups, *(lists.group[lists.master[m]] if lists.master[m] >= 0 else -1 for m in rows)])


def hang(case: Case, copies: Copies) -> Hanging:
    """Where everything is in the end: the original is hung first, then the copies, the last one made first, each
    beneath what is there."""
    count = case.mounts + len(case.tree) * len(copies)
    at, parent, root = [NOTHING] * count, [NOTHING] * count, [0] * count
    for m in range(case.standing):
        root[m] = ROOTS[ABOVE if m == 0 or case.takes >> m & 1 else HIDDEN]
        if case.occupants[m] >= 0:
            parent[case.occupants[m]], at[case.occupants[m]] = m, 0
    for whole in (range(case.top, case.mounts), *(copy for _, copy in copies)):
        for i, m in enumerate(whole):
            root[m] = ROOTS[case.kinds[i]]
            if i:
                parent[m] = whole[case.tree[i]]
                at[m] = {OWN: len(NAMES) + i, ROOT: root[parent[m]], SPOT: 0}[case.spots[i]]
    tree = MountTree(parent, at, root, 0)
    for receiver, top in ((0, case.top), *((r, copy[0]) for r, copy in reversed(copies))):
        covered = tree.lookup(receiver, 0)
        tree.parent[top], tree.at[top] = receiver, 0
        tree.show(top)
        if covered >= 0:
            over = top
            while tree.overmount[over] >= 0:
                over = tree.overmount[over]
            tree.change_mountpoint(covered, over, tree.root[over])
    by_receiver = dict(copies)
    rows = [*range(case.mounts), *(m for r in case.takers() for m in by_receiver[r])]
    index = {m: i for i, m in enumerate(rows)}
    index[NOTHING] = NOTHING
    return Hanging(tuple(index[tree.parent[m]] for m in rows), tuple(_name(tree.at[m]) for m in rows))


def _name(number: int) -> str:
    if number < 0:
        return ""
    return NAMES[number] if number < len(NAMES) else f"own {number - len(NAMES)}"
