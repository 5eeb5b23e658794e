"""The mount forest of a state as blocks of rows: one for each namespace and each tree that was taken off."""

from __future__ import annotations

from nsmodel.report.picture.rows import Block, Pill, Row
from nsmodel.traces.mount_facts import MountFacts, changes

QUIET_HOLDERS = 3
"""So many users of a mount are named; of more, how many there are."""


def mount_blocks(
    now: MountFacts, before: MountFacts | None, broken: frozenset[int], spaces: frozenset[int] = frozenset()
) -> list[Block]:
    """The forest `now`, and what a step changed of it since `before`; `broken` mounts and namespaces (`spaces`) break
    a clause."""
    blocks: list[Block] = []
    last: object = ()
    for top in now.tops():
        ns = now.rows[top]["ns"]
        if ns != last:
            blocks.append(_block(now, ns, spaces))
            last = ns
        for mount, trunk in now.walk(top):
            blocks[-1].rows.append(_row(now, before, mount, trunk, mount in broken))
    gone = [m for m in before.rows if m not in now.rows] if before is not None else []
    if gone and before is not None:
        rows = [_gone(before, m) for m in sorted(gone, key=before.name)]
        blocks.append(Block("gone in this step", "", rows))
    return blocks


def _block(now: MountFacts, ns: int | None, spaces: frozenset[int]) -> Block:
    words = []
    if now.anonymous(ns):
        words.append("mounted nowhere")
    owner = now.owner(ns)
    if owner is not None:
        words.append(f"owner {owner}")
    inside = now.inhabitants(ns) if ns is not None else []
    if inside:
        words.append(", ".join(inside) + (" is in it" if len(inside) == 1 else " are in it"))
    return Block(now.namespace(ns), " · ".join(words), [], ns in spaces)


def _row(now: MountFacts, before: MountFacts | None, mount: int, trunk: tuple[bool, ...], broken: bool) -> Row:
    row = now.rows[mount]
    told = changes(before, now, mount) if before is not None else []
    fresh = before is not None and told is not None and now.words(mount) != before.words(mount)
    change = "+" if told is None else "~" if told or fresh else ""
    return Row(
        trunk=trunk,
        sign=now.kind(mount),
        name=now.name(mount).partition(":")[2] or now.name(mount),
        shows=now.shows(mount),
        pills=_pills(now, mount),
        note=", ".join(told or []),
        change=change,
        locked=bool(row.get("locked")),
        broken=broken,
        group=now.group(row["group"]),
        master=now.group(row["master"]),
        slot=mount,
    )


def _pills(now: MountFacts, mount: int) -> tuple[Pill, ...]:
    row = now.rows[mount]
    out = [Pill(word, "dashed") for word in ("unbindable", "expiring") if row.get(word)]
    out += [Pill(word, "attribute", locked) for word, locked in now.attributes(mount)]
    users = now.users(mount)
    if len(users) > QUIET_HOLDERS:
        users = [f"{len(users)} users"]
    return tuple(out + [Pill(user, "held") for user in users])


def _gone(before: MountFacts, mount: int) -> Row:
    words = " ".join(before.words(mount))
    return Row((), before.kind(mount), before.name(mount), before.shows(mount), (), words, "-", slot=mount)
