"""Calls on mounts as commands of the worker: places to paths, flags to bits (worker/mounts.h)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nsmodel.oracle.live.translate import Command, Machine, bits
from nsmodel.traces.mount_facts import fs_type

Arguments = dict[str, Any]
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_MOVE, MS_REC, MS_STRICTATIME = 1, 32, 4096, 8192, 16384, 1 << 24
TYPES = {"SHARED": 1 << 20, "SLAVE": 1 << 19, "PRIVATE": 1 << 18, "UNBINDABLE": 1 << 17, "SEVERAL": 1 << 20 | 1 << 19}
TYPES["KEEP"] = 0
MOUNT = {
    "remount": MS_REMOUNT, "bind": MS_BIND, "rec": MS_REC, "move": MS_MOVE, "shared": 1 << 20, "slave": 1 << 19,
    "private": 1 << 18, "unbindable": 1 << 17,
}  # fmt: skip
MS_ATTRIBUTES = {
    "readonly": MS_RDONLY, "nosuid": 2, "nodev": 4, "noexec": 8, "nosymfollow": 256, "noatime": 1024,
    "nodiratime": 2048, "relatime": 1 << 21,
}  # fmt: skip
ATTRIBUTES = {
    "readonly": 1, "nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 0x10, "nodiratime": 0x80, "nosymfollow": 0x200000,
}  # fmt: skip
"""MOUNT_ATTR_*; relatime is the absence of the others."""
ATTR_ATIME, ATTR_STRICTATIME = 0x70, 0x20
SETATTR_ATIME = {
    "KEEP": (0, 0), "RELATIME": (0, ATTR_ATIME), "NOATIME": (0x10, ATTR_ATIME),
    "STRICTATIME": (ATTR_STRICTATIME, ATTR_ATIME), "MISUSED": (0x10, 0),
}  # fmt: skip
"""Attributes of access times that are set and cleared."""
UMOUNT = {"force": 1, "detach": 2, "expire": 4, "nofollow": 8}
FOLLOW = 0x11
"""MOVE_MOUNT_F_SYMLINKS and T_SYMLINKS: the links of /proc that lead to descriptors are followed."""
MOVE = {"set_group": 0x100, "beneath": 0x200}
AT_RECURSIVE, OPEN_TREE_CLONE = 0x8000, 1
O_RDONLY, O_RDWR, O_PATH = 0, 2, 0o10000000
UNKNOWN = 0x40000000
"""A flag that no call knows."""
READ_ONLY_MOUNT, READ_ONLY_SUPERBLOCK = 1, 2
"""What keeps names from being made in a new file system (worker/mounts.h)."""
FSCONFIG_CREATE, FSCONFIG_RECONFIGURE = 6, 7


def ms_attributes(m: Machine, flags: Arguments, decides: bool) -> int:
    """Attributes as MS_*. Where a call `decides` the attributes, saying nothing about access times means relatime, so
    that their absence is said."""
    out = bits(MS_ATTRIBUTES, flags, 0)
    strict = decides and m.relatime() and not flags.get("relatime") and not flags.get("noatime")
    return out | MS_STRICTATIME if strict else out


def mount_attributes(m: Machine, flags: Arguments) -> int:
    """Attributes as MOUNT_ATTR_*, for fsmount."""
    out = bits(ATTRIBUTES, flags, 0)
    strict = m.relatime() and not flags.get("relatime") and not flags.get("noatime")
    return out | ATTR_STRICTATIME if strict else out


def _type(m: Machine, fs: int) -> str:
    kind = m.forests().kind(fs)
    return f"{fs_type(kind)},{m.hierarchy()}" if kind == "CGROUP1" else fs_type(kind)


def _new(m: Machine, root: int, flags: Arguments, words: tuple[object, ...]) -> Command:
    """A new mount, and the names of the file system made in it."""
    forests = m.forests()
    names = forests.names(root)
    if forests.kind(m.row("dentries", root)["fs"]) != "NEW":
        return Command(words)
    how = READ_ONLY_MOUNT | READ_ONLY_SUPERBLOCK if flags.get("readonly") else 0
    return Command((*words, names, how), grown=root)


def mount_new(m: Machine, task: int, a: Arguments) -> Command:
    """A file system's root, mounted on a place."""
    path = m.path(task, a["at"], a["dentry"])
    kind = _type(m, m.row("dentries", a["root"])["fs"])
    return _new(m, a["root"], a["flags"], ("mm", "=new", path, kind, ms_attributes(m, a["flags"], True)))


def mount(m: Machine, task: int, a: Arguments) -> Command:
    """mount(2) with any flags."""
    flags, attributes = a["flags"], a["attributes"]
    path = m.path(task, a["at"], a["dentry"])
    changes = any(flags.get(name) for name in ("shared", "slave", "private", "unbindable"))
    new = not (flags.get("remount") or flags.get("bind") or changes or flags.get("move"))
    word = bits(MOUNT, flags, 0) | ms_attributes(m, attributes, new or bool(flags.get("remount")))
    if a["source"] is not None:
        return Command(("mm", m.path(task, a["source"], a["root"]), path, "-", word))
    kind = "-" if a["root"] is None else _type(m, m.row("dentries", a["root"])["fs"])
    words = ("mm", "-" if flags.get("bind") or flags.get("move") else "=none", path, kind, word)
    if new and a["root"] is not None:
        return _new(m, a["root"], attributes, words)
    return Command(words)


def _from_to(m: Machine, task: int, a: Arguments) -> tuple[str, str]:
    return m.path(task, a["source"], a["root"]), m.path(task, a["at"], a["dentry"])


def mount_bind(m: Machine, task: int, a: Arguments) -> Command:
    return Command(("mm", *_from_to(m, task, a), "-", MS_BIND | (MS_REC if a["rec"] else 0)))


def mount_move(m: Machine, task: int, a: Arguments) -> Command:
    return Command(("mm", *_from_to(m, task, a), "-", MS_MOVE))


def mount_change_type(m: Machine, task: int, a: Arguments) -> Command:
    word = TYPES[a["to"]] | (MS_REC if a["rec"] else 0)
    return Command(("mm", "=none", m.path(task, a["target"], a["root"]), "-", word))


def isolate(m: Machine, task: int, a: Arguments) -> Command:
    return Command(("mm", "=none", "/", "-", MS_REC | TYPES["SLAVE"]))


def _remount(flags: int) -> Callable[[Machine, int, Arguments], Command]:
    def make(m: Machine, task: int, a: Arguments) -> Command:
        word = flags | ms_attributes(m, a["flags"], True)
        return Command(("mm", "=none", m.path(task, a["target"], a["root"]), "-", word))

    return make


def umount2(m: Machine, task: int, a: Arguments) -> Command:
    return Command(("mu", m.path(task, a["at"], a["dentry"]), bits(UMOUNT, a["flags"], UNKNOWN)))


def mount_setattr(m: Machine, task: int, a: Arguments) -> Command:
    """Attributes, access times and propagation at once."""
    how = a["how"]
    put, clear = SETATTR_ATIME[how.get("atime", "KEEP")]
    flags = (AT_RECURSIVE if how.get("recursive") else 0) | (1 if how.get("unknown") else 0)
    put |= bits(ATTRIBUTES, a["on"], 0)
    clear |= bits(ATTRIBUTES, a["off"], 0)
    path = m.path(task, a["target"], a["root"])
    return Command(("ma", path, flags, put, clear, TYPES[how.get("propagation", "KEEP")]))


def open_tree(m: Machine, task: int, a: Arguments) -> Command:
    flags = bits({"clone": OPEN_TREE_CLONE, "recursive": AT_RECURSIVE}, a["flags"], UNKNOWN)
    handle = m.fresh_handle()
    return Command(("mt", handle, m.path(task, a["at"], a["dentry"]), flags), handle=handle)


def move_mount(m: Machine, task: int, a: Arguments) -> Command:
    return Command(("mv", *_from_to(m, task, a), FOLLOW | bits(MOVE, a["flags"], UNKNOWN)))


def open_path(m: Machine, task: int, a: Arguments) -> Command:
    handle = m.fresh_handle()
    how = O_PATH if a["opath"] else O_RDWR if a["write"] else O_RDONLY
    return Command(("mo", handle, m.path(task, a["at"], a["dentry"]), how), handle=handle)


def chdir(m: Machine, task: int, a: Arguments) -> Command:
    return Command(("md", m.path(task, a["at"], a["dentry"])))


def chroot(m: Machine, task: int, a: Arguments) -> Command:
    return Command(("mr", m.path(task, a["at"], a["dentry"])))


def pivot_root(m: Machine, task: int, a: Arguments) -> Command:
    """A worker that goes to /proc for its paths has to follow the root itself, if that is where it was."""
    fs = m.row("fs_structs", m.row("tasks", task)["fs"])
    at_root = (fs["root_mnt"], fs["root_dentry"]) == (fs["cwd_mnt"], fs["cwd_dentry"])
    new, old = m.path(task, a["new"], a["new_dentry"]), m.path(task, a["at"], a["dentry"])
    return Command(("mp", new, old, int(at_root)))


def bind_ns(m: Machine, task: int, a: Arguments) -> Command:
    source = f"%{m.base_number(a['target'])}/ns/{a['kind'].lower()}"
    return Command(("mm", source, m.path(task, a["at"], a["dentry"]), "-", MS_BIND))


def unlink(m: Machine, task: int, a: Arguments) -> Command:
    word = "mx" if a["directory"] else "mX"
    return Command((word, m.entry(task, a["at"], a["dentry"])), again=a["dentry"])


def rename(m: Machine, task: int, a: Arguments) -> Command:
    old, new = m.entry(task, a["at"], a["dentry"]), m.entry(task, a["over_at"], a["over"])
    directory = int(m.row("dentries", a["dentry"])["directory"])
    return Command(("mR", old, new, directory), again=a["dentry"], over=a["over"])


def exchange(m: Machine, task: int, a: Arguments) -> Command:
    words = ("mE", m.entry(task, a["at"], a["dentry"]), m.entry(task, a["over_at"], a["over"]))
    return Command(words, swapped=(a["dentry"], a["over"]))


def write_release_agent(m: Machine, task: int, a: Arguments) -> Command:
    return Command(("mw", f"{m.path(task, a['at'], a['dentry']).rstrip('/')}/release_agent"))


def fsopen(m: Machine, task: int, a: Arguments) -> Command:
    handle = m.fresh_handle()
    return Command(("ms", handle, _type(m, a["fs"]).partition(",")[0]), handle=handle)


def fsconfig_create(m: Machine, task: int, a: Arguments) -> Command:
    return Command(("mg", m.handle(a["file"]), "-", FSCONFIG_CREATE))


def fsconfig_reconfigure(m: Machine, task: int, a: Arguments) -> Command:
    """The option is given only where it is taken for reconfiguring: fsopen would keep it for creating."""
    takes = m.row("descriptors", a["file"])["phase"] in ("RECONF_PARAMS", "AWAITING_RECONF")
    option = ("ro" if a["readonly"] else "rw") if takes else "-"
    return Command(("mg", m.handle(a["file"]), option, FSCONFIG_RECONFIGURE))


def fsmount(m: Machine, task: int, a: Arguments) -> Command:
    """The names of a new file system are made in its first mount."""
    handle, file = m.fresh_handle(), m.row("descriptors", a["file"])
    root, names, how = None, "-", 0
    if file["context"] is not None:
        root = m.forests().root[file["context"]]
        if m.forests().kind(file["context"]) == "NEW":
            names = m.forests().names(root)
        how = READ_ONLY_MOUNT if a["flags"].get("readonly") else 0
    words = ("mF", handle, m.handle(a["file"]), mount_attributes(m, a["flags"]), names, how)
    return Command(words, handle=handle, grown=root if names != "-" else None)


def fspick(m: Machine, task: int, a: Arguments) -> Command:
    handle = m.fresh_handle()
    return Command(("mk", handle, m.path(task, a["at"], a["dentry"])), handle=handle)


COMMANDS: dict[str, Callable[[Machine, int, Arguments], Command]] = {
    "mount_new": mount_new,
    "mount": mount,
    "mount_bind": mount_bind,
    "mount_move": mount_move,
    "mount_change_type": mount_change_type,
    "isolate": isolate,
    "mount_remount": _remount(MS_REMOUNT),
    "mount_remount_bind": _remount(MS_REMOUNT | MS_BIND),
    "umount2": umount2,
    "mount_setattr": mount_setattr,
    "open_tree": open_tree,
    "move_mount": move_mount,
    "open_path": open_path,
    "fchdir": lambda m, t, a: Command(("mf", m.handle(a["file"]))),
    "chdir": chdir,
    "chroot": chroot,
    "pivot_root": pivot_root,
    "bind_ns": bind_ns,
    "unlink": unlink,
    "rename": rename,
    "exchange": exchange,
    "chdir_up": lambda m, t, a: Command(("md", "..")),
    "write_release_agent": write_release_agent,
    "fsopen": fsopen,
    "fsconfig_create": fsconfig_create,
    "fsconfig_reconfigure": fsconfig_reconfigure,
    "fsmount": fsmount,
    "fspick": fspick,
}
"""The command of each operation on mounts."""
