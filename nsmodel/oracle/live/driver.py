"""Drives a sandbox of real tasks: one worker for each task of the model, and what can be seen of them from outside."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from nsmodel.oracle.errors import OracleUnavailable
from nsmodel.oracle.live.worker.build import worker_path

FIRST_SOCKET = 10
WORKERS = 64
"""Sockets of a sandbox; the last one is the launcher's."""
ANSWER_SECONDS = 10.0
NS_LINKS = ("mnt", "uts", "ipc", "pid", "pid_for_children", "user", "net", "cgroup", "time", "time_for_children")
NS_GET_ID = 0x8008B70D
"""_IOR(0xb7, 13, __u64), Linux 6.18: the 64-bit id of a namespace, never given twice."""
FD_NSFS_ROOT = -10003
FILEID_NSFS = 0xF1
_libc = ctypes.CDLL(None, use_errno=True)


class NoAnswer(RuntimeError):
    """A worker did not answer: it is blocked, or it died without the trace saying so."""


@dataclass(frozen=True)
class Answer:
    """What a system call gave: its raw result, a negative error number when it failed, and more numbers for some."""

    result: int
    extra: tuple[int, ...] = ()


@dataclass(frozen=True)
class NsHandle:
    """A file handle of a namespace: it tells whether the namespace is alive and holds nothing (Linux 6.18)."""

    ns_id: int
    kind: int
    inode: int

    @property
    def alive(self) -> bool:
        """The namespace still has a reference."""
        raw = struct.pack("IiQII", 16, FILEID_NSFS, self.ns_id, self.kind, self.inode)
        fd = int(_libc.open_by_handle_at(FD_NSFS_ROOT, raw, os.O_RDONLY | os.O_CLOEXEC))
        if fd >= 0:
            os.close(fd)
            return True
        return False


@dataclass(frozen=True)
class Seen:
    """A task as /proc shows it from outside: numbers from the sandbox's pid namespace inwards."""

    state: str
    """`running`, `leaving` (its namespaces are gone, it is no zombie yet), `zombie` or `gone`."""
    numbers: tuple[int, ...] = ()
    parent: int = 0
    """Number of the parent's process on this machine."""
    group: tuple[int, ...] = ()
    session: tuple[int, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)
    """The rest of /proc/PID/status."""


SHOWN = ("PROC", "SYSFS")
"""What a sandbox can show from the start, as bits (worker/sandbox.h)."""


class Sandbox:
    """A throw-away sandbox; `with Sandbox() as box`. Everything in it ends with it. Of the types in `shows`, some of
    `SHOWN`, it keeps a mount that can be put where a trace has it."""

    def __init__(self, shows: Collection[str] = ()) -> None:
        program = worker_path()
        self._ours: list[socket.socket] = []
        theirs: list[socket.socket] = []
        for _ in range(WORKERS):
            a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            a.settimeout(ANSWER_SECONDS)
            self._ours.append(a)
            theirs.append(b)
        self.pids: dict[int, int] = {}
        self.threads: dict[int, int] = {}
        self.outer = 1
        numbers = [b.fileno() for b in theirs]

        def sockets() -> None:
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 200) for fd in numbers]
            for i, fd in enumerate(high):
                os.dup2(fd, FIRST_SOCKET + i)
            os.closerange(FIRST_SOCKET + WORKERS, 1024)

        self._launcher = subprocess.Popen(
            [str(program), f"b{sum(1 << SHOWN.index(kind) for kind in shows)}"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            preexec_fn=sockets, close_fds=False,
        )  # fmt: skip
        for b in theirs:
            b.close()
        self._start()

    @property
    def launcher(self) -> int:
        """Number of the process outside that is the parent of the sandbox's first task."""
        return self._launcher.pid

    def _start(self) -> None:
        try:
            pid = int(self._ours[-1].recv(64))
            self._ours[0].send(b"x")
            self._hello(0, pid)
        except (TimeoutError, ValueError, OSError):
            self._launcher.kill()
            message = self._launcher.stderr.read().decode().strip() if self._launcher.stderr else ""
            self.close()
            raise OracleUnavailable(
                "this machine's kernel cannot be asked",
                message or "the sandbox did not start",
                "run as root on Linux with user, mount, pid and network namespaces allowed (no restricted container)",
            ) from None
        self.outer = len(self._status(pid).get("NSpid", "0 1").split()) - 1

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every task of the sandbox; nothing is left behind."""
        if self._launcher.stdin:
            self._launcher.stdin.close()
        self._launcher.wait()
        if self._launcher.stderr:
            self._launcher.stderr.close()
        for s in self._ours:
            s.close()

    def _hello(self, worker: int, pid: int) -> None:
        if self._ours[worker].recv(16) != b"h":
            raise NoAnswer(f"worker {worker} did not start")
        self.pids[worker] = pid

    # -- calls ----------------------------------------------------------------------------------------------------

    def send(self, worker: int, *words: object) -> None:
        """Give a worker a command; :meth:`answer` takes what it says."""
        self._ours[worker].send(" ".join(str(w) for w in words).encode())

    def answer(self, worker: int) -> Answer:
        """What a worker answered. Raises :class:`NoAnswer` after ten seconds."""
        try:
            parts = self._ours[worker].recv(2048).split()
        except TimeoutError:
            raise NoAnswer(f"worker {worker} gave no answer within {ANSWER_SECONDS:g} s") from None
        return Answer(int(parts[0]), tuple(int(p) for p in parts[1:]))

    def call(self, worker: int, *words: object) -> Answer:
        """Let a worker make one system call."""
        self.send(worker, *words)
        return self.answer(worker)

    def clone(self, worker: int, child: int, flags: int, tids: tuple[int, ...] = ()) -> Answer:
        """Let a worker make a task that serves as worker `child`."""
        thread = bool(flags & 0x10000)
        self._ours[child].setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        known = set(self._tasks(self.pids[worker])) if thread else set()
        done = self.call(worker, "C", child, flags, len(tids), *tids)
        if done.result < 0:
            return done
        try:
            data, ancillary, _, _ = self._ours[child].recvmsg(16, socket.CMSG_SPACE(12))
        except TimeoutError:
            raise NoAnswer(f"the new worker {child} did not start") from None
        assert data == b"h"
        pid = next(struct.unpack("iII", value)[0] for _, kind, value in ancillary if kind == socket.SCM_CREDENTIALS)
        self._ours[child].setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        self.pids[child] = pid
        if thread:
            (self.threads[child],) = set(self._tasks(pid)) - known
        return done

    # -- what can be seen -----------------------------------------------------------------------------------------

    def _tasks(self, pid: int) -> list[int]:
        try:
            return [int(t) for t in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208
        except OSError:
            return []

    def folder(self, worker: int) -> str:
        """The folder of a task in /proc."""
        pid = self.pids[worker]
        return f"/proc/{pid}/task/{self.threads.get(worker, pid)}"

    def _status(self, pid: int) -> dict[str, str]:
        return _fields(f"/proc/{pid}/status")

    def see(self, worker: int) -> Seen:
        """A task as it is now."""
        folder = self.folder(worker)
        fields = _fields(f"{folder}/status")
        if not fields:
            return Seen("gone")
        state = "running"
        if fields["State"][0] in "ZX":
            state = "zombie"
        elif not _exists_link(f"{folder}/ns/uts"):
            state = "leaving"

        def inner(name: str) -> tuple[int, ...]:
            return tuple(int(n) for n in fields[name].split()[self.outer :])

        return Seen(state, inner("NSpid"), int(fields["PPid"]), inner("NSpgid"), inner("NSsid"), fields)

    def settle(self, worker: int, states: tuple[str, ...], seconds: float = 5.0) -> Seen:
        """Wait until a task is in one of the states; gives what is seen then, or at the end of the patience."""
        end = time.monotonic() + seconds
        while True:
            seen = self.see(worker)
            if seen.state in states or time.monotonic() > end:
                return seen
            time.sleep(0.0002)

    def namespaces(self, worker: int) -> dict[str, NsHandle]:
        """The namespaces of a task by link name; links that are not there are left out."""
        out = {}
        folder = self.folder(worker)
        for name in NS_LINKS:
            try:
                fd = os.open(f"{folder}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                out[name] = _handle(fd)
            finally:
                os.close(fd)
        return out


def _handle(fd: int) -> NsHandle:
    buffer = bytearray(8)
    try:
        fcntl.ioctl(fd, NS_GET_ID, buffer)
    except OSError:
        raise OracleUnavailable(
            "this kernel gives namespaces no 64-bit ids", "NS_GET_ID is missing", "replay on Linux 6.18 or newer"
        ) from None
    kind = fcntl.ioctl(fd, 0xB703)
    return NsHandle(struct.unpack("Q", buffer)[0], kind, os.fstat(fd).st_ino)


def _exists_link(path: str) -> bool:
    try:
        Path(path).readlink()
    except OSError:
        return False
    return True


def _fields(path: str) -> dict[str, str]:
    try:
        with Path(path).open(encoding="ascii", errors="replace") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except OSError:
        return {}
