"""The properties of the model, each a named list of clauses; names are those of the bug catalogue."""

from __future__ import annotations

from nsmodel.kernel import invariants as inv
from nsmodel.system.spec import FAIL_ATOMIC, NO_UAF, STEP_TOTAL, Property, prop

REF_EXACT = prop(
    "REF_EXACT",
    "every counter equals the number of holders",
    inv.user_references,
    inv.pid_ns_references,
    inv.plain_references,
    inv.nsproxy_references,
    inv.inode_references,
    inv.pid_references,
)
NO_LEAK = prop("NO_LEAK", "what nobody can reach any more is freed", inv.reachable)
PID_VIS = prop(
    "PID_VIS",
    "a task has a number exactly in its own pid namespace and every ancestor, and no call shows another",
    inv.numbers,
    inv.children_within,
    in_steps=True,
)
KILL_SCOPE = prop("KILL_SCOPE", "a signal by number or to -1 reaches only what is visible", in_steps=True)
REAPER_ALIVE = prop("REAPER_ALIVE", "a pid namespace with a living task has a living reaper", inv.reaper_alive)
DEAD_NS_EMPTY = prop("DEAD_NS_EMPTY", "once the init began to die nobody lives or is born there", inv.dead_is_empty)
INIT_LAST = prop("INIT_LAST", "the init of a pid namespace is reaped last", inv.init_last)
REPARENT_NS = prop(
    "REPARENT_NS", "an orphan goes to a living process of the dead parent's pid namespace", inv.parents, in_steps=True
)
GROUP_NS = prop("GROUP_NS", "the threads of a process share pid and user namespace", inv.groups, inv.new_below_active)
LOCKSET = prop("LOCKSET", "a field that a lock protects is used only while the lock is held", in_steps=True)

ALL: tuple[Property, ...] = (
    REF_EXACT,
    NO_LEAK,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
    PID_VIS,
    KILL_SCOPE,
    REAPER_ALIVE,
    DEAD_NS_EMPTY,
    INIT_LAST,
    REPARENT_NS,
    GROUP_NS,
    LOCKSET,
)
