"""Evaluation of terms under an environment: once, or many times over one prepared list of roots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nsmodel.terms.term import BOOL, Term, topological

_NOT, _AND, _ITE, _EQ, _ULT, _ADD, _SUB, _COPY = range(8)
_CODES = {"not": _NOT, "and": _AND, "ite": _ITE, "eq": _EQ, "ult": _ULT, "add": _ADD, "sub": _SUB}


class Evaluator:
    """Roots prepared for evaluation under many environments."""

    def __init__(self, roots: Sequence[Term]) -> None:
        order = topological(roots)
        place = {term.id: i for i, term in enumerate(order)}
        self._start: list[int] = [0] * len(order)
        self._inputs: list[tuple[int, str]] = []
        self._steps: list[tuple[int, int, int, int, int, int]] = []
        for i, term in enumerate(order):
            if term.op == "const":
                self._start[i] = int(term.payload)
            elif term.op == "var":
                self._inputs.append((i, str(term.payload)))
            else:
                a, b, c = (*(place[x.id] for x in term.args), 0, 0)[:3]
                mask = (1 << term.width) - 1
                self._steps.append((_CODES.get(term.op, _COPY), i, a, b, c, mask))
        self._roots = [(place[root.id], root.width == BOOL) for root in roots]

    def __call__(self, environment: Mapping[str, int]) -> list[int]:
        """The values of the roots (a Bool as False or True); `environment` names every variable below them."""
        v = self._start.copy()
        for i, name in self._inputs:
            v[i] = int(environment[name])
        for code, i, a, b, c, mask in self._steps:
            if code == _AND:
                v[i] = v[a] and v[b]
            elif code == _NOT:
                v[i] = not v[a]
            elif code == _ITE:
                v[i] = v[b] if v[a] else v[c]
            elif code == _EQ:
                v[i] = v[a] == v[b]
            elif code == _ULT:
                v[i] = v[a] < v[b]
            elif code == _ADD:
                v[i] = v[a] + v[b] & mask
            elif code == _SUB:
                v[i] = v[a] - v[b] & mask
            else:
                v[i] = v[a] & mask
        return [bool(v[i]) if is_bool else v[i] for i, is_bool in self._roots]


def evaluate(roots: Sequence[Term], environment: Mapping[str, int]) -> list[int]:
    """The values of `roots` under `environment`; for many environments prepare an :class:`Evaluator`."""
    return Evaluator(roots)(environment)
