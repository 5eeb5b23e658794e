"""What an unmount takes along: the mounts at the same place of every receiver, as far as nothing that stays is moved or
revealed (fs/pnode.c: propagate_umount of v6.17 and later; Documentation/filesystems/propagate_umount.txt)."""

from __future__ import annotations

import enum

from nsmodel.ir.language import assure, helper
from nsmodel.kernel.mount.propagation import leave_group, receivers
from nsmodel.kernel.mount.tree import has_children, mounted_at
from nsmodel.kernel.mutants import ML04, ML05, ML10, MP07, MP19, UMOUNT_HEEDS_NO_LOCKS, UMOUNT_KEEPS_TYPE
from nsmodel.kernel.objects import Kernel, Mount


class Leaving(enum.IntEnum):
    """How mounts that are taken off part from each other (`enum umount_tree_flags`)."""

    SYNC = 0
    """All of them."""
    LAZY = 1
    """What is locked stays on what was taken off with it, and hides what it hid (disconnect_mount)."""
    CONNECTED = 2
    """Nothing parts: whoever stands in the tree sees it as it was."""
    ENDING = 3
    """Their namespace ends: as lazily."""


@helper
def is_used(k: Kernel, m: Mount) -> bool:
    """A root, a working directory or a descriptor is there."""
    return m.count > 1


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
def carriers(k: Kernel, kept: set[Mount]) -> set[Mount]:
    """Mounts that stay, and all that they lie on."""
    out = kept
    grown = True
    while grown:
        grown = False
        for m in k.mounts:
            on = m.parent
            if m in out and on is not None and on not in out:
                out.add(on)
                grown = True
    return out


@helper
def keeps_inside(k: Kernel, m: Mount, carrying: set[Mount]) -> bool:
    """Something that stays is inside of a mount, not on its root: it could not slide down."""
    return any(c.parent is m and c.mountpoint is not m.root and c in carrying for c in k.mounts)


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
        carrying = carriers(k, k.mounts - out)
        for m in out - going:
            if keeps_inside(k, m, carrying):
                out.discard(m)
                changed = True
    changed = True
    while changed:
        changed = False
        for m in out - going:
            if m.locked and m not in unlocked and m.parent not in out and not k.bug(UMOUNT_HEEDS_NO_LOCKS):
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
            if k.bug(MP07):
                break


@helper
def stood_in(k: Kernel, m: Mount) -> bool:
    """Somebody holds a mount or one that it hangs on, and can walk there."""
    here: Mount | None = m
    while here is not None:
        if is_used(k, here):
            return True
        here = here.parent
    return False


@helper
def take_off(k: Kernel, gone: set[Mount], how: Leaving) -> None:
    """Mounts leave their groups and their namespace, and part. Their references are put by whoever reaps."""
    for m in gone:
        if not k.bug(UMOUNT_KEEPS_TYPE):
            leave_group(k, m)
    hiding: set[Mount] = set()
    for m in gone:
        under = m.parent
        if how != Leaving.SYNC and under is not None and m.locked and under in gone:
            if stood_in(k, under):
                hiding.add(m)
    for m in gone:
        on = m.parent
        stays = how == Leaving.CONNECTED and not k.bug(ML05)
        if how == Leaving.LAZY and m.locked and not k.bug(ML04):
            stays = True
        if how == Leaving.ENDING and m.locked and not k.bug(ML10):
            stays = True
        m.ns = None
        m.expiring = False
        if not (stays and on is not None and on in gone):
            assure("LOCK_COVER", m not in hiding, "what a locked mount hid shows for who stands in the tree", m)
            m.parent = None
            m.mountpoint = None
            m.count -= 1


@helper
def is_held(k: Kernel, m: Mount) -> bool:
    """Something is mounted on a mount, or it is in use."""
    return has_children(k, m) or is_used(k, m)


@helper
def copies_busy(k: Kernel, m: Mount, gone: set[Mount]) -> bool:
    """Something of what would be `gone` with a mount is in use. Linux 6.17 and 6.18 look at copies at the same place
    instead, and not at those that have children, one overmount aside (fs/pnode.c: propagate_mount_busy, v6.18)."""
    if k.bug(MP19):
        for c in counterparts(k, m):
            if is_used(k, c) and not any(x.parent is c and x.mountpoint is not c.root for x in k.mounts):
                return True
        return False
    return any(is_used(k, v) for v in gone)


@helper
def umount_tree(k: Kernel, going: set[Mount], gone: set[Mount], target: Mount, how: Leaving) -> None:
    """Unmount a set with all that is `gone` along with it, by the rule of `victims` (fs/namespace.c: umount_tree with
    UMOUNT_PROPAGATE, v6.18)."""
    for c in counterparts(k, target):
        c.locked = False
    carrying = carriers(k, k.mounts - gone)
    for m in gone - going:
        assure("UMOUNT_EXACT", not keeps_inside(k, m, carrying), "what stays would be moved", m)
        above = m.parent
        hidden = m.locked and (above is None or above not in gone)
        assure("UMOUNT_EXACT", not hidden, "a lock that stays in force hid something", m)
    left = {m for m in k.mounts - gone if m.ns is not None and m.parent is not None}
    spared = candidates(k, going) - gone
    slide(k, gone)
    for m in spared:
        held = any(c.parent is m and c.mountpoint is not m.root and c not in gone for c in k.mounts)
        assure("UMOUNT_EXACT", held or m.locked, "a copy stays that nothing keeps", m)
    take_off(k, gone, how)
    for m in left:
        under = m.parent
        assure("UMOUNT_EXACT", under is not None and under.ns is m.ns, "what stays hangs on something that went", m)
