"""Terms as Z3 expressions and back: each term is translated once, without recursion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import z3

from nsmodel.terms.term import BOOL, Term

Expression = Any
"""A Z3 expression; z3 has no types of its own."""


class Z3Terms:
    """Translates terms, and remembers the translation of each for as long as it lives.

    Variables are named as in the terms; a negated conjunction of negations is a disjunction again.
    """

    def __init__(self) -> None:
        self._done: dict[int, Expression] = {}
        self._kept: list[Term] = []

    def translate(self, roots: Sequence[Term]) -> list[Expression]:
        """The Z3 expressions of terms."""
        done = self._done
        for term in self._missing(roots):
            done[term.id] = self._made(term)
            self._kept.append(term)
        return [done[root.id] for root in roots]

    def __call__(self, term: Term) -> Expression:
        """The Z3 expression of one term."""
        return self.translate([term])[0]

    def _missing(self, roots: Iterable[Term]) -> list[Term]:
        """Terms below the roots without a translation yet, arguments first."""
        seen: set[int] = set()
        stack = list(roots)
        out = []
        while stack:
            term = stack.pop()
            if term.id not in seen and term.id not in self._done:
                seen.add(term.id)
                out.append(term)
                stack += term.args
        return sorted(out, key=lambda term: term.id)

    def _made(self, term: Term) -> Expression:
        args = [self._done[a.id] for a in term.args]
        match term.op:
            case "const":
                return z3.BoolVal(bool(term.payload)) if term.width == BOOL else z3.BitVecVal(term.payload, term.width)
            case "var":
                return z3.Bool(term.payload) if term.width == BOOL else z3.BitVec(term.payload, term.width)
            case "not":
                inner = term.args[0]
                if inner.op == "and" and all(a.op == "not" for a in inner.args):
                    return z3.Or(*(self._done[a.args[0].id] for a in inner.args))
                return z3.Not(args[0])
            case "and":
                return z3.And(*args)
            case "ite":
                return z3.If(*args)
            case "eq":
                return args[0] == args[1]
            case "ult":
                return z3.ULT(*args)
            case "add":
                return args[0] + args[1]
            case "sub":
                return args[0] - args[1]
            case "extend":
                return z3.ZeroExt(term.width - term.args[0].width, args[0])
            case "low":
                return z3.Extract(term.width - 1, 0, args[0])
        raise ValueError(f"no translation of {term.op}")


def environment(model: z3.ModelRef, variables: Iterable[Term]) -> Mapping[str, int]:
    """The values that a Z3 model gives to variables, for :mod:`nsmodel.terms.evaluate`; 0 where it leaves one open."""
    out: dict[str, int] = {}
    for term in variables:
        name = str(term.payload)
        if term.width == BOOL:
            out[name] = int(z3.is_true(model.eval(z3.Bool(name), model_completion=True)))
        else:
            out[name] = model.eval(z3.BitVec(name, term.width), model_completion=True).as_long()
    return out
