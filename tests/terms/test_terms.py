"""Terms are simplified when they are made: their values must not change by it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsmodel.terms import term as t
from nsmodel.terms.evaluate import Evaluator, evaluate
from nsmodel.terms.term import FALSE, TRUE, Term

WIDTH = 3
MASK = (1 << WIDTH) - 1
TOP = 5
"""What `v` and `w` promise not to exceed."""
NAMES = ("a", "b", "c", "v", "w")

Values = tuple[int, ...]
"""The value of a term in each of the environments of a test."""

environments = st.lists(
    st.fixed_dictionaries({n: st.integers(0, TOP) if n in "vw" else st.booleans() for n in NAMES}),
    min_size=1,
    max_size=6,
)
steps = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 200), st.integers(0, 200), st.integers(0, 200)), max_size=60
)


def grown(program: list[tuple[int, int, int, int]], envs: list[dict[str, int]]) -> list[tuple[Term, Values]]:
    """Terms that a random program makes, each with its values computed beside the library."""
    bools: list[tuple[Term, Values]] = [(TRUE, (1,) * len(envs)), (FALSE, (0,) * len(envs))]
    numbers: list[tuple[Term, Values]] = [(t.number(i, WIDTH), (i,) * len(envs)) for i in range(4)]
    bools += [(t.variable(n), tuple(int(e[n]) for e in envs)) for n in "abc"]
    numbers += [(t.variable(n, WIDTH, TOP), tuple(e[n] for e in envs)) for n in "vw"]
    for op, i, j, k in program:
        (p, pv), (q, qv), (r, rv) = (bools[x % len(bools)] for x in (i, j, k))
        (x, xv), (y, yv) = (numbers[n % len(numbers)] for n in (i, j))
        if op == 0:
            bools.append((t.neg(p), tuple(1 - v for v in pv)))
        elif op == 1:
            bools.append((t.conj(p, q), tuple(v & w for v, w in zip(pv, qv, strict=True))))
        elif op == 2:
            bools.append((t.disj(p, q), tuple(v | w for v, w in zip(pv, qv, strict=True))))
        elif op == 3:
            bools.append((t.ite(p, q, r), tuple(b if a else c for a, b, c in zip(pv, qv, rv, strict=True))))
        elif op == 4:
            bools.append((t.eq(p, q), tuple(int(v == w) for v, w in zip(pv, qv, strict=True))))
        elif op == 5:
            bools.append((t.implies(p, q), tuple((1 - v) | w for v, w in zip(pv, qv, strict=True))))
        elif op == 6:
            bools.append((t.eq(x, y), tuple(int(v == w) for v, w in zip(xv, yv, strict=True))))
        elif op == 7:
            bools.append((t.ult(x, y), tuple(int(v < w) for v, w in zip(xv, yv, strict=True))))
        elif op == 8:
            condition, cv = bools[k % len(bools)]
            numbers.append((t.ite(condition, x, y), tuple(a if c else b for c, a, b in zip(cv, xv, yv, strict=True))))
        elif op == 9:
            numbers.append((t.add(x, y), tuple(v + w & MASK for v, w in zip(xv, yv, strict=True))))
        elif op == 10:
            numbers.append((t.sub(x, y), tuple(v - w & MASK for v, w in zip(xv, yv, strict=True))))
        else:
            narrow = t.resize(t.resize(x, 2), WIDTH) if k % 2 else t.resize(t.resize(x, WIDTH + 2), WIDTH)
            numbers.append((narrow, tuple(v & 3 if k % 2 else v for v in xv)))
    return bools + numbers


@settings(max_examples=400)
@given(steps, environments)
def test_simplification_keeps_values(program: list[tuple[int, int, int, int]], envs: list[dict[str, int]]) -> None:
    made = grown(program, envs)
    evaluator = Evaluator([term for term, _ in made])
    for number, env in enumerate(envs):
        got = evaluator(env)
        for (term, values), value in zip(made, got, strict=True):
            assert value == values[number], term
            assert value <= term.top, term


@given(steps, environments)
def test_substituting_values_folds_to_them(
    program: list[tuple[int, int, int, int]], envs: list[dict[str, int]]
) -> None:
    made = grown(program, envs)
    env = envs[0]
    constants = {v: t.number(env["vw"[i]], WIDTH) for i, v in enumerate(t.variable(n, WIDTH, TOP) for n in "vw")}
    constants |= {t.variable(n): t.boolean(bool(env[n])) for n in "abc"}
    folded = t.substitute([term for term, _ in made], constants)
    assert [t.value_of(term) for term in folded] == [values[0] for _, values in made]


def test_equal_terms_are_one_object() -> None:
    a, b = t.variable("a"), t.variable("b")
    assert t.conj(a, b) is t.conj(b, a)
    assert t.disj(a, b) is t.neg(t.conj(t.neg(b), t.neg(a)))
    x = t.variable("x", 4)
    assert t.eq(x, t.number(3, 4)) is t.eq(t.number(3, 4), x)


def test_guards_fold() -> None:
    g, c = t.variable("g"), t.variable("c")
    then = t.conj(g, c)
    other = t.conj(g, t.neg(c))
    assert t.conj(then, t.neg(c)) is FALSE
    assert t.conj(g, t.neg(then)) is other
    assert t.conj(then, g) is then
    assert t.ite(c, TRUE, t.neg(c)) is TRUE


def test_a_choice_among_constants_is_compared_inside() -> None:
    c, d = t.variable("c"), t.variable("d")
    slot = t.ite(c, t.number(1, 2), t.ite(d, t.number(2, 2), t.number(3, 2)))
    assert t.eq(slot, t.number(1, 2)) is c
    assert t.eq(slot, t.number(0, 2)) is FALSE
    assert t.ult(t.number(0, 2), slot) is TRUE


def test_one_variable_has_one_value() -> None:
    x = t.variable("x", 2)
    one, two = t.eq(x, t.number(1, 2)), t.eq(x, t.number(2, 2))
    assert t.conj(one, two) is FALSE
    assert t.conj(one, t.neg(two)) is one


def test_a_long_chain_needs_no_recursion() -> None:
    chain = t.variable("x0")
    for i in range(1, 5000):
        chain = t.eq(t.conj(chain, t.variable(f"x{i}")), t.variable(f"y{i}"))
    env = {v.payload: 1 for v in t.variables([chain])}
    assert evaluate([chain], {str(name): value for name, value in env.items()}) == [1]
    assert t.substitute([chain], {t.variable("x0"): FALSE})[0] is not chain


def test_widths_must_agree() -> None:
    with pytest.raises(TypeError):
        t.eq(t.variable("x", 2), t.variable("y", 3))
    with pytest.raises(TypeError):
        t.ite(t.variable("c"), t.variable("x", 2), TRUE)
    with pytest.raises(TypeError):
        t.ult(TRUE, FALSE)
