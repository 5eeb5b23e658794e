"""Scripts: calls on mounts by path, as a person types them, run on the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from nsmodel.growth.bound import Size
from nsmodel.ir.state import Frozen
from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import OpenTreeFlags, mount_bind, open_tree
from nsmodel.kernel.mount.move import MoveFlags, mount_move, move_mount
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.propagation import receivers
from nsmodel.kernel.mount.tree import mount_ns, top_at
from nsmodel.kernel.mount.type import Propagation, mount_change_type
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.objects import Dentry, Kernel, MntNamespace, Mount, PeerGroup, Task
from nsmodel.system.operation import Call, op
from nsmodel.system.spec import Spec
from nsmodel.system.transition import Runner, TransitionSystem, make_system

Verb = Literal["make-shared", "bind", "rbind"]
PLENTY = 4096
"""Slots enough for whatever is run here."""
FOREST = Forest("a", tmpfs=[()])
"""One directory; the tree is its file system, mounted as `/` on the hidden bottom."""

SPEC = Spec(
    name="growth",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "tasks": 5,
        "pids": 5,
        "nsproxies": 12,
        "mnt_namespaces": 12,
        "descriptors": 16,
        "mounts": PLENTY,
        "peer_groups": PLENTY,
    },
    operations=(
        op(mount_new),
        op(mount_bind),
        op(mount_move),
        op(mount_change_type, to=[Propagation.SHARED, Propagation.SLAVE, Propagation.PRIVATE, Propagation.UNBINDABLE]),
        op(umount2, flags=[UmountFlags(), UmountFlags(detach=True)]),
        op(open_tree, flags=[OpenTreeFlags(clone=True), OpenTreeFlags(clone=True, recursive=True)]),
        op(move_mount, flags=[MoveFlags(), MoveFlags(beneath=True), MoveFlags(set_group=True)]),
        op(clone3, flags=[CloneFlags(newns=True)], tids=[SetTid()]),
        op(unshare, flags=[CloneFlags(newns=True)]),
    ),
    properties=(),
    expect={},
    replayable=False,
)
"""Every kind of call that makes, copies, moves or shares mounts."""
COUNTED = (
    "a new mount", "a bind, recursive or not", "a move, also beneath", "a change of type, recursive or not",
    "an unmount, also lazy", "open_tree of a copy", "attaching a tree that is mounted nowhere", "joining a peer group",
    "a copy of a mount namespace by clone3 or unshare",
)  # fmt: skip
"""What counts as one call."""


@dataclass(frozen=True)
class Command:
    """One call by path."""

    verb: Verb
    target: str
    source: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in ("mount", f"--{self.verb}", self.source, self.target) if part)


def growth_system() -> TransitionSystem:
    """The transition system that is searched, without any known bug."""
    return make_system(SPEC, SPEC.scope(None))


def size_of(k: Kernel) -> Size:
    """The size of a state; the hidden bottoms of namespaces do not count."""
    bottoms = {ns.root for ns in k.live(MntNamespace) if not ns.anonymous}
    groups: dict[PeerGroup, int] = {}
    for m in k.live(Mount):
        if m.group is not None and m.group not in groups:
            groups[m.group] = 1 + len(receivers(k, m))
    return Size(sum(m not in bottoms for m in k.live(Mount)), max(groups.values(), default=0))


def resolve(k: Kernel, task: Task, path: str) -> tuple[Mount, Dentry]:
    """Where a path of a task leads: over to what is mounted on each name on the way, but not on `/` itself."""
    ns = mount_ns(k, task)
    assert ns is not None
    (at,) = (m for m in k.live(Mount) if m.parent is ns.root)
    dentry = at.root
    for letter in path.strip("/").split("/") if path != "/" else ():
        children = [d for d in k.live(Dentry) if d.parent is dentry]
        dentry = children[ord(letter) - ord("a")]
        over = top_at(k, at, dentry)
        if over is not at:
            at, dentry = over, over.root
    return at, dentry


def paths(k: Kernel, task: Task) -> Iterator[str]:
    """Every path of a task that leads to another place, the short ones first."""
    waiting = ["/"]
    seen = set()
    while waiting:
        path = waiting.pop(0)
        at, dentry = resolve(k, task, path)
        if (at, dentry) in seen:
            continue
        seen.add((at, dentry))
        yield path
        names = [d for d in k.live(Dentry) if d.parent is dentry]
        waiting += [f"{path.rstrip('/')}/{chr(ord('a') + i)}" for i in range(len(names))]


def call_of(k: Kernel, command: Command) -> Call:
    """A command of the first task as a call of the rules."""
    task = k.live(Task)[0]
    at, dentry = resolve(k, task, command.target)
    if command.verb == "make-shared":
        return _call("mount_change_type", task=task, target=at, root=dentry, to=Propagation.SHARED, rec=False)
    source, root = resolve(k, task, command.source)
    return _call("mount_bind", task=task, source=source, root=root, at=at, dentry=dentry, rec=command.verb == "rbind")


def _call(name: str, **arguments: object) -> Call:
    slots = {n: v.slot if isinstance(v, Task | Mount | Dentry) else v for n, v in arguments.items()}
    return Call(name, tuple(slots.items()))


def run(system: TransitionSystem, state: Frozen, command: Command) -> Frozen:
    """The state after a command, which must succeed."""
    done = Runner(system, state).run(call_of(system.thaw(state), command))
    assert done is not None and done.result >= 0 and done.state is not None, str(command)
    return done.state
