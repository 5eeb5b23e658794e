"""Everything that the model can do, as one spec with room for long random traces, and what of it an area takes."""

from __future__ import annotations

from dataclasses import replace

from nsmodel.kernel.exit import exit_group, exit_thread, wait4, waitid
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.join import setns, setns_pidfd
from nsmodel.kernel.mount.attributes import mount_remount, mount_remount_bind, mount_setattr
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import bind_ns, mount_bind, open_tree
from nsmodel.kernel.mount.dispatch import mount
from nsmodel.kernel.mount.move import mount_move, move_mount
from nsmodel.kernel.mount.new import (
    fsconfig_create,
    fsconfig_reconfigure,
    fsmount,
    fsopen,
    fspick,
    mount_new,
)
from nsmodel.kernel.mount.place import chdir, chdir_up, chroot, fchdir, open_path, pivot_root
from nsmodel.kernel.mount.type import mount_change_type
from nsmodel.kernel.mount.umount import umount2
from nsmodel.kernel.mount.unlink import exchange, rename, unlink
from nsmodel.kernel.nsfs import close, open_ns, pidfd_open
from nsmodel.kernel.nsioctl import ns_get_nstype, ns_get_owner_uid, ns_get_parent, ns_get_userns, ns_mnt_get_next
from nsmodel.kernel.objects import AttributeKind, CapabilityKind, FsKind, Kernel, SecurebitKind
from nsmodel.kernel.session import (
    getpgid,
    getpid,
    getppid,
    getsid,
    gettid,
    set_child_subreaper,
    setpgid,
    setsid,
)
from nsmodel.kernel.signal import kill, pidfd_send_signal, sigaction, tgkill
from nsmodel.kernel.user.base import File, Users
from nsmodel.kernel.user.execve import execve
from nsmodel.kernel.user.inode import chmod
from nsmodel.kernel.user.map_files import (
    MapLines,
    close_map,
    open_map,
    write_map,
    write_map_file,
    write_setgroups,
    write_setgroups_file,
)
from nsmodel.kernel.user.privileges import (
    ambient_clear,
    ambient_lower,
    ambient_raise,
    capbset_drop,
    capbset_read,
    capset,
    set_dumpable,
    set_keepcaps,
    set_no_new_privs,
    set_securebits,
)
from nsmodel.kernel.user.setid import (
    getgid,
    getuid,
    setgid,
    setgroups,
    setregid,
    setresgid,
    setresuid,
    setreuid,
    setuid,
)
from nsmodel.kernel.user.ucounts import set_limit
from nsmodel.system.operation import op
from nsmodel.system.spec import Spec
from nsmodel.system.transition import TransitionSystem, make_system

C = CapabilityKind
USERS = Users(
    ids=4,
    capabilities=(
        C.DAC_OVERRIDE, C.KILL, C.SETGID, C.SETUID, C.SETPCAP, C.SYS_CHROOT, C.SYS_PTRACE, C.SYS_ADMIN, C.SYS_RESOURCE,
        C.SETFCAP, C.FOWNER, C.FSETID,
    ),
    groups=range(5),
    securebits=tuple(SecurebitKind),
    programs=(
        File(setuid=True), File(uid=1, gid=1, setuid=True, setgid=True), File(uid=2, gid=3, setgid=True),
        File(permitted=(C.SYS_ADMIN, C.SETUID), raises=True), File(permitted=(C.KILL,), inheritable=(C.SETGID,)),
        File(setuid=True, permitted=(C.SYS_CHROOT,), raises=True),
        File(uid=1, permitted=(C.KILL, C.SETGID), raises=True, rootid=1),
    ),
    limits=8,
)  # fmt: skip
"""Ids up to 4, and programs that give each kind of thing."""


def forest(*more: str, visible: str | None = None, visible_sysfs: str | None = None) -> Forest:
    """The names of the whole model, some `more`, and where a proc and a sysfs are from the start."""
    return Forest(
        "a", "a/a", "a/b", "b", "b/a", *more, files=("a/c", "c", "d"), tmpfs=[("a", "a/a", "b")] * 8, mqueue=4,
        nsfs=True, attributes=tuple(AttributeKind), users=USERS, proc=3, sysfs=3,
        types=(FsKind.CGROUP2, FsKind.DEVPTS, FsKind.OVERLAY, FsKind.INITIAL),
        visible=visible, visible_sysfs=visible_sysfs,
    )  # fmt: skip


FOREST = forest()
SHOWING = forest("e", "f", visible="e", visible_sysfs="f")

ROOM = {
    "tasks": 16, "pids": 20, "nsproxies": 18, "fs_structs": 18, "pid_namespaces": 12, "user_namespaces": 8,
    "mnt_namespaces": 16, "uts_namespaces": 10, "ipc_namespaces": 10, "net_namespaces": 6, "cgroup_namespaces": 8,
    "time_namespaces": 8, "descriptors": 24, "numbers": 8, "charges": 40, "ucounts": 24,
    "extents": 30, "map_files": 10, "mounts": 60, "peer_groups": 50,
}  # fmt: skip
WHOLE = Spec(
    name="whole",
    title="Everything that the model can do, with room for forty calls.",
    state=Kernel,
    base=FOREST,
    bounds=FOREST.bounds | ROOM,
    operations=(
        op(clone3), op(unshare), op(setns), op(setns_pidfd), op(exit_thread, code=[0]), op(exit_group, code=[0]),
        op(wait4), op(waitid), op(kill), op(tgkill), op(pidfd_send_signal), op(sigaction), op(getpid), op(gettid),
        op(getppid), op(getpgid), op(getsid), op(setsid), op(setpgid), op(set_child_subreaper),
        op(open_ns), op(close), op(pidfd_open), op(set_limit, limit=[0]), op(mount_new), op(mount_bind), op(mount_move),
        op(mount_change_type), op(mount_remount), op(mount_remount_bind), op(mount), op(umount2), op(open_path),
        op(fchdir), op(chdir), op(chroot), op(pivot_root), op(open_tree), op(move_mount), op(mount_setattr), op(fsopen),
        op(fsconfig_create), op(fsconfig_reconfigure), op(fsmount), op(fspick), op(bind_ns), op(unlink), op(rename),
        op(exchange), op(chdir_up),
        op(setresuid, ruid=[0], euid=[0], suid=[0]), op(setuid, uid=[0]), op(setgid, gid=[0]), op(setgroups),
        op(setresgid, rgid=[0], egid=[0], sgid=[0]), op(getuid), op(getgid), op(capset),
        op(setreuid, ruid=[0], euid=[0]), op(setregid, rgid=[0], egid=[0]), op(set_no_new_privs),
        op(set_dumpable), op(set_keepcaps), op(set_securebits), op(capbset_read), op(capbset_drop), op(ambient_raise),
        op(ambient_lower), op(ambient_clear), op(write_map, lines=[MapLines()]), op(write_setgroups), op(open_map),
        op(write_map_file, lines=[MapLines()]), op(write_setgroups_file), op(close_map), op(execve), op(chmod),
        op(ns_get_userns), op(ns_get_parent), op(ns_get_nstype), op(ns_get_owner_uid),
        op(ns_mnt_get_next),
    ),
    properties=(),
)  # fmt: skip

PROCESS = {
    "clone3": 14, "unshare": 7, "setns": 7, "setns_pidfd": 5, "exit_thread": 3, "exit_group": 3, "wait4": 4,
    "waitid": 2, "kill": 5, "tgkill": 2, "pidfd_send_signal": 2, "sigaction": 2, "getpid": 1, "gettid": 1, "getppid": 2,
    "getpgid": 2, "getsid": 2, "setsid": 2, "setpgid": 3, "set_child_subreaper": 2, "setuid": 2, "open_ns": 8,
    "close": 2, "pidfd_open": 4, "set_limit": 2, "ns_get_userns": 3, "ns_get_parent": 3, "ns_get_nstype": 1,
    "ns_get_owner_uid": 2, "ns_mnt_get_next": 1,
}  # fmt: skip
MOUNTS = {
    "mount_new": 10, "mount_bind": 14, "mount_move": 7, "mount_change_type": 12, "mount_remount": 2,
    "mount_remount_bind": 3, "mount": 5, "umount2": 16, "open_path": 6, "fchdir": 1, "chdir": 3, "chroot": 1,
    "pivot_root": 4, "open_tree": 5, "move_mount": 9, "mount_setattr": 5, "fsopen": 2, "fsconfig_create": 2,
    "fsconfig_reconfigure": 1, "fsmount": 2, "fspick": 1, "bind_ns": 4, "unlink": 3, "rename": 2,
    "exchange": 2, "chdir_up": 2,
}  # fmt: skip
USERS_CALLS = {
    "setresuid": 5, "setreuid": 2, "setregid": 1, "setuid": 3, "setgid": 2, "setresgid": 3, "setgroups": 4, "getuid": 2,
    "getgid": 1, "capset": 5,
    "set_no_new_privs": 1, "set_dumpable": 4, "set_keepcaps": 2, "set_securebits": 2, "capbset_read": 1,
    "capbset_drop": 2, "ambient_raise": 3, "ambient_lower": 1, "ambient_clear": 1, "write_map": 16,
    "write_setgroups": 5, "open_map": 6, "write_map_file": 8, "write_setgroups_file": 2, "close_map": 1, "execve": 8,
    "chmod": 4,
}  # fmt: skip
AREAS: dict[str, dict[str, int]] = {
    "process": PROCESS | {"open_path": 2, "umount2": 2, "bind_ns": 3},
    "mount": MOUNTS
    | {
        "setuid": 1,
        "clone3": 5, "unshare": 4, "setns": 5, "setns_pidfd": 1, "open_ns": 4, "close": 4, "exit_group": 1, "wait4": 1,
        "kill": 1, "pidfd_open": 1, "set_limit": 1,
    },
    "user": USERS_CALLS
    | {
        "clone3": 14, "unshare": 12, "setns": 8, "setns_pidfd": 4, "exit_group": 2, "wait4": 2, "kill": 4, "tgkill": 1,
        "pidfd_send_signal": 1, "sigaction": 1, "getpid": 1, "open_ns": 8, "close": 2, "pidfd_open": 3, "set_limit": 4,
        "ns_get_userns": 2, "ns_get_parent": 2, "ns_get_owner_uid": 3, "mount_new": 4, "mount_bind": 2, "umount2": 3,
        "mount_change_type": 2, "mount_remount_bind": 1, "mount_setattr": 1, "chroot": 3, "chdir": 1, "pivot_root": 1,
        "open_tree": 1, "move_mount": 1, "fsopen": 1, "fsmount": 1, "fsconfig_create": 1, "open_path": 1, "bind_ns": 1,
    },
}  # fmt: skip
"""Areas of the model that a campaign can be restricted to: how often each operation is drawn."""
BUILDING = {
    "mount_new": 14, "mount_bind": 16, "mount_change_type": 16, "clone3": 9, "unshare": 3, "bind_ns": 5, "open_tree": 4,
    "open_path": 4, "mount_setattr": 2, "open_ns": 3, "move_mount": 2, "fsopen": 1, "umount2": 1, "chdir": 1,
}  # fmt: skip
"""How a trace of mounts begins: with something to take apart."""
EVERYTHING = {
    name: PROCESS.get(name, 0) + MOUNTS.get(name, 0) + USERS_CALLS.get(name, 0) // 2
    for name in (*PROCESS, *MOUNTS, *USERS_CALLS)
}
"""The same of the whole model."""


def whole_system(
    kernel: str = "fixed", switches: frozenset[str] = frozenset(), *, shown: bool = False
) -> TransitionSystem:
    """The whole model with room for long traces. `shown`: a proc and a sysfs are there, without which a user namespace
    mounts none."""
    spec = replace(WHOLE, base=SHOWING, bounds=SHOWING.bounds | ROOM) if shown else WHOLE
    return make_system(spec, spec.scope(None), kernel=kernel, switches=switches)
