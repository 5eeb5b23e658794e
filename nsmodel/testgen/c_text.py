"""Calls and texts in C."""

from __future__ import annotations

import errno

from nsmodel.testgen.calls import NS_BITS, Away, Call, Ids, Null, Text, Tree, Word, flags
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


def quoted(words: str) -> str:
    """A text as a literal."""
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def result(act: Act) -> str:
    """What a call gives."""
    if isinstance(act.gives, Number):
        return text(act.gives)
    if act.gives < 0:
        return f"-{errno.errorcode[-act.gives]}"
    return flags(act.gives, NS_BITS).text if act.step.operation == "ns_get_nstype" else str(act.gives)
