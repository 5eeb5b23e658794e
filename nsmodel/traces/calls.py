"""Reads a call as people write it, and as traces are shown: `P1 mount_bind(source=1:/, at=1:/a, rec=no)`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nsmodel.ir.lower import flag_fields
from nsmodel.ir.schema import Schema
from nsmodel.ir.types import BoolType, EnumType, FlagsType, IntType, RefType, Type
from nsmodel.system.load import near
from nsmodel.system.operation import Call, Operation
from nsmodel.system.problem import Problem
from nsmodel.traces.places import Table, place
from nsmodel.traces.trace import State

FORM = re.compile(r"\s*(?:(?P<task>[^\s(]+)\s+)?(?P<name>\w+)\s*\((?P<given>.*)\)\s*", re.DOTALL)
YES, NO = ("yes", "true", "True"), ("no", "false", "False")


class Reader:
    """Reads calls in one state. `names` are those that the objects of the state are shown by."""

    def __init__(self, operations: Mapping[str, Operation], schema: Schema, state: State, names: Table) -> None:
        self.operations, self.schema, self.state, self.names = operations, schema, state, names

    def read(self, text: str) -> Call:
        """The call. Raises :class:`Problem`, with what is wrong and what would be right."""
        match = FORM.fullmatch(text)
        if match is None:
            fix = "write it as a trace shows it, `P1 umount2(at=1:/a, detach)`"
            raise Problem("the call cannot be read", place=text, cause="it is no NAME(ARGUMENTS)", fix=fix)
        operation = self.operations.get(match["name"])
        if operation is None:
            fix = near(match["name"], sorted(self.operations), "a call")
            raise Problem(f"there is no call {match['name']}", place=text, fix=fix)
        return self._call(text, operation, match["task"], _split(match["given"]))

    def _call(self, text: str, operation: Operation, task: str | None, words: list[str]) -> Call:
        parameters = dict(operation.parameters)
        given: dict[str, Any] = {}
        flags: dict[str, dict[str, Any]] = {}
        first = next(iter(parameters))
        if self._collection(parameters[first]) == "tasks" and not any(w.startswith(f"{first}=") for w in words):
            given[first] = self._slot(text, "tasks", task) if task is not None else self._first_task(text)
        for word in words:
            name, equals, value = word.partition("=")
            if equals and name in parameters:
                given |= self._value(text, operation, name, value.strip())
            else:
                self._flags(text, operation, word, flags)
        for name, kind in operation.parameters:
            if isinstance(kind, FlagsType) and name not in given:
                given[name] = kind.cls(**flags.get(name, {}))
            if name not in given:
                fix = f"add {name}={self._offer(kind)}"
                raise Problem(f"the argument {name} is missing", place=text, fix=fix)
        return Call(operation.name, tuple((name, given[name]) for name in parameters))

    def _first_task(self, text: str) -> int:
        running = [row["id"] for row in self.state.get("tasks", []) if row["state"] == "RUNNING"]
        if not running:
            raise Problem("no task can call", place=text, cause="none is running in this state")
        return int(running[0])

    # -- values -------------------------------------------------------------------------------------------------------

    def _value(self, text: str, operation: Operation, name: str, value: str) -> dict[str, Any]:
        """The arguments that one word gives: a place is a mount and the name in it that the next parameter is."""
        names = [n for n, _ in operation.parameters]
        (_, kind), *following = operation.parameters[names.index(name) :]
        if not isinstance(kind, RefType):
            return {name: self._plain(text, name, kind, value)}
        if value == "none" or not value:
            return {name: None}
        collection = self._collection(kind)
        if collection == "mounts" and following and self._collection(following[0][1]) == "dentries":
            if not value.isdecimal():
                mount, dentry = self._place(text, value)
                return {name: mount, following[0][0]: dentry}
        return {name: self._slot(text, str(collection), value)}

    def _plain(self, text: str, name: str, kind: Type, value: str) -> Any:
        if isinstance(kind, BoolType) and value in (*YES, *NO):
            return value in YES
        if isinstance(kind, IntType) and value.lstrip("-").isdecimal():
            return int(value)
        if isinstance(kind, EnumType) and value in kind.cls.__members__:
            return kind.cls[value]
        raise Problem(f"{name} cannot be {value}", place=text, fix=f"give {self._offer(kind)}")

    def _flags(self, text: str, operation: Operation, word: str, flags: dict[str, dict[str, Any]]) -> None:
        for part in word.split("|"):
            name, equals, value = part.strip().partition("=")
            if name in ("0", ""):
                continue
            for parameter, kind in operation.parameters:
                fields = flag_fields(kind.cls) if isinstance(kind, FlagsType) else {}
                if name in fields:
                    given = self._plain(text, name, fields[name], value) if equals else True
                    flags.setdefault(parameter, {})[name] = given
                    break
            else:
                known = [n for n, k in operation.parameters if not isinstance(k, FlagsType)]
                for _, kind in operation.parameters:
                    known += list(flag_fields(kind.cls)) if isinstance(kind, FlagsType) else []
                raise Problem(f"{operation.name} takes no {name}", place=text, fix=near(name, known, "an argument"))

    # -- objects ------------------------------------------------------------------------------------------------------

    def _collection(self, kind: Type) -> str | None:
        return self.schema.by_class[kind.entity].collection if isinstance(kind, RefType) else None

    def _slot(self, text: str, collection: str, name: str) -> int:
        here = {row["id"]: self.names.get((collection, row["id"]), "") for row in self.state.get(collection, [])}
        for slot, own in here.items():
            if name in (own, str(slot)):
                return int(slot)
        known = [own or str(slot) for slot, own in here.items()]
        cause = f"of {collection} there are {', '.join(known)}" if known else f"there are no {collection}"
        raise Problem(f"there is no {name}", place=text, cause=cause)

    def _place(self, text: str, name: str) -> tuple[int, int]:
        known: dict[str, tuple[int, int]] = {}
        dentries = self.state.get("dentries", [])
        above = {row["id"]: row["parent"] for row in dentries}
        for mount in self.state.get("mounts", []):
            for dentry in above:
                here: int | None = dentry
                while here is not None and here != mount["root"]:
                    here = above[here]
                if here is not None:
                    known.setdefault(place(mount["id"], dentry, self.state, self.names), (mount["id"], dentry))
        if name not in known:
            raise Problem(f"there is no place {name}", place=text, cause=f"there are {', '.join(sorted(known)[:12])}")
        return known[name]

    def _offer(self, kind: Type) -> str:
        if isinstance(kind, BoolType):
            return "yes or no"
        if isinstance(kind, EnumType):
            return " or ".join(kind.cls.__members__)
        if isinstance(kind, RefType):
            named = [self.names.get((str(self._collection(kind)), row["id"]), str(row["id"]))
                     for row in self.state.get(str(self._collection(kind)), [])]  # fmt: skip
            return " or ".join([*named[:8], *["none"] * kind.optional]) or "none"
        return "a number"


def _split(text: str) -> list[str]:
    """Arguments: what commas outside of brackets part."""
    out, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            out.append(text[start:i].strip())
            start = i + 1
    out.append(text[start:].strip())
    return [word for word in out if word]
