"""The credentials of a recording's tasks: taken from it into the model, and compared with it.

Every bit of a capability mask is an object of its own, so masks are compared as they are. A bit that some rule asks for
has its kind; the others are all of kind REST, which no rule asks for as long as those kinds have objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from nsmodel.kernel.objects import Capability, CapabilityKind, Group, Kernel, Securebit, SecurebitKind, Task
from nsmodel.oracle.recorded.judgement import Differs
from nsmodel.oracle.recorded.recordings import Proc

BITS = {
    CapabilityKind.CHOWN: 0, CapabilityKind.DAC_OVERRIDE: 1, CapabilityKind.FOWNER: 3, CapabilityKind.FSETID: 4,
    CapabilityKind.KILL: 5, CapabilityKind.SETGID: 6, CapabilityKind.SETUID: 7, CapabilityKind.SETPCAP: 8,
    CapabilityKind.SYS_CHROOT: 18, CapabilityKind.SYS_PTRACE: 19, CapabilityKind.SYS_ADMIN: 21,
    CapabilityKind.SYS_RESOURCE: 24, CapabilityKind.SETFCAP: 31, CapabilityKind.CHECKPOINT_RESTORE: 40,
}  # fmt: skip
"""The number of each capability that rules ask for (include/uapi/linux/capability.h, v6.18)."""
LAST = 40
"""CAP_LAST_CAP."""
SETS = {"cap_eff": "effective", "cap_prm": "permitted", "cap_inh": "inheritable", "cap_bnd": "bounding",
        "cap_amb": "ambient"}  # fmt: skip
"""The set of a task behind each mask of /proc/PID/status."""
USERS, GROUPS = ("uid", "euid", "suid", "fsuid"), ("gid", "egid", "sgid", "fsgid")
FIELDS = (*USERS, *GROUPS, "groups", *SETS.values(), "securebits", "securebits_locked", "no_new_privs", "user_ns")
"""All that a task's credentials are."""


def told(value: Any) -> bool:
    """The recording tells a field."""
    return value is not msgspec.UNSET and value is not None


class Credentials:
    """Capabilities, groups and securebits of one recording, by their numbers."""

    def __init__(self, k: Kernel, procs: Iterable[Proc]) -> None:
        self.k = k
        masks = [int(str(p.cap_bnd), 16) for p in procs if told(p.cap_bnd)]
        self.bits: list[Capability] = []
        self._masks: dict[frozenset[Capability], int] = {}
        kinds = {bit: kind for kind, bit in BITS.items()}
        for bit in range(max([LAST + 1, *(mask.bit_length() for mask in masks)])):
            capability = k.new(Capability)
            capability.kind = kinds.get(bit, CapabilityKind.REST)
            self.bits.append(capability)
        for kind in SecurebitKind:
            k.new(Securebit).kind = kind
        self.gids: dict[int, Group] = {}

    # -- numbers and objects --------------------------------------------------------------------------------------

    def named(self, mask: int) -> frozenset[Capability]:
        """The capabilities of a mask; bits beyond the last are none (CAP_VALID_MASK)."""
        return frozenset(c for bit, c in enumerate(self.bits) if mask >> bit & 1)

    def mask(self, held: Iterable[Capability]) -> int:
        """The mask of capabilities."""
        key = frozenset(held)
        found = self._masks.get(key)
        if found is None:
            found = self._masks[key] = sum(1 << self.bits.index(c) for c in key)
        return found

    def group(self, gid: int) -> Group:
        """The group of a kernel id."""
        found = self.gids.get(gid)
        if found is None:
            found = self.gids[gid] = self.k.new(Group)
            found.gid = gid
        return found

    # -- tasks ----------------------------------------------------------------------------------------------------

    def take(self, task: Task, proc: Proc) -> bool:
        """Take what the recording tells of a task; True where the model had something else."""
        changed = False
        for name, told_of in recorded(proc).items():
            if self._shown(task, name) == told_of:
                continue
            changed = True
            if name in ("uid", "gid"):
                for field, number in zip(USERS if name == "uid" else GROUPS, told_of, strict=True):
                    setattr(task, field, number)
            elif name == "groups":
                task.groups = frozenset(self.group(gid) for gid in told_of)  # type: ignore[assignment]
            elif name == "nnp":
                task.no_new_privs = told_of
            else:
                setattr(task, SETS[name], self.named(told_of))
        return changed

    def compare(self, label: str, task: Task, proc: Proc, rule: str) -> None:
        """A task's credentials are what the recording tells of them."""
        for name, told_of in recorded(proc).items():
            ours = self._shown(task, name)
            if ours != told_of:
                raise Differs(_text(name, ours), _text(name, told_of), f"{name} of {label}; effect of {rule}")

    def _shown(self, task: Task, name: str) -> Any:
        if name in ("uid", "gid"):
            return tuple(getattr(task, field) for field in (USERS if name == "uid" else GROUPS))
        if name == "groups":
            return tuple(sorted(g.gid for g in task.groups))
        if name == "nnp":
            return task.no_new_privs
        return self.mask(getattr(task, SETS[name]))


def recorded(proc: Proc) -> Mapping[str, Any]:
    """What a recording tells of credentials, in the forms in which the model's are compared."""
    out: dict[str, Any] = {}
    for name in ("uid", "gid"):
        if told(getattr(proc, name)):
            out[name] = tuple(getattr(proc, name))
    if told(proc.groups):
        out["groups"] = tuple(sorted({int(gid) for gid in str(proc.groups).split()}))
    for name in SETS:
        if told(getattr(proc, name)):
            out[name] = int(str(getattr(proc, name)), 16)
    if told(proc.nnp):
        out["nnp"] = proc.nnp == "1"
    return out


def _text(name: str, value: Any) -> str:
    if name in SETS:
        return f"{value:016x}"
    return " ".join(str(x) for x in value) if isinstance(value, tuple) else str(value)


def copy(task: Task, source: Task) -> None:
    """Give a task the credentials of another one; its user namespace is its own."""
    for field in FIELDS:
        if field != "user_ns":
            setattr(task, field, getattr(source, field))


def saved(task: Task) -> dict[str, Any]:
    """A task's credentials, to be put back with :func:`put_back`."""
    return {field: getattr(task, field) for field in FIELDS}


def put_back(task: Task, kept: Mapping[str, Any]) -> None:
    """The credentials as they were."""
    for field, value in kept.items():
        setattr(task, field, value)
