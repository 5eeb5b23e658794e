"""Who may mount what, what that shows, and what it may not reveal."""

from __future__ import annotations

import pytest

from nsmodel.kernel.arguments import AttributeFlags, CloneFlags
from nsmodel.kernel.fork import unshare
from nsmodel.kernel.invariants import plain_references, user_references
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.new import fsconfig_create, fsmount, fsopen, mount_new
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.objects import Dentry, Descriptor, FsKind, Kernel, Mount, Superblock
from tests.kernel.calls import refused, task

PLAIN = AttributeFlags()
TYPES = (FsKind.CGROUP1, FsKind.CGROUP2, FsKind.DEVPTS, FsKind.OVERLAY, FsKind.INITIAL)


@pytest.fixture
def k() -> Kernel:
    state = Kernel()
    Forest("a", "b", "c", tmpfs=[()], mqueue=2, proc=2, sysfs=2, visible="b", visible_sysfs="a", types=TYPES)(state)
    return state


def roots(k: Kernel, kind: FsKind) -> list[Dentry]:
    return [d for d in k.live(Dentry) if d.parent is None and d.fs.kind == kind]


def place(k: Kernel) -> tuple[Mount, Dentry]:
    """The sandbox's root."""
    fs = task(k).fs
    assert fs is not None and fs.root_mnt is not None and fs.root_dentry is not None
    return fs.root_mnt, fs.root_dentry


def mount(k: Kernel, kind: FsKind, which: int = 0, name: Dentry | None = None) -> Mount:
    """A new mount on a name of the sandbox's root, else on the root itself."""
    before = set(k.live(Mount))
    at, root = place(k)
    mount_new(k, task(k), roots(k, kind)[which], at, name or root, PLAIN)
    (made,) = set(k.live(Mount)) - before
    return made


def refusal(k: Kernel, errno: str, kind: FsKind, which: int = 0) -> str:
    return refused(errno, mount_new, k, task(k), roots(k, kind)[which], *place(k), PLAIN)


def superblock(k: Kernel, m: Mount) -> Superblock:
    (found,) = [s for s in k.live(Superblock) if s.fs is m.root.fs]
    return found


def counted(k: Kernel) -> None:
    """References are as many as their holders."""
    user_references(k)
    plain_references(k)


@pytest.mark.parametrize("kind", [FsKind.SYSFS, FsKind.MQUEUE, FsKind.CGROUP1, FsKind.CGROUP2, FsKind.PROC])
def test_what_shows_a_namespace_is_for_whoever_has_rights_over_its_owner(k: Kernel, kind: FsKind) -> None:
    unshare(k, task(k), CloneFlags(newuser=True, newns=True))
    assert "over the owner" in refusal(k, "EPERM", kind, -1 if kind == FsKind.PROC else 0)


@pytest.mark.parametrize("kind", [FsKind.NEW, FsKind.DEVPTS])
def test_what_shows_none_is_for_any_root(k: Kernel, kind: FsKind) -> None:
    unshare(k, task(k), CloneFlags(newuser=True, newns=True))
    root = roots(k, kind)[-1]
    mount_new(k, task(k), root, *place(k), PLAIN)
    assert superblock(k, next(m for m in k.live(Mount) if m.root is root)).owner is task(k).user_ns


def test_some_types_are_for_the_initial_user_namespace(k: Kernel) -> None:
    assert "initial user namespace" in refusal(k, "EPERM", FsKind.INITIAL)
    task(k).user_ns.initial = True
    mount(k, FsKind.INITIAL)


def test_overlay_asks_for_options_after_rights(k: Kernel) -> None:
    assert "lower directory" in refusal(k, "EINVAL", FsKind.OVERLAY)
    fsopen(k, task(k), roots(k, FsKind.OVERLAY)[0].fs)
    (context,) = k.live(Descriptor)
    assert fsconfig_create(k, task(k), context) == -22
    assert "no superblock" in refused("EINVAL", fsmount, k, task(k), context, PLAIN)


def test_each_ipc_namespace_has_a_mqueue_and_keeps_it(k: Kernel) -> None:
    first = mount(k, FsKind.MQUEUE)
    umount2(k, task(k), first, first.root, UmountFlags())
    assert len([s for s in k.live(Superblock) if s.ipc is not None]) == 1
    unshare(k, task(k), CloneFlags(newipc=True))
    second = mount(k, FsKind.MQUEUE, 1)
    shown = superblock(k, second)
    assert task(k).nsproxy is not None and shown.ipc is task(k).nsproxy.ipc
    unshare(k, task(k), CloneFlags(newipc=True))
    assert shown.ipc is None
    counted(k)
    umount2(k, task(k), second, second.root, UmountFlags())
    assert shown not in k.live(Superblock)
    counted(k)


def test_a_sysfs_is_shared_while_it_is_mounted_and_belongs_to_nobody_in_the_sandbox(k: Kernel) -> None:
    unshare(k, task(k), CloneFlags(newnet=True))
    first = mount(k, FsKind.SYSFS, 1, [d for d in k.live(Dentry) if d.parent is place(k)[1]][-1])
    second = mount(k, FsKind.SYSFS, 1)
    assert superblock(k, first) is superblock(k, second) and superblock(k, first).owner is None
    for m in (second, first):
        umount2(k, task(k), m, m.root, UmountFlags())
    assert len([s for s in k.live(Superblock) if s.fs.kind == FsKind.SYSFS]) == 1


@pytest.mark.parametrize("kind", [FsKind.SYSFS, FsKind.PROC])
@pytest.mark.parametrize("empty", [True, False])
def test_nothing_hidden_is_shown_anew(k: Kernel, kind: FsKind, empty: bool) -> None:
    """A locked mount may cover a directory that is made for that."""
    shown = next(m for m in k.live(Mount) if m.root.fs.kind == kind)
    inside = next(d for d in k.live(Dentry) if d.parent is shown.root and d.empty == empty)
    mount_new(k, task(k), roots(k, FsKind.NEW)[-1], shown, inside, PLAIN)
    unshare(k, task(k), CloneFlags(newuser=True, newns=True, newnet=True))
    if kind == FsKind.PROC:
        task(k).pid.ns.owner = task(k).user_ns  # as a child in a pid namespace of its own would have it
    if empty:
        mount_new(k, task(k), roots(k, kind)[-1], *place(k), PLAIN)
    else:
        assert "shows all" in refusal(k, "EPERM", kind, -1)
