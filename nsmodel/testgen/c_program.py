"""The form `c`: a program in the style of the kernel's selftests, TAP output, nothing but libc."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator

from nsmodel.oracle.live.driver import SHOWN
from nsmodel.oracle.live.replay import shown_types
from nsmodel.oracle.live.translate_users import LAST
from nsmodel.system.snapshot import View
from nsmodel.testgen.c_text import result, text
from nsmodel.testgen.calls import find, quoted, tree
from nsmodel.testgen.case import Case
from nsmodel.testgen.expected import FACETS, OPTIONS, Seen, Telling
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
    version_code,
)
from nsmodel.testgen.runtime_text import FOLDER, used
from nsmodel.testgen.story import Calls, story, wrapped

RUNTIME = (
    "play.c", "report.c", "tasks.c", "paths.c", "users.c", "seen.c", "watcher.c", "mounts.c", "sandbox.c",
)  # fmt: skip
BASIC = ("STATE", "NUMBERS", "PARENT")
"""Facets that the runtime itself names."""
WIDTH = 110
TITLE = f"/* ---- The case {'-' * 96} */\n"


class CProgram:
    """The form."""

    name = "c"
    suffix = ".c"

    def cannot(self, case: Case) -> str | None:
        """Why a case cannot be a C program; None where it can."""
        try:
            plays_of(case)
        except Unperformable as why:
            return str(why)
        return None

    def write(self, case: Case) -> str:
        """The text of the program."""
        return _Writer(case).text()


C = CProgram()


class _Writer:
    def __init__(self, case: Case) -> None:
        self.case = case
        self.plays = plays_of(case)
        self.telling = Telling(state for play in self.plays.values() for state in play.seen)
        self.tasks = everybody(self.plays.values())
        self.executes = any(act.step.operation == "execve" for play in self.plays.values() for act in play.acts)

    def text(self) -> str:
        """The whole program."""
        cases = "\n".join(self._functions())
        main = self._main()
        static = " -static" if self.executes else ""
        how = f"gcc -std=gnu11 -Wall -Wextra -O1{static} -o {self.case.name} {self.case.name}.c && ./{self.case.name}"
        told = "\n".join(
            f" * {line}".rstrip().replace("*/", "* /") for words in story(self.case, how) for line in wrapped(words)
        )
        facts = self._facts()
        head = (FOLDER / "c" / "head.c").read_text(encoding="utf-8")
        parts = [f"/*\n{told}\n */\n{head}", facts, used(RUNTIME, f"{facts}\n{cases}\n{main}"), TITLE, cases, main]
        return "\n".join(parts)

    # -- what the runtime is told -----------------------------------------------------------------------------------

    def _facts(self) -> str:
        facets = [f for f in FACETS if f in self.telling.facets or f in BASIC]
        start = View(self.case.trace.start)
        tables = [told.get("MOUNT_TABLE", "") for play in self.plays.values() for s in play.seen for told in s.values()]
        out = [
            f"/* ---- Who takes part, and what is compared {'-' * 68} */",
            "",
            f"enum {{ {', '.join(self.tasks)}, TASKS }};",
            f"static const char *const names[] = {{ {', '.join(map(quoted, self.tasks))} }};",
            "",
            "struct self;",
            *(f"static void {name}(struct self *me);" for name in self.plays),
            f"static void (*const plays[])(struct self *) = {{ {', '.join(self.plays)} }};",
            f"static const int steps_of[] = {{ {', '.join(str(p.tests) for p in self.plays.values())} }};",
            "",
            "/* What is compared of each task; of one that has ended only the first three. */",
            f"enum {{ {', '.join(facets)}, FACETS }};",
            *(f"static void look_{f.lower()}(int who, const char *wanted);" for f in facets),
            "static void (*const look[FACETS])(int who, const char *wanted) = {",
            f"\t{', '.join(f'look_{f.lower()}' for f in facets)},",
            "};",
            "",
            f"#define OLDEST {version_code(OLDEST)}",
            *(f"#define SHOWS_{kind} {int(kind in shown_types(start))}" for kind in SHOWN),
            f"#define EXECUTES {int(self.executes)}",
        ]
        if "MOUNT_TABLE" in facets:
            options = [quoted(name) + "," for name in self._options(start)]
            out.append(f"#define MOUNTS {max(table.count(chr(10)) for table in tables)}")
            out.append(f"#define OPTIONS {' '.join(options)}".rstrip())
        if "STATUS" in facets:
            out.append(f"#define ALL_CAPABILITIES {(1 << LAST + 1) - 1:#x}ull")
        return "\n".join(out) + "\n"

    @staticmethod
    def _options(start: View) -> list[str]:
        """The attributes of mounts that the trace tells apart, as mountinfo shows them."""
        return [OPTIONS[row["kind"]] for row in start.rows("attributes").values()]

    def _main(self) -> str:
        known = [
            f"\tif (release_is_from({_release(v.kernel)}, {_release(next_version(v.kernel))}) && goes_wrong({i}))\n"
            "\t\treturn PASSED;"
            for i, v in enumerate(self.case.variants, 1)
        ]
        out = ["int main(int words, char **word)" if self.executes else "int main(void)", "{"]
        out += ["\tif (words == 3)", "\t\tgo_on(word);"] if self.executes else []
        ready = ["\tget_ready();"] + ["\tfind_hierarchy();"] * uses_hierarchy(self.plays.values())
        return "\n".join([*out, *ready, *known, "\treturn run(0);", "}", ""])

    # -- a play -----------------------------------------------------------------------------------------------------

    def _functions(self) -> Iterator[str]:
        """A function for each play, and one for what they begin with."""
        blocks = {name: list(self._blocks(play)) for name, play in self.plays.items()}
        common = shared_beginning(list(blocks.values()))
        if common:
            yield _function("the_beginning", [*itertools.chain(*blocks["the_case"][:common])])
        for name, several in blocks.items():
            first = ["\tthe_beginning(me);"] if common else []
            yield _function(name, [*first, *itertools.chain(*several[common:])])

    def _blocks(self, play: Play) -> Iterator[list[str]]:
        """What is there in the beginning; then each call, with what it gives and what is seen then; then the end."""
        changes, calls, known = Changes(), Calls(play.trace), known_at(play.trace, self.case)
        out = [f"\tSETUP({play.everybody[0]}, {text(call)});" for call in setups(play.trace)]
        if play.names is not None and play.tells_places(self.telling.facets):
            out.append(f"\tNAMES({play.everybody[0]}, {', '.join(map(quoted, play.names))});")
        yield [*out, *_now(changes.of(alike(self.telling.of(play.beginning))))]
        prelude = len(play.trace.prelude)
        for number, act in enumerate(play.acts):
            title = f"{number - prelude + 1}" if number >= prelude else "before"
            out = ["", *_comment(f"{title}  {calls.text(act.step)}"), *_step(act)]
            if number in known:
                out.append(f"\tKNOWN({quoted(' '.join(known[number]))});")
            out += _now(changes.of(alike(self.telling.of(act.seen))))
            if act.opened is not None and act.opened.place is not None:
                out.append(f"\tOPENED({act.task}, {act.opened.handle}, {quoted(act.opened.place)});")
            if act.opened is not None and act.opened.namespace is not None:
                out.append(f"\tOPENED_NS({act.task}, {act.opened.handle}, {quoted(act.opened.namespace)});")
            yield out
        if play.finds:
            out = ["", "\t/* What is mounted nowhere, and can be reached all the same. */"]
            out.append('\tSTILL("what is mounted nowhere");')
            for place in play.finds:
                out += _broken(f"\tFINDS({place.task}, {quoted(place.place)}, ", f"{text(find(place.path))});")
            yield out


def _function(name: str, lines: list[str]) -> str:
    return "\n".join([f"static void {name}(struct self *me)", "{", *lines[lines[:1] == [""] :], "}", ""])


def _step(act: Act) -> list[str]:
    call = text(tree(act))
    if not act.returns:
        return _broken(f"\tLAST({act.task}, ", f"{call});")
    gives = result(act)
    out = _broken(f"\tSTEP({act.task}, {gives}, ", f"{call});")
    if act.status is not None:
        out.append(f"\tSTATUS({act.status:#x});")
    return out


def _broken(first: str, second: str) -> list[str]:
    if len(first) + len(second) <= WIDTH:
        return [first + second]
    return [first.rstrip(), f"\t     {second}"]


def _now(new: Seen) -> list[str]:
    """What is told anew of each task; a text of several lines last, one below the other."""
    out = []
    for task, told in new.items():
        lines = [f"\tNOW({task}, "]
        for facet, value in sorted(told.items(), key=lambda item: "\n" in item[1]):
            first, *rest = [quoted(line) for line in value.splitlines(keepends=True)] or ['""']
            words = f"[{facet}] = " + ("" if rest else first)
            if lines[-1].strip("\t ").endswith(("(", ",")) and len(lines[-1]) + len(words) > WIDTH:
                lines[-1] = lines[-1].rstrip()
                lines.append("\t    ")
            lines[-1] += words if not rest else words.rstrip()
            lines += [f"\t\t{text}" for text in (first, *rest)] if rest else []
            lines[-1] += ", "
        lines[-1] = lines[-1].removesuffix(", ") + ");"
        out += [line.rstrip() for line in lines]
    return out


def _comment(text: str) -> list[str]:
    lines = textwrap.wrap(text.replace("*/", "* /"), WIDTH - 12, break_on_hyphens=False)
    return [f"\t{' *' if i else '/*'} {line}{' */' if i == len(lines) - 1 else ''}" for i, line in enumerate(lines)]


def _release(version: str) -> str:
    return ", ".join(version.split(".")[:2])
