"""A small writer of SVG: shapes and text at given places, and how wide a text is.

Widths are DejaVu Sans', the widest of the fonts that a viewer may take, so that a text never runs into its neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

SANS = "'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif"
MONO = "'DejaVu Sans Mono', Menlo, Consolas, monospace"
INK, SOFT, FAINT, BAND, PAPER = "#1a1a1a", "#5c5c5c", "#b4b4b4", "#f0efeb", "#ffffff"
NEW, BROKEN = "#0b5d8a", "#a3122b"
"""Colours come on top of shapes and words: none says anything alone."""

ADVANCES = (
    "32 40 46 84 64 95 78 27 39 39 50 84 32 36 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84 53 "
    "100 68 69 70 77 63 58 77 75 29 29 66 56 86 75 79 60 79 69 63 61 73 68 99 69 61 69 39 34 39 84 50 "
    "50 61 63 55 63 62 35 63 63 28 28 58 28 97 63 61 63 63 41 52 39 63 59 82 59 59 52 64 34 64 84"
)
"""Advance of each printable ASCII character in hundredths of the font size."""
_WIDTH = {chr(32 + i): int(n) / 100 for i, n in enumerate(ADVANCES.split())}
OTHER, BOLDER, FIXED = 0.84, 1.13, 0.603

Weight = Literal["normal", "bold"]


@dataclass(frozen=True)
class Style:
    """How a text looks."""

    size: float = 12
    mono: bool = False
    bold: bool = False
    italic: bool = False
    ink: str = INK
    struck: bool = False


def width_of(text: str, style: Style) -> float:
    """How wide a text is at most."""
    if style.mono:
        return len(text) * FIXED * style.size
    wide = sum(_WIDTH.get(c, OTHER) for c in text) * style.size
    return wide * BOLDER if style.bold else wide


def wrapped(text: str, style: Style, width: float) -> list[str]:
    """Lines of a text that are no wider than that, broken between words; a longer word stays whole."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and width_of(f"{lines[-1]} {word}", style) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


@dataclass
class Canvas:
    """Collects the elements of a picture, in the order of drawing."""

    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, text: str, style: Style, anchor: str = "start") -> float:
        """A text on the base line `y`; gives where it ends."""
        more = f' font-family="{MONO}"' if style.mono else ""
        more += ' font-weight="bold"' if style.bold else ""
        more += ' font-style="italic"' if style.italic else ""
        more += ' text-decoration="line-through"' if style.struck else ""
        more += f' text-anchor="{anchor}"' if anchor != "start" else ""
        more += f' fill="{style.ink}"' if style.ink != INK else ""
        at = f'x="{_number(x)}" y="{_number(y)}" font-size="{_number(style.size)}"'
        self.parts.append(f'<text {at}{more} xml:space="preserve">{escape(text)}</text>')
        return x + width_of(text, style)

    def line(
        self, points: list[tuple[float, float]], ink: str = INK, width: float = 1, dash: str = "", closed: bool = False
    ) -> None:
        """A line through some points, or what it encloses drawn as an outline."""
        path = "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points) + ("Z" if closed else "")
        self.path(path, ink=ink, width=width, dash=dash)

    def path(self, path: str, *, ink: str = INK, fill: str = "none", width: float = 1, dash: str = "") -> None:
        """Any path."""
        more = f' stroke-dasharray="{dash}"' if dash else ""
        stroke = f' stroke="{ink}" stroke-width="{_number(width)}"' if width else ""
        self.parts.append(f'<path d="{path}" fill="{fill}"{stroke}{more}/>')

    def rect(
        self,
        x: float,
        y: float,
        wide: float,
        high: float,
        *,
        ink: str = "none",
        fill: str = "none",
        width: float = 1,
        dash: str = "",
        round: float = 0,
    ) -> None:
        """A rectangle."""
        more = f' rx="{_number(round)}"' if round else ""
        more += f' stroke="{ink}" stroke-width="{_number(width)}"' if ink != "none" else ""
        more += f' stroke-dasharray="{dash}"' if dash else ""
        at = f'x="{_number(x)}" y="{_number(y)}" width="{_number(wide)}" height="{_number(high)}"'
        self.parts.append(f'<rect {at} fill="{fill}"{more}/>')

    def circle(self, x: float, y: float, radius: float, *, ink: str = INK, fill: str = INK, width: float = 1.2) -> None:
        """A circle."""
        at = f'cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}"'
        self.parts.append(f'<circle {at} fill="{fill}" stroke="{ink}" stroke-width="{_number(width)}"/>')

    def document(self, wide: float, high: float, title: str) -> str:
        """The whole picture."""
        w, h = _number(wide), _number(high)
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" '
            f'font-family={quoteattr(SANS)} fill="{INK}" role="img">'
        )
        paper = f'<rect width="{w}" height="{h}" fill="{PAPER}"/>'
        return "\n".join([head, f"<title>{escape(title)}</title>", paper, *self.parts, "</svg>"]) + "\n"
