"""The form `shell`: a POSIX script with the commands of util-linux, for calls that pass through them as they are.

mount(8) and umount(8) do that with `-c -n -i` (no path is made canonical, no table is read or written, no helper runs)
and, from util-linux 2.39 on, with LIBMOUNT_FORCE_MOUNT2=always; their messages tell the errno. What takes several
tasks, a descriptor of a place or a combination of flags has no command of its own, and `cannot` says so.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from nsmodel.oracle.live.replay import shown_types
from nsmodel.oracle.live.routes import Forests
from nsmodel.system.snapshot import View
from nsmodel.testgen.calls import MS_BITS, UMOUNT_BITS, flags
from nsmodel.testgen.case import Case
from nsmodel.testgen.expected import OPTIONS
from nsmodel.testgen.performance import Act, Unperformable
from nsmodel.testgen.play import OLDEST, Play, known_at, next_version, plays_of, shared_beginning
from nsmodel.testgen.runtime_text import FOLDER
from nsmodel.testgen.story import Calls, story, wrapped

MOUNT = "mount -c -n -i"
MAKE = {"MS_SHARED": "shared", "MS_SLAVE": "slave", "MS_PRIVATE": "private", "MS_UNBINDABLE": "unbindable"}
ATTRIBUTES = {
    "MS_RDONLY": "ro", "MS_NOSUID": "nosuid", "MS_NODEV": "nodev", "MS_NOEXEC": "noexec", "MS_NOATIME": "noatime",
    "MS_NODIRATIME": "nodiratime", "MS_RELATIME": "relatime", "MS_STRICTATIME": "strictatime",
    "MS_NOSYMFOLLOW": "nosymfollow",
}  # fmt: skip
"""The options of mount(8) for MS_*."""
TOLD = {"EINVAL", "EBUSY", "ENOTDIR", "EPERM", "ENOENT", "ENOSPC", "ELOOP", "EROFS", "ENOTEMPTY"}
"""The errnos that messages tell."""
NEUTRAL = ("tmpfs", "mqueue", "devpts")
"""Types of file systems that can be mounted in every user namespace."""
FIRST, ROOT = 3, 9
"""The descriptors that stand for handle 0, and for the root: a shell has single digits."""


class Unsayable(LookupError):
    """No command makes the call as it is; the text says why."""


class Shell:
    """The form."""

    name = "shell"
    suffix = ".sh"

    def cannot(self, case: Case) -> str | None:
        """Why a case cannot be a shell script; None where it can."""
        try:
            for play in plays_of(case).values():
                list(_blocks(play, case))
        except (Unsayable, Unperformable) as why:
            return str(why)
        return None

    def write(self, case: Case) -> str:
        """The text of the script."""
        plays = plays_of(case)
        head = [f"# {line}".rstrip() for text in story(case, f"sh {case.name}.sh") for line in wrapped(text)]
        options = ",".join(OPTIONS[row["kind"]] for row in View(case.trace.start).rows("attributes").values())
        steps = max(len(play.acts) for play in plays.values())
        runtime = (FOLDER / "shell.sh").read_text(encoding="utf-8").rstrip("\n")
        out = ["#!/bin/sh", *head, "", f"oldest={OLDEST} steps={steps} options={options}", "", runtime, ""]
        blocks = {name: list(_blocks(play, case)) for name, play in plays.items()}
        common = shared_beginning(list(blocks.values()))
        functions = {"the_beginning": blocks["the_case"][:common]} if common else {}
        for name, several in (functions | {name: several[common:] for name, several in blocks.items()}).items():
            first = ["the_beginning"] * bool(common and name in blocks)
            lines = [*first, *itertools.chain(*several)]
            out += [f"{name}() {{", *(f"\t{line}".rstrip() for line in lines), "}", ""]
        out += ['[ "$1" != inside ] || inside "$2" "$3"', "prepare"]
        for variant, name in zip(case.variants, list(plays)[1:], strict=True):
            here = f"release_is_from {variant.kernel} {next_version(variant.kernel)}"
            out += [f"if {here} && said=$(perform {name}); then", '\techo "$said"', "\texit 0", "fi"]
        return "\n".join([*out, "perform the_case", ""])


SHELL = Shell()


def _blocks(play: Play, case: Case) -> Iterator[list[str]]:
    """The names that are there in the beginning; then each call, and what is seen then. Raises :class:`Unsayable`."""
    start = View(play.trace.start)
    if not start.rows("mounts"):
        raise Unsayable("nothing of it is told by commands of util-linux: no mounts")
    if len(play.everybody) > 1 or any(act.child for act in play.acts):
        raise Unsayable("more than one task")
    if shown := shown_types(start):
        raise Unsayable(f"{', '.join(sorted(kind.lower() for kind in shown))} mounted from the start")
    bottoms = {row["root"] for row in start.rows("mnt_namespaces").values()}
    root, top = next((slot, row) for slot, row in start.rows("mounts").items() if row["parent"] in bottoms)
    forests = Forests(start)
    yield list(_names(forests, top["root"], "$R"))
    table = ""
    calls, known = Calls(play.trace), known_at(play.trace, case)
    for number, act in enumerate(play.acts):
        out = ["", *(f"# {line}" for line in wrapped(calls.text(act.step)))]
        mounts = View(act.step.state or {}).rows("mounts")
        if mounts.get(root, {}).get("parent") != top["parent"] or act.command.words[:2] == ("mu", "/"):
            raise Unsayable("the root is moved or unmounted")
        out.append(f"step {_result(act, forests)} {_command(act)}")
        if number in known:
            out.append(f"known={shlex.quote(' '.join(known[number]))}")
        if act.step.result >= 0:
            out += _made(act, forests)
        now = act.seen[act.task].get("MOUNT_TABLE", "?")
        if now != table:
            table = now
            out += ["see <<-'END'", *_plain(now), "END"]
        yield out


def _result(act: Act, forests: Forests) -> str:
    if act.step.errno is None:
        return "0"
    if act.step.errno not in TOLD:
        raise Unsayable(f"no message tells {act.step.errno}")
    at = act.step.arguments.get("dentry")
    if act.command.words[0] == "mm" and act.step.errno in ("EPERM", "ENOTDIR") and at is not None:
        if not forests.dentries[at]["directory"]:
            raise Unsayable("of a mount on a file, mount(8) does not tell EPERM from ENOTDIR")
    return act.step.errno


def _names(forests: Forests, root: int, at: str) -> Iterator[str]:
    """The names of a file system that is mounted."""
    for name in forests.order(root):
        yield _name(forests, name, f"{at}{forests.path(name)}")


def _name(forests: Forests, name: int, path: str) -> str:
    row = forests.dentries[name]
    if row.get("symlink"):
        return f"ln -s nowhere {path}"
    return f"mkdir -m 777 {path}" if row["directory"] else f": >{path}"


def _made(act: Act, forests: Forests) -> Iterator[str]:
    """The names of a file system that was mounted, or a name that was removed and is there again."""
    command = act.command
    if command.again is not None:
        yield _name(forests, command.again, _path(str(command.words[1])))
    if command.grown is not None and forests.names(command.grown) != "-":
        if act.grown_at is None or act.step.arguments.get("flags", {}).get("readonly"):
            raise Unsayable("no path leads to the new file system to make its names, or it is read-only")
        yield from _names(forests, command.grown, _path(act.grown_at))


def _path(word: str) -> str:
    """A path in the worker's words (worker/mounts.h)."""
    if word.startswith("/.."):
        return f"$T{word[3:]}"
    if word[0] == "/":
        return f"$R{word.rstrip('/')}"
    if (found := re.fullmatch(r"@(\d)(.*)", word)) and int(found[1]) + FIRST < ROOT:
        return f"/proc/self/fd/{int(found[1]) + FIRST}{found[2]}"
    raise Unsayable(f"no path that a command takes leads where {word} does")


def _entry(word: str) -> str:
    """The path of a name itself."""
    if word == "/":
        raise Unsayable("the root's name is taken away: a script reaches it through a symbolic link")
    return _path(word)


def _command(act: Act) -> str:
    word, *rest = act.command.words
    if word not in COMMANDS:
        raise Unsayable(f"no command makes the call {act.step.operation} alone")
    return COMMANDS[str(word)](rest)


def _mount(w: list[Any]) -> str:
    source, target, kind, value, *_ = w
    names = flags(value, MS_BITS).text.split(" | ")
    attributes = [ATTRIBUTES[name] for name in names if name in ATTRIBUTES]
    how = [name for name in names if name not in ATTRIBUTES and name != "0"]
    at = _path(target)
    if kind not in ("-", *NEUTRAL):
        raise Unsayable(
            f"who may mount {kind.partition(',')[0]} depends on the user namespace, and a script has no own"
        )
    if kind in NEUTRAL and not how and source[0] == "=":
        options = f" -o {','.join(attributes)}" if attributes else ""
        return f"{MOUNT} -t {kind}{options} {source[1:]} {at}"
    if kind == "-" and how in (["MS_BIND"], ["MS_BIND", "MS_REC"]) and not attributes and source[0] in "/@":
        return f"{MOUNT} --{'r' * (len(how) - 1)}bind {_path(source)} {at}"
    if kind == "-" and how == ["MS_MOVE"] and not attributes and source[0] in "/@":
        return f"{MOUNT} --move {_path(source)} {at}"
    if kind == "-" and how in (["MS_REMOUNT"], ["MS_REMOUNT", "MS_BIND"]) and source == "=none":
        return f"{MOUNT} -o {','.join(['remount', *['bind'] * (len(how) - 1), *attributes])} none {at}"
    kinds = [MAKE[name] for name in how if name in MAKE]
    if kind == "-" and source == "=none" and len(kinds) == 1 and len(how) <= 2 and not attributes:
        if how in ([how[-1]], ["MS_REC", how[-1]]):
            return f"{MOUNT} --make-{'r' * (len(how) - 1)}{kinds[0]} {at}"
    raise Unsayable(f"mount(8) has no option for {flags(value, MS_BITS).text} alone")


def _umount(w: list[Any]) -> str:
    names = flags(w[1], UMOUNT_BITS).text.split(" | ")
    if not set(names) <= {"0", "MNT_FORCE", "MNT_DETACH"}:
        raise Unsayable(f"umount(8) has no option for {flags(w[1], UMOUNT_BITS).text}")
    return "umount -c -n -i" + " -f" * ("MNT_FORCE" in names) + " -l" * ("MNT_DETACH" in names) + f" {_path(w[0])}"


def _open(w: list[Any]) -> str:
    if w[2] != 0 or w[0] + FIRST >= ROOT:
        raise Unsayable("a shell opens files for reading, and few of them")
    return f"open_as {w[0] + FIRST} {_path(w[1])}"


def _close(w: list[Any]) -> str:
    return f"close_of {w[0] + FIRST}"


COMMANDS: dict[str, Callable[[list[Any]], str]] = {
    "mm": _mount,
    "mu": _umount,
    "mo": _open,
    "X": _close,
    "mx": lambda w: f"rmdir {_entry(w[0])}",
    "mX": lambda w: f"unlink {_entry(w[0])}",
}
"""The command for each of the worker's."""


def _plain(table: str) -> list[str]:
    """A mount table as the script's own words have it: the way to each mount, from the first one on."""
    rows = {words[0]: words for words in (line.split() for line in table.splitlines())}

    def way(row: list[str]) -> str:
        above = rows.get(row[1])
        return (f"{way(above)}>" if above is not None and above is not row else "") + row[4]

    given: dict[tuple[str, str], str] = {}
    last: Counter[str] = Counter()

    def label(kind: str, name: str) -> str:
        if (kind, name) not in given:
            last[kind] += 1
            given[kind, name] = str(last[kind])
        return given[kind, name]

    out = []
    for row in sorted(rows.values(), key=lambda r: f"{way(r)} "):
        words = [way(row), f"fs{label('fs', row[2])}:{row[3]}", row[5]]
        for word in row[6 : row.index("-", 6)]:
            kind, _, group = word.partition(":")
            words.append(f"{kind}:{label('group', group)}" if group else kind)
        out.append(" ".join(words))
    return out
