"""What a panel shows, before it is drawn: trees of rows in blocks, with the peer group and master of each row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pill:
    """A word in a frame: `attribute`, `held` (who uses it), `dashed`; of processes `word`, `set` (of namespaces).
    `locked` puts a padlock before it."""

    text: str
    kind: str = "attribute"
    locked: bool = False


@dataclass(frozen=True)
class Row:
    """One mount or process: where it is in the tree, what it is called, what it shows, what a step did to it."""

    trunk: tuple[bool, ...]
    """For each level above that has a branch: whether it goes on further down; its own branch is the last."""
    sign: str
    name: str
    shows: str = ""
    pills: tuple[Pill, ...] = ()
    note: str = ""
    change: str = ""
    locked: bool = False
    broken: bool = False
    group: str | None = None
    master: str | None = None
    slot: int = 0
    """Of the mount or process that it is; in the state before for one that is gone."""


@dataclass
class Block:
    """Rows under a heading: a namespace, a tree that was taken off, what is gone."""

    heading: str
    note: str = ""
    rows: list[Row] = field(default_factory=list)
    broken: bool = False


def signs_in(blocks: list[Block]) -> Iterator[str]:
    """The signs that a legend must explain."""
    words = {"+": "new", "~": "changed", "-": "gone"}
    for block in blocks:
        if block.broken:
            yield "broken"
        for row in block.rows:
            yield row.sign
            if "^" in row.name:
                yield "stacked"
            if row.change:
                yield words[row.change]
            if row.locked:
                yield "lock"
            if row.broken:
                yield "broken"
            if row.group is not None:
                yield "member"
            if row.master is not None:
                yield "receiver"
            for pill in row.pills:
                if pill.kind != "dashed":
                    yield pill.kind
