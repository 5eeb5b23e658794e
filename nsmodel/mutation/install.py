"""Puts a mutant in the place of a rule: its direct reading for the time of a call, or its text for a whole search."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from nsmodel.ir.direct import compile_direct
from nsmodel.ir.interleave import Split, split
from nsmodel.ir.language import Function
from nsmodel.ir.lower import definition_of, is_generic
from nsmodel.ir.subset import SubsetError
from nsmodel.mutation.mutants import Mutant, rules

Codes = tuple[tuple[types.FunctionType, types.CodeType], ...]
"""Functions with the code that they get."""


@contextmanager
def installed(mutant: Mutant) -> Iterator[None]:
    """The direct reading of a rule is the mutant's."""
    with exchanged(codes(mutant)):
        yield


@contextmanager
def exchanged(new: Codes) -> Iterator[None]:
    """Functions run other code."""
    old = [(function, function.__code__) for function, _ in new]
    for function, code in new:
        function.__code__ = code
    try:
        yield
    finally:
        for function, code in old:
            function.__code__ = code


@functools.lru_cache(4000)
def codes(mutant: Mutant) -> Codes:
    """The direct reading of a mutant."""
    rule = mutant.rule
    if rule.kind == "interleaved":
        steps = zip(rule.split.steps, _split(mutant).steps, strict=True)
        return tuple((_function(old), _function(new).__code__) for old, new in steps)
    made = compile_direct(mutant.tree(), rule.file, rule.python.__globals__, rule.python)
    assert isinstance(made, types.FunctionType)
    return ((_function(rule), made.__code__),)


def _function(rule: Function) -> types.FunctionType:
    assert isinstance(rule.direct, types.FunctionType)
    return rule.direct


def _split(mutant: Mutant) -> Split:
    """The steps of a mutant of an interleaved rule; their frames are those of the rule. Raises SubsetError."""
    rule = mutant.rule
    space, name = rule.python.__globals__, rule.split.frame.__name__
    try:
        made: Split = split(replace(rule, tree=mutant.tree(), lowered={}))
    finally:
        space[name] = rule.split.frame
    if len(made.steps) != len(rule.split.steps):
        raise SubsetError(rule.file, mutant.line, 0, "the mutant has other steps than the rule", "")
    return made


def refused(mutant: Mutant) -> str | None:
    """Why the rule language refuses a mutant, None for one that it takes; such a mutant is no rule at all."""
    rule = mutant.rule
    try:
        if rule.kind == "interleaved":
            _split(mutant)
            return None
        changed = replace(rule, tree=mutant.tree(), lowered={})
        for special in list(rule.lowered) if is_generic(rule) else [None]:
            definition_of(changed, special)
    except SubsetError as problem:
        return problem.problem
    return None


@contextmanager
def everywhere(mutant: Mutant) -> Iterator[None]:
    """Every reading of the model has the mutant: what was lowered of other rules is lowered again."""
    rule = mutant.rule
    changed = [(rule, mutant.tree())]
    if rule.kind == "interleaved":
        changed = [(old, new.tree) for old, new in zip(rule.split.steps, _split(mutant).steps, strict=True)]
    kept = [(one, one.tree) for one, _ in changed]
    with installed(mutant):
        for one, tree in changed:
            one.tree = tree
        _forget_lowered()
        try:
            yield
        finally:
            for one, tree in kept:
                one.tree = tree
            _forget_lowered()


def _forget_lowered() -> None:
    for found in rules().values():
        for rule in found.values():
            for one in (rule, *(rule.split.steps if rule.split is not None else ())):
                one.lowered.clear()
