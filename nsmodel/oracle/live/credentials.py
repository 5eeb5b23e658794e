"""What can be seen from outside of a task's credentials and of its user namespace's maps, beside what a trace says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nsmodel.oracle.errors import Diverged
from nsmodel.oracle.live.driver import Sandbox, Seen
from nsmodel.oracle.live.translate_users import LAST, MAPS, mask, mode, program_path
from nsmodel.system.snapshot import View

SETS = {
    "CapInh": "inheritable", "CapPrm": "permitted", "CapEff": "effective", "CapBnd": "bounding", "CapAmb": "ambient",
}  # fmt: skip
KNOWN = (1 << LAST + 1) - 1


def kinds(view: View) -> list[str]:
    """The capabilities that a scope tells apart."""
    return [str(row["kind"]) for row in view.rows("capabilities").values()]


def install_programs(box: Sandbox, view: View) -> None:
    """Make the files that can be executed in the sandbox's root directory."""
    capabilities = view.rows("capabilities")
    for slot, row in view.rows("programs").items():
        bits = mode(row["setuid"], row["setgid"])
        sets = [mask((capabilities[c]["kind"] for c in row[n]), kinds(view)) for n in ("permitted", "inheritable")]
        made = box.call(
            0, "uf", program_path(slot), row["uid"], row["gid"], bits, *sets, int(row["raises"]), row["rootid"]
        )
        if made.result < 0:
            raise Diverged("a program", f"error {-made.result}", program_path(slot))


def compare_programs(view: View, root: str) -> None:
    """The files have the set-id bits that the trace says; `root` is the sandbox's root directory."""
    for slot, row in view.rows("programs").items():
        wanted = mode(row["setuid"], row["setgid"])
        got = Path(root + program_path(slot)).stat().st_mode & 0o7777
        if got != wanted:
            raise Diverged(f"{wanted:o}", f"{got:o}", f"permissions of program {slot}")


def compare_credentials(view: View, slot: int, row: dict[str, Any], seen: Seen, folder: str) -> None:
    """A running task is who the trace says. Raises :class:`Diverged`."""
    fields = seen.fields
    for name, wanted in (
        ("Uid", [row["uid"], row["euid"], row["suid"], row["fsuid"]]),
        ("Gid", [row["gid"], row["egid"], row["sgid"], row["fsgid"]]),
        ("Groups", sorted(view.row("groups", g)["gid"] for g in row["groups"])),
    ):
        got = [int(word) for word in fields[name].split()]
        got = sorted(set(got)) if name == "Groups" else got
        if got != wanted:
            raise Diverged(wanted, got, f"{name} of task {slot}")
    capabilities, scope = view.rows("capabilities"), kinds(view)
    for name, field in SETS.items():
        bits = mask((capabilities[c]["kind"] for c in row[field]), scope)
        if int(fields[name], 16) & KNOWN != bits:
            raise Diverged(f"{bits:#x}", fields[name], f"{name} of task {slot}")
    if fields["NoNewPrivs"] != str(int(row["no_new_privs"])):
        raise Diverged(row["no_new_privs"], fields["NoNewPrivs"], f"no_new_privs of task {slot}")
    _compare_dumpable(view, slot, row, folder)


def _compare_dumpable(view: View, slot: int, row: dict[str, Any], folder: str) -> None:
    """Files of /proc/PID belong to the effective user of a process that is dumpable, else to some root."""
    leader = view.row("tasks", row["group_leader"])
    owner = proc_owner(view, row)
    got = Path(f"{folder}/uid_map").stat().st_uid
    if got != owner:
        raise Diverged(f"user {owner}", f"user {got}", f"owner of /proc of task {slot}, dumpable {leader['dumpable']}")


def proc_owner(view: View, row: dict[str, Any]) -> int:
    """Who owns the files of /proc/PID: the effective user, or of an undumpable process the root of the user namespace
    that its memory was made in, the global root where that has none."""
    leader = view.row("tasks", row["group_leader"])
    if leader["dumpable"]:
        return int(row["euid"])
    for extent in view.rows("extents").values():
        if extent["ns"] == leader["mm_ns"] and extent["kind"] == "UID" and extent["first"] == 0:
            return int(extent["lower"])
    return 0


def compare_maps(view: View, ns: int, folder: str) -> None:
    """The maps of a user namespace, in the folder of a task that is in it. Raises :class:`Diverged`."""
    if view.row("user_namespaces", ns)["owner"] is None:
        return
    extents = [row for row in view.rows("extents").values() if row["ns"] == ns]
    for kind, name in MAPS.items():
        wanted = sorted([row["first"], row["lower"], row["count"]] for row in extents if row["kind"] == kind)
        text = Path(f"{folder}/{name}").read_text(encoding="ascii")
        got = sorted([int(word) for word in line.split()] for line in text.splitlines())
        if got != wanted:
            raise Diverged(wanted, got, f"{name} of user namespace {ns}")
    allowed = "allow" if view.row("user_namespaces", ns)["setgroups"] else "deny"
    got_allowed = Path(f"{folder}/setgroups").read_text(encoding="ascii").strip()
    if got_allowed != allowed:
        raise Diverged(allowed, got_allowed, f"setgroups of user namespace {ns}")
