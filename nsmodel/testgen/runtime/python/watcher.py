"""The watcher."""

import ctypes
import errno
import os
import re
import struct
import time
from collections.abc import Callable
from pathlib import Path

from nsmodel.testgen.runtime.python.kernel import AT_FDCWD, SECONDS, SYS_statx, syscall
from nsmodel.testgen.runtime.python.people import Failed, channels, nr, order


class Watcher:
    """Compares what calls give, and what can be seen of tasks from outside, with what the case says. Namespaces,
    mounts, peer groups, file systems and files have names there, which stand for the same thing as long as they are
    used, and no two for the same one."""

    def __init__(self, options: tuple[str, ...], steps: int) -> None:
        self.options, self.steps, self.tests = options, steps, 0
        self.wanted: dict[str, dict[str, str]] = {}
        self.handles: dict[str, dict[int, int]] = {}
        self.bound: dict[str, int] = {}
        self.seen: dict[tuple[str, int], str] = {}
        self.files: dict[tuple[str, int], str] = {}
        self.text = self.known = ""
        self.status = 0

    def need(self, right: bool, what: str, got: object, wanted: object) -> None:
        if not right:
            raise Failed(f"{what}: expected {wanted}, got {got}")

    # -- calls

    def turn(self, task: str) -> int:
        """Let a task make its call: gives the result."""
        channels[task].watcher.send(b"go")
        try:
            told = channels[task].watcher.recv(4096).decode()
        except TimeoutError:
            raise Failed(f"no answer from {task} within {SECONDS} seconds: it hangs, or it died") from None
        result, status_, handles, trouble = re.fullmatch(r"(-?\d+) (\d+) \{(.*)\} (.*)", told).groups()  # type: ignore[union-attr]
        pairs = [pair.split(":") for pair in handles.split(",") if pair]
        self.handles[task] = {int(handle): int(number) for handle, number in pairs}
        self.status = int(status_)
        if trouble:
            raise Failed(trouble)
        return int(result)

    def step(self, task: str, gives: Callable[[], int], text: str) -> None:
        self.begin(text)
        result = self.turn(task)
        if result >= 0:
            self.meet()
        self.need(result == gives(), "result", shown(result), shown(gives()))

    def begin(self, text: str) -> None:
        """A new step. Of the one before the result was right: now everything that can be seen is compared."""
        if self.text:
            self.look_around()
            self.tests += 1
            failed, todo = ("not ", f" # TODO {self.known}") if self.known else ("", "")
            print(f"{failed}ok {self.tests} - {self.text}{todo}", flush=True)
        self.text, self.known = text, ""

    def meet(self) -> None:
        """Find out whether a task was made: the one in proc that nobody knows."""
        there = {int(name) for name in os.listdir(".") if name.isdigit()}  # noqa: PTH208
        for number in there - {1, *(channel.pid for channel in channels.values())}:
            name = next((name for name in order if not channels[name].pid), None)
            if name is not None:
                channels[name].pid = number
                channels[name].learn(self.numbers(name, "NSpid"))

    # -- what can be seen of tasks

    def folder(self, task: str) -> str:
        """Of a task in proc, which is the watcher's working directory."""
        return str(channels[task].pid)

    def field(self, task: str, name: str) -> str:
        """A line of /proc/PID/status; empty when the task is gone."""
        try:
            text = Path(self.folder(task), "status").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(f"{name}:"))

    def numbers(self, task: str, name: str) -> list[int]:
        """The numbers of a line, from the sandbox's pid namespace inwards."""
        return [int(number) for number in self.field(task, name).split()[1:]]

    def state(self, task: str) -> str:
        letter = self.field(task, "State")[:1]
        if not letter:
            return "gone"
        if letter in "ZX":
            return "zombie"
        return "running" if has_namespaces(self.folder(task)) else "leaving"

    def fresh(self) -> None:
        """Names are compared anew: no two of them for the same thing."""
        self.seen = {}

    def agrees(self, name: str, real: int) -> bool:
        """A name stands for the same thing as before, and no other name does that is used now: `in fs2:/a`, a file, is
        there for as long as its file system."""
        file = name.startswith("in ")
        kind = name.partition(":")[0] if file else re.split(r"[\d:]", name)[0]
        others = self.files if file else self.seen
        return self.bound.setdefault(name, real) == real and others.setdefault((kind, real), name) == name

    def look_around(self) -> None:
        """Compare everything that is expected of every task."""
        self.fresh()
        for task, wanted in self.wanted.items():
            state = wanted["STATE"]
            for facet, text in wanted.items():
                lasts = facet in ("STATE", "NUMBERS", "PARENT") and "gone" not in state
                if facet == "STATE" or state == "running" or lasts:
                    LOOKS[facet](self, task, text)

    def look_state(self, task: str, wanted: str) -> None:
        """`running`, `leaving` (its namespaces are gone, it is no zombie yet), `zombie`, `gone`. Death takes time."""
        for _ in range(1 if wanted == "running" else 5000):
            seen = self.state(task)
            if seen in wanted.split(" or "):
                break
            time.sleep(0.001)
        self.need(seen in wanted.split(" or "), task, seen, wanted)
        if seen == "gone":
            channels[task].pid = -1

    def look_numbers(self, task: str, wanted: str) -> None:
        """From the sandbox's pid namespace inwards; `*` is the allocator's choice."""
        words = wanted.split()
        right = [nr(task, i) if text == "*" else int(text) for i, text in enumerate(words)]
        seen = self.numbers(task, "NSpid")
        self.need(seen == right, f"numbers of {task}", seen, right)

    def look_parent(self, task: str, wanted: str) -> None:
        seen = int(self.field(task, "PPid"))
        right = 1 if wanted == "outside" else channels[wanted].pid
        self.need(seen == right, f"parent of {task}", seen, f"{wanted}, {right}")

    def look_named(self, task: str, wanted: str, line: str) -> None:
        """A process group or session: at each level the task whose number is its name, `0` where it has none."""
        right = [0 if name == "0" else nr(name, i) for i, name in enumerate(wanted.split())]
        seen = self.numbers(task, line)
        self.need(seen == right, f"{line} of {task}", seen, f"{right}, {wanted}")

    def look_group(self, task: str, wanted: str) -> None:
        self.look_named(task, wanted, "NSpgid")

    def look_session(self, task: str, wanted: str) -> None:
        self.look_named(task, wanted, "NSsid")

    def look_namespaces(self, task: str, wanted: str) -> None:
        """`mnt=mnt:1 pid_for_children=pid:2`; a link that cannot be followed is `-`."""
        for link, _, name in (text.partition("=") for text in wanted.split()):
            try:
                seen: int | None = Path(self.folder(task), "ns", link).stat().st_ino
            except OSError:
                seen = None
            right = seen is None if name == "-" else seen is not None and self.agrees(name, seen)
            self.need(right, f"{link} of {task}", seen, name)

    def look_status(self, task: str, wanted: str) -> None:
        """Lines of /proc/PID/status; capabilities as numbers."""
        for name, _, right in (line.partition(" ") for line in wanted.splitlines()):
            words = self.field(task, name).split()
            if name.startswith("Cap"):
                words = [f"{int(words[0], 16) & ((1 << 41) - 1):x}"]
            if name == "Groups":
                words = list(dict.fromkeys(words))
            self.need(words == right.split(), f"{name} of {task}", " ".join(words), right)

    def look_owner(self, task: str, wanted: str) -> None:
        """Whose the files of /proc/PID are: the effective user's, or root's if the task is not dumpable."""
        seen = Path(self.folder(task), "status").stat().st_uid
        self.need(seen == int(wanted), f"owner of /proc of {task}", seen, wanted)

    def look_maps(self, task: str, wanted: str) -> None:
        """The id maps of its user namespace, and whether setgroups is allowed."""
        seen = []
        for name in ("uid_map", "gid_map", "projid_map", "setgroups"):
            lines = Path(self.folder(task), name).read_text(encoding="utf-8").splitlines()
            seen += [" ".join([name, *line.split()]) for line in sorted(lines)]
        self.need(seen == wanted.splitlines(), f"maps of {task}'s user namespace", seen, wanted)

    # -- mounts

    def look_mount_table(self, task: str, wanted: str) -> None:
        """The mount table, a line of mountinfo each (proc_pid_mountinfo(5)): id, parent, file system, root, mountpoint,
        attributes, propagation, -, ro or rw of the file system. Ids, file systems and peer groups are names."""
        if wanted == "?":
            return
        if wanted.startswith("as "):
            wanted = self.wanted[wanted[3:]]["MOUNT_TABLE"]
        text = Path(self.folder(task), "mountinfo").read_text(encoding="utf-8")
        rows = [line.split() for line in text.splitlines()]
        numbers = {row[0] for row in rows}
        for line in wanted.splitlines():
            want = line.split()
            parent = self.bound.get(want[1])
            found = [
                row
                for row in rows
                if row[4] == want[4]
                and (int(row[1]) == parent if parent is not None else row[1] not in numbers - {row[0]})
                and self.bound.get(want[0], int(row[0])) == int(row[0])
            ]
            if not found or not self.same(want, found[0]):
                raise Failed(f"mounts of {task}: no line for {line}\n{text}expected:\n{wanted}")
            rows.remove(found[0])
        if rows:
            raise Failed(f"mounts of {task}: nothing is expected at {rows[0][4]}\n{text}expected:\n{wanted}")

    def same(self, want: list[str], row: list[str]) -> bool:
        """The names of an expected line stand for the numbers of one that is there."""
        major, _, minor = row[2].partition(":")
        right = self.agrees(want[1], int(row[1])) and self.agrees(want[0], int(row[0]))
        right = right and self.agrees(want[2], int(major) << 32 | int(minor))
        if want[3].startswith("file:"):
            inside = re.search(r"\[(\d+)\]", row[3])
            right = right and inside is not None and self.agrees(want[3][5:], int(inside[1]))
        else:
            right = right and want[3] in ("?", row[3])
        if want[5] != "?":
            told, there = want[5].split(","), row[5].split(",")
            right = right and all((name in told) == (name in there) for name in self.options)
        kinds, seen = want[6 : want.index("-", 6)], row[6 : row.index("-", 6)]
        seen = [text for text in seen if not text.startswith("propagate_from")]
        right = right and [text.split(":")[0] for text in kinds] == [text.split(":")[0] for text in seen]
        for text, other in zip(kinds, seen, strict=True) if right else ():
            if ":" in text:
                right = right and self.agrees(f"group{text.split(':')[1]}", int(other.split(":")[1]))
        return right and want[-1] in ("-", row[-1].split(",")[0])

    def look_place(self, task: str, wanted: str, link: str) -> None:
        """Where a link leads: `m2 fs2:/a` is a mount and a file, or a mount alone."""
        mount_, _, file = wanted.partition(" ")
        number, inode = self.place(task, link, 0)
        self.need(self.agrees(mount_, number), f"{link} of {task}", f"mount {number}", wanted)
        right = not file or self.agrees(f"in {file}", inode)
        self.need(right, f"{link} of {task}", f"file {inode}", wanted)

    def place(self, task: str, link: str, flags: int) -> tuple[int, int]:
        """The mount that a link leads to, and the file there."""
        raw = ctypes.create_string_buffer(256)
        result = syscall(SYS_statx, AT_FDCWD, f"{self.folder(task)}/{link}", flags, 0x1100, raw)
        self.need(result == 0, f"{link} of {task}", shown(result), "a file")
        inode, minor = struct.unpack_from("=Q", raw, 32)[0], struct.unpack_from("=I", raw, 140)[0]
        return struct.unpack_from("=Q", raw, 144)[0], minor << 40 | inode

    def learn(self, task: str, fs: str, folder: str, rest: str) -> str:
        """The files of the root by their names, as make_names has them; gives the rest of the text."""
        self.agrees(f"in {fs}:{folder or '/'}", self.place(task, f"root/.{folder}", 0x100)[1])
        while rest and rest[0] != ")":
            name, rest = f"{folder}/{rest[0]}", rest[1:]
            rest = rest[1:] if rest[:1] in ("!", "@") else rest
            inside, rest = (rest[1:], "") if rest[:1] == "(" else ("", rest)
            left = self.learn(task, fs, name, inside)
            rest = left[1:] if inside else rest
        return rest

    def look_root(self, task: str, wanted: str) -> None:
        self.look_place(task, wanted, "root")

    def look_cwd(self, task: str, wanted: str) -> None:
        self.look_place(task, wanted, "cwd")


LOOKS = {name[5:].upper(): look for name, look in vars(Watcher).items() if name.startswith("look_")}


def has_namespaces(folder: str) -> bool:
    try:
        Path(folder, "ns/uts").readlink()
    except OSError:
        return False
    return True


def shown(result: int) -> str:
    return errno.errorcode.get(-result, str(result)) if result < 0 else str(result)


watcher = Watcher((), 0)
