"""Paths, and calls on mounts.

Calls that take a text alone reach a descriptor's file, and proc, from a working directory in proc, from where
`thread-self/fd/N` leads on; the task's own directory is kept in a descriptor meanwhile, so that its mount stays as
much in use as before.
"""

import errno
import os
import struct
from collections.abc import Callable

from nsmodel.testgen.runtime.python.kernel import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    FSCONFIG_CMD_RECONFIGURE,
    MOUNT_ATTR_RDONLY,
    O_PATH,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
    SYS_move_mount,
    chdir,
    chroot,
    fchdir,
    libc,
    mount,
    syscall,
)
from nsmodel.testgen.runtime.python.people import me, nr
from nsmodel.testgen.runtime.python.tasks import fd


def from_proc(made: Callable[[], int], where: str = "BACK") -> int:
    """Make a call from proc; where the task is after one that succeeds: BACK, STAY or TO_ROOT."""
    me.cwd = libc("open", ".", O_PATH)
    if me.cwd < 0:
        return me.cwd
    result = fchdir(me.proc)
    if result == 0:
        result = made()
        if result < 0 or where == "BACK":
            fchdir(me.cwd)
        elif where == "TO_ROOT":
            chdir("/")
    libc("close", me.cwd)
    return result


def at(handle: int, rest: str) -> str:
    """A path from what a descriptor is of."""
    return f"thread-self/fd/{fd(handle)}{rest}"


def here(rest: str) -> str:
    """A path from the task's own working directory."""
    return f"thread-self/fd/{me.cwd}{rest}"


def of_task(task: str, name: str) -> str:
    """A file of a task, as a path from proc."""
    return f"{nr(task, 0)}/{name}"


def attributes(put: int, clear: int = 0, propagation: int = 0) -> bytes:
    return struct.pack("4Q", put, clear, propagation, 0)


def set_attributes(path: str, flags: int, put: int, clear: int, propagation: int) -> int:
    return syscall(SYS_mount_setattr, AT_FDCWD, path, flags, attributes(put, clear, propagation), 32)


def configure(context: int, option: str | None, command: int) -> int:
    result = 0 if option is None else syscall(SYS_fsconfig, context, 0, option, None, 0)
    return result if result < 0 else syscall(SYS_fsconfig, context, command, None, None, 0)


def folder_of(path: str) -> tuple[int, str]:
    """The directory that a name is in, opened before the name goes: the path to it may lead over the name itself."""
    folder, cut, name = path.rpartition("/")
    return libc("open", folder + cut or ".", O_PATH | os.O_DIRECTORY), name


def made_again(result: int, folder: int, name: str, directory: bool) -> int:
    """A name that a call took away is there again at once."""
    if result >= 0 and directory and libc("mkdirat", folder, name, 0o777) < 0:
        me.trouble = "a name could not be made again"
    if result >= 0 and not directory:
        libc("close", libc("openat", folder, name, os.O_CREAT | os.O_EXCL, 0o666))
    libc("close", folder)
    return result


def rmdir_and_make(path: str) -> int:
    folder, name = folder_of(path)
    return made_again(libc("rmdir", path), folder, name, True)


def unlink_and_make(path: str) -> int:
    folder, name = folder_of(path)
    return made_again(libc("unlink", path), folder, name, False)


def rename_and_make(path: str, over: str, directory: int) -> int:
    folder, name = folder_of(path)
    return made_again(libc("rename", path, over), folder, name, bool(directory))


def grow(folder: int, names: str) -> str:
    """Make names, told as `a(bc!)d`: a letter is a directory, with what it holds in brackets, `!` a file, `@` a
    symbolic link that leads nowhere. Gives the rest of the text."""
    while names and names[0] != ")":
        name, mark, names = names[0], names[1:2], names[1:]
        if mark == "!":
            os.close(os.open(name, os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder))
        elif mark == "@":
            os.symlink("nowhere", name, dir_fd=folder)
        else:
            os.mkdir(name, 0o777, dir_fd=folder)
        names = names.lstrip("!@") if mark in ("!", "@") else names
        if names[:1] == "(":
            inner = os.open(name, O_PATH, dir_fd=folder)
            names = grow(inner, names[1:])[1:]
            os.close(inner)
    return names


def open_top(place: int) -> int:
    """A directory as the top of what is mounted on it: from a root there `..` goes over to what covers it."""
    root, cwd, top = libc("open", "/", O_PATH), libc("open", ".", O_PATH), -errno.EPERM
    if fchdir(place) == 0 and chroot(".") == 0:
        top = libc("open", "/..", O_PATH | os.O_DIRECTORY)
        fchdir(root)
        chroot(".")
    fchdir(cwd)
    os.close(root)
    os.close(cwd)
    return top


def reconfigure(top: int, how: str) -> None:
    context = syscall(SYS_fspick, top, "", 8)
    configure(context, how, FSCONFIG_CMD_RECONFIGURE)
    libc("close", context)


def furnish(place: int, names: str, how: int = 0) -> None:
    """Make the names in a new file system on a place. Its mount (`how` 1) and its superblock (2) may be read-only.
    Where its user namespace maps no ids, nobody can."""
    top = open_top(place)
    if how & 1:
        syscall(SYS_mount_setattr, top, "", AT_EMPTY_PATH, attributes(0, MOUNT_ATTR_RDONLY), 32)
    if how & 2:
        reconfigure(top, "rw")
    try:
        os.chmod(".", 0o777, dir_fd=top)
        grow(top, names)
    except OSError as error:
        if error.errno != errno.EOVERFLOW:
            me.trouble = f"making the names in a new file system: {error.strerror}"
    if how & 2:
        reconfigure(top, "ro")
    if how & 1:
        syscall(SYS_mount_setattr, top, "", AT_EMPTY_PATH, attributes(MOUNT_ATTR_RDONLY), 32)
    libc("close", top)


def mount_new(source: str, target: str, kind: str, flags: int, names: str, how: int) -> int:
    """mount(2) of a new file system, and names in it. Copies that the call makes elsewhere may cover the path."""
    place = libc("open", target, O_PATH)
    result = mount(source, target, kind, flags, None)
    if result == 0:
        furnish(place, names, how)
    libc("close", place)
    return result


def fsmount_new(context: int, flags: int, names: str, how: int) -> int:
    """fsmount(2) of a new file system, and names in it."""
    result = syscall(SYS_fsmount, context, 0, flags)
    if result >= 0:
        furnish(result, names, how)
    return result


def make_names(names: str) -> int:
    """The names of the sandbox's root."""
    place = os.open("/", O_PATH)
    furnish(place, names)
    os.close(place)
    return -errno.EIO if me.trouble else 0


def show_proc(path: str) -> int:
    """The sandbox's own proc, mounted."""
    return syscall(SYS_move_mount, me.trees["proc"], "", AT_FDCWD, path, 4)


def show_sysfs(path: str) -> int:
    """The sandbox's own sysfs, mounted."""
    return syscall(SYS_move_mount, me.trees["sysfs"], "", AT_FDCWD, path, 4)


def hierarchy() -> str:
    """The controllers of a cgroup hierarchy of version 1 whose root the sandbox's cgroup namespace has."""
    return me.hierarchy


def write_again(path: str) -> int:
    """Write to a file what it says."""
    file = libc("open", path, os.O_RDWR)
    if file < 0:
        return file
    text = os.read(file, 64)
    result = libc("pwrite", file, text, len(text), 0)
    libc("close", file)
    return min(result, 0)
