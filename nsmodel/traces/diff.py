"""What changed between two states."""

from __future__ import annotations

from nsmodel.traces.trace import Change, State


def changes(before: State, after: State) -> list[Change]:
    """The changes from one state to another: by collection, then by slot; created and freed objects whole."""
    out: list[Change] = []
    for collection in [*before, *(c for c in after if c not in before)]:
        old = {row["id"]: row for row in before.get(collection, [])}
        new = {row["id"]: row for row in after.get(collection, [])}
        for slot in sorted(old.keys() | new.keys()):
            if slot not in old:
                out.append(Change("created", collection, slot, new=new[slot]))
            elif slot not in new:
                out.append(Change("freed", collection, slot, old=old[slot]))
            else:
                fields = [f for f in new[slot] if old[slot].get(f) != new[slot][f]]
                out += [Change("changed", collection, slot, f, old[slot].get(f), new[slot][f]) for f in fields]
    return out
