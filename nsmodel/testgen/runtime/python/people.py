"""The play.

Every task is a process that runs the case from top to bottom and makes the calls that are its own. The watcher,
outside of the sandbox, runs it as well: it tells each task when its turn has come, compares what the call gave, and
then what every task can see.
"""

import errno
import mmap
import os
import socket
import struct
import time
from collections.abc import Callable

from nsmodel.testgen.runtime.python.kernel import SECONDS


class Failed(Exception):
    """Something is not as it should be."""


class Impossible(Exception):
    """The case cannot be performed here."""


class Channel:
    """What the watcher and a task tell each other, and the numbers of the task, for everybody."""

    def __init__(self) -> None:
        self.watcher, self.task = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.watcher.settimeout(SECONDS)
        self.memory = mmap.mmap(-1, 4096)
        self.pid = 0  # as the watcher sees it

    def learn(self, numbers: list[int]) -> None:
        struct.pack_into(f"{len(numbers)}i", self.memory, 0, *numbers)

    def number(self, level: int) -> int:
        return int(struct.unpack_from("i", self.memory, 4 * level)[0])


class Self:
    """The process that runs."""

    def __init__(self) -> None:
        self.task = ""  # who it is; nobody is the watcher
        self.newborn = False  # it has just begun, in the middle of the call that made it
        self.handles: dict[int, int] = {}  # its open descriptors
        self.proc = -1  # the sandbox's proc, which is mounted nowhere
        self.trees: dict[str, int] = {}  # of proc and sysfs what can be mounted
        self.hierarchy = ""  # the controllers of a cgroup hierarchy
        self.cwd = -1  # its working directory, while it is away from there
        self.status, self.trouble = 0, ""  # what a wait told; what went wrong beside the calls


me = Self()
channels: dict[str, Channel] = {}
order: list[str] = []  # who is made, one after the other


def nr(task: str, level: int) -> int:
    """A task's number in the pid namespace so many levels below the sandbox's own."""
    return channels[task].number(level)


def perform(task: str, made: Callable[[], int], gives: Callable[[], int]) -> None:
    """Wait for the task's turn, and make its call. A namespace is charged until the kernel has really freed it, a
    moment later: so ENOSPC may be too early."""
    if channels[task].task.recv(8) != b"go":
        os._exit(1)
    for _ in range(600):
        result = made()
        if me.newborn or result != -errno.ENOSPC or gives() == result:
            break
        time.sleep(0.005)
    if not me.newborn:
        channels[task].task.send(f"{result} {me.status} {me.handles} {me.trouble}".encode())
    me.newborn = False
