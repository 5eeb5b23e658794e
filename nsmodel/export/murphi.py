"""Prints a system as a Murphi model for Rumur: a rule set for each operation, a function for each invariant.

Masks are numbers, with the bit operators that Rumur adds to the language; `assume false` takes back a call without a
successor. Early exits, which Murphi has not, become tests of one variable.
"""

from __future__ import annotations

from collections.abc import Sequence

from nsmodel.export import flat
from nsmodel.export.cells import Cell
from nsmodel.export.expressions import Scratch
from nsmodel.export.flat import (
    Binary,
    Bit,
    Block,
    Branch,
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
from nsmodel.export.program import Invariant, Parameter, Program, Rule
from nsmodel.export.simplify import FAILURES
from nsmodel.export.text import bare

_SYMBOLS = {"and": "&", "or": "|", "==": "="}
LEAVING = "leaving"
"""The variable that says which block is being left, 0 for none."""


def expression(e: Expr) -> str:
    """An expression of Murphi."""
    if isinstance(e, Number):
        return str(e.value) if e.value >= 0 else f"(-{-e.value})"
    if isinstance(e, Truth):
        return "true" if e.value else "false"
    if isinstance(e, Var):
        return e.name
    if isinstance(e, Item) and e.constant:
        return f"{e.array}({_bare(flat.added(e.index, Number(1)))})"
    if isinstance(e, Item):
        return f"{e.array}[{_bare(flat.added(e.index, Number(1)))}]"
    if isinstance(e, Not):
        return f"!{expression(e.operand)}"
    if isinstance(e, Complement):
        return f"~{expression(e.operand)}"
    if isinstance(e, Bit):
        if isinstance(e.index, Number):
            return f"(({expression(e.mask)} & {1 << e.index.value}) != 0)"
        return f"((({expression(e.mask)} >> {expression(e.index)}) & 1) = 1)"
    if isinstance(e, Binary):
        left, right = expression(e.left), expression(e.right)
        if e.op in ("and", "or"):  # a chain needs no inner parentheses
            left = bare(left) if isinstance(e.left, Binary) and e.left.op == e.op else left
            right = bare(right) if isinstance(e.right, Binary) and e.right.op == e.op else right
        return f"({left} {_SYMBOLS.get(e.op, e.op)} {right})"
    return f"({expression(e.test)} ? {expression(e.then)} : {expression(e.other)})"


def _bare(e: Expr) -> str:
    """An expression where no parentheses are needed."""
    return bare(expression(e))


class _Printer:
    """Collects the lines of one rule or function."""

    def __init__(self, result: str | None = None) -> None:
        self.lines: list[str] = []
        self.indent = 1
        self.labels: list[str] = []
        self.leaves = False
        self.result = result
        """The label of a block that is left by returning False."""

    def line(self, text: str) -> None:
        """One line."""
        self.lines.append("  " * self.indent + text)

    def body(self, body: Sequence[Stmt]) -> None:
        """Statements; what comes after a possible exit is run only where none was taken."""
        for i, s in enumerate(body):
            self.statement(s)
            rest = body[i + 1 :]
            if rest and self._may_leave(s):
                self.line(f"if {LEAVING} = 0 then")
                self.inner(rest)
                self.line("end;")
                return

    def inner(self, body: Sequence[Stmt]) -> None:
        """Statements one step to the right."""
        self.indent += 1
        self.body(body)
        self.indent -= 1

    def _may_leave(self, s: Stmt) -> bool:
        return escapes(s, FAILURES | {self.result or ""})

    def statement(self, s: Stmt) -> None:
        """One statement."""
        if isinstance(s, Set):
            self.line(f"{expression(s.target)} := {_bare(s.value)};")
        elif isinstance(s, Branch):
            self.line(f"if {_bare(s.test)} then")
            self.inner(s.then)
            if s.other:
                self.line("else")
                self.inner(s.other)
            self.line("end;")
        elif isinstance(s, Count):
            self._count(s)
        elif isinstance(s, While):
            test = expression(s.test)
            stays = any(self._may_leave(x) for x in s.body)
            self.line(f"while {test} & {LEAVING} = 0 do" if stays else f"while {bare(test)} do")
            self.inner(s.body)
            self.line("end;")
        elif isinstance(s, Block):
            self._block(s)
        elif isinstance(s, Leave):
            self._leave(s)
        else:
            self.line(f'assert {expression(s.condition)} "{s.text}";')

    def _count(self, s: Count) -> None:
        name = s.var.name
        if not any(self._may_leave(x) for x in s.body):
            self.line(f"for i_{name}: 1..{s.last} do")
            self.indent += 1
            self.line(f"{name} := i_{name};")
            self.body(s.body)
        else:
            self.line(f"{name} := 0;")
            self.line(f"while {name} < {s.last} & {LEAVING} = 0 do")
            self.indent += 1
            self.line(f"{name} := {name} + 1;")
            self.body(s.body)
        self.indent -= 1
        self.line("end;")

    def _block(self, s: Block) -> None:
        if s.label == self.result:
            self.body(s.body)
            return
        self.labels.append(s.label)
        self.body(s.body)
        if any(isinstance(x, Leave) and x.label == s.label for x in flat.statements(s.body)):
            self.leaves = True
            number = len(self.labels)
            self.line(f"if {LEAVING} = {number} then {LEAVING} := 0; end;")
        self.labels.pop()

    def _leave(self, s: Leave) -> None:
        if s.label in FAILURES:
            self.line(f'assume false "{s.label}";')
        elif s.label == self.result:
            self.line("return false;")
        else:
            number = len(self.labels) - self.labels[::-1].index(s.label)
            self.line(f"{LEAVING} := {number};")


class Murphi:
    """The model of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        top = max(255, *(c.top for c in program.cells.declared.values()))
        self.number = f"-255..{top}"
        """The type of scratch numbers, written out: Rumur knows `|` on masks by it, not by a name for it."""

    def text(self) -> str:
        """The whole model."""
        cells = self.program.cells.declared.values()
        out = _header(self.program)
        out += ["var"]
        out += [f"  {c.name}: {_type(c)}; -- {c.comment}" for c in cells if not c.constant]
        for cell in cells:
            if cell.constant:
                out += _constant(cell)
        out += self._start()
        for rule in self.program.rules:
            out += ["", *self._rule(rule)]
        if self.program.idle:
            out += ["", f"-- never changing anything: {', '.join(self.program.idle)}"]
        for invariant in self.program.invariants:
            out += ["", *self._invariant(invariant)]
        return "\n".join(out) + "\n"

    def _start(self) -> list[str]:
        out = ["", "startstate begin"]
        for c in self.program.cells.declared.values():
            if c.constant:
                continue
            if c.size is None:
                out.append(f"  {c.name} := {c.initial[0]};")
            for i, value in enumerate(c.initial if c.size is not None else (), 1):
                text = ("true" if value else "false") if c.boolean else str(value)
                out.append(f"  {c.name}[{i}] := {text};")
        return [*out, "end;"]

    def _declared(self, scratch: Scratch, parameters: Sequence[Parameter], printer: _Printer) -> list[str]:
        text = "\n".join(printer.lines)
        taken = {p.var.name for p in parameters}
        out = []
        for var in scratch.variables.values():
            if var.name not in taken and var.name in text:
                out.append(f"  {var.name}: {'boolean' if var.boolean else self.number};")
        for name, (size, boolean) in scratch.arrays.items():
            if name in text:
                out.append(f"  {name}: array [1..{size}] of {'boolean' if boolean else self.number};")
        if printer.leaves:
            out.append(f"  {LEAVING}: 0..255;")
        return ["var", *out] if out else []

    def _rule(self, rule: Rule) -> list[str]:
        printer = _Printer()
        printer.body(rule.body)
        declared = self._declared(rule.scratch, rule.parameters, printer)
        first = [f"  {LEAVING} := 0;"] if printer.leaves else []
        out = []
        for p in rule.parameters:
            out.append(f"ruleset {p.var.name}: {0 if p.optional else 1}..{p.last} do")
        out += [f'rule "{rule.name}"', f"  {_bare(rule.offered)}", "==>", *declared, "begin"]
        out += [*first, *printer.lines, "end;"]
        return out + ["end;" for _ in rule.parameters]

    def _invariant(self, invariant: Invariant) -> list[str]:
        printer = _Printer(invariant.label)
        printer.body(invariant.body)
        declared = self._declared(invariant.scratch, (), printer)
        first = [f"  {LEAVING} := 0;"] if printer.leaves else []
        head = [f"function {invariant.name}(): boolean;", *declared, "begin"]
        call = f'invariant "{invariant.name}" {invariant.name}();'
        return [*head, *first, *printer.lines, "  return true;", "end;", call]


def _type(cell: Cell) -> str:
    kind = "boolean" if cell.boolean else f"0..{cell.top}"
    return kind if cell.size is None else f"array [1..{cell.size}] of {kind}"


def _constant(cell: Cell) -> list[str]:
    """A function in place of an array that never changes."""
    boolean = cell.boolean
    out = [
        "",
        f"function {cell.name}(item: 0..{len(cell.initial)}): {'boolean' if boolean else f'0..{cell.top}'};",
        "begin",
    ]
    for i, value in enumerate(cell.initial, 1):
        if value:
            out.append(f"  if item = {i} then return {'true' if boolean else value}; end;")
    return [*out, f"  return {'false' if boolean else 0};", "end;"]


def _header(program: Program) -> list[str]:
    system = program.system
    bounds = ", ".join(f"{name}={value}" for name, value in system.bounds)
    return [
        f"-- {system.spec.name}: {bounds}; kernel {system.kernel}, known bug: {system.mutant or 'none'}.",
        "-- Sets are bit masks (bit 1 is slot 1), a reference is a slot, 0 is None; slot n is item n of an array.",
        "-- rumur --deadlock-detection off -o model.c MODEL && gcc -std=c11 -O2 -mcx16 model.c -o model -lpthread",
        "-- A call beyond the scope is taken back by `assume false`. Left out: the depth of the scope, FAIL_ATOMIC.",
        "",
    ]


def murphi(program: Program) -> str:
    """The Murphi model of a program made with booleans as arrays."""
    return Murphi(program).text()
