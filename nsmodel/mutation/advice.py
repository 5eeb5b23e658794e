"""What would kill a mutant that survived."""

from __future__ import annotations

from nsmodel.mutation.mutants import Mutant

NOTES = (
    ("nest 3", "33 levels of namespaces, more than any scope or trace has"),
    ("was removed", "a name that stays removed: in a constant forest it is made again at once"),
    ("ENOTEMPTY", "removing a name with others below it, which replay could not make again"),
    ("a directory is not written", "opening a directory for writing, which replay does not do"),
    ("fs.mount-max", "a campaign that may set fs.mount-max, which is the whole machine's"),
    ("expiring = False", "umount2 with MNT_EXPIRE twice, and somebody at the mount in between"),
    ("securebits", "an exec or a change of user by whoever has the securebits"),
    ("ambient", "a look at the ambient set of whoever has one, after this"),
    ("dumpable", "a look at /proc/PID of a process that this makes undumpable"),
    ("lock_attributes", "a remount that takes an attribute off a propagated copy for another owner"),
    ("locked_attributes", "a remount of a copy that takes an attribute off which was locked"),
    ("copy.phase", "a fork with a context of fsopen open, which campaigns leave out"),
    ("copy.context", "a fork with a context of fsopen open, which campaigns leave out"),
    ("maker", "a fork with a context of fsopen open, which campaigns leave out"),
    ("FAILED", "a second use of a context whose reconfiguring failed"),
)
"""Words of a change, and what it would take."""


def would_kill(mutant: Mutant, *, reached: bool) -> str:
    """What a trace or a property has to do to kill a mutant, in words."""
    for words, note in NOTES:
        if words in mutant.text and mutant.kind != "checks swapped":
            return note
    if mutant.kind == "checks swapped":
        return "a call that both checks refuse; none, where they exclude each other"
    if mutant.rule.kind == "interleaved" and mutant.kind != "effect left out":
        return "a property of what the call gives: campaigns make no interleaved calls"
    if mutant.kind == "errno changed" or not reached:
        return (
            "a call of a campaign that gets there" if not mutant.kind.startswith("check") else "a call that it refuses"
        )
    if mutant.kind == "check dropped":
        return "a call that this check refuses, and none after it with the same errno"
    stored = mutant.text.split(" ")[0] if "=" in mutant.text else mutant.text.split("(")[0]
    return f"a later call, or a property, that tells of `{stored}`"
