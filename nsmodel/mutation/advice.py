"""What would kill a mutant that survived."""

from __future__ import annotations

from nsmodel.mutation.mutants import Mutant


def would_kill(mutant: Mutant, *, reached: bool) -> str:
    """What a trace or a property has to do to kill a mutant, in words."""
    if mutant.kind == "checks swapped":
        return f"a call that both checks refuse, {mutant.text}"
    if mutant.kind == "errno changed":
        return "a call that the check refuses"
    if mutant.kind == "check dropped":
        if reached:
            return "a call that only this check refuses, and no later one with the same errno"
        return "a call that the check refuses"
    if reached:
        return "a later call, or a property, that tells of what is stored"
    return "a call that gets there"
