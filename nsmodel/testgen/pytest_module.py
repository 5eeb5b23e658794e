"""The form `pytest`: a module whose test performs the calls itself, by ctypes, with nothing but Python's library.

Each task is a process of Python. Threads, and execs of programs, are more than an interpreter can do: `cannot` says so.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from nsmodel.oracle.live.driver import SHOWN
from nsmodel.oracle.live.replay import shown_types
from nsmodel.oracle.live.translate import CLONE
from nsmodel.system.snapshot import View
from nsmodel.testgen.calls import find, quoted, tree
from nsmodel.testgen.case import Case
from nsmodel.testgen.expected import OPTIONS, Seen, Telling
from nsmodel.testgen.performance import Act, Changes, Unperformable
from nsmodel.testgen.play import (
    OLDEST,
    Play,
    alike,
    everybody,
    known_at,
    next_version,
    plays_of,
    setups,
    shared_beginning,
    uses_hierarchy,
)
from nsmodel.testgen.python_text import CONSTANTS, result, text
from nsmodel.testgen.runtime_text import FOLDER
from nsmodel.testgen.story import Calls, story, wrapped

WIDTH = 110
RUNTIME = ("kernel.py", "people.py", "tasks.py", "mounts.py", "watcher.py", "directions.py", "sandbox.py")
EXECS = ("execve", "chmod")


class PytestModule:
    """The form."""

    name = "pytest"
    suffix = ".py"

    def cannot(self, case: Case) -> str | None:
        """Why a case cannot be a module of pytest; None where it can."""
        try:
            plays = plays_of(case)
        except Unperformable as why:
            return str(why)
        acts = [act for play in plays.values() for act in play.acts]
        if any((act.command.clone_flags or 0) & CLONE["thread"] for act in acts):
            return "a process of Python cannot have a thread that is made by clone3"
        if any(act.step.operation in EXECS for act in acts):
            return "a process of Python cannot go on after an exec in a file system without files"
        return None

    def write(self, case: Case) -> str:
        """The text of the module."""
        plays = plays_of(case)
        telling = Telling(state for play in plays.values() for state in play.seen)
        tasks = everybody(plays.values())
        told = [
            line
            for words in story(case, f"pytest {case.name}.py, or python3 {case.name}.py")
            for line in wrapped(words)
        ]
        body = "\n\n\n".join(_functions({name: list(_blocks(play, case, telling)) for name, play in plays.items()}))
        ends = "\n".join(_main(case, plays, View(case.trace.start)))
        facts = [f'{name} = "{name}"' for name in tasks] + [f"order += [{', '.join(tasks)}]"]
        runtime, head = _runtime(f"{body}\n\n\n{ends}")
        title = f"# ---- The case {'-' * 98}"
        constants = [f"{name} = {CONSTANTS[name]}" for name in _constants(body, runtime)]
        story_text = "\n".join(told).replace("\\", "\\\\")
        begins = f'"""{story_text}\n"""\n\n{head}\n\n{runtime}\n\n{title}\n'
        return "\n".join([begins, *constants, *facts, "", "", body, "", "", ends, ""])


PYTEST = PytestModule()


def _functions(blocks: dict[str, list[list[str]]]) -> Iterator[str]:
    """A function for each play, and one for what they begin with."""
    common = shared_beginning(list(blocks.values()))
    if common:
        yield "\n".join(["def the_beginning() -> None:", *itertools.chain(*blocks["the_case"][:common])])
    for name, several in blocks.items():
        lines = ["    the_beginning()"] * bool(common) + list(itertools.chain(*several[common:]))
        yield "\n".join([f"def {name}() -> None:", *lines])


def _blocks(play: Play, case: Case, telling: Telling) -> Iterator[list[str]]:
    """What is there in the beginning; then each call, with what it gives and what is seen then; then the end."""
    changes, calls, known = Changes(), Calls(play.trace), known_at(play.trace, case)
    out = [f"    setup({play.everybody[0]}, lambda: {text(line)})" for line in setups(play.trace)]
    if play.names is not None and play.tells_places(telling.facets):
        out.append(f"    names({play.everybody[0]}, {', '.join(map(quoted, play.names))})")
    yield [*out, *_now(changes.of(alike(telling.of(play.beginning))))]
    for number, act in enumerate(play.acts):
        out = ["", *_step(act, calls.text(act.step))]
        if number in known:
            out.append(f"    known({quoted(' '.join(known[number]))})")
        if act.status is not None:
            out.append(f"    status({act.status:#x})")
        out += _now(changes.of(alike(telling.of(act.seen))))
        if act.opened is not None and act.opened.place is not None:
            out.append(f"    opened({act.task}, {act.opened.handle}, {quoted(act.opened.place)})")
        if act.opened is not None and act.opened.namespace is not None:
            out.append(f"    opened_ns({act.task}, {act.opened.handle}, {quoted(act.opened.namespace)})")
        yield out
    if play.finds:
        out = ["", "    # What is mounted nowhere, and can be reached all the same."]
        out.append('    still("what is mounted nowhere")')
        for place in play.finds:
            out.append(f"    finds({place.task}, {quoted(place.place)}, lambda: {text(find(place.path))})")
        yield out


def _step(act: Act, words: str) -> list[str]:
    """A call: in words for people, then what it gives and how it is made."""
    call = text(tree(act))
    name = f"step({act.task}, " if act.returns else f"last({act.task}, "
    made = f"lambda: {result(act)}, lambda: {call})" if act.returns else f"lambda: {call})"
    return [f"    {name}{quoted(words)},", f"    {' ' * 5}{made}"]


def _now(new: Seen) -> Iterator[str]:
    """What is told anew of each task; a text of several lines one below the other."""
    for task, told in new.items():
        short = [f"{facet}={quoted(value)}" for facet, value in told.items() if value.count("\n") <= 1]
        long = [(facet, value.splitlines(keepends=True)) for facet, value in told.items() if value.count("\n") > 1]
        first = f"    now({', '.join([task, *short])}"
        yield first + (")" if not long else ",")
        for at, (facet, lines) in enumerate(long):
            yield f"        {facet}=("
            yield from (f"            {quoted(line)}" for line in lines)
            yield "        ))" if at == len(long) - 1 else "        ),"


def _main(case: Case, plays: dict[str, Play], start: View) -> Iterator[str]:
    """How it is started, as a test and by itself."""
    options = [quoted(OPTIONS[row["kind"]]) for row in start.rows("attributes").values()]
    shown = tuple(kind.lower() for kind in SHOWN if kind in shown_types(start))
    yield "def main() -> int:"
    yield '    print("TAP version 13")'
    yield "    try:"
    yield f"        release = check_machine({_pair(OLDEST)})"
    if uses_hierarchy(plays.values()):
        yield "        find_hierarchy()"
    yield "    except Impossible as why:"
    yield '        print(f"1..0 # SKIP cannot run here: {why}")'
    yield "        return CANNOT"
    yield f"    watcher.options = ({', '.join(options)}{',' * (len(options) == 1)})"
    for variant, name in zip(case.variants, list(plays)[1:], strict=True):
        yield f"    watcher.steps = {plays[name].tests}"
        here = f"{_pair(variant.kernel)} <= release < {_pair(next_version(variant.kernel))}"
        yield f"    if {here} and goes_wrong({name}, {shown}):"
        yield "        return PASSED"
    yield f"    watcher.steps = {plays['the_case'].tests}"
    yield f"    return run(the_case, {shown})"
    yield from ("", "", f"def test_{re.sub(r'[^0-9A-Za-z]', '_', case.name)}() -> None:", "    check(__file__)", "", "")
    yield from ('if __name__ == "__main__":', "    sys.exit(main())")


def _pair(version: str) -> str:
    return f"({', '.join(version.split('.')[:2])})"


# -- the runtime ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Statement:
    """A statement of the runtime with the names that it binds and that it uses; a comment, which binds none, is the
    title of those behind it."""

    text: str
    binds: frozenset[str]
    uses: frozenset[str]


@cache
def _statements() -> tuple[tuple[str, ...], tuple[_Statement, ...]]:
    """The imports of the runtime, and its statements."""
    imports: dict[str, None] = {}
    out = []
    for file in RUNTIME:
        source = (FOLDER / "python" / file).read_text(encoding="utf-8")
        lines = source.splitlines()
        title, *nodes = ast.parse(source).body
        assert isinstance(title, ast.Expr)
        told = str(ast.literal_eval(title.value)).strip().splitlines()
        head = f"# ---- {told[0]} ".ljust(WIDTH + 6, "-")
        out.append(_Statement("\n".join([head, *(f"# {line}" for line in told[2:])]), frozenset(), frozenset()))
        for node in nodes:
            if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not _ours(node)):
                imports[ast.unparse(node)] = None
            elif not isinstance(node, ast.ImportFrom):
                text = "\n".join(lines[node.lineno - 1 : node.end_lineno])
                out.append(_Statement(text, frozenset(_bound(node)), frozenset(_used(node))))
    return tuple(sorted(imports, key=lambda line: (line.startswith("from"), line))), tuple(out)


def _ours(node: ast.ImportFrom) -> bool:
    return str(node.module).startswith("nsmodel.")


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    for inner in ast.walk(node) if isinstance(node, ast.Assign | ast.AnnAssign) else ():
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id


def _used(node: ast.AST) -> Iterator[str]:
    return (inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name))


def _runtime(program: str) -> tuple[str, str]:
    """As much of the runtime as a program uses, and the imports of that."""
    imports, statements = _statements()
    wanted = set(_used(ast.parse(program)))
    taken: set[_Statement] = set()
    while more := [s for s in statements if s not in taken and s.binds & wanted]:
        taken.update(more)
        wanted.update(*(s.uses for s in more))
    out: list[str] = []
    title, before = "", False
    for statement in statements:
        if not statement.binds:
            title = statement.text
        elif statement in taken:
            block = statement.text.startswith(("def ", "class "))
            if title:
                out += ["\n", title, "\n" * block]
            elif block or before:
                out.append("\n")
            out.append(statement.text)
            title, before = "", block
    whole = "\n".join([program, *out])
    head = [line for line in imports if any(re.search(rf"\b{name}\b", whole) for name in _imported(line))]
    return "\n".join(out).strip("\n") + "\n", "\n".join(head)


def _imported(line: str) -> Sequence[str]:
    return [name.strip() for name in line.partition("import ")[2].split(",")]


def _constants(program: str, runtime: str) -> list[str]:
    """The constants that a program uses and the runtime has not."""
    there = {name for node in ast.parse(runtime).body for name in _bound(node)}
    used = dict.fromkeys(_used(ast.parse(program)))
    return [name for name in used if name in CONSTANTS and name not in there]
