"""Calls and texts in C."""

from __future__ import annotations

from nsmodel.testgen.calls import Away, Call, Ids, Null, Text, Tree, Word, given, quoted
from nsmodel.testgen.performance import Act, Number


def text(tree: Tree) -> str:
    """A call, or an argument of one."""
    match tree:
        case Word(word):
            return f"0{word[2:]}" if word.startswith("0o") else word
        case Text(words):
            return quoted(words)
        case Null():
            return "NULL"
        case Ids(values):
            return f"(gid_t[]){{ {', '.join(map(str, values)) or '0'} }}"
        case Number():
            return f"{'-' * tree.negative}nr({tree.task}, {tree.level})"
        case Call(name, arguments):
            return f"{name}({', '.join(map(text, arguments))})"
        case Away(call, "BACK"):
            return f"FROM_PROC({text(call)})"
        case Away(call, where):
            return f"GO_FROM_PROC({text(call)}, {where})"
    raise TypeError(tree)


def result(act: Act) -> str:
    """What a call gives."""
    return given(act, text, "")
