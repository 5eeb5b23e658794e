"""Capabilities: what setuid, capset, prctl and exec make of them, and whom they reach."""

from __future__ import annotations

from typing import Any

import pytest

from nsmodel.kernel.arguments import CloneFlags
from nsmodel.kernel.base import base_state
from nsmodel.kernel.credentials import admin, capable, every, may_access, may_signal
from nsmodel.kernel.fork import unshare
from nsmodel.kernel.objects import CapabilityKind, IdKind, Kernel, Program, SecurebitKind, UserNamespace
from nsmodel.kernel.user import privileges as p
from nsmodel.kernel.user.base import File, Users
from nsmodel.kernel.user.execve import execve
from nsmodel.kernel.user.inode import chmod
from nsmodel.kernel.user.map_files import MapLines, write_map
from nsmodel.kernel.user.namespace import level
from nsmodel.kernel.user.setid import KEEP, setgid, setresgid, setresuid, setuid
from tests.kernel.calls import clone, refused, task

C = CapabilityKind
USERS = Users(
    ids=5,
    capabilities=(C.KILL, C.SETUID, C.SETPCAP),
    groups=(0, 1),
    securebits=tuple(SecurebitKind),
    programs=(File(setuid=True), File(permitted=(C.KILL,), raises=True), File(uid=1, gid=2, setgid=True)),
)
KILL, SETUID = p.CapabilityFlags(kill=True), p.CapabilityFlags(setuid=True)
NONE = p.CapabilityFlags()
ALL = p.CapabilityFlags(rest=True, kill=True, setuid=True, setpcap=True)


@pytest.fixture
def k() -> Kernel:
    state = Kernel()
    base_state(state, USERS)
    return state


def kinds(capabilities: Any) -> set[str]:
    return {c.kind.name for c in capabilities}


def program(k: Kernel, slot: int) -> Program:
    found = k.at(Program, slot)
    assert found is not None
    return found


def test_leaving_root_loses_capabilities_unless_they_are_kept(k: Kernel) -> None:
    who = clone(k)
    setresuid(k, who, KEEP, 1, KEEP)
    assert not who.effective and who.permitted == every(k) and not who.dumpable
    setresuid(k, who, KEEP, 0, KEEP)
    assert who.effective == every(k)
    p.set_keepcaps(k, who, True)
    setuid(k, who, 1)
    assert not who.effective and who.permitted == every(k)
    other = clone(k)
    setuid(k, other, 1)
    assert not other.permitted
    refused("EPERM", setuid, k, other, 0)
    refused("EPERM", setresgid, k, other, 1, KEEP, KEEP)


def test_a_fixed_setuid_keeps_capabilities(k: Kernel) -> None:
    who = clone(k)
    p.set_securebits(k, who, p.SecurebitFlags(no_setuid_fixup=True, no_setuid_fixup_locked=True))
    setuid(k, who, 1)
    assert who.effective == every(k)
    assert "locked" in refused("EPERM", p.set_securebits, k, who, p.SecurebitFlags(no_setuid_fixup_locked=True))
    assert "taken off" in refused("EPERM", p.set_securebits, k, who, p.SecurebitFlags(no_setuid_fixup=True))


def test_capset_in_its_order(k: Kernel) -> None:
    who = clone(k)
    p.capbset_drop(k, who, C.KILL)
    p.capset(k, who, SETUID, SETUID, NONE)
    assert "SETPCAP" in refused("EPERM", p.capset, k, who, KILL, KILL, KILL)
    assert "had not" in refused("EPERM", p.capset, k, who, KILL, KILL, NONE)
    assert "not permitted" in refused("EPERM", p.capset, k, who, SETUID, NONE, NONE)
    assert "SETPCAP" in refused("EPERM", p.capbset_drop, k, who, C.SETUID)
    other = clone(k)
    p.capbset_drop(k, other, C.KILL)
    assert "bounding" in refused("EPERM", p.capset, k, other, ALL, ALL, KILL)
    assert (p.capbset_read(k, other, C.KILL), p.capbset_read(k, other, C.SETUID)) == (0, 1)


def test_ambient_capabilities(k: Kernel) -> None:
    who = clone(k)
    refused("EPERM", p.ambient_raise, k, who, C.KILL)
    p.capset(k, who, ALL, ALL, KILL)
    p.ambient_raise(k, who, C.KILL)
    setresgid(k, who, 1, 1, 1)
    p.set_securebits(k, who, p.SecurebitFlags(no_setuid_fixup=True))
    setresuid(k, who, 1, 1, 1)
    execve(k, who, None)
    assert kinds(who.permitted) == kinds(who.effective) == kinds(who.ambient) == {"KILL"}
    p.ambient_clear(k, who)
    execve(k, who, None)
    assert not who.permitted


def test_exec_of_root_and_of_files(k: Kernel) -> None:
    who = clone(k)
    setresgid(k, who, 1, 1, 1)
    setuid(k, who, 1)
    execve(k, who, None)
    assert who.dumpable and not who.permitted
    execve(k, who, program(k, 2))
    assert kinds(who.effective) == {"KILL"} and not who.dumpable
    execve(k, who, program(k, 1))
    assert (who.uid, who.euid, who.suid) == (1, 0, 0) and who.effective == every(k)
    p.set_no_new_privs(k, who)
    setresuid(k, who, KEEP, 1, KEEP)
    execve(k, who, program(k, 1))
    assert who.euid == 1 and not who.effective


def test_a_file_that_cannot_do_without_what_is_bounded(k: Kernel) -> None:
    who = clone(k)
    p.capbset_drop(k, who, C.KILL)
    refused("EPERM", execve, k, who, program(k, 2))


def test_set_id_bits_of_nobody_count_for_nothing(k: Kernel) -> None:
    who = clone(k)
    setresgid(k, who, 1, 1, 1)
    setuid(k, who, 1)
    p.set_dumpable(k, who, True)
    unshare(k, who, CloneFlags(newuser=True))
    write_map(k, who, who, IdKind.UID, MapLines(lower=1))
    execve(k, who, program(k, 1))
    assert who.euid == 1 and who.effective == every(k)  # root inside, as before


def test_chmod_leaves_the_set_group_bit_out_where_the_group_is_foreign(k: Kernel) -> None:
    who, file = clone(k), program(k, 3)
    chmod(k, task(k), file, False, False)
    setresgid(k, who, 1, 1, 1)
    setuid(k, who, 1)
    chmod(k, who, file, True, True)
    assert (file.setuid, file.setgid) == (True, False)
    chmod(k, task(k), file, False, True)
    assert file.setgid
    refused("EPERM", chmod, k, who, program(k, 1), False, False)


def test_whom_capabilities_reach(k: Kernel) -> None:
    root, who = task(k), clone(k)
    setresgid(k, who, 1, 1, 1)
    setuid(k, who, 1)
    p.set_dumpable(k, who, True)
    inner = clone(k, who.slot, newuser=True)
    first, below = k.live(UserNamespace)
    assert admin(k, root, below) and admin(k, who, below) and not admin(k, who, first)
    assert admin(k, inner, below) and not admin(k, inner, first) and not admin(k, inner, None)
    other = clone(k)
    setuid(k, other, 2)
    assert not capable(k, other, below, C.KILL)
    assert may_signal(k, inner, who) and not may_signal(k, inner, root) and not may_signal(k, other, inner)
    assert may_access(k, who, inner, True) and not may_access(k, inner, who, True)
    p.set_dumpable(k, inner, False)
    assert not may_access(k, root, inner, True)  # its memory was made outside of the sandbox
    execve(k, inner, None)
    assert not inner.effective and may_access(k, root, inner, True)
    assert level(k, below) == 2


def test_setgid(k: Kernel) -> None:
    who = clone(k)
    setgid(k, who, 1)
    assert (who.gid, who.egid, who.sgid, who.fsgid) == (1, 1, 1, 1)
    setuid(k, who, 1)
    refused("EPERM", setgid, k, who, 0)
    unshare(k, who, CloneFlags(newuser=True))
    refused("EINVAL", setgid, k, who, 1)
