"""Options of calls that several rules share: flags by name, and small arrays."""

from __future__ import annotations

from typing import Annotated

from nsmodel.ir.language import Flags, Range


class CloneFlags(Flags):
    """Flags of clone, clone3 and unshare."""

    newns: bool = False
    newuts: bool = False
    newipc: bool = False
    newpid: bool = False
    newnet: bool = False
    newcgroup: bool = False
    newtime: bool = False
    newuser: bool = False
    vm: bool = False
    fs: bool = False
    files: bool = False
    sighand: bool = False
    thread: bool = False
    parent: bool = False
    sysvsem: bool = False
    unknown: bool = False
    """A bit that the call does not know."""


class SetTid(Flags):
    """The `set_tid` array of clone3: `size` numbers, for the deepest level first."""

    size: Annotated[int, Range(0, 3)] = 0
    first: Annotated[int, Range(0, "numbers")] = 0
    second: Annotated[int, Range(0, "numbers")] = 0
    third: Annotated[int, Range(0, "numbers")] = 0


class AttributeFlags(Flags):
    """Attributes by name, as a call gives them (MOUNT_ATTR_*, MS_*)."""

    readonly: bool = False
    nosuid: bool = False
    nodev: bool = False
    noexec: bool = False
    noatime: bool = False
    nodiratime: bool = False
    relatime: bool = False
    nosymfollow: bool = False


class NsFlags(Flags):
    """The CLONE_NEW* bits of setns with a pidfd."""

    mnt: bool = False
    uts: bool = False
    ipc: bool = False
    pid: bool = False
    net: bool = False
    cgroup: bool = False
    time: bool = False
    user: bool = False
    unknown: bool = False
