"""What there is of capabilities, groups and programs where a spec begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nsmodel.kernel.objects import (
    Capability,
    CapabilityKind,
    Group,
    Kernel,
    Program,
    Securebit,
    SecurebitKind,
    Task,
)


@dataclass(frozen=True)
class File:
    """A program of the base state."""

    uid: int = 0
    gid: int = 0
    setuid: bool = False
    setgid: bool = False
    permitted: tuple[CapabilityKind, ...] = ()
    inheritable: tuple[CapabilityKind, ...] = ()
    raises: bool = False
    rootid: int = 0


@dataclass(frozen=True)
class Users:
    """What of users a spec tells apart.

    `ids` is the largest id; `capabilities` those that tasks can have one by one, the rest being one more; `groups` the
    supplementary groups; `securebits` those that can be set; `programs` the files that can be executed; `limits` says
    whether namespaces are charged, up to how many.
    """

    ids: int = 0
    capabilities: Sequence[CapabilityKind] = ()
    groups: Sequence[int] = ()
    securebits: Sequence[SecurebitKind] = ()
    programs: Sequence[File] = ()
    limits: int = 0

    @property
    def bounds(self) -> dict[str, int]:
        """The slots that this takes."""
        out = {"capabilities": len(self.capabilities) + 1}
        if self.ids:
            out |= {"ids": self.ids, "ids_in_extent": self.ids + 1}
        if self.groups:
            out["groups"] = len(self.groups)
        if self.securebits:
            out["securebits"] = len(self.securebits)
        if self.programs:
            out["programs"] = len(self.programs)
        if self.limits:
            out |= {"limits": self.limits, "charges": self.limits + 1, "ucounts": 1}
        return out

    def give(self, k: Kernel, task: Task) -> None:
        """Make the objects, and give a task every capability and no supplementary group."""
        for kind in (CapabilityKind.REST, *self.capabilities):
            k.new(Capability).kind = kind
        for gid in self.groups:
            k.new(Group).gid = gid
        for bit in self.securebits:
            k.new(Securebit).kind = bit
        everything = frozenset(k.live(Capability))
        task.permitted = task.effective = task.bounding = everything  # type: ignore[assignment]
        for file in self.programs:
            self._install(k, file)

    def _install(self, k: Kernel, file: File) -> None:
        program = k.new(Program)
        program.uid, program.gid, program.setuid, program.setgid = file.uid, file.gid, file.setuid, file.setgid
        program.permitted = frozenset(c for c in k.live(Capability) if c.kind in file.permitted)  # type: ignore[assignment]
        program.inheritable = frozenset(  # type: ignore[assignment]
            c for c in k.live(Capability) if c.kind in file.inheritable
        )
        program.raises, program.rootid = file.raises, file.rootid


PLAIN = Users()
"""One user, all capabilities at once, no limits."""
