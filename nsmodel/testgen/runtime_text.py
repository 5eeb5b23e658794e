"""The runtime of C programs: of the files in `runtime/c` as much as a program uses.

A file is a sequence of pieces with an empty line between them: a comment, a macro, types and variables, a function. A
piece is taken when a name that it defines is used; a comment that stands alone is the title of the pieces behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "runtime"
_WORD = re.compile(r"[A-Za-z_]\w*")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_TEXT = re.compile(r'"(?:\\.|[^"\\])*"')
_BRACES = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]|__attribute__ *\(\((?:[^()]|\([^()]*\))*\)\)")


@dataclass(frozen=True)
class Piece:
    """A piece of the runtime: its text, the names that it defines and those that it uses."""

    text: str
    defines: frozenset[str]
    uses: frozenset[str]

    @property
    def title(self) -> bool:
        """It is a comment alone."""
        return not _code(self.text)


def _code(text: str) -> str:
    return _TEXT.sub('""', _COMMENT.sub("", text)).strip()


@cache
def pieces(file: str) -> tuple[Piece, ...]:
    """The pieces of a file of the runtime."""
    text = (FOLDER / "c" / file).read_text(encoding="utf-8").rstrip("\n")
    return tuple(
        Piece(part, frozenset(_defined(_code(part))), frozenset(_WORD.findall(_code(part))))
        for part in re.split(r"\n\n(?=[^\s#]|#define)", text)
    )


def _defined(code: str) -> set[str]:
    """The names that some C code defines: macros; a function; or types, enumerators and variables."""
    out = set(re.findall(r"^#define (\w+)", code, re.MULTILINE))
    if out:
        return out
    for body in re.findall(r"\benum\b[^{};]*\{([^}]*)\}", code):
        out |= set(re.findall(r"(\w+)\s*(?:=[^,]*)?(?:,|$)", body.strip()))
    flat = code
    while (shorter := _BRACES.sub(" ", flat)) != flat:
        flat = shorter
    called = re.match(r"[\w\s*]*?(\w+)\s*\(", flat)
    if called is not None:
        return out | {called[1]}
    for statement in flat.split(";"):
        out |= set(re.findall(r"^struct (\w+)\s*$", statement.strip()))
        out |= set(re.findall(r"(\w+)\s*(?:,|$)", re.sub(r"=[^,]*", "", statement).strip()))
    return out - {"enum"}


def used(files: Sequence[str], program: str) -> str:
    """What a program needs of some files, in their order."""
    every = [piece for file in files for piece in pieces(file)]
    wanted = set(_WORD.findall(_code(program)))
    taken: set[Piece] = set()
    while more := [p for p in every if p not in taken and p.defines & wanted]:
        taken.update(more)
        wanted.update(*(p.uses for p in more))
    out: list[str] = []
    title: list[str] = []
    for piece in every:
        if piece.title:
            title = [piece.text]
        elif piece in taken:
            out += [*title, piece.text]
            title = []
    return "\n\n".join(out) + "\n"
