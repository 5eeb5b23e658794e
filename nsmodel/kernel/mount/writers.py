"""Who writes on a mount: the counter that a read-only remount and the end of a mount look at, in its atomic steps
(fs/namespace.c: mnt_get_write_access, mnt_put_write_access, mnt_hold_writers, mnt_unhold_writers, cleanup_mnt, v6.18),
and an overlay that takes and gives back write access to the private copy of its upper mount (fs/overlayfs, v6.6).

A model of its own: mounts are just that counter, their flags, and who holds them.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated

from nsmodel.ir.language import (
    EBUSY,
    EROFS,
    HOLDERS,
    Entity,
    Live,
    Range,
    assure,
    error,
    given,
    helper,
    interleaved,
    invariant,
    require,
    syscall,
)
from nsmodel.ir.state import State
from nsmodel.kernel.mutants import MR01, NO_WRITE_HOLD, WRITER_BEFORE_HOLD
from nsmodel.system.spec import prop

Steps = Generator[None, None, int]
NONE = 1
"""What `writers` holds when nobody writes: one more than the kernel's number, which one bug makes negative."""


class Thread(Entity):
    """Somebody who makes calls."""

    busy: bool


class WriterMount(Entity):
    """`struct mount` and `struct vfsmount`, as far as writers go."""

    writers: Annotated[int, Range(0, "writers")]
    """`mnt_writers` plus one."""
    hold: bool
    """MNT_WRITE_HOLD: somebody is about to make it read-only, new writers wait."""
    readonly: bool
    """MNT_READONLY."""
    count: Annotated[int, HOLDERS]
    """`mnt_count`: who may use it at all."""


class Writing(Entity):
    """A section between mnt_want_write and mnt_drop_write."""

    of: WriterMount


class Overlay(Entity):
    """An overlay file system; it holds a private copy of its upper mount (clone_private_mount)."""

    upper: WriterMount


class WriterState(State):
    """Everything there is."""

    tasks: Live[Thread]
    vfsmounts: Live[WriterMount]
    sections: Live[Writing]
    overlays: Live[Overlay]


def base(k: WriterState) -> None:
    """As many threads as the scope has, and one mount."""
    while k.bounds is None or len(k.live(Thread)) < k.bounds["tasks"]:
        k.new(Thread)
    m = k.new(WriterMount)
    m.writers = NONE
    m.count = 1


@helper
def cleanup(k: WriterState, m: WriterMount) -> None:
    """The end of a mount warns where its writers are not in balance (cleanup_mnt)."""
    assure("WRITERS_BAL", m.writers == NONE, "the writers of a mount that goes are not zero", m)
    k.free(m)


@helper
def put(k: WriterState, m: WriterMount) -> None:
    """Put a mount."""
    m.count -= 1
    if m.count == 0:
        cleanup(k, m)


@interleaved(source="fs/namespace.c: mnt_get_write_access (v6.18)")
def want_write(k: WriterState, task: Thread, m: WriterMount) -> Steps:
    """Begin to write: count oneself, wait while somebody holds writers off, then look whether it is read-only."""
    given(not task.busy)
    if not k.bug(WRITER_BEFORE_HOLD):
        m.writers += 1
    m.count += 1
    yield
    given(not m.hold)
    if m.readonly:
        if not k.bug(WRITER_BEFORE_HOLD):
            m.writers -= 1
        put(k, m)
        return error(EROFS, "the mount is read-only")
    if k.bug(WRITER_BEFORE_HOLD):
        yield
        m.writers += 1
    section = k.new(Writing)
    section.of = m
    return 0


@syscall(source="fs/namespace.c: mnt_put_write_access (v6.18)")
def drop_write(k: WriterState, task: Thread, section: Writing) -> int:
    """End to write."""
    given(not task.busy)
    m = section.of
    m.writers -= 1
    k.free(section)
    put(k, m)
    return 0


@interleaved(source="fs/namespace.c: mnt_make_readonly, mnt_hold_writers, mnt_unhold_writers (v6.18)")
def make_readonly(k: WriterState, task: Thread, m: WriterMount) -> Steps:
    """Remount read-only: hold new writers off, see that there are none, set the flag, let them go on."""
    given(not task.busy and not m.readonly and not m.hold)
    m.count += 1
    m.hold = not k.bug(NO_WRITE_HOLD)
    yield
    if m.writers > NONE:
        m.hold = False
        put(k, m)
        return error(EBUSY, "somebody writes")
    yield
    m.readonly = True
    written = any(s.of is m for s in k.sections)
    assure("WRITERS_BAL", not written, "a mount becomes read-only while somebody writes on it", m)
    m.hold = False
    put(k, m)
    return 0


@syscall(source="fs/namespace.c: mnt_make_readonly (v6.18)")
def make_writable(k: WriterState, task: Thread, m: WriterMount) -> int:
    """Remount writable."""
    given(not task.busy and m.readonly)
    m.readonly = False
    return 0


@syscall(source="fs/overlayfs/super.c: ovl_fill_super; fs/namespace.c: clone_private_mount (v6.18)")
def mount_overlay(k: WriterState, task: Thread) -> int:
    """Mount an overlay, which makes a private copy of its upper mount."""
    given(not task.busy)
    upper = k.new(WriterMount)
    upper.writers = NONE
    upper.count = 1
    overlay = k.new(Overlay)
    overlay.upper = upper
    return 0


@interleaved(source="fs/overlayfs/util.c: ovl_nlink_start, ovl_nlink_end (v6.6.72)")
def overlay_unlink(k: WriterState, task: Thread, overlay: Overlay) -> Steps:
    """Remove a file of an overlay: write access to the upper mount is taken, and given back at the end. The patch of
    Linux 6.6.72 gave it back twice."""
    given(not task.busy)
    upper = overlay.upper
    upper.count += 1
    upper.writers += 1
    yield
    upper.writers -= 1
    if k.bug(MR01):
        upper.writers -= 1
    put(k, upper)
    return 0


@syscall(source="fs/overlayfs/super.c: ovl_free_fs; fs/namespace.c: kern_unmount_array (v6.18)")
def umount_overlay(k: WriterState, task: Thread, overlay: Overlay) -> int:
    """Unmount an overlay, which puts the copy of its upper mount. Busy while somebody is in a call on it."""
    given(not task.busy and overlay.upper.count == 1)
    upper = overlay.upper
    k.free(overlay)
    put(k, upper)
    return 0


@invariant("WRITERS_BAL", source="fs/namespace.c: mnt_get_writers (v6.18)")
def balanced(k: WriterState) -> None:
    """Nobody gives back write access that nobody took, and nothing is written on a read-only mount."""
    for m in k.vfsmounts:
        require(m.writers >= NONE, "a mount has fewer than no writers", m)
        written = any(s.of is m for s in k.sections)
        require(not (m.readonly and written), "somebody writes on a read-only mount", m)


WRITERS_BAL = prop("WRITERS_BAL", "write access to a mount is in balance", balanced, in_steps=True)
