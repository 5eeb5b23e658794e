"""Who a task is, in words: its users, its user namespace, and its capabilities there."""

from __future__ import annotations

from typing import Any

from nsmodel.traces.places import Table
from nsmodel.traces.trace import State


def matters(state: State) -> bool:
    """Tasks of the state differ in who they are, or could: there are several user namespaces or users."""
    users = {row.get(name, 0) for row in state.get("tasks", []) for name in ("uid", "euid")}
    return len(state.get("user_namespaces", [])) > 1 or len(users) > 1


def who(row: dict[str, Any], state: State, names: Table) -> str:
    """`user 1 (effective 0) of user:2, all capabilities`."""
    uid, euid = row.get("uid", 0), row.get("euid", 0)
    user = f"user {euid}" if uid == euid else f"user {uid} (effective {euid})"
    ns = names.get(("user_namespaces", row.get("user_ns") or 0), "")
    return f"{user} of {ns}, {_capabilities(row, state, names)}"


def _capabilities(row: dict[str, Any], state: State, names: Table) -> str:
    has, there = set(row.get("effective", [])), [c["id"] for c in state.get("capabilities", [])]
    missing = [names.get(("capabilities", c), "") for c in there if c not in has]
    if not missing:
        return "all capabilities"
    if not has:
        return "no capability"
    held = [names.get(("capabilities", c), "") for c in there if c in has]
    return f"capabilities {', '.join(held)}" if len(held) <= len(missing) else f"no {', '.join(missing)}"
