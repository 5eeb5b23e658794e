"""A lockless path walk takes a reference on a mount while a synchronous umount takes the mount away, in atomic steps
(fs/namespace.c: __legitimize_mnt, mntput_no_expire, do_umount, v6.18).

A model of its own: one mount, mount_lock with its sequence number, and who is in an RCU section.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated

from nsmodel.ir.language import EAGAIN, EBUSY, HOLDERS, Entity, Live, Range, assure, error, given, helper, interleaved
from nsmodel.ir.state import State
from nsmodel.kernel.mutants import MR02
from nsmodel.system.spec import Property

Steps = Generator[None, None, int]
SYNC_UMOUNT_IDLE = Property(
    "SYNC_UMOUNT_IDLE", "a synchronous umount that succeeds makes the last put itself", (), True
)


class Walker(Entity):
    """Somebody who makes calls."""

    busy: bool


class WalkedMount(Entity):
    """`struct mount` as far as its last reference goes."""

    count: Annotated[int, HOLDERS]
    mounted: bool
    """It is in the tree, so a walk can come to it."""
    sync: bool
    """MNT_SYNC_UMOUNT: whoever unmounts it makes the last put."""
    shut: bool
    """The last reference was put, and its file system shut down."""
    readers: Annotated[int, Range(0, "tasks")]
    """Walks that are in an RCU section; an umount waits for them before its puts (synchronize_rcu_expedited)."""


class SeqLock(Entity):
    """mount_lock."""

    owner: Walker | None
    seq: Annotated[int, Range(0, "seq")]
    """How often it was taken."""


class WalkState(State):
    """Everything there is."""

    tasks: Live[Walker]
    vfsmounts: Live[WalkedMount]
    locks: Live[SeqLock]


def base(k: WalkState) -> None:
    """As many walkers as the scope has, one mount in the tree, one lock."""
    while k.bounds is None or len(k.live(Walker)) < k.bounds["tasks"]:
        k.new(Walker)
    m = k.new(WalkedMount)
    m.mounted = True
    m.count = 1
    k.new(SeqLock)


@helper
def put(k: WalkState, m: WalkedMount, umounter: bool) -> None:
    """Put a reference; the last one shuts the file system down (mntput_no_expire, cleanup_mnt)."""
    m.count -= 1
    if m.count == 0:
        m.shut = True
        late = m.sync and not umounter
        assure("SYNC_UMOUNT_IDLE", not late, "a walk makes the last put of a mount that was unmounted", m)


@interleaved(source="fs/namespace.c: do_umount, umount_tree, namespace_unlock (v6.18); umount2(2)")
def umount_sync(k: WalkState, task: Walker, m: WalkedMount, lock: SeqLock) -> Steps:
    """umount2 without MNT_DETACH: look the mount up, see under mount_lock that nobody else holds it, take it off, wait
    for walks under way, and put both references."""
    given(not task.busy and m.mounted and lock.owner is None)
    m.count += 1
    yield
    given(lock.owner is None)
    lock.owner = task
    lock.seq += 1
    yield
    if not m.mounted or m.count > 2:
        lock.owner = None
        put(k, m, False)
        return error(EBUSY, "the mount is in use, or gone")
    yield
    m.sync = True
    m.mounted = False
    lock.owner = None
    yield
    given(m.readers == 0)
    put(k, m, True)
    yield
    put(k, m, True)
    assure("SYNC_UMOUNT_IDLE", m.shut, "umount returns, and the file system is still up", m)
    return 0


@interleaved(source="fs/namespace.c: __legitimize_mnt, legitimize_mnt; fs/namei.c: try_to_unlazy (v6.18)")
def walk(k: WalkState, task: Walker, m: WalkedMount, lock: SeqLock) -> Steps:
    """A lockless walk that ends on the mount: count a reference, then see whether mount_lock was taken meanwhile. If so
    the reference goes back: quietly where a synchronous umount will make the last put, by an ordinary put elsewhere.
    Until Linux 6.15 that was decided before the lock was taken."""
    given(not task.busy and m.mounted and lock.owner is None)
    seq = lock.seq
    m.readers += 1
    yield
    m.count += 1
    yield
    if lock.seq == seq:
        m.readers -= 1
        yield
        put(k, m, False)
        return 0
    quietly = m.sync
    if k.bug(MR02):
        yield
    given(lock.owner is None)
    if not k.bug(MR02):
        quietly = m.sync
    m.readers -= 1
    if quietly:
        m.count -= 1
        return error(EAGAIN, "the mount is being unmounted: the walk starts again")
    yield
    put(k, m, False)
    return error(EAGAIN, "the tree changed: the walk starts again")
