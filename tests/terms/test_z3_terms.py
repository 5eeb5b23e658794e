"""Z3 sees the same values in a translated term as the evaluator does."""

from __future__ import annotations

import z3
from hypothesis import given, settings

from nsmodel.engines.z3_terms import Z3Terms, environment
from nsmodel.terms import term as t
from nsmodel.terms.evaluate import evaluate
from tests.terms.test_terms import TOP, WIDTH, environments, grown, steps


@settings(max_examples=50, deadline=None)
@given(steps, environments)
def test_translation_keeps_values(program: list[tuple[int, int, int, int]], envs: list[dict[str, int]]) -> None:
    made = [term for term, _ in grown(program, envs)]
    translated = Z3Terms().translate(made)
    env = envs[0]
    values = [(z3.Bool(n), z3.BoolVal(bool(env[n]))) for n in "abc"]
    values += [(z3.BitVec(n, WIDTH), z3.BitVecVal(env[n], WIDTH)) for n in "vw"]
    for expression, value in zip(translated, evaluate(made, env), strict=True):
        found = z3.simplify(z3.substitute(expression, *values))
        assert (z3.is_true(found) if z3.is_bool(found) else found.as_long()) == value


def test_a_model_becomes_an_environment() -> None:
    x, y, p = t.variable("x", 4), t.variable("y", 4, TOP), t.variable("p")
    goal = t.conj(t.eq(t.add(x, y), t.number(9, 4)), t.conj(p, t.ult(y, x)))
    translate = Z3Terms()
    solver = z3.Solver()
    solver.add(translate(goal), translate(t.neg(t.ult(t.number(TOP, 4), t.variable("y", 4)))))
    assert solver.check() == z3.sat
    assert evaluate([goal], environment(solver.model(), [x, y, p])) == [1]
