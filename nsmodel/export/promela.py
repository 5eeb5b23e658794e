"""Prints a system as a Promela model for Spin: the state in bytes, one option of one loop for each call."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nsmodel.export import flat
from nsmodel.export.cells import Cell
from nsmodel.export.expressions import Scratch
from nsmodel.export.flat import (
    CUT,
    REFUSED,
    Assert,
    Binary,
    Bit,
    Block,
    Body,
    Branch,
    Choice,
    Complement,
    Count,
    Expr,
    Item,
    Leave,
    Not,
    Number,
    Set,
    Stmt,
    Truth,
    Var,
    While,
)
from nsmodel.export.guards import escapes
from nsmodel.export.program import Invariant, Program, Rule
from nsmodel.export.simplify import tidy, with_values
from nsmodel.export.text import bare

LONGEST = 1200
"""Statements up to which a step is one `d_step`: Spin takes 2048 of its own, which are finer."""
EXPANDED = 600
"""Statements up to which a rule is printed once for each choice of its parameters."""
_SYMBOLS = {"and": "&&", "or": "||"}


def expression(e: Expr) -> str:
    """An expression of Promela."""
    if isinstance(e, Number):
        return str(e.value)
    if isinstance(e, Truth):
        return "true" if e.value else "false"
    if isinstance(e, Var):
        return e.name
    if isinstance(e, Item):
        return f"{e.array}[{_bare(e.index)}]"
    if isinstance(e, Not):
        inner = e.operand
        if isinstance(inner, Bit) and isinstance(inner.index, Number):
            return f"(({expression(inner.mask)} & {1 << inner.index.value}) == 0)"
        return f"!{expression(inner)}"
    if isinstance(e, Complement):
        return f"~{expression(e.operand)}"
    if isinstance(e, Bit):
        if isinstance(e.index, Number):
            return f"(({expression(e.mask)} & {1 << e.index.value}) != 0)"
        return f"(({expression(e.mask)} >> {expression(e.index)}) & 1)"
    if isinstance(e, Binary):
        left, right = expression(e.left), expression(e.right)
        if e.op in _SYMBOLS:  # a chain needs no inner parentheses
            left = bare(left) if isinstance(e.left, Binary) and e.left.op == e.op else left
            right = bare(right) if isinstance(e.right, Binary) and e.right.op == e.op else right
        return f"({left} {_SYMBOLS.get(e.op, e.op)} {right})"
    return f"({expression(e.test)} -> {expression(e.then)} : {expression(e.other)})"


def _bare(e: Expr) -> str:
    """An expression where no parentheses are needed, but around a choice."""
    return expression(e) if isinstance(e, Choice) else bare(expression(e))


class _Printer:
    """Collects lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.indent = 0
        self.numbers = 0
        self.labels: dict[str, str] = {}
        self.atomic = False
        """Whether bodies are inside of `atomic`, not of `d_step`."""

    def _labelled(self, s: Block) -> None:
        """A block and the label behind it, which is unique in the model."""
        self.numbers += 1
        outer = self.labels.get(s.label)
        self.labels[s.label] = label = f"{s.label}_{self.numbers}"
        if self.atomic:
            self.steps(s.body)
        else:
            for inner in s.body:
                self.statement(inner)
        self.line(f"{label}: skip;")
        if outer is not None:
            self.labels[s.label] = outer

    def size(self, body: Sequence[Stmt]) -> int:
        """How many statements Spin counts, about."""
        return sum(3 if isinstance(s, Branch | Count | While) else 1 for s in flat.statements(body))

    def steps(self, body: Sequence[Stmt]) -> None:
        """Statements inside of `atomic`: runs of them as `d_step`, as far as they are short and no jump leaves them."""
        run: list[Stmt] = []
        for s in body:
            if self.size((s,)) <= LONGEST and not escapes(s):
                if self.size([*run, s]) > LONGEST:
                    self._flush(run)
                run.append(s)
            else:
                self._flush(run)
                self._long(s)
        self._flush(run)

    def _flush(self, run: list[Stmt]) -> None:
        if run:
            outer, self.atomic = self.atomic, False
            self.line("d_step {")
            self.body(run)
            self.line("  skip")  # where a loop at the end breaks to
            self.line("};")
            self.atomic = outer
            run.clear()

    def _long(self, s: Stmt) -> None:
        """A statement inside of `atomic` that is too long for a `d_step`, or that jumps out of it."""
        outer, self.atomic = self.atomic, True
        self.statement(s)
        self.atomic = outer
        if isinstance(s, Count | While):
            self.line("skip;")  # a loop breaks to what follows, which is no place inside of a d_step

    def line(self, text: str) -> None:
        """One line."""
        self.lines.append("  " * self.indent + text)

    def body(self, body: Sequence[Stmt]) -> None:
        """Statements; `skip` where there are none."""
        self.indent += 1
        if self.atomic:
            self.steps(body)
        else:
            for s in body:
                self.statement(s)
        if not body:
            self.line("skip")
        self.indent -= 1

    def statement(self, s: Stmt) -> None:
        """One statement."""
        if isinstance(s, Set):
            self.line(f"{expression(s.target)} = {_bare(s.value)};")
        elif isinstance(s, Branch):
            self.line("if")
            self.line(f":: {_bare(s.test)} ->")
            self.body(s.then)
            self.line(":: else ->" if s.other else ":: else")
            if s.other:
                self.body(s.other)
            self.line("fi;")
        elif isinstance(s, Count):
            self.line(f"{s.var.name} = 1;")
            self.line("do")
            self.line(f":: {s.var.name} <= {s.last} ->")
            self.body((*s.body, Set(s.var, flat.added(s.var, Number(1)))))
            self.line(":: else -> break")
            self.line("od;")
        elif isinstance(s, While):
            self.line("do")
            self.line(f":: {_bare(s.test)} ->")
            self.body(s.body)
            if s.test != flat.TRUE:
                self.line(":: else -> break")
            self.line("od;")
        elif isinstance(s, Block):
            self._labelled(s)
        elif isinstance(s, Leave):
            self.line(f"goto {self.labels[s.label]};")
        else:
            self.line(f"assert({_bare(s.condition)}); /* {s.text} */")


class Promela:
    """The model of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.printer = _Printer()
        self.scratch: dict[str, int] = {}
        """Scratch variables of all rules: 0, or the items of an array."""

    def text(self) -> str:
        """The whole model."""
        p = self.printer
        p.indent = 1
        self._start()
        p.line("do")
        for rule in self.program.rules:
            p.line(f"/* {rule.name} */")
            self._rule(rule)
        if self.program.idle:
            p.line(f"/* never changing anything: {', '.join(self.program.idle)} */")
        if self.program.invariants:
            self._invariants()
        p.line("od")
        p.indent = 0
        process = p.lines
        head = [*_header(self.program), *self._declarations()]
        return "\n".join([*head, "", "active proctype system()", "{", *process, "}"]) + "\n"

    # -- variables ----------------------------------------------------------------------------------------------------

    def _use(self, scratch: Scratch) -> None:
        for name in scratch.variables:
            self.scratch.setdefault(name, 0)
        for name, (size, _) in scratch.arrays.items():
            self.scratch[name] = max(size, self.scratch.get(name, 0))

    def _declarations(self) -> list[str]:
        cells = self.program.cells.declared.values()
        out = ["/* the state */"]
        out += [f"{_type(c)} {_sized(c.name, c.size)}; /* {c.comment} */" for c in cells if not c.constant]
        constants = [f"hidden {_type(c)} {_sized(c.name, c.size)}; /* {c.comment} */" for c in cells if c.constant]
        out += ["", "/* what never changes */", *constants] if constants else []
        words = set(re.findall(r"\w+", "\n".join(self.printer.lines)))
        used = {name: size for name, size in self.scratch.items() if name in words}
        out += ["", "/* scratch, no part of the state */"] if used else []
        return out + [f"hidden int {_sized(name, size or None)};" for name, size in sorted(used.items())]

    def _start(self) -> None:
        p = self.printer
        p.line("d_step {")
        p.indent += 1
        for cell in self.program.cells.declared.values():
            if cell.size is None:
                p.line(f"{cell.name} = {cell.initial[0]};")
            else:
                for i, value in enumerate(cell.initial):
                    if value:
                        p.line(f"{cell.name}[{i}] = {value};")
        for cell in self._unread():
            first = cell.name if cell.size is None else f"{cell.name}[0]"
            p.line(f"assert({first} >= 0); /* no rule reads it: lest Spin leaves it out of the state */")
        p.line("skip")
        p.indent -= 1
        p.line("};")

    def _unread(self) -> list[Cell]:
        """What rules only store to."""
        program = self.program
        code = [r.body for r in program.rules] + [i.body for i in program.invariants]
        read = [e for body in code for s in flat.statements(body) for e in flat.expressions(s)]
        read += [r.offered for r in program.rules]
        names = {x.name if isinstance(x, Var) else x.array for e in read for x in flat.leaves(e)}
        return [c for c in program.cells.declared.values() if not c.constant and c.name not in names]

    # -- rules --------------------------------------------------------------------------------------------------------

    def _rule(self, rule: Rule) -> None:
        self._use(rule.scratch)
        p = self.printer
        size = sum(1 for _ in flat.statements(rule.body))
        calls = [(values, flat.with_values(rule.offered, values)) for values in rule.instances()]
        calls = [(values, guard) for values, guard in calls if guard != flat.FALSE]
        if len(calls) == 1 or len(calls) * size <= EXPANDED:
            for values, guard in calls:
                body = tidy(self._complete(rule, with_values(rule.body, values)))
                self._option(f"{_bare(guard)} ->{_arguments(values)}", body)
            return
        p.line(":: atomic {")
        p.indent += 1
        p.line("if")
        for values, guard in calls:
            stores = "; ".join(f"{name} = {expression(value)}" for name, value in values.items())
            p.line(f":: d_step {{ {_bare(guard)} -> {stores} }}")
        p.line("fi;")
        p.indent -= 1
        self._steps(tidy(self._complete(rule, rule.body)))
        p.line("}")

    def _complete(self, rule: Rule, body: Body) -> Body:
        """The body of a rule that ends in any case: where it is cut, what it changed is restored."""
        if not rule.cut:
            return (Block(REFUSED, body),)
        saved: list[Stmt] = []
        restored: list[Stmt] = []
        for name in rule.touched:
            cell = self.program.cells.declared[name]
            self.scratch[f"old_{name}"] = cell.size or 0
            for i in range(cell.size or 1):
                now = Var(name) if cell.size is None else Item(name, Number(i))
                old = Var(f"old_{name}") if cell.size is None else Item(f"old_{name}", Number(i))
                saved.append(Set(old, now))
                restored.append(Set(now, old))
        return (*saved, Block(REFUSED, (Block(CUT, (*body, Leave(REFUSED))), *restored)))

    def _option(self, first: str, body: Body) -> None:
        """An option of the main loop that is one step."""
        p = self.printer
        if p.size(body) <= LONGEST:
            p.line(f":: d_step {{ {first}")
            p.body(body)
            p.line("  skip")
            p.line("}")
        else:
            p.line(f":: atomic {{ {first}")
            self._steps(body)
            p.line("}")

    def _steps(self, body: Body) -> None:
        """Statements inside of `atomic`."""
        p = self.printer
        p.indent += 1
        p.steps(body)
        p.indent -= 1

    # -- invariants ---------------------------------------------------------------------------------------------------

    def _invariants(self) -> None:
        body: list[Stmt] = []
        for invariant in self.program.invariants:
            self._use(invariant.scratch)
            body += self._judged(invariant)
        self.printer.line("/* the invariants */")
        self._option("true ->", tuple(body))

    def _judged(self, invariant: Invariant) -> Body:
        labels = {s.label for s in flat.statements(invariant.body) if isinstance(s, Leave)}
        if invariant.label not in labels:
            return invariant.body
        holds = Var(f"{invariant.name}_holds", boolean=True)
        self.scratch[holds.name] = 0
        code = (*invariant.body, Set(holds, flat.TRUE))
        return (Set(holds, flat.FALSE), Block(invariant.label, code), Assert(holds, invariant.name))


def _arguments(values: dict[str, Expr]) -> str:
    if not values:
        return ""
    words = ", ".join(f"{name.rsplit('_', 1)[0]}={expression(value)}" for name, value in values.items())
    return f" /* {words} */"


def _type(cell: Cell) -> str:
    if cell.size is not None and cell.boolean:
        return "bool"
    return "byte" if cell.top <= 255 else "short" if cell.top <= 32767 else "int"


def _sized(name: str, size: int | None) -> str:
    return name if size is None else f"{name}[{size}]"


def _header(program: Program) -> list[str]:
    system = program.system
    bounds = ", ".join(f"{name}={value}" for name, value in system.bounds)
    return [
        f"/* {system.spec.name}: {bounds}; kernel {system.kernel}, known bug: {system.mutant or 'none'}.",
        "   Sets are bit masks (bit 1 is slot 1), a reference is a slot, 0 is None; slot n is item n-1 of an array.",
        "   spin -a MODEL && gcc -O2 -DSAFETY -DNOREDUCE -DMEMLIM=8000 -o pan pan.c && ./pan -m1000000 -w24",
        "   One state more than the system has: the one before the first step. If pan says that max search depth is",
        "   too small, states are missing: give a larger -m. Left out: the depth of the scope, FAIL_ATOMIC. */",
        "",
    ]


def promela(program: Program) -> str:
    """The Promela model of a program made with packed booleans."""
    return Promela(program).text()
