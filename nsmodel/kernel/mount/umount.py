"""What an unmount takes along: the mounts at the same place of every receiver, as far as nothing that stays is moved or
revealed (fs/pnode.c: propagate_umount of v6.17 and later; Documentation/filesystems/propagate_umount.txt)."""

from __future__ import annotations

from nsmodel.ir.language import helper
from nsmodel.kernel.mount.propagation import leave_group, receivers
from nsmodel.kernel.mount.tree import has_children, mounted_at, on_path
from nsmodel.kernel.mutants import MP19, UMOUNT_KEEPS_TYPE
from nsmodel.kernel.objects import Kernel, Mount


@helper
def is_used(k: Kernel, m: Mount) -> bool:
    """A task has its root or working directory there."""
    return any(f.root_mnt is m or f.cwd_mnt is m for f in k.fs_structs)


@helper
def candidates(k: Kernel, going: set[Mount]) -> set[Mount]:
    """The mounts that an unmount propagates to: at the same place of every receiver of the parent, whoever put them
    there."""
    out: set[Mount] = set()
    for m in going:
        on = m.parent
        where = m.mountpoint
        if on is not None and where is not None:
            for r in receivers(k, on):
                found = mounted_at(k, r, where)
                if found is not None and found not in going:
                    out.add(found)
    return out


@helper
def keeps_inside(k: Kernel, m: Mount, kept: set[Mount]) -> bool:
    """Something that stays is inside of a mount, not on its root: it could not slide down."""
    for c in k.mounts:
        if c.parent is m and c.mountpoint is not m.root and any(on_path(k, x, c) for x in kept):
            return True
    return False


@helper
def counterparts(k: Kernel, m: Mount) -> set[Mount]:
    """What is at the place of a mount at the receivers of its parent."""
    return candidates(k, {m})


@helper
def victims(k: Kernel, going: set[Mount], root: Mount) -> set[Mount]:
    """What goes: the mounts themselves, and the largest set of candidates that moves nothing that stays (non-shifting)
    and reveals nothing that a lock hides (non-revealing). The locks of what is at the place of `root` no longer count:
    unmounting it unlocks them, also where they stay (fs/pnode.c: propagate_mount_unlock, v6.18)."""
    unlocked = counterparts(k, root)
    out = going | candidates(k, going)
    changed = True
    while changed:
        changed = False
        for m in out - going:
            if keeps_inside(k, m, k.mounts - out):
                out.discard(m)
                changed = True
    changed = True
    while changed:
        changed = False
        for m in out - going:
            if m.locked and m not in unlocked and m.parent not in out:
                out.discard(m)
                changed = True
    return out


@helper
def slide(k: Kernel, going: set[Mount]) -> None:
    """What stays on the root of something that goes is put where the bottom of the stack was."""
    for m in k.mounts - going:
        on = m.parent
        while on is not None and on in going:
            m.mountpoint = on.mountpoint
            on = on.parent
            m.parent = on


@helper
def release(k: Kernel) -> None:
    """Free the mounts that are in no namespace and that nobody uses, with what still hangs on them (fs/namespace.c:
    mntput_no_expire, cleanup_mnt, v6.18)."""
    kept = {m for m in k.mounts if m.ns is not None or is_used(k, m)}
    grown = True
    while grown:
        grown = False
        for m in k.mounts - kept:
            if m.parent is not None and m.parent in kept:
                kept.add(m)
                grown = True
    for m in k.mounts - kept:
        k.free(m)


@helper
def take_off(k: Kernel, gone: set[Mount]) -> None:
    """Mounts leave their groups and their namespace; those that nobody uses are freed."""
    for m in gone:
        if not k.bug(UMOUNT_KEEPS_TYPE):
            leave_group(k, m)
    for m in gone:
        on = m.parent
        hidden = m.locked and on is not None and on in gone
        m.ns = None
        if not hidden:
            m.parent = None
            m.mountpoint = None
    release(k)


@helper
def is_busy(k: Kernel, m: Mount) -> bool:
    """A mount, or something that would go with it, is in use. Linux 6.17 and 6.18 do not look at copies that have
    children (fs/pnode.c: propagate_mount_busy, v6.18)."""
    if has_children(k, m) or is_used(k, m):
        return True
    if k.bug(MP19):
        return any(is_used(k, c) and not has_children(k, c) for c in counterparts(k, m))
    return any(is_used(k, v) for v in victims(k, {m}, m))
