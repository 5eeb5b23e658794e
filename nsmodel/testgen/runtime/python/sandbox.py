"""The sandbox.

Namespaces of every type, the user namespace with all ids as they are, so that nothing of the machine's is touched.
Its mount tree is a file system without names as "/" on the bottom of the mount namespace, neither of them a peer,
nothing locked. What comes with a copy for another owner is locked, "/" too, and a new root takes the lock over: so
the watcher first leaves its own tree, mounts a file system on the bottom of a mount namespace of its own, makes the
bottom shared for as long as the sandbox is made, and unmounts it again. That reaches the sandbox's copy, which is
kept, because something is mounted in it, but is locked no more. The watcher lives in a pid namespace of its own, and
whatever happens, everything ends with it.
"""

import ctypes
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from nsmodel.testgen.runtime.python.kernel import (
    AT_FDCWD,
    CANNOT,
    CLONE_NEWNS,
    CLONE_NEWPID,
    FAILED,
    MNT_DETACH,
    MS_PRIVATE,
    MS_REC,
    MS_SHARED,
    O_PATH,
    O_RDONLY,
    PASSED,
    SECONDS,
    SYS_mount_setattr,
    SYS_open_tree,
    SYS_pivot_root,
    SYS_setgroups,
    SYS_setresgid,
    SYS_setresuid,
    SYS_statmount,
    SYS_statx,
    chdir,
    chroot,
    libc,
    mount,
    prctl,
    setns,
    setsid,
    syscall,
    umount2,
)
from nsmodel.testgen.runtime.python.mounts import attributes
from nsmodel.testgen.runtime.python.people import Channel, Failed, Impossible, channels, me, order
from nsmodel.testgen.runtime.python.tasks import clone
from nsmodel.testgen.runtime.python.watcher import watcher


def must(what: str, result: int) -> int:
    if result < 0:
        raise Impossible(f"{what}: {os.strerror(-result)}")
    return result


def bottom_is_shared() -> bool:
    """Something from the root to the bottom propagates: taking "/" off a copy would then do so elsewhere."""
    raw = ctypes.create_string_buffer(1024)
    must("statx", syscall(SYS_statx, AT_FDCWD, "/", 0, 0x4000, raw))
    number = struct.unpack_from("=Q", raw, 144)[0]
    while True:
        asked = struct.pack("=IIQQ", 24, 0, number, 2)
        if syscall(SYS_statmount, asked, raw, 640, 0) < 0 or struct.unpack_from("=Q", raw, 72)[0] & MS_SHARED:
            return True
        parent = struct.unpack_from("=Q", raw, 48)[0]
        if parent == number:
            return False
        number = parent


def leave_tree(shown: tuple[str, ...]) -> None:
    """The working directory becomes the bottom of the mount namespace, the root what is mounted on it."""
    must("private mounts", mount("none", "/", None, MS_REC | MS_PRIVATE, None))
    if bottom_is_shared():
        raise Impossible("the bottom of the mount namespace propagates")
    namespace = must("the mount namespace", libc("open", "/proc/self/ns/mnt", O_RDONLY))
    must("leaving the tree", umount2("/", MNT_DETACH))
    must("its bottom", setns(namespace, CLONE_NEWNS))
    must("a private bottom", mount("none", ".", None, MS_REC | MS_PRIVATE, None))
    must("its attributes", syscall(SYS_mount_setattr, AT_FDCWD, ".", 0, attributes(0, 0xFF), 32))
    must("a tmpfs", mount("stage", ".", "tmpfs", 0, None))
    must("entering it", chroot("/.."))
    Path("/proc").mkdir()
    Path("/new").mkdir()
    must("proc", mount("proc", "/proc", "proc", 0, None))
    if "sysfs" in shown:
        Path("/sys").mkdir()
        must("sysfs", mount("sys", "/sys", "sysfs", 0, None))
    must("a shared bottom", mount("none", ".", None, MS_SHARED, None))


def high(file: int, number: int) -> int:
    """A descriptor out of the way of the case's own, which execs and forks keep."""
    moved = fcntl.fcntl(must("a descriptor", file), fcntl.F_DUPFD, number)
    os.close(file)
    return moved


def move_in(shown: tuple[str, ...]) -> None:
    """The first task's way into its file system."""
    must("setgroups", syscall(SYS_setgroups, 0, None))
    must("setresgid", syscall(SYS_setresgid, 0, 0, 0))
    must("setresuid", syscall(SYS_setresuid, 0, 0, 0))
    must("a private bottom", mount("none", ".", None, MS_REC | MS_PRIVATE, None))
    must("proc", mount("proc", "/proc", "proc", 0, None))
    me.proc = high(libc("open", "/proc", O_PATH | os.O_DIRECTORY), 200)
    must("hiding proc", umount2("/proc", MNT_DETACH))
    for kind, path in (("proc", "/proc"), ("sysfs", "/sys")):
        if kind in shown:
            must(kind, mount(kind, path, kind, 0, None))
            me.trees[kind] = high(syscall(SYS_open_tree, AT_FDCWD, path, 1), 200)
            must(f"hiding {kind}", umount2(path, MNT_DETACH))
    must("the root", mount("sandbox", "/new", "tmpfs", 0, None))
    must("entering it", chdir("/new"))
    must("pivot_root", syscall(SYS_pivot_root, ".", "."))
    must("leaving the stage", umount2(".", MNT_DETACH))
    must("its root", chdir("/"))
    os.umask(0)
    must("setsid", setsid())


def first_task(name: str, play: Callable[[], None], shown: tuple[str, ...]) -> NoReturn:
    """What the sandbox's first process does."""
    me.task = name
    if channels[name].task.recv(8) == b"go":
        try:
            move_in(shown)
            channels[name].task.send(b"0 0 {} ")
        except (Impossible, OSError) as error:
            channels[name].task.send(f"0 0 {{}} {error}".encode())
        play()
    while True:
        signal.pause()


def make_sandbox(play: Callable[[], None], shown: tuple[str, ...]) -> None:
    leave_tree(shown)
    pid = clone(sum(NAMESPACES))
    if pid == 0:
        first_task(order[0], play, shown)
    must("the sandbox's namespaces", -ctypes.get_errno() if pid < 0 else pid)
    os.chdir("/proc")
    for name in ("uid_map", "gid_map", "projid_map"):
        Path(f"{pid}/{name}").write_text("0 0 4294967295", encoding="utf-8")
    must("unlocking its root", umount2("/", MNT_DETACH))
    watcher.meet()
    watcher.turn(order[0])


NAMESPACES = (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)


def watch(play: Callable[[], None], shown: tuple[str, ...]) -> int:
    """Perform a play in a sandbox of its own, as the first process of a pid namespace: gives the exit status."""
    prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    signal.signal(signal.SIGALRM, lambda number, frame: os._exit(FAILED))
    signal.alarm(SECONDS * 6)
    channels.update((name, Channel()) for name in order)
    try:
        make_sandbox(play, shown)
        print(f"1..{watcher.steps}")
        watcher.begin("what there is in the beginning")
        play()
        watcher.begin("")
    except Impossible as why:
        print(f"1..0 # SKIP cannot run here: {why}")
        return CANNOT
    except Failed as difference:
        print(f"not ok {watcher.tests + 1} - {watcher.text}")
        print("".join(f"# {line}\n" for line in str(difference).splitlines()), end="")
        for number in range(watcher.tests + 2, watcher.steps + 1):
            print(f"ok {number} # SKIP not reached")
        return FAILED
    return PASSED


def run(play: Callable[[], None], shown: tuple[str, ...]) -> int:
    """The exit status of a play, whose processes are all gone then."""
    sys.stdout.flush()
    pid = clone(CLONE_NEWPID | CLONE_NEWNS)
    if pid == 0:
        result = FAILED
        try:
            result = watch(play, shown)
        finally:
            sys.stdout.flush()
            os._exit(result)
    must("a sandbox", pid)
    return max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), -1) % 5


def check_machine(oldest: tuple[int, int]) -> tuple[int, int]:
    """The running release; raises :class:`Impossible` where nothing can be performed."""
    if os.geteuid() != 0:
        raise Impossible("this needs root")
    if os.uname().machine != "x86_64":
        raise Impossible("the numbers of system calls are known for x86_64 only")
    major, minor = (int(text) for text in re.findall(r"\d+", os.uname().release)[:2])
    if (major, minor) < oldest:
        raise Impossible(f"the kernel is older than {oldest[0]}.{oldest[1]}")
    # On one processor the ids of namespaces grow in the order in which they are made.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return major, minor


def find_hierarchy() -> None:
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, where = line.split(":", 2)
        if controllers and not controllers.startswith("name=") and where == "/":
            me.hierarchy = controllers
            return
    raise Impossible("no cgroup hierarchy of version 1 begins here")


def goes_wrong(play: Callable[[], None], shown: tuple[str, ...]) -> bool:
    """Perform what is told of a release with known bugs: if it does not go like that, nothing is said."""
    sys.stdout.flush()
    output, report = os.dup(1), os.memfd_create("report")
    os.dup2(report, 1)
    result = run(play, shown)
    os.dup2(output, 1)
    if result == PASSED:
        print(os.pread(report, 1 << 20, 0).decode(), end="")
    os.close(output)
    os.close(report)
    return result == PASSED


def check(file: str) -> None:
    """The case as a test of pytest: performed by a process of its own."""
    import pytest

    done = subprocess.run([sys.executable, file], capture_output=True, text=True, check=False, timeout=SECONDS * 12)
    if done.returncode == CANNOT:
        pytest.skip(done.stdout.strip().rpartition("# SKIP ")[2])
    assert done.returncode == PASSED, done.stdout + done.stderr
    if "# TODO" in done.stdout:
        pytest.xfail("known bugs of this release: " + done.stdout.rpartition("# TODO ")[2].split("\n")[0])
