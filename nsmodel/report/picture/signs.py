"""The signs of a picture: how a mount propagates, locks, changes. Each differs from the others by its shape alone."""

from __future__ import annotations

from nsmodel.report.picture.svg import BROKEN, FAINT, INK, NEW, PAPER, SOFT, Canvas, Style, width_of

MEANINGS = {
    "private": "private mount",
    "shared": "shared: in a peer group",
    "slave": "slave: receives only",
    "both": "slave and shared",
    "unbindable": "unbindable: no copy is made",
    "stacked": "/a^2 is mounted on top of /a",
    "running": "running process",
    "exiting": "exiting",
    "zombie": "zombie",
    "lock": "locked: may not be taken off",
    "member": "member of peer group 1: sends and receives",
    "receiver": "slave of peer group 1: receives",
    "held": "in use: root and working directory of P1, or of a descriptor",
    "attribute": "attribute; with a lock, it may not be taken off",
    "new": "new in this step",
    "changed": "changed in this step",
    "gone": "gone in this step",
    "broken": "breaks the clause",
}
"""What a legend says of each sign."""
SMALL = Style(9, bold=True)
PILL = Style(10)


def joint(c: Canvas, kind: str, x: float, y: float) -> None:
    """The sign of a mount or a process on its branch."""
    if kind == "shared":
        c.circle(x, y, 4.5)
    elif kind == "slave":
        c.path(f"M{x - 5} {y}L{x + 4} {y - 5}L{x + 4} {y + 5}Z", fill=PAPER, width=1.3)
    elif kind == "both":
        c.path(f"M{x - 5.5} {y}L{x + 4} {y - 5.5}L{x + 4} {y + 5.5}Z", fill=INK, width=1.3)
    elif kind == "unbindable":
        c.rect(x - 4.5, y - 4.5, 9, 9, ink=INK, fill=PAPER, width=1.3)
        c.line([(x - 4.5, y - 4.5), (x + 4.5, y + 4.5)], width=1.3)
        c.line([(x - 4.5, y + 4.5), (x + 4.5, y - 4.5)], width=1.3)
    elif kind == "zombie":
        c.circle(x, y, 4.8, fill=PAPER)
        c.line([(x - 3.2, y - 3.2), (x + 3.2, y + 3.2)], width=1.3)
        c.line([(x - 3.2, y + 3.2), (x + 3.2, y - 3.2)], width=1.3)
    elif kind == "exiting":
        c.circle(x, y, 4.5, fill=PAPER)
        c.path(f"M{x} {y - 4.5}A4.5 4.5 0 0 1 {x} {y + 4.5}Z", fill=INK, width=0)
    elif kind == "running":
        c.circle(x, y, 4.5)
    else:
        c.circle(x, y, 4.5, fill=PAPER)


def lock(c: Canvas, x: float, y: float, size: float = 1) -> float:
    """A padlock, its middle at (x, y); gives where it ends."""
    s = size
    c.path(f"M{x - 2.6 * s} {y - s}v{-1.8 * s}a{2.6 * s} {2.6 * s} 0 0 1 {5.2 * s} 0v{1.8 * s}", width=1.3 * s)
    c.rect(x - 4 * s, y - s, 8 * s, 6 * s, fill=INK, round=1)
    return x + 4 * s


def badge(c: Canvas, change: str, x: float, y: float) -> None:
    """What a step did to a row: `+` new, `~` changed, `-` gone."""
    if change == "+":
        c.rect(x - 6, y - 6, 12, 12, fill=NEW, round=2)
        c.line([(x - 3.5, y), (x + 3.5, y)], PAPER, 1.8)
        c.line([(x, y - 3.5), (x, y + 3.5)], PAPER, 1.8)
    elif change == "-":
        c.rect(x - 6, y - 6, 12, 12, ink=SOFT, fill=PAPER, round=2, width=1.2)
        c.line([(x - 3.5, y), (x + 3.5, y)], SOFT, 1.8)
    elif change == "~":
        c.rect(x - 6, y - 6, 12, 12, ink=NEW, fill=PAPER, round=2, width=1.2)
        c.path(f"M{x - 3.5} {y + 1.2}q1.75 -4.4 3.5 -1.2t3.5 -1.2", ink=NEW, width=1.6)


def pill_width(text: str, locked: bool = False) -> float:
    """How wide a pill is."""
    return width_of(text, PILL) + 12 + (11 if locked else 0)


def pill(c: Canvas, text: str, x: float, y: float, kind: str = "attribute", locked: bool = False) -> float:
    """A word in a frame: `held` is filled, `unbindable` dashed; gives where it ends."""
    wide = pill_width(text, locked)
    filled = kind in ("held", "set")
    fill = "#e3e1da" if filled else PAPER
    dash = "3 2" if kind == "dashed" else ""
    c.rect(x, y - 7.5, wide, 15, ink="none" if filled else SOFT, fill=fill, dash=dash, round=7.5, width=0.9)
    at = x + 6
    if locked:
        lock(c, at + 3, y - 0.8, 0.72)
        at += 11
    c.text(at, y + 3.6, text, PILL)
    return x + wide


def member(c: Canvas, number: str, x: float, y: float) -> None:
    """A peer on the lane of its group."""
    c.circle(x, y, 8)
    c.text(x, y + 3.3, number, Style(9, bold=True, ink=PAPER), "middle")


def receiver(c: Canvas, number: str, x: float, y: float) -> None:
    """A slave on the lane of the group that it receives from."""
    c.path(f"M{x - 11} {y}L{x - 1} {y - 8}H{x + 8}V{y + 8}H{x - 1}Z", fill=PAPER, width=1.4)
    c.text(x + 1, y + 3.3, number, SMALL, "middle")


def flag(c: Canvas, x: float, y: float, wide: float, high: float) -> None:
    """The frame around what breaks the clause."""
    c.rect(x, y, wide, high, ink=BROKEN, width=2.4, round=3)


def cross(c: Canvas, x: float, y: float) -> None:
    """The sign of what is broken."""
    c.circle(x, y, 6.5, ink=BROKEN, fill=BROKEN)
    c.line([(x - 2.7, y - 2.7), (x + 2.7, y + 2.7)], PAPER, 1.8)
    c.line([(x - 2.7, y + 2.7), (x + 2.7, y - 2.7)], PAPER, 1.8)


def sample(c: Canvas, sign: str, x: float, y: float) -> None:
    """A sign as a legend shows it, about (x, y)."""
    if sign == "lock":
        lock(c, x, y)
    elif sign == "member":
        member(c, "1", x, y)
    elif sign == "receiver":
        receiver(c, "1", x + 1, y)
    elif sign == "stacked":
        c.text(x, y + 4, "^2", Style(12, mono=True), "middle")
    elif sign == "held":
        pill(c, "P1", x - pill_width("P1") / 2, y, "held")
    elif sign == "attribute":
        pill(c, "ro", x - pill_width("ro", True) / 2, y, locked=True)
    elif sign in ("new", "changed", "gone"):
        badge(c, {"new": "+", "changed": "~", "gone": "-"}[sign], x, y)
    elif sign == "broken":
        cross(c, x, y)
    else:
        c.line([(x - 13, y), (x - 4, y)], FAINT, 1.3)
        joint(c, sign, x, y)
